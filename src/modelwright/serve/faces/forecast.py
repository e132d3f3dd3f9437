"""The route `/forecast`: what comes next of known series, of those with new values, or of a history that is sent."""

from __future__ import annotations

from functools import partial
from typing import Any

import pyarrow as pa
from fastapi import FastAPI, Request, Response

from modelwright.core.answers.forecast import ForecastCodec
from modelwright.core.errors import ModelwrightError
from modelwright.core.words import Words
from modelwright.data.panel import told_of, with_whole_periods
from modelwright.serve.bodies import fields_of
from modelwright.serve.guard import answer_json
from modelwright.serve.limits import Refused

_MOST_ROWS = 200_000
_MOST_SERIES = 1000
_FIELDS = {
    "rows": {"type": "array", "items": {"type": "object"}, "maxItems": _MOST_ROWS},
    "history": {"type": "array", "items": {"type": ["number", "null"]}, "maxItems": _MOST_ROWS},
    "start": {"type": ["string", "number"]},
    "series": {"type": "array", "items": {"type": "string"}, "maxItems": _MOST_SERIES},
    "steps": {"type": "integer", "minimum": 1},
}


def add(app: FastAPI, service: Any) -> None:
    """Add the route where the predictor forecasts series."""
    predictor = service.predictor
    if not isinstance(predictor.target, ForecastCodec):
        return
    step = {
        "type": "object",
        "properties": {
            "time": {"type": ["string", "number"]},
            "value": {"type": "number"},
            "quantiles": {"type": "object"},
            "quantity": {"type": "number"},
        },
    }
    one = {"type": "object", "properties": {"series": {"type": "object"}, "steps": {"type": "array", "items": step}}}
    answer = {
        "type": "object",
        "properties": {
            "forecasts": {"type": "array", "items": one},
            "warnings": {"type": "array", "items": {"type": "object"}},
        },
    }
    said: dict[int | str, dict[str, Any]] = {
        200: {"content": {"application/json": {"schema": answer}}},
        400: {"description": "no JSON"},
        401: {"description": "no key"},
        422: {"description": "does not fit"},
        429: {"description": "too much"},
    }
    body = {"type": "object", "additionalProperties": False, "properties": _FIELDS}

    @app.post(
        "/forecast",
        summary="What comes next of series, with quantiles",
        openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": body}}}},
        responses=said,
    )
    async def forecast(request: Request) -> Response:
        asked = _parse_request(await request.body(), predictor)
        key, quota = request.scope["key"], service.quota
        cost = max(1, len(asked.get("series") or ()))
        quota.spend(key, cost)
        try:
            answered = await service.searches.run(
                key.name,
                float(quota.per_minute(key)),
                partial(_answer, service.predictor, asked),
                service.limits.seconds,
            )
        except BaseException:
            quota.refund(key, cost)  # what is not answered costs nothing
            raise
        return answer_json(answered)


def _answer(predictor: Any, asked: dict[str, Any]) -> dict[str, Any]:
    told = told_of(predictor.schema.target.options["told"])
    source = asked.get("rows")
    schema = None
    if asked.get("history") is not None:
        source = _as_rows(asked, told)
        schema = with_whole_periods(predictor.schema)
    try:
        found = predictor.asked(None if source is None else _table(source), schema=schema)
        table = found.written(predictor.scores(found.table))
    except ModelwrightError as e:
        raise Refused(422, "rows", e.words) from None
    time = told.time or "step"
    names = list(table.column_names[: table.column_names.index(time)])
    levels = [n for n in table.column_names if n.startswith("q") and n[1:2].isdigit()]
    wanted = asked.get("series")
    forecasts: list[dict[str, Any]] = []
    horizon = predictor.target.horizon
    steps = asked.get("steps") or horizon
    rows = table.to_pylist()
    for i in range(0, len(rows), horizon):
        part = rows[i : i + steps]
        key = {n: part[0][n] for n in names}
        if wanted is not None and " | ".join(map(str, key.values())) not in wanted:
            continue
        made = [
            {
                "time": _moment(r[time]),
                "value": r["prediction"],
                "quantiles": {q: r[q] for q in levels},
                **({"quantity": r["quantity"]} if "quantity" in r else {}),
            }
            for r in part
        ]
        forecasts.append({"series": key, "steps": made})
    if wanted is not None and not forecasts:
        shown = ", ".join(f"`{w}`" for w in wanted[:5])
        words = Words(
            f"The model keeps no values of {shown}: send them as `rows` or `history`.",
            f"模型未保留 {shown} 的数值：请通过 `rows` 或 `history` 提供。",
        )
        raise Refused(422, "series", words)
    out: dict[str, Any] = {"forecasts": forecasts}
    if found.words:
        out["warnings"] = [{"code": "rows", "message": w.en, "message_zh": w.zh} for w in found.words]
    return out


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    names = list(dict.fromkeys(n for row in rows for n in row))
    return pa.table(
        {n: pa.array([None if row.get(n) is None else str(row[n]) for row in rows], pa.string()) for n in names}
    )


def _as_rows(asked: dict[str, Any], told: Any) -> list[dict[str, Any]]:
    """Return a bare history as rows: from `start` on, a value every period; counted from 1 where no start is told."""
    import numpy as np

    history, frequency = asked["history"], told.frequency
    name = (asked.get("series") or ["history"])[0]
    parts = name.split(" | ") if len(told.keys) > 1 else [name]
    key = dict(zip(told.keys, parts))
    if frequency.unit == "step":
        first = float(asked.get("start") or 0)
        times = [first + i * frequency.count for i in range(len(history))]
    else:
        try:
            start = np.datetime64(str(asked.get("start") or "2000-01-03").rstrip("Z"), "us")
        except ValueError:
            words = Words(
                "`start` is a time such as 2024-01-31 or 2024-01-31T12:00.",
                "`start` 应为时间，如 2024-01-31 或 2024-01-31T12:00。",
            )
            raise Refused(422, "start", words) from None
        at = frequency.places(np.array([start.astype(np.int64)], np.float64))[0]
        times = [str(np.datetime64(int(t), "us")) for t in frequency.times(at + np.arange(len(history)))]
    return [{**key, **({told.time: t} if told.time else {}), told.target: v} for t, v in zip(times, history)]


def _moment(time: Any) -> Any:
    return time.isoformat() if hasattr(time, "isoformat") else time


def _parse_request(body: bytes, predictor: Any) -> dict[str, Any]:
    """Return the fields of a request. Raises Refused 400 for no JSON, 422 for what does not fit."""
    data = fields_of(body or b"{}", _FIELDS)
    if data.get("rows") is not None and data.get("history") is not None:
        raise Refused(422, "history", Words("Send `rows` or `history`, not both.", "`rows` 与 `history` 只能二选一。"))
    _list(data, "rows", lambda v: isinstance(v, dict), Words("objects", "对象"), _MOST_ROWS)
    _list(data, "history", _number, Words("numbers or null", "数值或 null"), _MOST_ROWS)
    _list(data, "series", lambda v: isinstance(v, str), Words("names", "名称"), _MOST_SERIES)
    horizon = predictor.target.horizon
    steps = data.get("steps")
    if steps is not None and (isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= horizon):
        words = Words(
            f"`steps` must be 1 to {horizon}, the horizon that the model was trained for; train again with a larger --horizon to see further.",
            f"`steps` 应为 1 到 {horizon}（模型训练时的预测步数）；要看得更远，请用更大的 --horizon 重新训练。",
        )
        raise Refused(422, "steps", words)
    return data


def _number(value: Any) -> bool:
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300)


def _list(data: dict[str, Any], name: str, fits: Any, what: Words, most: int) -> None:
    value = data.get(name)
    if value is None:
        return
    if not isinstance(value, list) or not value or len(value) > most or not all(fits(v) for v in value):
        words = Words(
            f"`{name}` is a list of 1 to {most:,} {what.en}.", f"`{name}` 应为 1 到 {most:,} 个{what.zh}组成的列表。"
        )
        raise Refused(422, name, words)
