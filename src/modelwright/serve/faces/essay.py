"""The route `/essay`: feedback on a text by the criteria of a rubric, with the places that count; and the page `/essay`."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request, Response

from modelwright.core.answers.rubric import RubricCodec
from modelwright.core.schema import Schema
from modelwright.core.words import Words
from modelwright.evaluate.explain.marks import places, sentence
from modelwright.recipes.shared.rubric import RubricModel
from modelwright.release.bundle import Predictor
from modelwright.serve.bodies import json_of
from modelwright.serve.guard import answer_json
from modelwright.serve.limits import Refused
from modelwright.serve.page import add_face

ROLES = {"/essay": "predictor"}
_SHARE = 0.6  # of the time that an answer may take, for looking at places


def add(app: FastAPI, service: Any) -> None:
    """Add the route and the page where the predictor gives marks by rubric."""
    predictor: Predictor = service.predictor
    if not all(isinstance(m, RubricModel) for _, m in predictor.members):
        return
    app.state.home = getattr(app.state, "home", None) or "/essay"
    app.state.forms = {*getattr(app.state, "forms", ()), "/essay"}
    body = {"type": "object", "required": ["row"], "properties": {"row": {"type": "object"}}}
    said: dict[int | str, dict[str, Any]] = {
        200: {"content": {"application/json": {"schema": {"type": "object", "properties": {"criteria": {"type": "object"}}}}}},
        400: {"description": "no JSON"}, 401: {"description": "no key"}, 422: {"description": "does not fit"}, 429: {"description": "too much"},
    }  # fmt: skip

    @app.post(
        "/essay",
        summary="Marks by criterion, with a sentence and the places that count",
        openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": body}}}},
        responses=said,
    )
    async def essay(request: Request) -> Response:
        row = _row(await request.body(), service)
        key, quota = request.scope["key"], service.quota
        cost = 1 + len(predictor.target.labels)
        quota.spend(key, cost)
        try:
            found = await service.explains.run(
                key.name, float(quota.per_minute(key)), lambda: feedback(predictor, row, _SHARE * service.limits.seconds),
                service.limits.seconds,
            )  # fmt: skip
        except BaseException:
            quota.refund(key, cost)  # what is not answered costs nothing
            raise
        return answer_json(found)

    feeds = int(service.home is not None)
    add_face(app, "essay", ["essay.js"], "essay.css", more=f' data-feedback="{feeds}"')


def feedback(predictor: Predictor, row: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Return for each criterion the mark, its scale, a sentence in both languages and the places that count. Raises Refused."""
    table, bad = predictor.table([row])
    if bad:
        raise Refused(
            422, "value", Words(f"`{bad[0].column}`: {bad[0].words.en}.", f"`{bad[0].column}`：{bad[0].words.zh}。")
        )
    target = predictor.target
    assert isinstance(target, RubricCodec)
    scores = predictor.scores(table)
    marks = predictor.answers(scores)[0]["prediction"]
    chosen = target.chosen(target.decode(scores), scores)[0]
    model: Any = max(predictor.members, key=lambda m: m[0])[1]
    inputs = Schema(tuple(predictor.schema.inputs))
    each = min(2.0, seconds / max(1, len(target.criteria)))
    out: dict[str, Any] = {}
    for i, (name, codec) in enumerate(target.criteria.items()):
        found = places(model.models[name], table, inputs, codec, each)
        words = sentence(marks[name], int(chosen[i]), codec, found)
        out[name] = {
            "mark": marks[name], "scale": list(codec.labels), "feedback": words.en, "feedback_zh": words.zh,
            "places": [a.to_json() for a in found],
        }  # fmt: skip
    # places are counted in texts as the model reads them: with personal data replaced
    texts = {c.name: table.column(c.name)[0].as_py() for c in inputs if c.modality == "text"}
    return {"criteria": out, "texts": {n: t for n, t in texts.items() if t is not None}}


def _row(body: bytes, service: Any) -> dict[str, Any]:
    """Return the row of a request. Raises Refused 400 for no JSON, 422 for what does not fit."""
    data = json_of(body)
    names = [c.name for c in service.predictor.schema.inputs]
    shown = ", ".join(names[:12])
    row = data.get("row") if isinstance(data, dict) and set(data) == {"row"} else None
    if not isinstance(row, dict) or not set(row) <= set(names) or not row:
        words = Words(
            f'Expected {{"row": {{...}}}} with columns of: {shown}.', f'应为 {{"row": {{…}}}}，可用的列：{shown}。'
        )
        raise Refused(422, "row", words)
    for name, value in row.items():
        if isinstance(value, str) and len(value) > service.limits.cell:
            words = Words(
                f"`{name}` is longer than {service.limits.cell:,} characters.",
                f"`{name}` 超过 {service.limits.cell:,} 个字符。",
            )
            raise Refused(422, "cell", words)
    return row
