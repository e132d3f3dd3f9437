"""The requests of both clients, and how their answers are read. Nothing here sends anything."""

from __future__ import annotations

import datetime as dt
import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from typing import Any, Generic, TypeVar

from modelwright.client.answers import Answer, Explanation, Notice, Told
from modelwright.client.errors import Refused
from modelwright.client.tries import Reply
from modelwright.core.errors import OptionError
from modelwright.core.words import Words

T = TypeVar("T")
Row = Mapping[str, Any]
JSON = "application/json"


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request, and what its reply means."""

    method: str
    path: str
    read: Callable[[Reply], T]
    body: bytes | None = None
    safe: bool = True  # whether it may be sent again when it is not known whether it arrived
    headers: Mapping[str, str] = field(default_factory=dict)


def checked_address(url: str) -> str:
    """Return the address of a service without the slash at its end. Raises OptionError."""
    if not url.startswith(("http://", "https://")):
        raise OptionError(
            f"Expected the address of a service, such as http://127.0.0.1:8000, received `{url[:80]}`.",
            f"应为服务地址，例如 http://127.0.0.1:8000；收到的是 `{url[:80]}`。",
        )
    return url.rstrip("/")


def usual_headers(key: str | None) -> dict[str, str]:
    """Return the headers of every request. The key is `MODELWRIGHT_KEY` of the environment where none is given."""
    key = key or os.environ.get("MODELWRIGHT_KEY")
    own = {"Accept": JSON, "Accept-Language": "en"}  # errors hold both languages, with the first one as asked for
    return {**own, "Authorization": f"Bearer {key}"} if key else own


def trace_headers() -> dict[str, str]:
    """Return the headers that name the trace of whoever asks, where the program uses OpenTelemetry."""
    propagate: Any = sys.modules.get("opentelemetry.propagate")
    found: dict[str, str] = {}
    if propagate is not None:
        propagate.inject(found)
    return found


def predict_one(row: Row, scores: bool) -> Call[Answer]:
    """Ask for the answer to one row."""
    if not scores:
        return Call("POST", "/predict", lambda r: Answer.read(read_json(r), release=_release(r)), written(row))
    many = predict_many([row], True)
    return Call("POST", "/predict", lambda r: many.read(r)[0], many.body)


def predict_many(rows: Sequence[Row], scores: bool) -> Call[list[Answer]]:
    """Ask for the answers to several rows, in their order."""

    def read(reply: Reply) -> list[Answer]:
        data = read_json(reply)
        warnings = tuple(Notice.read(w) for w in data.get("warnings") or ())
        answers = [Answer.read(a, warnings, _release(reply)) for a in data["answers"]]
        if len(answers) != len(rows):
            raise _strange()
        return answers

    return Call("POST", "/predict", read, written({"rows": list(rows), **({"scores": True} if scores else {})}))


def explain(row: Row) -> Call[Explanation]:
    """Ask what the answer to one row rests on."""
    return Call("POST", "/explain", lambda r: Explanation.read(read_json(r)), written(row))


def feedback(
    id: str | None, answer: Any, thumb: bool | None, outcome: Any, new: bool, replace: bool, row: Row | None
) -> Call[Told]:
    """Tell what is right, whether it was, or what became known. Told twice it counts once, so that it may be sent again."""
    given = {"id": id, "answer": answer, "thumb": thumb, "outcome": outcome, "row": row}
    body = {k: v for k, v in given.items() if v is not None}
    if sum(k in body for k in ("answer", "thumb", "outcome")) != 1:
        raise OptionError(
            "Feedback is one of answer=..., thumb=True or False, outcome=...",
            "反馈应为以下之一：answer=...、thumb=True 或 False、outcome=...",
        )
    body |= {k: True for k, asked in (("new", new), ("replace", replace)) if asked}
    return Call("POST", "/feedback", lambda r: Told.read(read_json(r)), written(body))


def feedback_many(items: Sequence[Mapping[str, Any]]) -> Call[list[Told]]:
    """Tell several things at once."""

    def read(reply: Reply) -> list[Told]:
        found = [Told.read(t) for t in read_json(reply)["feedback"]]
        if len(found) != len(items):
            raise _strange()
        return found

    return Call("POST", "/feedback", read, written({"feedback": list(items)}))


def schema() -> Call[dict[str, Any]]:
    """Ask what the model reads and answers."""
    return Call("GET", "/schema", read_json)


def ready() -> Call[bool]:
    """Ask whether the service can answer."""
    return Call("GET", "/readyz", lambda r: bool(read_json(r).get("ready")))


def parts(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    """Yield rows in lists of at most `size`."""
    source = iter(rows)
    while part := list(islice(source, size)):
        yield part


def written(value: Any) -> bytes:
    """Return JSON for the service: dates in ISO 8601, numbers of other libraries as numbers, NaN as null.

    Raises OptionError for what is none of these.
    """
    return json.dumps(_plain(value), ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, (dt.datetime, dt.date)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return _plain(float(value))
    if hasattr(value, "tolist"):  # numpy's scalars and arrays
        return _plain(value.tolist())
    raise OptionError(
        f"A value of a row is text, a number, true or false, a date or a list; received {type(value).__name__}.",
        f"行中的值应为文本、数字、布尔值、日期或列表；收到 {type(value).__name__}。",
    )


def read_json(reply: Reply) -> Any:
    """Return the JSON of a reply. Raises ServiceError where it holds none."""
    try:
        data = json.loads(reply.body)
    except ValueError:
        raise _strange() from None
    if not isinstance(data, dict):
        raise _strange()
    return data


def _strange() -> Refused:
    en = "What came is no answer of this service; check the address."
    return Refused(Words(en, "收到的不是该服务的回答；请检查地址。"), code="strange")


def _release(reply: Reply) -> str | None:
    return reply.headers.get("x-modelwright-release")
