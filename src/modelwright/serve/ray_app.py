"""A model as an application of Ray Serve: the same requests, the same bounds, the same inference path as the service.

    serve.run(application("bundle", key), route_prefix="/desk")

`POST /predict` takes one row or `{"rows": [...], "scores": true}`, `GET /schema` says what the model reads, `GET /healthz` needs no
key. Requests that arrive together are answered in one call of the model (`serve.batch`). Copies, processors and autoscaling are
Ray's affair: `application(...)` takes what `serve.deployment` takes. Quotas, pages and feedback belong to `modelwright serve`.
"""

from __future__ import annotations

import asyncio
import hmac
from typing import Any

import numpy as np

from modelwright.core.errors import MissingExtra, OptionError
from modelwright.core.schema import Table
from modelwright.core.words import Words

_LEAST = 16  # characters of a key
_MAX_REQUESTS, _WAIT = 64, 0.005  # in one call of the model; seconds that a request waits for company


def application(bundle: str, key: str, **options: Any) -> Any:
    """Return the application for `serve.run`; `options` are those of `serve.deployment`, such as `num_replicas`.

    Raises MissingExtra without the extra `ray`, OptionError for a key that is too short.
    """
    if len(key) < _LEAST:
        raise OptionError(
            f"A key has at least {_LEAST} characters; set MODELWRIGHT_KEY, or write one into secrets/key.",
            f"密钥至少 {_LEAST} 个字符；请设置 MODELWRIGHT_KEY，或写入 secrets/key。",
        )
    try:
        from ray import serve
    except ImportError as e:
        raise MissingExtra("ray", "Ray Serve") from e
    batched = serve.batch(max_batch_size=_MAX_REQUESTS, batch_wait_timeout_s=_WAIT)

    class Model(RayModel):
        """What Ray makes copies of."""

        @batched
        async def scored(self, tables: list[Table]) -> list[np.ndarray]:
            """Answer the tables of several requests in one call of the model."""
            return await self.scores_of(tables)

        async def __call__(self, request: Any) -> Any:
            return await self.answer(request, self.scored)

        async def predict(self, rows: list[dict[str, Any]], scores: bool = False) -> list[dict[str, Any]]:
            """Answer rows that another deployment hands over; a row that cannot be read gets `{"error": ...}`."""
            return (await self.answers(rows, scores, self.scored))[0]

    made: Any = serve.deployment(Model, **{"name": "model", **options})
    return made.bind(bundle, key)


class RayModel:
    """A loaded bundle that answers requests; the calls of the model run beside the event loop, one at a time."""

    def __init__(self, bundle: str, key: str) -> None:
        from modelwright.release.bundle import load
        from modelwright.serve.limits import ServeLimits

        self.predictor, self._key = load(_folder(bundle)), key
        self.limits = ServeLimits().fitting(self.predictor.schema)
        self.modalities = {c.name: c.modality for c in self.predictor.schema.inputs}
        self._turn = asyncio.Lock()

    async def scores_of(self, tables: list[Table]) -> list[np.ndarray]:
        """Return the scores of each table, from one call of the model."""
        from modelwright.serve.batcher import joined

        async with self._turn:
            scores = await asyncio.to_thread(self.predictor.scores, joined(tables))
        ends = np.cumsum([len(t) for t in tables])
        return [scores[end - len(t) : end] for t, end in zip(tables, ends.tolist(), strict=True)]

    async def answers(
        self, rows: list[dict[str, Any]], with_scores: bool, scored: Any
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return the answers to rows, and what they warn of. Raises Refused."""
        from modelwright.serve._columns import doubts, known_rows
        from modelwright.serve._values import bad_json

        warnings = known_rows(self.predictor, rows)
        table, bad = await asyncio.to_thread(self.predictor.table, rows)
        found = self.predictor.answers(await scored(table), with_scores, table.hidden)
        for value in bad:
            found[value.row - 1] = bad_json(value)
        return found, [*warnings, *doubts(self.predictor, table, {value.row - 1 for value in bad})]

    async def answer(self, request: Any, scored: Any) -> Any:
        """Answer an HTTP request."""
        from modelwright.core.errors import ModelwrightError
        from modelwright.serve.forms import as_openapi, is_form, json_of_form
        from modelwright.serve.guard import answer_json, error_json
        from modelwright.serve.limits import Refused, check_kind, parse_rows, scores_asked

        try:
            asked = (request.method, request.url.path.rpartition("/")[2])
            if asked == ("GET", "healthz"):
                return answer_json({"alive": True})
            self._check_key(request.headers)
            if asked == ("GET", "schema"):
                p = self.predictor
                columns = [{"name": c.name, "modality": c.modality} for c in p.schema.inputs]
                return answer_json({"name": p.name, "version": p.version, "task": p.task.name, "columns": columns})
            if asked != ("POST", "predict"):
                words = Words("There is no such address; ask POST /predict.", "没有这个地址；请使用 POST /predict。")
                raise Refused(404, "http", words)
            body = await self._body(request)
            if as_openapi(self.modalities) and is_form(request.headers):
                body = await json_of_form(body, request.headers, self.modalities, self.limits)
            else:
                check_kind(request.headers, self.modalities)
            rows, alone, with_scores = parse_rows(body, self.limits, frozenset(self.modalities), self.modalities)
            with_scores = scores_asked(request.query_params) or with_scores
            found, warnings = await self.answers(rows, with_scores, scored)
            more = {"warnings": warnings} if warnings else {}
            status = 422 if alone and "error" in found[0] else 200
            return answer_json({**found[0], **more} if alone else {"answers": found, **more}, status)
        except Refused as e:
            return error_json(request.headers, e)
        except ModelwrightError as e:
            return error_json(request.headers, Refused(422, type(e).__name__, e.words))

    def _check_key(self, headers: Any) -> None:
        from modelwright.serve.guard import given_key
        from modelwright.serve.limits import Refused

        given = given_key(headers)
        if not hmac.compare_digest(given.encode(), self._key.encode()):
            en = "A key is needed: send the header `Authorization: Bearer KEY`."
            raise Refused(401, "key", Words(en, "需要密钥：请发送请求头 `Authorization: Bearer KEY`。"))

    async def _body(self, request: Any) -> bytes:
        from modelwright.serve.limits import Refused

        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > self.limits.body:
                words = Words(
                    f"The request holds more than {self.limits.body} bytes; send fewer rows at a time.",
                    f"请求超过 {self.limits.body} 字节；请减少每次发送的行数。",
                )
                raise Refused(413, "too_large", words)
        return bytes(body)


def _folder(bundle: str) -> Any:
    from pathlib import Path

    return Path(bundle)
