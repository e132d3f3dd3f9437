"""Messages of a chat, read from JSON: a list of {role, content}, or of ShareGPT's {from, value}."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from modelwright.core.errors import DataError

Message = Mapping[str, str]
ASSISTANT = "assistant"


def read_messages(cell: str, where: str = "") -> list[dict[str, str]]:
    """Return the messages that a cell holds as JSON: a list of {role, content}. Raises DataError for anything else."""
    try:
        data = json.loads(cell)
        if not isinstance(data, list) or not data:
            raise ValueError
        return [message(m) for m in data]
    except PartError as e:
        raise DataError(
            f"{where}A message holds a part of type `{e.kind}`; only text can be read. Leave such messages out.",
            f"{where}消息中含有类型为 `{e.kind}` 的内容；只能读取文本。请去掉这类消息。",
        ) from e
    except (ValueError, TypeError, KeyError, RecursionError) as e:
        raise DataError(
            f'{where}Expected messages [{{"role": "user", "content": "..."}}, ...], received `{cell[:80]}`.',
            f'{where}应为消息列表 [{{"role": "user", "content": "..."}}, ...]，收到的是 `{cell[:80]}`。',
        ) from e


class PartError(ValueError):
    """A part of a message that is no text, such as a picture: `place` is its number, `kind` its type."""

    def __init__(self, place: int, kind: str) -> None:
        super().__init__(f"part {place} is no text")
        self.place, self.kind = place, kind


_ROLES = {"human": "user", "gpt": ASSISTANT, "bot": ASSISTANT, "model": ASSISTANT}


def message(m: Any) -> dict[str, str]:
    """Return one message as {role, content}; the names of ShareGPT (`from`, `value`) are known too.

    Raises PartError where a part is no text, ValueError, TypeError, KeyError or AttributeError for what is no message.
    """
    role, content = m.get("role", m.get("from")), m.get("content", m.get("value"))
    if isinstance(content, list):  # parts, as OpenAI's clients send them
        for i, part in enumerate(content):
            if part.get("type", "text") != "text":
                raise PartError(i, str(part["type"])[:40])
        content = "".join(p["text"] for p in content)
    if not isinstance(role, str) or not isinstance(content, str):
        raise ValueError("a message is a role and a content")
    role = _ROLES.get(role, role)
    if not role.replace("_", "").isalnum() or len(role) > 32:
        raise ValueError("a role is a word")
    return {"role": role, "content": content}
