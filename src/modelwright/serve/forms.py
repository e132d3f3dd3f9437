"""A row of a request that comes as a form (multipart/form-data): files in fields of their own, as browsers and curl send them.

A form becomes the same JSON that could have been sent, its files as data URLs, and is read on as that: the same bounds, the same
one path. Nothing of it goes to the disk.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from starlette.datastructures import Headers

from modelwright.core.words import Words
from modelwright.serve.limits import Refused, ServeLimits, is_media, scores_asked

FILE = "file"  # names the only column of media, whatever it is called
_IN_MEMORY = 1 << 40  # bytes of a file until it went to the disk: bodies are bounded, so never
_NAMED_TYPES = ("image/", "audio/", "video/")
_BROKEN = Words(
    "The form breaks off before its closing boundary; send it again.", "表单在结束分隔符之前中断；请重新发送。"
)


def is_form(headers: Mapping[str, str]) -> bool:
    """Whether the body of a request is a form that may hold files."""
    return headers.get("content-type", "").partition(";")[0].strip().lower() == "multipart/form-data"


async def json_of_form(
    body: bytes, headers: Mapping[str, str], modalities: Mapping[str, str], limits: ServeLimits
) -> bytes:
    """Return the row of a form as the JSON of one row. `modalities` are those of the model's columns, one of them of media at least.

    A file stands in the field of its column, or in `file` where one column alone is of media; other fields are values of the other
    columns, and `scores` asks for scores as it does in JSON. Raises Refused: 415 without python-multipart, 400 for a form that
    breaks off or is none, 422 for what fits no column.
    """
    media = [name for name, modality in modalities.items() if is_media(modality)]
    try:
        import python_multipart  # noqa: F401
    except ImportError:
        raise Refused(415, "extra", _without_forms(media[0])) from None
    row: dict[str, Any] = {}
    for name, value in await _parts(body, headers, limits):
        column = media[0] if name == FILE and FILE not in modalities and len(media) == 1 else name
        if isinstance(value, str):
            if name == "scores" and name not in modalities:
                row[name] = scores_asked({"scores": value})
            elif column in row:
                row[column] = [*(row[column] if isinstance(row[column], list) else [row[column]]), value]
            else:
                row[column] = value
        elif column not in media:
            raise Refused(422, "file", _elsewhere(media))
        elif column in row:
            en = f"The form holds `{column}` more than once. A form is one row; send several rows as JSON."
            zh = f"表单中 `{column}` 出现了多次。一个表单即一行；多行请以 JSON 发送。"
            raise Refused(422, "file", Words(en, zh), row=1, column=column)
        else:
            row[column] = await asyncio.to_thread(_data_url, column, *value, limits)
    return await asyncio.to_thread(lambda: json.dumps(row).encode())


def as_openapi(modalities: Mapping[str, str]) -> dict[str, Any]:
    """Return what OpenAPI says of such a form; {} where no column is of media."""
    media = [name for name, modality in modalities.items() if is_media(modality)]
    if not media:
        return {}
    fields: dict[str, Any] = {n: {"type": "string"} for n in modalities} | {"scores": {"type": "boolean"}}
    fields |= {n: {"type": "string", "format": "binary"} for n in media}
    if len(media) == 1 and FILE not in modalities:
        fields[FILE] = {"type": "string", "format": "binary", "description": f"the same as `{media[0]}`"}
    return {"multipart/form-data": {"schema": {"type": "object", "properties": fields}}}


async def _parts(
    body: bytes, headers: Mapping[str, str], limits: ServeLimits
) -> list[tuple[str, str | tuple[bytes, str]]]:
    """Return the fields of a form in their order: a text each, or a file's bytes and type. Raises Refused 400, 422."""
    from starlette.formparsers import MultiPartException, MultiPartParser

    class Whole(MultiPartParser):
        spool_max_size = _IN_MEMORY
        ended = False

        def on_end(self) -> None:
            self.ended = True

    async def once() -> AsyncGenerator[bytes, None]:
        yield body
        if not form.ended:  # told while it is parsed, so that the files that were begun are closed
            raise Refused(400, "form", _BROKEN)

    most = limits.columns + 1
    form = Whole(Headers(dict(headers)), once(), max_files=most, max_fields=most, max_part_size=limits.body)
    try:
        found = await form.parse()
    except MultiPartException as e:
        en = f"Expected a form (multipart/form-data with its boundary) of at most {most:,} fields, each with a name."
        zh = f"应为表单（multipart/form-data 并注明 boundary），最多 {most:,} 个字段，每个都有名称。"
        raise Refused(400, "form", Words(en, zh)) from e
    try:
        out: list[tuple[str, str | tuple[bytes, str]]] = []
        for name, value in found.multi_items():
            if isinstance(value, str):
                out.append((name, value))
            else:
                out.append((name, (await value.read(), value.content_type or "")))
        return out
    finally:
        await found.close()


def _data_url(column: str, data: bytes, kind: str, limits: ServeLimits) -> str | None:
    """Return a file as a data URL; None where no file was chosen. Raises Refused 422 for one that is longer than a data URL may be."""
    if not data:
        return None
    most = limits.media_cell * 3 // 4 - 100  # bytes of which four characters for three, and the head, still fit
    if len(data) > most:
        en = f"Row 1, column `{column}`: the file holds {len(data):,} bytes; at most {most:,} are taken."
        zh = f"第 1 行，列 `{column}`：文件有 {len(data):,} 字节；最多接受 {most:,} 字节。"
        raise Refused(422, "cell", Words(en, zh), row=1, column=column)
    # of types that a page would show as anything else, none is passed on
    plain = kind.partition(";")[0].strip().lower()
    known = plain.startswith(_NAMED_TYPES) and plain.partition("/")[2].replace("-", "").replace(".", "").isalnum()
    return f"data:{plain if known else 'application/octet-stream'};base64,{base64.b64encode(data).decode()}"


def _without_forms(column: str) -> Words:
    return Words(
        "Forms need python-multipart, which is not installed here: pip install 'modelwright[serve]'. Without it send JSON, the file "
        f'as a data URL: {{"{column}": "data:image/png;base64,..."}}.',
        "表单需要 python-multipart，此处未安装：pip install 'modelwright[serve]'。也可发送 JSON，文件写作 data URL："
        f'{{"{column}": "data:image/png;base64,..."}}。',
    )


def _elsewhere(media: list[str]) -> Words:
    shown = ", ".join(f"`{n}`" for n in media)
    own = [f" (or `{FILE}`)", f"（或 `{FILE}`）"] if len(media) == 1 else ["", ""]
    return Words(
        f"A file of the form stands in another field than those that take files: {shown}{own[0]}.",
        f"表单中的文件所在字段不接受文件；接受文件的字段：{shown.replace(', ', '、')}{own[1]}。",
    )
