"""What `/recommend` and `/events` take, read and checked: fields with their limits, conditions, rules.

Every refusal is one sentence that says what was expected.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from modelwright.core.plain_json import is_number
from modelwright.core.words import Words
from modelwright.release.recommend import Asked, Boost
from modelwright.serve.bodies import fields_of, json_of
from modelwright.serve.limits import Refused

MOST = 1000  # items of an answer, events of a request
LONGEST = 10_000  # items of a history, or left out
_RULES = 20  # conditions, boosts, caps
_FACTOR = 100.0
_ID: dict[str, Any] = {"type": ["string", "integer"]}
_IDS: dict[str, Any] = {"type": "array", "items": _ID, "maxItems": LONGEST}
FIELDS: dict[str, dict[str, Any]] = {
    "user": _ID,
    "history": {**_IDS, "description": "items of a session, the latest last"},
    "about": {"type": "object", "description": "columns of the user"},
    "like": {"type": "object", "description": "columns of an item: others like it are answered"},
    "k": {"type": "integer", "minimum": 1, "maximum": MOST, "default": 10},
    "exclude": _IDS,
    "where": {
        "type": "array", "maxItems": _RULES, "items": {"type": "string"},
        "description": "conditions that every item meets: price<=50, category=shoes|hats, brand!=own, title~running",
    },
    "boost": {
        "type": "array", "maxItems": _RULES,
        "items": {
            "type": "object", "required": ["where", "by"],
            "properties": {"where": {"type": "string"}, "by": {"type": "number", "minimum": 0, "maximum": _FACTOR}},
        },
    },
    "cap": {"type": "object", "additionalProperties": {"type": "integer", "minimum": 1}, "description": "most items by value of a column"},
    "seen": {"type": "boolean", "default": False},
    "diverse": {"type": "number", "minimum": 0, "maximum": 1, "default": 0},
    "reasons": {"type": "boolean", "default": False},
    "show": {"type": "boolean", "default": False},
}  # fmt: skip
EVENT: dict[str, Any] = {
    "type": "object", "required": ["user", "item"], "additionalProperties": False,
    "properties": {"user": _ID, "item": _ID, "time": {"type": "string", "format": "date-time"}},
}  # fmt: skip


def asked_of(body: bytes, longest: int) -> Asked:
    """Return what a request to `/recommend` asks for. Raises Refused 400 for no JSON, 422 for what does not fit."""
    data = fields_of(body, FIELDS)
    out: dict[str, Any] = {}
    if data.get("user") is not None:
        out["user"] = _identifier(data["user"], "user", longest)
    for name in ("history", "exclude"):
        if data.get(name) is not None:
            out[name] = [_identifier(item, name, longest) for item in _list(data[name], name, LONGEST, "items", "项")]
    for name in ("about", "like"):
        if data.get(name) is not None:
            out[name] = _columns(data[name], name, longest)
    if data.get("where") is not None:
        out["where"] = [_condition(c, longest) for c in _list(data["where"], "where", _RULES, "conditions", "个条件")]
    if data.get("boost") is not None:
        out["boost"] = [_boost(b, longest) for b in _list(data["boost"], "boost", _RULES, "rules", "条规则")]
    if data.get("cap") is not None:
        out["cap"] = _cap(data["cap"])
    for name in ("seen", "reasons", "show"):
        if data.get(name) is not None:
            if not isinstance(data[name], bool):
                raise refused(name, f"`{name}` is true or false.", f"`{name}` 应为 true 或 false。")
            out[name] = data[name]
    diverse = data.get("diverse", 0)
    if not is_number(diverse) or not 0 <= diverse <= 1:
        raise refused("diverse", "`diverse` must be 0 to 1.", "`diverse` 应为 0 到 1。")
    k = data.get("k", 10)
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= MOST:
        raise refused("k", f"`k` must be 1 to {MOST}.", f"`k` 应为 1 到 {MOST}。")
    return Asked(**out, k=k, diverse=float(diverse))


def events_of(body: bytes, longest: int) -> list[tuple[str, str, float | None]]:
    """Return the events of a request to `/events`: user, item, and seconds since the epoch where a time was given. Raises Refused."""
    data = json_of(body)
    items = data["events"] if isinstance(data, dict) and set(data) == {"events"} else [data]
    out = []
    for event in _list(items, "events", MOST, "events", "个事件"):
        if not isinstance(event, dict) or not {"user", "item"} <= set(event) <= {"user", "item", "time"}:
            raise refused(
                "events",
                'An event is an object with `user`, `item` and, where known, `time`; several come as {"events": [...]}.',
                '事件应为含 `user`、`item`（可含 `time`）的对象；多个事件用 {"events": [...]}。',
            )
        told = event.get("time")
        out.append(
            (_identifier(event["user"], "user", longest), _identifier(event["item"], "item", longest), _moment(told))
        )
    return out


def _moment(value: Any) -> float | None:
    if value is None:
        return None
    try:
        found = dt.datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is None:
        raise refused(
            "time",
            "`time` is written as ISO 8601 has it, such as 2026-03-01T12:30:00Z.",
            "`time` 应为 ISO 8601 时间，例如 2026-03-01T12:30:00Z。",
        )
    seconds = (found if found.tzinfo else found.replace(tzinfo=dt.UTC)).timestamp()
    if seconds > dt.datetime.now(dt.UTC).timestamp() + 86_400:
        raise refused("time", "`time` lies in the future.", "`time` 不能是未来的时间。")
    return seconds


def _list(value: Any, name: str, most: int, en: str, zh: str) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise refused(name, f"`{name}` is a list of at most {most:,} {en}.", f"`{name}` 应为列表，最多 {most:,} {zh}。")
    return value


def _identifier(value: Any, name: str, longest: int) -> str:
    """Return an identifier as text: numbers as they are written in the training data."""
    fits = isinstance(value, (str, int)) and not isinstance(value, bool)
    if not fits or len(str(value)) > longest or not str(value).strip():
        raise refused(name, f"`{name}` holds identifiers: texts or whole numbers.", f"`{name}` 应为标识：文本或整数。")
    return str(value)


def _columns(value: Any, name: str, longest: int) -> dict[str, Any]:
    fits = isinstance(value, dict) and all(
        v is None or isinstance(v, (bool, int, float)) or (isinstance(v, str) and len(v) <= longest)
        for v in value.values()
    )
    if not fits:
        raise refused(
            name,
            f"`{name}` is an object of columns with texts or numbers.",
            f"`{name}` 应为由列组成的对象，值为文本或数字。",
        )
    return {k: v for k, v in value.items() if v is not None}


def _condition(value: Any, longest: int) -> str:
    if not isinstance(value, str) or len(value) > longest:
        raise refused(
            "where",
            "`where` holds conditions such as price<=50 or category=shoes.",
            "`where` 应为条件，例如 price<=50 或 category=shoes。",
        )
    return value


def _boost(value: Any, longest: int) -> Boost:
    fits = isinstance(value, dict) and set(value) == {"where", "by"} and isinstance(value["where"], str)
    if not fits or len(value["where"]) > longest or not is_number(value["by"]) or not 0 <= value["by"] <= _FACTOR:
        raise refused(
            "boost",
            f'A rule of `boost` is such as {{"where": "brand=own", "by": 1.5}}, `by` from 0 to {_FACTOR:g}.',
            f'`boost` 的规则形如 {{"where": "brand=own", "by": 1.5}}，`by` 为 0 到 {_FACTOR:g}。',
        )
    return Boost(value["where"], float(value["by"]))


def _cap(value: Any) -> dict[str, int]:
    fits = isinstance(value, dict) and len(value) <= _RULES
    if not fits or not all(isinstance(n, int) and not isinstance(n, bool) and n >= 1 for n in value.values()):
        raise refused(
            "cap",
            '`cap` says how many items of one value there may be, such as {"category": 2}.',
            '`cap` 说明某列同一取值最多几个物品，例如 {"category": 2}。',
        )
    return dict(value)


def refused(code: str, en: str, zh: str) -> Refused:
    """Return the refusal of a request that does not fit."""
    return Refused(422, code, Words(en, zh))
