"""Checking the ledger: every entry against its code, its place and its form; the whole against checkpoints kept elsewhere."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelwright.core.errors import LedgerError
from modelwright.core.keyref import Key
from modelwright.core.unwritable import cannot_write
from modelwright.core.words import Words
from modelwright.privacy.ledger import FIRST, head_place, line_of, mac, point_of


def checkpoint(place: Path, key: Key, file: Path) -> dict[str, Any]:
    """Add a checkpoint of the ledger's last entry to `file`, which should stand on another machine or medium.

    Raises LedgerError where the ledger is empty, does not verify, or the file cannot be written.
    """
    problems, entries = verify(place, key)
    if problems:
        raise LedgerError(problems[0].words)
    if not entries:
        raise LedgerError(f"{place} holds no entry yet.", f"{place} 还没有任何记录。")
    point = point_of(place, key, entries[-1])
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8") as f:
            f.write(json.dumps(point) + "\n")
            f.flush()
            os.fsync(f.fileno())
    except OSError as e:
        raise cannot_write(LedgerError, e, file, what=Words("the checkpoint", "检查点")) from e
    return point


# -- verifying -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Problem:
    """One thing that does not fit; `line` counts from 1, 0 where it is the whole ledger."""

    code: str  # edited, form, removed, moved, cut, rewritten, unreadable
    line: int
    words: Words


def read_entries(place: Path) -> list[dict[str, Any]]:
    """Return the entries as they stand, unchecked; lines that are none are left out. Raises LedgerError without a file."""
    return [e for _, e in _entries(place) if e is not None]


def _entries(place: Path) -> list[tuple[bytes, dict[str, Any] | None]]:
    try:
        if place.exists() and not place.is_file():
            raise OSError("no ordinary file")  # a pipe would be waited for
        data = place.read_bytes()
    except OSError as e:
        raise LedgerError(f"There is no ledger at {place}.", f"{place} 处没有审计账本。") from e
    lines = data.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    return [(line, _entry(line)) for line in lines]


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    ok = isinstance(entry, dict) and type(entry.get("n")) is int and "mac" in entry and "prev" in entry
    return entry if ok else None


def verify(place: Path, key: Key, points: Path | None = None) -> tuple[list[Problem], list[dict[str, Any]]]:
    """Return everything that does not fit, and the entries; with `points` a file of checkpoints is held against them.

    Finds entries that were edited, removed, added or moved, an end that was cut off (against checkpoints and the head
    kept beside the key), and a ledger that was written anew (against checkpoints). Raises LedgerError without a file.
    """
    lines = _entries(place)
    found: list[Problem] = []
    entries: list[dict[str, Any]] = []
    before, expected = FIRST, 1
    for number, (raw, entry) in enumerate(lines, 1):
        if _noted(raw, lines[number][1] if number < len(lines) else None):
            continue
        if entry is None:
            found.append(_problem("unreadable", number, "is no entry", "不是有效记录"))
            continue
        n = entry["n"]
        if not _equal_codes(mac(key, entry), entry["mac"]):
            found.append(_problem("edited", number, f"(entry {n}) was edited", f"（第 {n} 条）被改动"))
        elif raw != _written(entry):
            en = f"(entry {n}) does not stand as it was written: other spaces, order, escapes, or a field twice"
            zh = f"（第 {n} 条）与写入时的形式不一致：空格、顺序、转义不同，或字段重复"
            found.append(_problem("form", number, en, zh))
        elif n != expected:
            code, en, zh = (
                (
                    "removed",
                    f"entries {expected} to {n - 1} before it are missing",
                    f"其前第 {expected} 至 {n - 1} 条缺失",
                )
                if n > expected
                else ("moved", f"entry {n} stands out of its place", f"第 {n} 条不在原位")
            )
            found.append(_problem(code, number, en, zh))
        elif entry["prev"] != before:
            found.append(
                _problem("moved", number, f"entry {n} does not follow the one before", f"第 {n} 条与前一条不相接")
            )
        entries.append(entry)
        before, expected = str(entry["mac"]), n + 1
    if lines and not _ended(place):
        found.append(_problem("unreadable", len(lines), "has no end", "没有结尾"))
    found += _against(place, key, entries, points)
    return found, entries


def _ended(place: Path) -> bool:
    """Whether the last line is whole: a crash may have left half of one, or its end was taken away."""
    with contextlib.suppress(OSError), place.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
    return False


def _written(entry: dict[str, Any]) -> bytes:
    """Return the only line that stands for an entry; older entries keep the order of fields in which they came."""
    if "v" in entry:
        return line_of(entry)
    return json.dumps(entry, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _equal_codes(one: str, other: object) -> bool:
    return hmac.compare_digest(one.encode(), str(other).encode("utf-8", "surrogatepass"))


def _noted(raw: bytes, following: dict[str, Any] | None) -> bool:
    """Whether a line that a crash left unfinished is accounted for by the entry after it."""
    digest = hashlib.sha256(raw).hexdigest()
    return following is not None and following.get("sha256") == digest and following["did"] == "unfinished line found"


def _problem(code: str, line: int, en: str, zh: str) -> Problem:
    return Problem(code, line, Words(f"line {line}: {en}.", f"第 {line} 行：{zh}。"))


def _against(place: Path, key: Key, entries: list[dict[str, Any]], points: Path | None) -> list[Problem]:
    """Hold checkpoints, and the head kept beside the key, against the entries."""
    by_number = {e["n"]: str(e["mac"]) for e in entries}
    found: list[Problem] = []
    kept: list[tuple[str, Any]] = []
    head = head_place(place)
    with contextlib.suppress(OSError, ValueError):
        kept.append((str(head), json.loads(head.read_text(encoding="utf-8"))))
    if points is not None:
        try:
            text = points.read_text(encoding="utf-8")
        except OSError as e:
            raise LedgerError(f"There is no checkpoint file {points}.", f"找不到检查点文件 {points}。") from e
        for line in text.splitlines():
            try:
                kept.append((str(points), json.loads(line)))
            except ValueError:
                kept.append((str(points), None))
    for source, point in kept:
        if not (isinstance(point, dict) and _equal_codes(mac(key, point), point.get("mac"))):
            en, zh = f"a checkpoint in {source} does not fit the key", f"{source} 中有检查点与密钥不符"
            found.append(Problem("checkpoint", 0, Words(f"{en}.", f"{zh}。")))
        elif point["n"] not in by_number:
            last = max(by_number, default=0)
            en = f"the end was cut: entry {point['n']} stood there on {point['at']}, the last one is {last}"
            zh = f"结尾被截断：{point['at']} 时已有第 {point['n']} 条，现在最后一条是第 {last} 条"
            found.append(Problem("cut", 0, Words(f"{en}.", f"{zh}。")))
        elif by_number[point["n"]] != point["of"]:
            en = f"the ledger was written anew: entry {point['n']} is not the one of {point['at']}"
            zh = f"账本被重写：第 {point['n']} 条与 {point['at']} 的检查点不一致"
            found.append(Problem("rewritten", 0, Words(f"{en}.", f"{zh}。")))
    return list(dict.fromkeys(found))
