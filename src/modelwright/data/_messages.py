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
    except (ValueError, TypeError, KeyError, RecursionError) as e:
        raise DataError(
            f'{where}Expected messages [{{"role": "user", "content": "..."}}, ...], received `{cell[:80]}`.',
            f'{where}应为消息列表 [{{"role": "user", "content": "..."}}, ...]，收到的是 `{cell[:80]}`。',
        ) from e


_ROLES = {"human": "user", "gpt": ASSISTANT, "bot": ASSISTANT, "model": ASSISTANT}


def message(m: Any) -> dict[str, str]:
    """Return one message as {role, content}; the names of ShareGPT (`from`, `value`) are known too."""
    role, content = m.get("role", m.get("from")), m.get("content", m.get("value"))
    if isinstance(content, list):  # parts, as OpenAI's clients send them
        content = "".join(p["text"] for p in content if p.get("type", "text") == "text")
    if not isinstance(role, str) or not isinstance(content, str):
        raise ValueError("a message is a role and a content")
    role = _ROLES.get(role, role)
    if not role.replace("_", "").isalnum() or len(role) > 32:
        raise ValueError("a role is a word")
    return {"role": role, "content": content}
