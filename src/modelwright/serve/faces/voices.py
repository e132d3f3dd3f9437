"""Speaker verification: `POST /enrol`, `POST /verify`, `DELETE /enrol/{subject}`, and the page `/voices`."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError

from modelwright.core.encrypted_files import vault_keys
from modelwright.core.errors import MissingExtra, RegistryAway
from modelwright.core.words import Words
from modelwright.features.shared.speech import NOBODY
from modelwright.privacy.ledger import model_id, record
from modelwright.serve.guard import answer_json
from modelwright.serve.limits import Refused
from modelwright.serve.misfit import misfit
from modelwright.serve.page import add_face

ROLES = {"/enrol": "predictor", "/enrol/{subject}": "predictor", "/verify": "predictor", "/voices": "predictor"}
_DAY = 86_400.0
_APART = 0.15  # below the threshold, from which a recording is of another voice than the rest


class Enrol(BaseModel):
    """What `/enrol` takes: recordings as data URLs, and the person's consent to a purpose."""

    model_config = ConfigDict(extra="forbid")
    subject: str = Field(min_length=1, max_length=200)
    recordings: list[str] = Field(min_length=1, max_length=20)
    consent: StrictBool = False  # said in so many words: neither "yes" nor 1 is consent
    purpose: str = Field("speaker verification", min_length=1, max_length=200)
    days: float = Field(365, gt=0, le=3660)


class Verify(BaseModel):
    """What `/verify` takes: whose voice the recording, a data URL, is said to be."""

    model_config = ConfigDict(extra="forbid")
    subject: str = Field(min_length=1, max_length=200)
    recording: str


class Enrolment(BaseModel):
    """What `/enrol` gives."""

    recordings: int
    expires_at: float


class Verdict(BaseModel):
    """What `/verify` gives: `score` is the cosine of the voices, one voice from `threshold` on."""

    prediction: str
    score: float | None
    probability: float
    threshold: float


def add(app: FastAPI, service: Any) -> None:
    """Add the routes where the predictor tells voices apart and the service has a place to keep them."""
    if service.predictor.task.name != "speaker-verification" or service.home is None:
        return
    desk = Desk(service)
    app.state.at_end = [*getattr(app.state, "at_end", ()), lambda: desk.pool.shutdown(wait=True)]
    app.state.home = getattr(app.state, "home", None) or "/voices"
    app.state.forms = {*getattr(app.state, "forms", ()), "/voices"}

    def told(shape: type[BaseModel], takes: type[BaseModel]) -> dict[str, Any]:
        content = {"application/json": {"schema": takes.model_json_schema()}}
        said: dict[int | str, Any] = {200: {"content": {"application/json": {"schema": shape.model_json_schema()}}}}
        refusals = {
            400: "no JSON",
            401: "no key",
            404: "nobody enrolled",
            422: "does not fit",
            429: "too much",
            503: "no vault",
        }
        said |= {code: {"description": words} for code, words in refusals.items()}
        return {"openapi_extra": {"requestBody": {"required": True, "content": content}}, "responses": said}

    @app.post("/enrol", summary="Keep a person's voice, with consent", **told(Enrolment, Enrol))
    async def enrol(request: Request) -> Response:
        return answer_json(await desk.enrol(_parse_as(Enrol, await request.body()), request.scope["key"]))

    @app.post("/verify", summary="Whether a recording is of an enrolled voice", **told(Verdict, Verify))
    async def verify(request: Request) -> Response:
        return answer_json(await desk.verify(_parse_as(Verify, await request.body()), request.scope["key"]))

    @app.delete("/enrol/{subject}", summary="Erase a person's voice")
    async def erase(request: Request, subject: str) -> Response:
        return answer_json({"erased": await desk.erase(subject)})

    add_face(app, "voices", ["voices.js"], "transcribe.css", "hear voices")


def _parse_as(shape: type[Any], body: bytes) -> Any:
    """Return what a body holds. Raises Refused, which never quotes it."""
    try:
        return shape.model_validate_json(body)
    except ValidationError as e:
        first = e.errors(include_url=False, include_input=False)[0]
        if first["type"] == "json_invalid":
            raise Refused(400, "no_json", Words("The body is no JSON.", "请求体不是 JSON。")) from None
        known = ", ".join(shape.model_fields)
        if not first["loc"]:
            words = Words(
                f"The body must be an object with the fields {known}.", f"请求体应为含有字段 {known} 的对象。"
            )
            raise Refused(422, "body", words) from None
        name, place = str(first["loc"][0]), first["loc"][1:]
        if name not in shape.model_fields:
            words = Words(
                f"There is a field that is not known. The fields are {known}.", f"包含未知字段。可用字段：{known}。"
            )
            raise Refused(422, "field", words) from None
        where = f"`{name}`" + "".join(f"[{p}]" for p in place)
        said = misfit(first)
        raise Refused(
            422, name, Words(f"{where}: {said.en}{_hint(name, 'en')}.", f"{where}：{said.zh}{_hint(name, 'zh')}。")
        ) from None


def _hint(name: str, lang: str) -> str:
    """Return what a field of sound looks like, which no type says."""
    if name not in ("recording", "recordings"):
        return ""
    one = Words("a data URL (data:audio/wav;base64,...)", "data URL（data:audio/wav;base64,……）")
    each = Words(f"; each recording is {one.en}", f"；每段录音为 {one.zh}")
    return (each if name == "recordings" else Words(f"; it is {one.en}", f"；录音为 {one.zh}")).to(lang)


class Desk:
    """Enrols and verifies, in a thread of its own."""

    def __init__(self, service: Any) -> None:
        self.service, self.model = service, service.predictor.members[0][1]
        self.pool = ThreadPoolExecutor(1, thread_name_prefix="voices")
        self._voices: Any = None
        self.column = next(c.name for c in service.predictor.schema.inputs if c.modality == "audio")

    @property
    def voices(self) -> Any:
        """The store, opened at the first use. Raises Refused without the library of databases or a key to encrypt with."""
        if not vault_keys():
            raise Refused(503, "vault", Words(
                "Voices are kept encrypted only: name the vault's key in MODELWRIGHT_VAULT (make one with: modelwright vault init KEYFILE).",
                "声纹只能加密保存：请用 MODELWRIGHT_VAULT 指定密钥（可用 modelwright vault init 密钥文件 生成）。",
            ))  # fmt: skip
        if self._voices is None:
            try:
                from modelwright.serve.voices import Voices
            except ImportError as e:
                raise Refused(501, "extra", MissingExtra("live", "Enrolment", "声纹登记").words) from e
            self._voices = Voices(self.service.home)
        return self._voices

    async def _run(self, function: Any, *args: Any) -> Any:
        try:
            return await asyncio.get_running_loop().run_in_executor(self.pool, function, *args)
        except RegistryAway as e:
            raise Refused(503, "away", e.words, retry=5) from e

    async def enrol(self, asked: Enrol, key: Any) -> dict[str, Any]:
        """Keep a voice and enter that into the ledger. Raises Refused without consent, or where there is no one voice to be heard."""
        if not asked.consent:
            raise Refused(403, "consent", Words(
                "A voice is kept only with its speaker's consent: ask for it, then send `\"consent\": true` and the `purpose`.",
                "保存声纹须经说话人本人同意：请先征得同意，再发送 `\"consent\": true` 与 `purpose`。",
            ))  # fmt: skip
        self.service.quota.spend(key, len(asked.recordings))
        voices = self.voices
        return dict(await self._run(self._enrol, asked, voices))

    def _enrol(self, asked: Enrol, voices: Any) -> dict[str, Any]:
        from modelwright.serve.voices import Enrolled

        vectors = np.stack([self._heard(r, i) for i, r in enumerate(asked.recordings, 1)])
        for i in range(len(vectors) if len(vectors) > 2 else 0):
            rest = np.delete(vectors, i, axis=0).mean(axis=0)
            if float(vectors[i] @ rest / np.linalg.norm(rest)) < self.model.threshold - _APART:
                raise Refused(422, "voices", Words(
                    f"Recording {i + 1} sounds like another voice than the rest; enrol recordings of one person.",
                    f"第 {i + 1} 段录音的声音与其余录音不同；请只登记同一人的录音。",
                ))  # fmt: skip
        mean = vectors.mean(axis=0)
        until = time.time() + asked.days * _DAY
        mean = mean / max(1e-9, float(np.linalg.norm(mean)))
        record(
            self.service.bundle, "voice enrolled", digests={"subject": asked.subject}, purpose=asked.purpose,
            recordings=len(vectors), days=asked.days, model=model_id(self.service.bundle) if self.service.bundle else None,
        )  # fmt: skip
        voices.put(asked.subject, Enrolled(mean, len(vectors), asked.purpose, self._version(), until))
        return {"recordings": len(vectors), "expires_at": until}

    async def verify(self, asked: Verify, key: Any) -> dict[str, Any]:
        """Compare a recording with an enrolled voice. Raises Refused 404 for nobody, 409 for a voice of another model."""
        self.service.quota.spend(key, 1)
        voices = self.voices
        return dict(await self._run(self._verify, asked, voices))

    def _verify(self, asked: Verify, voices: Any) -> dict[str, Any]:
        enrolled = voices.get(asked.subject)
        if enrolled is None:
            raise Refused(
                404, "subject", Words("Nobody is enrolled under this `subject`.", "没有以此 `subject` 登记的声纹。")
            )
        if enrolled.version != self._version():
            raise Refused(409, "version", Words(
                "This voice was enrolled with another version of the model; enrol it again.", "该声纹由模型的其他版本登记；请重新登记。"
            ))  # fmt: skip
        found = self.model.compared(self._heard(asked.recording, None), enrolled.vector)
        said = "same" if found.pop("same") else "different"
        return {"prediction": said, **found, "threshold": round(float(self.model.threshold), 4)}

    async def erase(self, subject: str) -> int:
        """Erase a voice and enter that into the ledger; return how many there were."""
        gone = int(await self._run(self.voices.drop, subject))
        if gone:
            record(self.service.bundle, "voice erased", digests={"subject": subject})
        return gone

    def _version(self) -> str:
        return str(model_id(self.service.bundle) if self.service.bundle else self.service.home.version)

    def _heard(self, recording: str, number: int | None) -> np.ndarray:
        """Return the vector of a recording [D]. Raises Refused where it cannot be read, or nobody speaks in it."""
        which = (
            Words("The recording", "录音") if number is None else Words(f"Recording {number}", f"第 {number} 段录音")
        )
        table, bad = self.service.predictor.table([{self.column: recording}])
        wrong = [b for b in bad if b.column == self.column]
        cells = table.column(self.column).to_pylist()
        if wrong and wrong[0].words == NOBODY:
            raise _silent(which)
        if wrong or cells[0] is None:
            why = wrong[0].words if wrong else Words("it is empty", "内容为空")
            raise Refused(422, "recording", Words(
                f"{which.en} cannot be read: {why.en}. Send a data URL: data:audio/wav;base64,...",
                f"{which.zh}无法读取：{why.zh}。请以 data URL 发送：data:audio/wav;base64,……",
            ))  # fmt: skip
        vector = np.asarray(self.model.heard(cells)[0], np.float64)
        if not vector.any():
            raise _silent(which)
        return vector


def _silent(which: Words) -> Refused:
    return Refused(422, "silence", Words(
        f"{which.en} holds no speech that could be told; record a sentence of some seconds.", f"{which.zh}中听不到语音；请录一句数秒长的话。"
    ))  # fmt: skip
