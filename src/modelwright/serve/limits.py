"""Bounds on everything that comes from outside: bytes, rows, cells, rates."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from starlette.datastructures import Headers

from modelwright.core.schema import MEDIA, Schema, arrow_type
from modelwright.core.words import Words
from modelwright.data.nested import row_with_fields, with_dots

_LOGIN_BYTES, _LOGIN_SECONDS = 4096, 5.0
_FILES = ("text/csv", "text/tab-separated-values", "application/vnd.", "multipart/form-data")  # types of files of rows
_MEDIA = ("image/", "audio/", "video/", "application/octet-stream", "application/dicom")  # of one file by itself


@dataclass(frozen=True)
class ServeLimits:
    """What one request and one key may ask for."""

    body: int = 4 << 20  # bytes
    rows: int = 1000  # in one request
    cell: int = 100_000  # characters
    columns: int = 2000  # fields in one row
    rows_per_minute: int = 60_000  # of one key
    tokens_per_minute: int = 600_000  # of one key, where the model writes texts: prompts and answers together
    streams: int = 32  # answers that are written at a time
    waiting: int = 512  # answers that may wait for their turn
    seconds: float = 30.0  # for one request
    queue: int = 2048  # rows that may wait
    held: int = 256 << 20  # bytes of all requests that are being read or answered at a time
    job_body: int = 256 << 20  # bytes of a file of rows that is answered by and by
    job_seconds: float = 900.0  # until such a file has come
    # where the model reads pictures, sound or clips
    media_cell: int = 16 << 20  # characters of a data URL
    media_body: int = 32 << 20  # bytes
    media_rows: int = 64  # in one request
    # where it reads series
    channels: int = 64
    values: int = 100_000  # numbers of one series

    @property
    def streamed(self) -> dict[str, tuple[int, float]]:
        """Bytes and seconds of the routes whose bodies go to the disk as they come."""
        return dict.fromkeys(("/jobs", "/v1/audio/transcriptions"), (self.job_body, self.job_seconds))

    def fitting(self, schema: Schema) -> ServeLimits:
        """Return the limits of a service whose model reads these columns: larger bodies of fewer rows for media."""
        if any(is_media(c.modality) for c in schema.inputs):
            return replace(self, body=max(self.body, self.media_body), rows=min(self.rows, self.media_rows))
        return self


def is_media(modality: str) -> bool:
    """Whether cells of a modality are files: pictures, sound, clips."""
    return bool(arrow_type(modality) == MEDIA)


class Refused(Exception):
    """A request that is answered with an HTTP error; `words` say what was expected, what came, what to do."""

    def __init__(self, status: int, code: str, words: Words, retry: int | None = None, **more: Any) -> None:
        super().__init__(words.en)
        self.status, self.code, self.words, self.retry, self.more = status, code, words, retry, more


def tenant_for(key: Any, named: Any) -> Any:
    """Return whose documents a request may search: the tenant that the key is bound to, else the one it names.

    Raises Refused 403 where a bound key's request names another.
    """
    own = getattr(key, "tenant", None)
    if own is None:
        return named
    if named not in (None, "", own):
        en = "This key is bound to a tenant, and the request names another. Leave `tenant` out."
        raise Refused(403, "tenant", Words(en, "此密钥已绑定租户，而请求指定了其他租户。请省略 `tenant`。"))
    return own


STOPPING = Words("The service is stopping; ask again in a moment.", "服务正在停止；请稍后重试。")


class BodyLimit:
    """ASGI middleware that counts the bytes as they come, since a Content-Length can lie or be absent.

    Reading on raises Refused in the route, which is answered like every other refusal: 413 past `limit` bytes of one
    request, 429 past `held` bytes of all that are under way, 408 past `seconds` for a body. Bodies of `streamed`
    paths, which go to the disk as they come, have bytes and seconds of their own. Who has shown no key may send a login's few
    bytes in a few seconds, and they are not counted among those of who has.
    """

    def __init__(
        self,
        app: Any,
        limit: int,
        held: int = 256 << 20,
        seconds: float = 30.0,
        streamed: Mapping[str, tuple[int, float]] | None = None,
    ) -> None:
        self.app, self.limit, self.held, self.seconds = app, limit, held, seconds
        self.streamed = streamed or {}
        self.now = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        known = scope.get("key") is not None
        if known and scope["path"] == "/predict" and is_stream(Headers(scope=scope)):  # it bounds itself, line by line
            await self.app(scope, receive, send)
            return
        limit, seconds = (self.limit, self.seconds) if known else (min(self.limit, _LOGIN_BYTES), _LOGIN_SECONDS)
        kept = known and scope["path"] not in self.streamed
        if known and not kept:
            limit, seconds = self.streamed[scope["path"]]
        seen, held, whole, until = 0, 0, False, 0.0

        async def counted() -> Any:
            nonlocal seen, held, whole, until
            if whole:  # what comes after a body is that the client went away
                return await receive()
            now = asyncio.get_running_loop().time()
            until = until or now + seconds
            try:
                async with asyncio.timeout_at(until):
                    message = await receive()
            except TimeoutError:
                words = Words(f"The body did not arrive within {seconds:g} s.", f"{seconds:g} 秒内未收到完整请求。")
                raise Refused(408, "slow", words) from None
            whole = not message.get("more_body", False)
            size = len(message.get("body", b""))
            seen += size
            if kept:
                held += size
                self.now += size
            if seen > limit:
                words = Words(
                    f"The request holds more than {limit} bytes; send fewer rows at a time.",
                    f"请求超过 {limit} 字节；请减少每次发送的行数。",
                )
                raise Refused(413, "too_large", words)
            if self.now > max(self.held, self.limit):
                words = Words("Too much is under way; try again in a second.", "正在处理的请求过多；请稍后再试。")
                raise Refused(429, "busy", words, retry=1)
            return message

        try:
            await self.app(scope, counted, send)
        finally:
            self.now -= held


def parse_rows(
    body: bytes, limits: ServeLimits, names: Collection[str] = (), modalities: Mapping[str, str] | None = None
) -> tuple[list[dict[str, Any]], bool, bool]:
    """Return (rows, whether one row came by itself, whether scores are asked for).

    Takes one row as an object, or `{"rows": [...], "scores": true}`. Raises Refused for anything else. `names` are the model's
    columns: one called `rows` or `scores` is read as that column in a row by itself; by their `modalities` media may be
    long and series nested.
    """
    data = _object(body)
    alone = not isinstance(data.get("rows"), list) or "rows" in names
    scores = data.get("scores") is True and not (alone and "scores" in names)
    option = "scores" not in names and isinstance(data.get("scores"), bool)
    rows = [{k: v for k, v in data.items() if k != "scores" or not option}] if alone else data["rows"]
    if not rows or len(rows) > limits.rows:
        raise Refused(
            422 if not rows else 413,
            "rows",
            Words(
                f"Expected rows: 1 to {limits.rows}; received {len(rows)}.",
                f"应为 1 到 {limits.rows} 行，收到 {len(rows)} 行。",
            ),
        )
    dotted = with_dots(modalities or ())
    return [_row(i, row, limits, modalities or {}, dotted) for i, row in enumerate(rows, 1)], alone, scores


def parse_row(line: bytes, number: int, limits: ServeLimits, modalities: Mapping[str, str]) -> dict[str, Any]:
    """Return one row of a stream, `number` of all. Raises Refused."""
    return _row(number, _object(line), limits, modalities, with_dots(modalities))


def _object(body: bytes) -> dict[str, Any]:
    try:
        data = json.loads(body, parse_constant=_no_constant)
        if rb"\ud" in body or rb"\uD" in body:
            data = _without_surrogates(data)
    except (ValueError, RecursionError) as e:
        why = _why(e)
        raise Refused(400, "no_json", Words(f"Expected JSON: {why.en}.", f"应为 JSON：{why.zh}。")) from e
    if not isinstance(data, dict):
        raise Refused(
            422,
            "no_object",
            Words(
                'Expected one row as an object {"column": value}, or {"rows": [...]}.',
                '应为一行对象 {"列": 值}，或 {"rows": [...]}。',
            ),
        )
    return data


def scores_asked(query: Mapping[str, str]) -> bool:
    """Return whether the address of a request asks for scores. Raises Refused for a value that says neither."""
    given = query.get("scores", "false").lower()
    if given not in ("true", "false", "1", "0"):
        raise Refused(422, "scores", Words("`scores` is true or false.", "`scores` 应为 true 或 false。"))
    return given in ("true", "1")


def check_kind(headers: Mapping[str, str], modalities: Mapping[str, str]) -> None:
    """Refuse files by their Content-Type where JSON is read, and say where they go: files of rows, and those of a model's column.

    `modalities` are those of the model's columns. Raises Refused 415.
    """
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    media = next((name for name, modality in modalities.items() if is_media(modality)), None)
    if kind.startswith(_MEDIA) and media is not None:
        words = Words(
            f"Expected JSON or a form; received {kind[:60]}. Send the file in a form, in the field `{media}` (curl -F {media}=@FILE), "
            f'or as a data URL: {{"{media}": "data:image/png;base64,..."}}.',
            f"应为 JSON 或表单；收到 {kind[:60]}。请以表单字段 `{media}` 发送文件（curl -F {media}=@文件），"
            f'或写作 data URL：{{"{media}": "data:image/png;base64,..."}}。',
        )
        raise Refused(415, "kind", words)
    if kind.startswith(_FILES) and not kind.endswith("json"):
        words = Words(
            f"Expected JSON, or rows as application/x-ndjson; received {kind[:60]}. A file of rows goes to POST /jobs.",
            f"应为 JSON，或以 application/x-ndjson 逐行发送；收到 {kind[:60]}。数据文件请发送到 POST /jobs。",
        )
        raise Refused(415, "kind", words)


def is_stream(headers: Mapping[str, str]) -> bool:
    """Whether the body of a request is a stream of rows, one a line."""
    given = headers.get("content-type", "").partition(";")[0].strip().lower()
    return given in ("application/x-ndjson", "application/ndjson", "application/jsonl")


def _row(
    number: int, row: object, limits: ServeLimits, modalities: Mapping[str, str], dotted: Sequence[str]
) -> dict[str, Any]:
    """Return a row in which fields of objects that the model reads, the `dotted` ones, stand by themselves. Raises Refused."""
    if not isinstance(row, Mapping) or len(row) > limits.columns:
        raise Refused(
            422,
            "row",
            Words(
                f"Row {number}: expected an object of at most {limits.columns} columns, received {type(row).__name__}.",
                f"第 {number} 行：应为最多 {limits.columns} 列的对象，收到 {type(row).__name__}。",
            ),
            row=number,
        )
    row = dict(row_with_fields(row, dotted))
    for name, value in row.items():
        where = _where(number, name, modalities)
        modality = modalities.get(name, "text")
        if modality == "series" and isinstance(value, list):
            _check_series(where, value, limits)
            continue
        longest = limits.media_cell if is_media(modality) else limits.cell
        parts: Sequence[Any] = value if isinstance(value, list) else [value]
        if any(isinstance(p, (dict, list)) for p in parts) or len(parts) > limits.columns:
            raise Refused(
                422,
                "nested",
                Words(f"{where.words.en}: values may not be nested.", f"{where.words.zh}：值不能嵌套。"),
                **where.more,
            )
        if any(isinstance(p, str) and len(p) > longest for p in parts):
            raise Refused(
                422,
                "cell",
                Words(
                    f"{where.words.en}: more than {longest} characters.", f"{where.words.zh}：超过 {longest} 个字符。"
                ),
                **where.more,
            )
    return row


class _Where(NamedTuple):
    words: Words
    more: dict[str, Any]


def _where(number: int, name: str, modalities: Mapping[str, str]) -> _Where:
    """Return where in a request something is; only the model's own columns are named, never what the request brought."""
    if name in modalities:
        words = Words(f"Row {number}, column `{name}`", f"第 {number} 行，列 `{name}`")
        return _Where(words, {"row": number, "column": name})
    words = Words(f"Row {number}, a field that is no column", f"第 {number} 行，一个不属于任何列的字段")
    return _Where(words, {"row": number})


def _check_series(where: _Where, value: list[Any], limits: ServeLimits) -> None:
    """Take a list of numbers, or a list of channels of numbers, within bounds; what they hold is read later."""
    channels = value if any(isinstance(v, list) for v in value) else [value]
    flat = all(isinstance(c, list) and not any(isinstance(v, (dict, list, str)) for v in c) for c in channels)
    if flat and len(channels) <= limits.channels and sum(map(len, channels)) <= limits.values:
        return
    raise Refused(
        422,
        "series",
        Words(
            f"{where.words.en}: expected a list of numbers, or at most {limits.channels} such lists, "
            f"of at most {limits.values} numbers together.",
            f"{where.words.zh}：应为数字列表，或最多 {limits.channels} 个这样的列表，总共不超过 {limits.values} 个数字。",
        ),
        **where.more,
    )


def _without_surrogates(value: Any) -> Any:
    r"""Return JSON values in which halves of characters (a lone \ud800, say) became U+FFFD: no text can hold them."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_without_surrogates(v) for v in value]
    if isinstance(value, dict):
        return {_without_surrogates(k): _without_surrogates(v) for k, v in value.items()}
    return value


class _NoConstant(ValueError):
    """One of Python's words for numbers that JSON does not have: NaN, Infinity."""


def _no_constant(name: str) -> None:
    raise _NoConstant(name)


def _why(error: Exception) -> Words:
    """Return what keeps a body from being JSON; nothing of the body is quoted."""
    if isinstance(error, RecursionError):
        return Words("nested too deeply", "嵌套过深")
    if isinstance(error, _NoConstant):
        return Words(f"{error} is no JSON; null is a missing value", f"{error} 不是 JSON；缺失值用 null")
    if isinstance(error, json.JSONDecodeError):
        return Words(f"{error.msg} at character {error.pos + 1}", f"第 {error.pos + 1} 个字符处不合语法")
    if isinstance(error, UnicodeDecodeError):
        return Words(f"byte {error.start + 1} is no UTF-8", f"第 {error.start + 1} 个字节不是 UTF-8")
    return Words("a number has too many digits", "有数字位数过多")  # what Python refuses of integers
