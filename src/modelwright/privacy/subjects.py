"""Whose rows a run was trained on: keyed digests of the subjects, never their names; and what is due for retraining.

A digest is HMAC-SHA256 under this user's own key (`core.keyref.own_key`), cut to 16 bytes. Without the key nobody can
tell whether a certain person is among them; with it, one asked for by name can be found.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.core.errors import BundleError, DataError, ModelwrightError
from modelwright.core.keyref import Key
from modelwright.core.run import read_json, write_json
from modelwright.core.unwritable import cannot_write
from modelwright.core.utc import utc_now
from modelwright.core.words import Words

FILE = "subjects.safetensors"
DUE = "due.json"
_SIZE = 16
_PURPOSE = "subject"


def plain_subject(value: Any) -> str:
    """Return a subject as it is compared: `007` stays, ` Ａ１ ` becomes `A1`, 12.0 becomes `12`, None becomes empty."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return unicodedata.normalize("NFKC", str(value)).strip()


def digest(key: Key, subject: str) -> str:
    """Return 32 hexadecimal digits that stand for a subject to whoever holds the key."""
    return key.digest(_PURPOSE, plain_subject(subject))


def _digests(key: Key, subjects: Iterable[str]) -> np.ndarray:
    """Return digests [N, 16] as bytes, sorted, each once."""
    found = sorted({digest(key, s) for s in subjects if s})
    return np.frombuffer(bytes.fromhex("".join(found)), np.uint8).reshape(-1, _SIZE)


def write_subjects(folder: Path, key: Key, trained: Sequence[str], tested: Sequence[str]) -> None:
    """Keep the digests of the subjects whose rows trained and whose rows tested a model. Raises DataError."""
    from safetensors.numpy import save_file

    arrays = {"trained": _digests(key, trained), "tested": _digests(key, tested)}
    part = folder / f".{FILE}.part"
    try:
        save_file({n: np.ascontiguousarray(a) for n, a in arrays.items()}, part, {"key": key.id})
        part.replace(folder / FILE)
    except OSError as e:
        raise cannot_write(DataError, e, folder / FILE) from e
    finally:
        part.unlink(missing_ok=True)


@dataclass(frozen=True)
class Trace:
    """What a run's digests say of one subject. `readable` is False where they were made under another key."""

    trained: bool
    tested: bool
    readable: bool = True


def trace(folder: Path, key: Key, subject: str) -> Trace | None:
    """Say whether a subject's rows went into the run whose `data` folder this is; None where it kept no digests."""
    from safetensors import SafetensorError, safe_open

    path = folder / FILE
    if not path.is_file():
        return None
    wanted = np.frombuffer(bytes.fromhex(digest(key, subject)), np.uint8)
    try:
        with safe_open(path, "numpy") as f:
            if (f.metadata() or {}).get("key") != key.id:
                return Trace(False, False, readable=False)
            hit = {n: bool((f.get_tensor(n) == wanted).all(axis=1).any()) for n in ("trained", "tested")}
    except (SafetensorError, OSError) as e:
        raise BundleError(f"{path} is damaged ({e}).", f"{path} 已损坏（{e}）。") from e
    return Trace(hit["trained"], hit["tested"])


def trained_among(folder: Path, key: Key, subjects: Sequence[str]) -> int:
    """Return how many of some subjects a run was trained on; 0 where it kept no digests, or kept them under another key."""
    from safetensors import safe_open

    if not (folder / FILE).is_file() or not subjects:
        return 0
    with safe_open(folder / FILE, "numpy") as f:
        if (f.metadata() or {}).get("key") != key.id:
            return 0
        known = {bytes(row) for row in f.get_tensor("trained")}
    return sum(bytes.fromhex(digest(key, s)) in known for s in set(subjects))


def count(folder: Path) -> int | None:
    """Return how many subjects a run was trained on; None where it kept no digests."""
    from safetensors import safe_open

    if not (folder / FILE).is_file():
        return None
    with safe_open(folder / FILE, "numpy") as f:
        return int(f.get_slice("trained").get_shape()[0])


# -- due for retraining ----------------------------------------------------------------------------------------------


def mark_due(run: Path, why: str, subjects: int = 1) -> None:
    """Mark a run as due for retraining; `why` is `erased`, `withdrawn`, `expired` or `retention`. Raises DataError."""
    at = utc_now()
    write_json(run / DUE, {"due": [*due(run), {"why": why, "at": at, "subjects": subjects}]})


def due(run: Path) -> list[dict[str, Any]]:
    """Return why a run (or the run of a bundle) is due for retraining; [] where it is not."""
    for place in (run / DUE, run.parent / DUE if run.name == "bundle" else run / DUE):
        if place.is_file():
            found = read_json(place).get("due")
            return found if isinstance(found, list) else []
    return []


def registered(root: Path) -> list[dict[str, Any]]:
    """Return the data files known below a folder of runs: `path`, `subject` (column), `time`, `retain`, `reading` (options of `Reading`)."""
    path = root / "subjects.json"
    if not path.is_file():
        return []
    found: Any = read_json(path)
    return [d for d in found.get("data", []) if isinstance(d, dict) and "path" in d and "subject" in d]


def register(root: Path, path: Path, subject: str, **more: Any) -> None:
    """Let erasure know a data file and the column of its subjects. Raises DataError where that cannot be kept."""
    entry = {"path": str(path.resolve()), "subject": subject, **{k: v for k, v in more.items() if v}}
    known = [d for d in registered(root) if (d["path"], d["subject"]) != (entry["path"], subject)]
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise cannot_write(DataError, e, root) from e
    write_json(root / "subjects.json", {"data": [*known, entry]})


def due_words(run: Path) -> Words | None:
    """Return the sentence that says that a run is due for retraining, and why; None where it is not."""
    try:
        found = due(run)
    except ModelwrightError:
        return None
    if not found:
        return None
    why = {d.get("why") for d in found}
    said = [_WHY[w] for w in _WHY if w in why] or [Words("marked", "已标记")]
    en, zh = ", ".join(w.en for w in said), "、".join(w.zh for w in said)
    return Words(f"due for retraining ({en})", f"需要重新训练（{zh}）")


_WHY = {
    "erased": Words("a subject was erased", "有主体已删除"),
    "withdrawn": Words("consent was withdrawn", "有同意已撤回"),
    "expired": Words("consent has ended", "有同意已到期"),
    "retention": Words("rows are older than may be kept", "有数据超过保留期限"),
}
