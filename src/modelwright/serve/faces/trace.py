"""The route `/trace`: chances of right answers, mastery by skill and the next exercise, for one learner or a class; and its pages.

Nothing of what is sent is kept. Legend: A skills asked about.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import numpy as np
from fastapi import FastAPI, Request, Response

from modelwright.core.words import Words
from modelwright.models.exercises import MASTERED, drawn_gains, expected_gains
from modelwright.recipes.shared.tracing import TraceModel
from modelwright.release.bundle import Predictor
from modelwright.serve.bodies import fields_of
from modelwright.serve.guard import answer_json
from modelwright.serve.limits import Refused
from modelwright.serve.page import add_face

ROLES = dict.fromkeys(("/trace", "/learn", "/class"), "predictor")
_LONGEST = 5000  # answers of a learner
_MOST_ANSWERS, _MOST_LEARNERS = 50_000, 200  # of a request
_MOST_SKILLS = 300  # told where none are asked for
_SUGGESTED = 5
_FIELDS = {
    "learner": {"type": "string"},
    "history": {
        "type": "array", "maxItems": _LONGEST,
        "items": {
            "type": "object", "required": ["skill", "right"],
            "properties": {"skill": {"type": ["string", "integer"]}, "right": {"type": ["boolean", "integer"]}},
        },
    },
    "learners": {"type": "array", "maxItems": _MOST_LEARNERS, "items": {"type": "object"}},
    "skills": {"type": "array", "items": {"type": ["string", "integer"]}},
    "choose": {"type": "string", "enum": ["gain", "thompson"], "default": "gain"},
    "seed": {"type": "integer"},
}  # fmt: skip


def add(app: FastAPI, service: Any) -> None:
    """Add the routes where the predictor traces knowledge."""
    predictor: Predictor = service.predictor
    if not all(isinstance(m, TraceModel) for _, m in predictor.members):
        return
    app.state.home = getattr(app.state, "home", None) or "/learn"
    app.state.forms = {*getattr(app.state, "forms", ()), "/learn", "/class"}
    told = {
        "type": "object",
        "properties": {"skills": {"type": "array"}, "next": {"type": "array"}, "warnings": {"type": "array"}},
    }
    said: dict[int | str, dict[str, Any]] = {200: {"content": {"application/json": {"schema": told}}}}
    said |= {
        c: {"description": d} for c, d in ((400, "no JSON"), (401, "no key"), (422, "does not fit"), (429, "too much"))
    }
    body = {"type": "object", "additionalProperties": False, "properties": _FIELDS}

    @app.post(
        "/trace",
        summary="Chances, mastery and the next exercise of a learner, or of many",
        openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": body}}}},
        responses=said,
    )
    async def trace(request: Request) -> Response:
        asked = _parse_request(await request.body(), service.limits.cell)
        key, quota = request.scope["key"], service.quota
        rows = len(asked["learners"])
        quota.spend(key, rows)
        try:
            answered = await service.searches.run(
                key.name, float(quota.per_minute(key)), partial(_answer, predictor, asked), service.limits.seconds
            )
        except BaseException:
            quota.refund(key, rows)  # what is not answered costs nothing
            raise
        return answer_json(answered)

    for path in ("learn", "class"):
        add_face(app, path, ["traced.js", f"{path}.js"], "traced.css")


def _answer(predictor: Predictor, asked: dict[str, Any]) -> dict[str, Any]:
    rng = np.random.default_rng(asked["seed"])
    found = [_traced(predictor, learner, asked, rng) for learner in asked["learners"]]
    return {"learners": found} if asked["many"] else found[0]


def _traced(
    predictor: Predictor, learner: dict[str, Any], asked: dict[str, Any], rng: np.random.Generator
) -> dict[str, Any]:
    models: list[tuple[float, Any]] = list(predictor.members)
    lead: TraceModel = models[0][1]
    names, places = lead.skills.names, lead.skills.places
    history = [(name, places.get(name, len(names)), right) for name, right in learner["history"]]
    wanted = asked["skills"]
    if wanted is None:
        met = dict.fromkeys(name for name, place, _ in history if place < len(names))
        wanted = list(names) if len(names) <= _MOST_SKILLS else list(dict.fromkeys([*met, *names[:_MOST_SKILLS]]))
    skills, right = [place for _, place, _ in history], [r for _, _, r in history]
    ask = np.array([places.get(name, len(names)) for name in wanted], np.int64)
    made = [m.after(skills, right, ask) for _, m in models]
    scores = [np.stack([1 - p, p], axis=1) for p in made]
    chances = predictor.target.tempered(predictor.target.blend([w for w, _ in models], scores), predictor.temperature)[
        :, 1
    ]
    mastery = np.append(lead.bkt.mastery(np.array(skills, int), np.array(right, int)), lead.bkt.knows[-1])
    known = mastery[ask]
    gains = expected_gains(lead.bkt, known, chances, ask)
    out: dict[str, Any] = {"learner": learner["learner"]} if learner["learner"] is not None else {}
    times, hits = _counts(history)
    out["skills"] = [
        {
            "skill": name, "probability": round(float(p), 4), "mastery": round(float(m), 4), "mastered": bool(m >= MASTERED),
            "answers": times.get(name, 0), "right": hits.get(name, 0),
        }
        for name, p, m in zip(wanted, chances, known, strict=True)
    ]  # fmt: skip
    order = np.argsort(
        -(drawn_gains(lead.bkt, known, ask, rng) if asked["choose"] == "thompson" else gains), kind="stable"
    )
    left = [i for i in order.tolist() if known[i] < MASTERED and ask[i] < len(names)][:_SUGGESTED]
    out["next"] = [
        {"skill": wanted[i], "gain": round(float(gains[i]), 4), "probability": round(float(chances[i]), 4)}
        for i in left
    ]
    warnings = _warnings(history, wanted, places, bool(left))
    return {**out, **({"warnings": warnings} if warnings else {})}


def _counts(history: list[tuple[str, int, int]]) -> tuple[dict[str, int], dict[str, int]]:
    times: dict[str, int] = {}
    hits: dict[str, int] = {}
    for name, _, right in history:
        times[name] = times.get(name, 0) + 1
        hits[name] = hits.get(name, 0) + right
    return times, hits


def _warnings(
    history: list[tuple[str, int, int]], wanted: list[str], places: dict[str, int], left: bool
) -> list[dict[str, str]]:
    said = []
    if not history:
        said.append(("no-history", Words(
            "Nothing is known of this learner yet: what is usual is answered.", "尚无该学习者的作答：按一般情况回答。"
        )))  # fmt: skip
    strange = list(dict.fromkeys(n for n in (*(n for n, _, _ in history), *wanted) if n not in places))
    if strange:
        shown = ", ".join(f"`{n}`" for n in strange[:5])
        said.append(("unknown-skill", Words(
            f"{len(strange)} skills were never trained on ({shown}): they are taken for an average one, and not suggested.",
            f"有 {len(strange)} 个技能未在训练数据中出现（{shown}）：按一般技能处理，不作推荐。",
        )))  # fmt: skip
    if not left:
        said.append(("mastered", Words("Every skill asked about is mastered.", "所询问的技能均已掌握。")))
    return [{"code": code, "message": words.en, "message_zh": words.zh} for code, words in said]


def _parse_request(body: bytes, longest: int) -> dict[str, Any]:
    """Return the fields of a request. Raises Refused 400 for no JSON, 422 for what does not fit."""
    data = fields_of(body, _FIELDS)
    many = data.get("learners") is not None
    if many and (data.get("history") is not None or data.get("learner") is not None):
        words = Words("Send `learners`, or the `history` of one.", "请发送 `learners`，或单个学习者的 `history`。")
        raise Refused(422, "learners", words)
    given = data["learners"] if many else [{k: data[k] for k in ("learner", "history") if k in data}]
    if not isinstance(given, list) or not 1 <= len(given) <= _MOST_LEARNERS:
        words = Words(
            f"`learners` is a list of 1 to {_MOST_LEARNERS}.", f"`learners` 应为 1 到 {_MOST_LEARNERS} 项的列表。"
        )
        raise Refused(422, "learners", words)
    learners = [_learner(one, f"learners[{i}]." if many else "", longest) for i, one in enumerate(given)]
    if sum(len(one["history"]) for one in learners) > _MOST_ANSWERS:
        words = Words(
            f"A request holds at most {_MOST_ANSWERS:,} answers: send fewer learners at a time.",
            f"一次请求最多 {_MOST_ANSWERS:,} 个作答：请减少每次的学习者数。",
        )
        raise Refused(422, "learners", words)
    choose, seed, skills = data.get("choose", "gain"), data.get("seed"), data.get("skills")
    if choose not in ("gain", "thompson"):
        raise Refused(422, "choose", Words("`choose` is gain or thompson.", "`choose` 应为 gain 或 thompson。"))
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int) or seed < 0):
        raise Refused(422, "seed", Words("`seed` is a whole number from 0 on.", "`seed` 应为不小于 0 的整数。"))
    if skills is not None:
        if not isinstance(skills, list) or not 1 <= len(skills) <= _LONGEST:
            words = Words(f"`skills` is a list of 1 to {_LONGEST:,}.", f"`skills` 应为 1 到 {_LONGEST:,} 项的列表。")
            raise Refused(422, "skills", words)
        skills = list(dict.fromkeys(_name(s, "skills", longest) for s in skills))
    return {"learners": learners, "many": many, "skills": skills, "choose": choose, "seed": seed}


def _learner(data: Any, where: str, longest: int) -> dict[str, Any]:
    """Return a learner's name, if any, and history as pairs of skill and 1 or 0."""
    if not isinstance(data, dict) or not set(data) <= {"learner", "history"}:
        words = Words(f"`{where[:-1]}` has `learner` and `history`.", f"`{where[:-1]}` 应含 `learner` 与 `history`。")
        raise Refused(422, "learners", words)
    given = data.get("history")
    given = [] if given is None else given
    if not isinstance(given, list) or len(given) > _LONGEST:
        words = Words(
            f"`{where}history` is a list of at most {_LONGEST:,} answers.",
            f"`{where}history` 应为列表，最多 {_LONGEST:,} 个作答。",
        )
        raise Refused(422, "history", words)
    name = data.get("learner")
    history = [_parse_answer(answer, f"{where}history[{i}]", longest) for i, answer in enumerate(given)]
    return {"learner": None if name is None else _name(name, f"{where}learner", longest), "history": history}


def _parse_answer(answer: Any, where: str, longest: int) -> tuple[str, int]:
    if not isinstance(answer, dict) or set(answer) != {"skill", "right"}:
        words = Words(f"`{where}` has `skill` and `right`.", f"`{where}` 应含 `skill` 与 `right`。")
        raise Refused(422, "history", words)
    right = answer["right"]
    if not isinstance(right, (bool, int)) or right not in (0, 1):
        shown = json.dumps(right, ensure_ascii=False)[:40]
        words = Words(
            f"`{where}.right` is 1 (right) or 0 (wrong), received {shown}.",
            f"`{where}.right` 应为 1（对）或 0（错），收到的是 {shown}。",
        )
        raise Refused(422, "history", words)
    return _name(answer["skill"], f"{where}.skill", longest), int(right)


def _name(value: Any, where: str, longest: int) -> str:
    """Return an identifier as text: numbers as they are written in the training data."""
    if isinstance(value, bool) or not isinstance(value, (str, int)) or not 0 < len(str(value)) <= longest:
        words = Words(f"`{where}` is a name: a text or a whole number.", f"`{where}` 应为名称：文本或整数。")
        raise Refused(422, "names", words)
    return str(value)
