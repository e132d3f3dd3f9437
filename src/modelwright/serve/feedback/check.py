"""One piece of feedback looked at: whose answer it is for, what it says, and whether that fits."""

from __future__ import annotations

import datetime as dt
import hashlib
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from modelwright.core import plain_json
from modelwright.core.answers.base import TargetCodec
from modelwright.core.answers.corrections import Unfit
from modelwright.core.words import Words
from modelwright.serve.feedback.ids import AnswerIds, Verdict
from modelwright.serve.feedback.shapes import Kind, Told
from modelwright.serve.limits import Refused

FIELDS = ("id", "answer", "thumb", "outcome", "new", "replace", "row")
SAYS: tuple[Kind, ...] = ("answer", "thumb", "outcome")
_THUMBS = {"up": True, "down": False}
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?")
_NONE = Verdict(None, None)
UNKNOWN_ID = Words(
    "No answer of this name has that id: send the `id` that stands in the answer.",
    "该名称下没有此 id 的回答：请使用回答中的 `id`。",
)

RETRY = 5  # seconds after which a client should send again what could not be kept
# what a client is told of a database that cannot be used: not where it is, nor what it said
AWAY = Words(
    "Feedback cannot be kept now, and nothing of this request was. Send it again in a few seconds.",
    "目前无法保存反馈，本次请求未写入任何内容。请几秒后重发。",
)

Row = Callable[[Mapping[str, Any]], Mapping[str, Any]]  # checks a row and returns what is kept of it; raises Refused


def checked(
    item: Any, by: str, ids: AnswerIds, target: TargetCodec, row: Row, source: str = "service"
) -> tuple[Told, bool]:
    """Return what a piece of feedback says, and whether it may replace what was told before. Raises Refused."""
    if not isinstance(item, Mapping) or not set(item) <= set(FIELDS):
        raise _refused(
            "fields",
            f"Expected an object with `id` and one of `answer`, `thumb`, `outcome`; fields are {', '.join(FIELDS)}.",
            f"应为含 `id` 以及 `answer`、`thumb`、`outcome` 之一的对象；可用字段：{'、'.join(FIELDS)}。",
        )
    said = [kind for kind in SAYS if kind in item]
    if len(said) != 1:
        raise _refused(
            "fields",
            f"Expected one of `answer`, `thumb` and `outcome`, received {len(said) or 'none'} of them.",
            f"`answer`、`thumb`、`outcome` 应恰好给出一个，收到 {len(said)} 个。",
        )
    new, replace = item.get("new", False), item.get("replace", False)
    if not isinstance(new, bool) or not isinstance(replace, bool):
        raise _refused("fields", "`new` and `replace` are true or false.", "`new` 和 `replace` 应为 true 或 false。")
    kind = said[0]
    given = ids.read(item["id"]) if "id" in item else None
    if "id" in item and given is None:
        raise Refused(404, "id", UNKNOWN_ID)
    if "id" not in item and kind != "answer":
        raise _refused(
            "id",
            f"`{kind}` is told of an answer that was given: send the `id` that stands in it.",
            f"`{kind}` 针对已给出的回答：请给出该回答中的 `id`。",
        )
    if "id" not in item and not isinstance(item.get("row"), Mapping):
        raise _refused(
            "id",
            "Without an `id`, send the `row` with its right `answer`.",
            "没有 `id` 时，请同时给出 `row` 及其正确的 `answer`。",
        )
    value, is_new = _value(kind, item[kind], target, new)
    kept = row(item["row"]) if item.get("row") is not None else None
    verdict = _NONE
    if kind == "thumb":
        verdict = Verdict(value, None)
    elif given is not None and (kind == "answer" or (target.told_as == "number" and isinstance(value, float))):
        verdict = ids.verdict(given, value)
    told = Told(
        id=str(item["id"]) if given is not None else row_id(kept or {}),
        kind=kind,
        value=value,
        by=by,
        version=given.version if given is not None else "",
        answered_at=given.answered_at if given is not None else None,
        new=is_new,
        source=source,
        correct=verdict.correct,
        error=verdict.error,
        row=kept,
    )
    return told, replace


def row_id(row: Mapping[str, Any]) -> str:
    """Return what stands for a row that no service answered: the same for equal rows."""
    text = plain_json.dumps(row, sort_keys=True)
    return "row-" + hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]


def _value(kind: Kind, value: Any, target: TargetCodec, new: bool) -> tuple[Any, bool]:
    if kind == "answer":
        try:
            return target.told(value, new=new)
        except Unfit as e:
            raise Refused(422, e.code, e.words) from e
    if kind == "thumb":
        thumb = _THUMBS.get(value) if isinstance(value, str) else value
        if not isinstance(thumb, bool):
            raise _refused(
                "kind", "Expected true (up) or false (down) as the thumb.", "`thumb` 应为 true（赞）或 false（踩）。"
            )
        return thumb, False
    return outcome(value), False


def outcome(value: Any) -> float | str:
    """Return an outcome: a finite number, or a date as ISO 8601 has it. Raises Refused."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        number = float(value) if abs(value) < 1e300 else math.nan
        if math.isfinite(number):
            return number
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            dt.datetime.fromisoformat(value)
            return value
        except ValueError:
            pass
    raise _refused(
        "kind",
        "Expected a number or a date such as 2026-03-01 as the outcome.",
        "`outcome` 应为数值或日期（如 2026-03-01）。",
    )


def _refused(code: str, en: str, zh: str) -> Refused:
    return Refused(422, code, Words(en, zh))


DIFFERS = Words(
    "Something else was told of this answer before, with the same key. To change it, add `replace: true`.",
    "此前已用同一密钥对该回答给出不同的反馈。如需更改，请加 `replace: true`。",
)


def differs() -> Refused:
    """Return the refusal of feedback that contradicts what the same key told before."""
    return Refused(409, "differs", DIFFERS)
