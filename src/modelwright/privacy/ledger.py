"""The ledger: who did what, when, to which data, model and key. Append-only JSON Lines under a chain of HMACs.

Every entry is bound to the one before it by HMAC-SHA256 under a key that is kept elsewhere (`core.keyref.own_key`), so
that an edited, removed or moved entry no longer fits. A chain alone cannot tell that its end was cut off, and whoever
holds the key can write it anew; so a checkpoint, the number and the code of the last entry, is kept in a place that the
user names. One that the key's folder keeps by itself (`head`) finds a cut end on the same machine.

Entries hold digests, counts and names of runs, never a value of the data.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from modelwright.core.errors import LedgerError, ModelwrightError
from modelwright.core.keyref import Key, home, own_key
from modelwright.core.words import Words

ENV = "MODELWRIGHT_LEDGER"
NAME = "ledger.jsonl"
_OFF = ("off", "none", "0")
_TAIL = 1 << 16
_FIRST = "0" * 64


def place_of(path: Path | None) -> Path:
    """Return the ledger of a run, bundle or folder of runs: MODELWRIGHT_LEDGER, else `ledger.jsonl` beside the runs.

    None gives the one of `runs/` in the working folder, or this user's own where there is no such folder.
    """
    named = os.environ.get(ENV, "")
    if named and named.lower() not in _OFF:
        return Path(named)
    if path is None:
        return (Path("runs") if Path("runs").is_dir() else home()) / NAME
    run = path.parent if path.name == "bundle" else path
    return (run.parent if (run / "config.yaml").exists() or path.name == "bundle" else path) / NAME


def record(path: Path | None, did: str, *, digests: Mapping[str, str] | None = None, **facts: Any) -> None:
    """Write what was done into the ledger of `path` (as in `place_of`).

    Of `digests` only keyed digests are written, so that nothing can be guessed back from the ledger alone.
    Where the user named the ledger, failing to write it is a LedgerError; the one kept by default is left out then, so
    that a read-only disk stops nobody. MODELWRIGHT_LEDGER=off keeps none.
    """
    named = os.environ.get(ENV, "")
    if named.lower() in _OFF and named:
        return
    place = place_of(path)
    try:
        key = own_key()
        hidden = {name: key.digest("ledger facts", value) for name, value in (digests or {}).items()}
        append(place, key, did, {**facts, **hidden})
    except ModelwrightError:
        if named:
            raise


def ready() -> None:
    """Raise LedgerError where the user named a ledger that cannot be written, before any work is done."""
    named = os.environ.get(ENV, "")
    if not named or named.lower() in _OFF:
        return
    place = Path(named)
    try:
        own_key()
        place.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(place, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600))
    except OSError as e:
        raise LedgerError(
            f"Cannot write the ledger {place}: {e.strerror}.", f"无法写入审计账本 {place}：{e.strerror}。"
        ) from e


def model_id(bundle: Path) -> str | None:
    """Return what names a bundle: the SHA-256 of its manifest, which holds those of all its files."""
    try:
        return hashlib.sha256((bundle / "manifest.json").read_bytes()).hexdigest()[:32]
    except OSError:
        return None


def who() -> str:
    """Return the name of the user and the machine."""
    import getpass
    import platform

    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = str(os.getuid()) if hasattr(os, "getuid") else "?"
    return f"{user}@{platform.node()}"


def append(place: Path, key: Key, did: str, facts: dict[str, Any]) -> dict[str, Any]:
    """Add an entry and return it; several processes may do so at once. Raises LedgerError where the disk refuses."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(place, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+b") as file, locked(file):
            last, torn = _last(file)
            if torn:
                file.write(b"\n")
                noted = {"bytes": len(torn), "sha256": hashlib.sha256(torn).hexdigest()}
                last = _add(file, key, last, "unfinished line found", noted)
            entry = _add(file, key, last, did, facts)
            file.flush()
            os.fsync(file.fileno())
            _keep_head(place, key, entry)
            return entry
    except OSError as e:
        raise LedgerError(
            f"Cannot write the ledger {place}: {e.strerror}.", f"无法写入审计账本 {place}：{e.strerror}。"
        ) from e


def _add(file: BinaryIO, key: Key, last: dict[str, Any] | None, did: str, facts: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "n": 1 if last is None else int(last["n"]) + 1,
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "who": who(),
        "did": did,
        **{k: v for k, v in facts.items() if v is not None},
        "prev": _FIRST if last is None else last["mac"],
    }
    entry["mac"] = mac(key, entry)
    file.write((json.dumps(entry, ensure_ascii=False, default=str) + "\n").encode())
    return json.loads(json.dumps(entry, default=str))


def mac(key: Key, entry: dict[str, Any]) -> str:
    """Return the code of an entry: HMAC-SHA256 of its canonical JSON, the link to the one before included."""
    body = {k: v for k, v in entry.items() if k != "mac"}
    text = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)
    return hmac.new(key.derive("ledger"), text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def _last(file: BinaryIO) -> tuple[dict[str, Any] | None, bytes]:
    """Return the last whole entry, and what a crash left of a line after it."""
    size = file.seek(0, os.SEEK_END)
    reach = _TAIL
    while True:
        file.seek(max(0, size - reach))
        data = file.read()
        whole, _, torn = data.rpartition(b"\n")
        for line in reversed(whole.split(b"\n") if size <= reach else whole.split(b"\n")[1:]):
            with contextlib.suppress(ValueError, TypeError, KeyError):
                entry = json.loads(line)
                return {"n": int(entry["n"]), "mac": str(entry["mac"])}, torn
        if size <= reach:
            return None, torn
        reach *= 8


@contextlib.contextmanager
def locked(file: BinaryIO) -> Iterator[None]:
    """Hold the file for this process alone."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        lock: Any = msvcrt
        file.seek(1 << 40)
        lock.locking(file.fileno(), lock.LK_LOCK, 1)
        try:
            yield
        finally:
            file.seek(1 << 40)
            lock.locking(file.fileno(), lock.LK_UNLCK, 1)
        return
    fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        file.flush()
        fcntl.flock(file, fcntl.LOCK_UN)


# -- heads and checkpoints -------------------------------------------------------------------------------------------


def _head_place(place: Path) -> Path:
    name = hashlib.sha256(str(place.resolve()).encode("utf-8", "surrogatepass")).hexdigest()[:24]
    return home() / "ledgers" / f"{name}.json"


def _keep_head(place: Path, key: Key, entry: dict[str, Any]) -> None:
    """Keep number and code of the last entry in the key's folder; it is a help, and never stops the work."""
    head = _head_place(place)
    with contextlib.suppress(OSError):
        head.parent.mkdir(parents=True, exist_ok=True)
        part = head.with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps(_point(place, key, entry)), encoding="utf-8")
        os.replace(part, head)


def _point(place: Path, key: Key, entry: dict[str, Any]) -> dict[str, Any]:
    point = {"ledger": place.name, "n": entry["n"], "of": entry["mac"], "at": entry["at"]}
    return {**point, "mac": mac(key, point)}


def checkpoint(place: Path, key: Key, file: Path) -> dict[str, Any]:
    """Add a checkpoint of the ledger's last entry to `file`, which should stand on another machine or medium.

    Raises LedgerError where the ledger is empty, does not verify, or the file cannot be written.
    """
    problems, entries = verify(place, key)
    if problems:
        raise LedgerError(problems[0].words)
    if not entries:
        raise LedgerError(f"{place} holds no entry yet.", f"{place} 还没有任何记录。")
    point = _point(place, key, entries[-1])
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8") as f:
            f.write(json.dumps(point) + "\n")
            f.flush()
            os.fsync(f.fileno())
    except OSError as e:
        raise LedgerError(
            f"Cannot write the checkpoint {file}: {e.strerror}.", f"无法写入检查点 {file}：{e.strerror}。"
        ) from e
    return point


# -- verifying -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Problem:
    """One thing that does not fit; `line` counts from 1, 0 where it is the whole ledger."""

    code: str  # edited, removed, moved, cut, rewritten, unreadable
    line: int
    words: Words


def read_entries(place: Path) -> list[dict[str, Any]]:
    """Return the entries as they stand, unchecked; lines that are none are left out. Raises LedgerError without a file."""
    return [e for _, e in _lines(place) if e is not None]


def _lines(place: Path) -> list[tuple[bytes, dict[str, Any] | None]]:
    try:
        data = place.read_bytes()
    except OSError as e:
        raise LedgerError(f"There is no ledger at {place}.", f"{place} 处没有审计账本。") from e
    out: list[tuple[bytes, dict[str, Any] | None]] = []
    for line in data.split(b"\n"):
        if line:
            try:
                entry = json.loads(line)
                ok = isinstance(entry, dict) and isinstance(entry.get("n"), int) and "mac" in entry and "prev" in entry
            except (ValueError, RecursionError):
                ok = False
            out.append((line, entry if ok else None))
    return out


def verify(place: Path, key: Key, points: Path | None = None) -> tuple[list[Problem], list[dict[str, Any]]]:
    """Return everything that does not fit, and the entries; with `points` a file of checkpoints is held against them.

    Finds entries that were edited, removed, added or moved, an end that was cut off (against checkpoints and the head
    kept beside the key), and a ledger that was written anew (against checkpoints). Raises LedgerError without a file.
    """
    lines = _lines(place)
    found: list[Problem] = []
    entries: list[dict[str, Any]] = []
    before, expected = _FIRST, 1
    for number, (raw, entry) in enumerate(lines, 1):
        if entry is None:
            if not _noted(raw, lines[number][1] if number < len(lines) else None):
                found.append(_problem("unreadable", number, "is no entry", "不是有效记录"))
            continue
        n = entry["n"]
        if not _same(mac(key, entry), entry["mac"]):
            found.append(_problem("edited", number, f"(entry {n}) was edited", f"（第 {n} 条）被改动"))
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
    found += _against(place, key, entries, points)
    return found, entries


def _same(one: str, other: object) -> bool:
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
    head = _head_place(place)
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
        if not (isinstance(point, dict) and _same(mac(key, point), point.get("mac"))):
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
