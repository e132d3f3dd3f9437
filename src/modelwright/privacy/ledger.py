"""The ledger: who did what, when, to which data, model and key. Append-only JSON Lines under a chain of HMACs.

Every entry is bound to the one before it by HMAC-SHA256 under a key that is kept elsewhere (`core.keyref.own_key`), so
that an edited, removed or moved entry no longer fits. A chain alone cannot tell that its end was cut off, and whoever
holds the key can write it anew; so a checkpoint, the number and the code of the last entry, is kept in a place that the
user names. One that the key's folder keeps by itself (`head`) finds a cut end on the same machine.

Entries hold digests, counts and names of runs, never a value of the data.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import hmac
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from modelwright.core.errors import LedgerError, ModelwrightError
from modelwright.core.keyref import Key, home, own_key
from modelwright.core.locks import locked
from modelwright.core.unwritable import cannot_write
from modelwright.core.utc import utc_now
from modelwright.core.words import Words

ENV = "MODELWRIGHT_LEDGER"
NAME = "ledger.jsonl"
_OFF = ("off", "none", "0")
VERSION = 2  # of the form of entries: since 2 one entry can be written in one way only
_MODELS = ("manifest.json", "config.json")  # a folder that holds one is a model, not a folder of runs
_HINT = Words(
    "Name another with MODELWRIGHT_LEDGER, or keep none with MODELWRIGHT_LEDGER=off.",
    "可用 MODELWRIGHT_LEDGER 指定其他位置，或设 MODELWRIGHT_LEDGER=off 不记账。",
)
_TAIL = 1 << 16
FIRST = "0" * 64


def place_of(path: Path | None, *, run: bool = False) -> Path:
    """Return the ledger of a run, bundle or folder of runs: MODELWRIGHT_LEDGER, else `ledger.jsonl` beside the runs.

    None, and a bundle that stands in no run, give the one of `runs/` in the working folder, or this user's own where
    there is no such folder: nothing is ever written into a bundle. `run` says that `path` is a run folder, though it may not be there yet.
    """
    named = os.environ.get(ENV, "")
    if named and named.lower() not in _OFF:
        return Path(named)
    path = None if path is None else Path(os.path.abspath(path))
    if path is not None and run:
        return path.parent / NAME
    if path is not None and (path.name == "bundle" or any((path / name).exists() for name in _MODELS)):
        path = path.parent if path.name == "bundle" and (path.parent / "config.yaml").exists() else None
    if path is None:
        return (Path("runs") if Path("runs").is_dir() else home()) / NAME
    return (path.parent if (path / "config.yaml").exists() else path) / NAME


def _off() -> bool:
    return os.environ.get(ENV, "").lower() in _OFF


def record(path: Path | None, did: str, *, digests: Mapping[str, str] | None = None, **facts: Any) -> None:
    """Write what was done into the ledger of `path` (as in `place_of`).

    Of `digests` only keyed digests are written, so that nothing can be guessed back from the ledger alone.
    Raises LedgerError where it cannot be written: whoever calls gives up what was to be done, or takes it back.
    MODELWRIGHT_LEDGER=off keeps none.
    """
    if _off():
        return
    with _with_advice():
        key = own_key()
        hidden = {name: key.digest("ledger facts", value) for name, value in (digests or {}).items()}
        append(place_of(path), key, did, {**facts, **hidden})


@contextlib.contextmanager
def _with_advice() -> Iterator[None]:
    """Say with every refusal of the ledger what can be done about it."""
    try:
        yield
    except ModelwrightError as e:
        if e.words.en.endswith(_HINT.en):
            raise
        raise LedgerError(f"{e.words.en} {_HINT.en}", f"{e.words.zh}{_HINT.zh}") from e


def ready(path: Path | None = None, *, run: bool = False) -> None:
    """Raise LedgerError where the ledger of `path` could not be written, before any work is done; nothing is made.

    `run` says that `path` is a run folder, though it need not be there yet.
    """
    if _off():
        return
    place = place_of(path, run=run)
    with _with_advice():
        try:
            if os.path.lexists(place):
                os.close(os.open(place, os.O_RDWR | os.O_APPEND | getattr(os, "O_NONBLOCK", 0)))
                if not place.is_file():
                    raise OSError(errno.EINVAL, "no ordinary file")
            else:
                above = next(p for p in (place.parent, *place.absolute().parents) if p.exists())
                if not above.is_dir():
                    raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
                if not os.access(above, os.W_OK | os.X_OK):
                    raise OSError(errno.EACCES, os.strerror(errno.EACCES))
        except OSError as e:
            raise _unwritable(place, e) from e
        own_key()


def _unwritable(place: Path, error: OSError) -> LedgerError:
    return cannot_write(LedgerError, error, place, what=Words("the ledger", "审计账本"))


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
        raise _unwritable(place, e) from e


def _add(file: BinaryIO, key: Key, last: dict[str, Any] | None, did: str, facts: dict[str, Any]) -> dict[str, Any]:
    # what is signed is what can be read back: text that UTF-8 cannot hold is replaced before, not after
    plain = json.dumps({k: v for k, v in facts.items() if v is not None}, ensure_ascii=False, default=str)
    entry: dict[str, Any] = {
        "n": 1 if last is None else int(last["n"]) + 1,
        "v": VERSION,
        "at": utc_now(),
        "who": who().encode("utf-8", "replace").decode(),
        "did": did,
        **json.loads(plain.encode("utf-8", "replace")),
        "prev": FIRST if last is None else last["mac"],
    }
    entry["mac"] = mac(key, entry)
    file.write(line_of(entry) + b"\n")
    return entry


def line_of(entry: Mapping[str, Any]) -> bytes:
    """Return the one line that stands for an entry: who did what when, the facts by name, the link, the code."""
    first, last = ("n", "v", "at", "who", "did"), ("prev", "mac")
    names = [*(k for k in first if k in entry), *sorted(set(entry) - {*first, *last}), *(k for k in last if k in entry)]
    return json.dumps({k: entry[k] for k in names}, ensure_ascii=False).encode("utf-8", "surrogatepass")


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


# -- heads -------------------------------------------------------------------------------------------


def head_place(place: Path) -> Path:
    name = hashlib.sha256(str(place.resolve()).encode("utf-8", "surrogatepass")).hexdigest()[:24]
    return home() / "ledgers" / f"{name}.json"


def _keep_head(place: Path, key: Key, entry: dict[str, Any]) -> None:
    """Keep number and code of the last entry in the key's folder; it is a help, and never stops the work."""
    head = head_place(place)
    with contextlib.suppress(OSError):
        head.parent.mkdir(parents=True, exist_ok=True)
        part = head.with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps(point_of(place, key, entry)), encoding="utf-8")
        os.replace(part, head)


def point_of(place: Path, key: Key, entry: dict[str, Any]) -> dict[str, Any]:
    point = {"ledger": place.name, "n": entry["n"], "of": entry["mac"], "at": entry["at"]}
    return {**point, "mac": mac(key, point)}
