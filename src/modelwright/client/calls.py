"""The requests of both clients, and how their answers are read. Nothing here sends anything."""

from __future__ import annotations

import datetime as dt
import json
import math
import os
import random
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import IO, Any, Generic, TypeVar
from urllib.parse import quote

from modelwright.client.answers import Answer, Explanation, Job, Notice, Told
from modelwright.client.errors import Busy, Refused, ServiceError, TimedOut, Unavailable
from modelwright.client.tries import Reply
from modelwright.core.errors import CannotWrite, DataError, OptionError
from modelwright.core.unwritable import cannot_write
from modelwright.core.words import Words

T = TypeVar("T")
Row = Mapping[str, Any]
# kinds of files by the ends of their names
KINDS = {".csv": "text/csv", ".jsonl": "application/x-ndjson", ".parquet": "application/vnd.apache.parquet"}
FORMS = {suffix: suffix[1:] for suffix in KINDS}
JSON, NDJSON = "application/json", "application/x-ndjson"
# codes of a last line, which says that this row and those after it were not answered
_ENDS: Mapping[str, type[ServiceError]] = {
    "busy": Busy, "quota": Busy, "stopping": Unavailable, "deadline": TimedOut, "slow": TimedOut,
}  # fmt: skip


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request, and what its reply means."""

    method: str
    path: str
    read: Callable[[Reply], T]
    body: bytes | None = None
    file: Path | None = None  # sent as the body
    into: Path | None = None  # where the body of the answer is written
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


def stream(rows: Sequence[Row], scores: bool, before: int) -> Call[tuple[list[Answer], ServiceError | None]]:
    """Ask for the answers to rows as lines of a stream; `before` is how many rows of all were answered already.

    The reply gives the answers, and why it ended before the last row, where it did.
    """

    def read(reply: Reply) -> tuple[list[Answer], ServiceError | None]:
        try:
            lines = [json.loads(line) for line in reply.body.splitlines() if line.strip()]
            last = lines[-1].get("error") if lines else None
        except (ValueError, AttributeError):
            raise _strange() from None
        end: ServiceError | None = None
        if last is not None and (len(lines) < len(rows) or last.get("code") in _ENDS):
            lines.pop()
            end = _ended(last)
        if len(lines) > len(rows) or (len(lines) < len(rows) and end is None):
            raise _strange()
        return numbered([Answer.read(line, release=_release(reply)) for line in lines], before), end

    body = b"".join(written(row) + b"\n" for row in rows)
    path = "/predict?scores=true" if scores else "/predict"
    return Call("POST", path, read, body, headers={"Content-Type": NDJSON, "Accept": NDJSON})


def pause_after(end: ServiceError, stalled: int, retries: int) -> float:
    """Return the seconds until the rest of a stream may be asked for. Raises the error where that is of no use."""
    if not isinstance(end, (Busy, Unavailable)) or stalled > retries:
        raise end
    return (end.retry_after or 0.0) + random.uniform(0.0, 0.5)


def _ended(error: Mapping[str, Any]) -> ServiceError:
    code = str(error.get("code", ""))
    said = Notice.read(error)
    kind = _ENDS.get(code, Unavailable)
    return kind(said.words, code=code, retry_after=error.get("retry_after"), more={"row": said.row})


def numbered(answers: list[Answer], before: int) -> list[Answer]:
    """Return answers whose errors name their row among all rows, `before` of which were answered already."""
    out = []
    for answer in answers:
        error = answer.error
        if error is not None and error.row is not None and before:
            answer = replace(answer, error=replace(error, row=error.row + before))
        out.append(answer)
    return out


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


def submit(path: str | Path, scores: bool) -> Call[Job]:
    """Hand over a file of rows. Raises DataError where there is none, OptionError for another kind of file."""
    place = Path(path)
    if not place.is_file():
        raise DataError(f"There is no file {place}.", f"找不到文件 {place}。")
    kind = KINDS.get(place.suffix.lower())
    if kind is None:
        shown = ", ".join(KINDS)
        raise OptionError(
            f"Expected a file {shown}, received {place.name}.", f"应为 {shown} 文件，收到的是 {place.name}。"
        )
    where = "/jobs?scores=true" if scores else "/jobs"
    return Call("POST", where, lambda r: Job.read(read_json(r)), file=place, safe=False, headers={"Content-Type": kind})


def job(id: str) -> Call[Job]:
    """Ask how far a job is."""
    return Call("GET", f"/jobs/{quote(id, safe='')}", lambda r: Job.read(read_json(r)))


def result(id: str, path: str | Path) -> Call[Path]:
    """Fetch the answers of a job that is done, in the form that the file's name says, else in that of the rows."""
    place = Path(path)
    form = FORMS.get(place.suffix.lower())
    more = f"?format={form}" if form else ""
    return Call("GET", f"/jobs/{quote(id, safe='')}/result{more}", lambda r: place, into=place)


def check_left(until: float, seconds: float) -> None:
    """Raise TimedOut where a moment is over."""
    if time.monotonic() > until:
        words = Words(f"The job is not done within {seconds:g} s.", f"任务在 {seconds:g} 秒内未完成。")
        raise TimedOut(words, code="deadline")


def done(found: Job) -> Job:
    """Return a job that is done. Raises ServiceError with the reason of one that failed."""
    if found.state == "failed":
        raise ServiceError(found.error or Words("The job failed.", "任务失败。"), code="failed")
    return found


def cancel(id: str) -> Call[bool]:
    """Stop a job and delete what the service keeps of it."""
    return Call("DELETE", f"/jobs/{quote(id, safe='')}", lambda r: bool(read_json(r).get("deleted")))


class Sink:
    """Takes the body of an answer: into memory, or into a file that is there only once it is whole. Raises CannotWrite."""

    def __init__(self, place: Path | None) -> None:
        self._place, self._parts = place, bytearray()
        self._part = None if place is None else place.with_name(f".{place.name}.part")
        self._file: IO[bytes] | None = None

    @property
    def body(self) -> bytes:
        """What was taken into memory."""
        return bytes(self._parts)

    def write(self, part: bytes) -> None:
        """Take the next bytes."""
        if self._file is None:
            self._parts += part
            return
        with self._naming_errors():
            self._file.write(part)

    def __enter__(self) -> Sink:
        if self._part is not None:
            with self._naming_errors():
                self._file = open(self._part, "wb")
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if self._file is None or self._part is None or self._place is None:
            return
        try:
            with self._naming_errors():
                self._file.close()
                if kind is None:
                    os.replace(self._part, self._place)
        finally:
            self._part.unlink(missing_ok=True)

    @contextmanager
    def _naming_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as e:
            raise cannot_write(CannotWrite, e, str(self._place)) from e


def chunks(call: Call[Any]) -> bytes | Iterator[bytes] | None:
    """Return what is sent: the body, or the file in parts."""
    return call.body if call.file is None else _parts_of(call.file)


def _parts_of(place: Path) -> Iterator[bytes]:
    with open(place, "rb") as file:
        while part := file.read(1 << 18):
            yield part


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
    return json.dumps(_json_value(value), ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")


def _json_value(value: Any) -> Any:
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(k): _json_value(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json_value(v) for v in value]
    if isinstance(value, (dt.datetime, dt.date)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return _json_value(float(value))
    if hasattr(value, "tolist"):  # numpy's scalars and arrays
        return _json_value(value.tolist())
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
