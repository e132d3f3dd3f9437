"""What was asked and what was answered, where they stand in columns of their own, as turns of a chat."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from typing import Any

import pyarrow as pa

from modelwright.data.messages import ASSISTANT, read_messages

SYSTEM, USER = "system", "user"
Turns = list[dict[str, str]]
_ASKED = ("prompt", "instruction", "question", "query", "input", "指令", "提示", "问题", "提问", "输入")
_MORE = ("input", "context", "输入")  # what an instruction is about
_ANSWERS = ("completion", "response", "output", "answer", "输出", "回答", "答案", "答复")
_SYSTEMS = ("system", "system_prompt")
_SPOKEN = re.compile(r"(?:^|\n\n)(Human|Assistant):[ \n]?")  # dialogues in one text, as Anthropic's HH-RLHF has them


def answer_column(names: Collection[str]) -> str | None:
    """Return the column of answers of a table that has one of what was asked too; None where it lacks either."""
    found = next((n for n in _ANSWERS if n in names), None)
    return found if any(n in names for n in _ASKED) else None


def systems(raw: pa.Table) -> list[Turns]:
    """Return the system message of each row, where there is one."""
    return [[_turn(SYSTEM, v)] if isinstance(v, str) and v.strip() else [] for v in _cells(raw, _SYSTEMS)]


def asked(raw: pa.Table, name: str) -> list[Turns]:
    """Return what stands before each row's answer: system message, earlier turns (`history`), and what was asked last. Raises
    DataError naming the row."""
    first = next((n for n in _ASKED if n in raw.column_names), "")
    rows = zip(
        systems(raw), _cells(raw, ("history",)), _cells(raw, (first,)), _cells(raw, [n for n in _MORE if n != first])
    )
    return [
        system
        + _earlier(history)
        + (turns(_with(last, more), USER, f"{name}, row {i}: ") if _says_something(last) else [])
        for i, (system, history, last, more) in enumerate(rows, 1)
    ]


def led(before: Turns, after: Turns) -> Turns:
    """Return a chat with what stands before it; one that begins with the user's words is whole, and takes a system message at most."""
    head, said = ([], after) if not after or after[0]["role"] != SYSTEM else (after[:1], after[1:])
    whole = bool(said) and said[0]["role"] == USER
    kept = [m for m in before if not (whole and m["role"] != SYSTEM) and not (head and m["role"] == SYSTEM)]
    return head + kept + said


def turns(value: Any, role: str, where: str) -> Turns:
    """Return a cell as turns: messages, a dialogue of `Human:` and `Assistant:`, or else the words of `role`. Raises DataError."""
    if isinstance(value, dict):
        value = [value]
    if isinstance(value, list):
        return read_messages(json.dumps(value, ensure_ascii=False), where)
    text = str(value)
    if text.lstrip().startswith("[{") and _is_json_list(text):
        return read_messages(text, where)
    if _SPOKEN.match(text) and text.lstrip().startswith("Human:"):
        parts = _SPOKEN.split(text)[1:]
        spoken = [_turn(USER if who == "Human" else ASSISTANT, words.strip()) for who, words in zip(*[iter(parts)] * 2)]
        return spoken[:-1] if len(spoken) > 1 and not spoken[-1]["content"] else spoken
    return [_turn(role, text)]


def _turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _says_something(value: Any) -> bool:
    return value is not None and value != "" and value != []


def _with(last: Any, more: Any) -> Any:
    return f"{last}\n\n{more}" if isinstance(last, str) and isinstance(more, str) and more.strip() else last


def _earlier(history: Any) -> Turns:
    """Return earlier turns that stand as pairs of what was asked and answered; none of anything else."""
    pairs = history if isinstance(history, list) else []
    sound = all(isinstance(p, list) and len(p) == 2 and all(isinstance(t, str) for t in p) for p in pairs)
    return [_turn(r, t) for p in pairs for r, t in zip((USER, ASSISTANT), p)] if sound else []


def _cells(raw: pa.Table, names: Sequence[str]) -> list[Any]:
    found = next((n for n in names if n in raw.column_names), None)
    return raw.column(found).to_pylist() if found else [None] * raw.num_rows


def _is_json_list(text: str) -> bool:
    try:
        return isinstance(json.loads(text), list)
    except (ValueError, RecursionError):
        return False
