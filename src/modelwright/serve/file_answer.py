"""Answers that are files, given as the file itself to who accepts its type: `Accept: image/png`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import Response

from modelwright.core.answers.media import file_bytes
from modelwright.core.words import Words
from modelwright.serve.limits import Refused

_OF_FILES = ("image/", "audio/", "video/")


def wanted(headers: Mapping[str, str] | None) -> list[str]:
    """Return the types of files that a client accepts, where it names them before JSON; none where it takes anything."""
    out: list[str] = []
    for part in (headers or {}).get("accept", "").lower().split(","):
        kind = part.split(";")[0].strip()
        if kind in ("application/json", "*/*"):
            break
        if kind.startswith(_OF_FILES):
            out.append(kind)
    return out


def as_file(headers: Mapping[str, str] | None, answers: list[dict[str, Any]], alone: bool) -> Response | None:
    """Return the file of an answer to a row that is alone, with the answer's id as a header; None where JSON is wanted.

    Raises Refused 406 for several rows, or a type that the answer is not.
    """
    kinds = wanted(headers)
    if not kinds or not any(file_bytes(a.get("prediction")) for a in answers):
        return None
    if not alone:
        words = Words(
            f"`Accept: {kinds[0]}` answers one row at a time, received {len(answers)}: send one row, or accept application/json.",
            f"`Accept: {kinds[0]}` 每次只回答一行，收到 {len(answers)} 行：请只发送一行，或接受 application/json。",
        )
        raise Refused(406, "accept", words)
    data = file_bytes(answers[0].get("prediction"))
    kind = answers[0]["prediction"]["type"]
    if not any(k == kind or (k.endswith("/*") and kind.startswith(k[:-1])) for k in kinds):
        words = Words(
            f"The answer is of type {kind}, and the request accepts {', '.join(kinds)}.",
            f"答案的类型是 {kind}，而请求接受的是 {'、'.join(kinds)}。",
        )
        raise Refused(406, "accept", words)
    more = {"X-Answer-Id": answers[0]["id"]} if "id" in answers[0] else {}
    return Response(data, 200, more, kind)
