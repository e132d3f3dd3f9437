"""From a subject to everything that holds it: registered data, kept feedback and requests, and the runs trained on it."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from modelwright.core.config import load_config
from modelwright.core.errors import ColumnError, DataError, ModelwrightError
from modelwright.core.keyref import Key
from modelwright.core.reading import Reading
from modelwright.core.run import read_json
from modelwright.core.words import Words
from modelwright.data.sources import read
from modelwright.data.text import open_bytes, sniff
from modelwright.privacy import subjects as kept
from modelwright.privacy.consent import Consents, cutoff, moments_of, read_consents, same
from modelwright.privacy.rowfiles import can_change, kind_of, of_subject, remove_rows, replacing
from modelwright.privacy.vault import sweep_places

KEPT = ("feedback", "requests")  # folders of a run that hold what users sent; see `logs_of`


@dataclass
class Found:
    """Where a subject was found: rows by file, runs trained or tested on it, and what could not be looked into."""

    files: dict[str, int] = field(default_factory=dict)
    trained: list[Path] = field(default_factory=list)
    tested: list[Path] = field(default_factory=list)
    unread: list[tuple[str, Words]] = field(default_factory=list)
    swept: list[Path] = field(default_factory=list)  # half-written copies that were removed
    jobs: dict[str, int] = field(default_factory=dict)  # rows by the folder of a service's job, which goes as a whole

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "files": self.files,
            "trained": [str(p) for p in self.trained],
            "tested": [str(p) for p in self.tested],
            "unread": [{"place": p, "why": list(w)} for p, w in self.unread],
            "unfinished_copies_removed": [str(p) for p in self.swept],
            "jobs": self.jobs,
        }


def runs_below(root: Path) -> list[Path]:
    """Return the run folders in a folder of runs."""
    return sorted(p.parent for p in root.glob("*/config.yaml"))


def logs_of(run: Path) -> list[Path]:
    """Return the files of a run that hold what users sent: JSON Lines, plain or encrypted, in `feedback/`, `requests/`."""
    found = [p for name in KEPT for p in sorted((run / name).rglob("*")) if p.is_file() and not p.name.startswith(".")]
    return [p for p in found if kind_of(p) in (".jsonl", ".ndjson", ".json")]


def subject_column(run: Path) -> str | None:
    """Return the column of the subjects that a run was told; None where it was told none."""
    place = run / "data" / "consent.json"
    found: Any = read_json(place) if place.is_file() else {}
    return found.get("subject")


def find(root: Path, subject: str, key: Key, *, erase: bool = False, also: Sequence[tuple[Path, str]] = ()) -> Found:
    """Walk from a subject to everything below `root` that holds it; with `erase` take its rows out.

    `also` are further files with the columns of their subjects. What cannot be looked into is named, never passed over.
    """
    out = Found()
    wanted = of_subject(subject)
    entries = kept.registered(root)
    places = [(Path(d["path"]), str(d["subject"])) for d in entries]
    readings = {(Path(d["path"]), str(d["subject"])): d.get("reading") for d in entries}
    for run in runs_below(root):
        column = subject_column(run)
        if column is not None:
            places += [(p, column) for p in logs_of(run)]
    if erase:
        # what a program that was killed left half-written holds the subject's rows as well
        out.swept = sweep_places([root, *dict.fromkeys(p for p, _ in (*places, *also))])
    for path, column in dict.fromkeys([*places, *also]):
        if not path.is_file():
            words = Words(
                "the file has gone, or is no single file; erase there yourself",
                "文件已不存在或不是单个文件；请自行删除",
            )
            out.unread.append((str(path), words))
            continue
        if not can_change(path):
            out.unread.append((str(path), Words("rows cannot be taken out of this format", "无法从此格式中删除行")))
            continue
        try:
            rows = remove_rows(path, column, wanted, look_only=not erase, reading=readings.get((path, column)))
        except ModelwrightError as e:
            out.unread.append((str(path), e.words))
            continue
        if rows:
            out.files[str(path)] = rows
    for run in runs_below(root):
        found = kept.trace(run / "data", key, subject)
        if found is None:
            continue
        if not found.readable:
            words = Words("its subjects were recorded under another key", "其主体摘要使用了其他密钥")
            out.unread.append((str(run), words))
        if found.trained:
            out.trained.append(run)
        elif found.tested:
            out.tested.append(run)
    return out


def withdraw(path: Path, subject: str, purpose: str | None, now: dt.datetime | None = None) -> list[str]:
    """Append a withdrawal to a table of consents, for one purpose or for all that it knows; return the purposes.

    Raises DataError where the table does not know the subject, or is of a kind that cannot be appended to.
    """
    table = read_consents(path)
    plain = kept.plain_subject(subject)
    known = table.purposes_of(plain)
    purposes = [p for p in known if purpose is None or p == same(purpose)]
    if not purposes:
        raise DataError(
            f"{path} knows no consent of this subject{f' for `{purpose}`' if purpose else ''}.",
            f"{path} 中没有该主体{f'对 `{purpose}` ' if purpose else ''}的同意记录。",
        )
    if "withdrawn" not in table.columns:
        raise ColumnError(
            f"{path} has no column `withdrawn` to write the date into; add one.",
            f"{path} 中没有可写入撤回日期的 `withdrawn` 列；请先添加。",
        )
    at = (now or dt.datetime.now()).isoformat(sep=" ", timespec="seconds")
    rows = [
        {table.columns["subject"]: plain, table.columns["purpose"]: p, table.columns["withdrawn"]: at} for p in purposes
    ]
    _append(path, table, rows)
    return purposes


def _append(path: Path, table: Consents, rows: list[dict[str, str]]) -> None:
    """Append rows to a table in CSV or JSON Lines, plain or encrypted."""
    kind = kind_of(path)
    with open_bytes(path) as f:
        before = f.read()
    if kind in (".jsonl", ".ndjson"):
        text = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows)
        encoding = "utf-8"
    elif kind in (".csv", ".tsv", ".txt", ""):
        dialect = sniff(path, Reading(header=True))
        out = io.StringIO()
        writer = csv.DictWriter(out, dialect.names, delimiter=dialect.delimiter, lineterminator="\n")
        writer.writerows(rows)
        text, encoding = out.getvalue(), dialect.encoding.replace("-sig", "")
    else:
        raise DataError(
            f"A withdrawal can be written into CSV and JSON Lines only; write it into {path} yourself.",
            f"只能向 CSV 和 JSON Lines 写入撤回；请自行写入 {path}。",
        )
    encoding = {"utf-16": "utf-16-le" if before[:2] == b"\xff\xfe" else "utf-16-be"}.get(encoding, encoding)
    last = before.decode(dialect.encoding if kind not in (".jsonl", ".ndjson") else "utf-8", "replace")[-1:]
    with replacing(path) as out_file:
        out_file.write(before + ("" if last in ("\n", "\r") else "\n").encode(encoding) + text.encode(encoding))


def expired(root: Path, now: dt.datetime | None = None, *, delete: bool = False) -> dict[str, int]:
    """Return, by file, how many rows are older than they may be kept; with `delete` take them out.

    Looks at the registered files that have a limit. Runs trained on such a file are to be marked by the caller.
    """
    now = now or dt.datetime.now()
    out: dict[str, int] = {}
    if delete:
        sweep_places([root, *(Path(e["path"]) for e in kept.registered(root))])
    for entry in kept.registered(root):
        column, limit, path = entry.get("time"), entry.get("retain"), Path(entry["path"])
        if not column or not limit or not path.is_file() or not can_change(path):
            continue
        reading = entry.get("reading") or {}
        cells = (
            read(str(path), **reading).column(column).to_pylist()
        )  # the whole column settles which form its dates have
        since = cutoff(limit, now)
        old = {_text(c) for c, m in zip(cells, moments_of(cells), strict=True) if m is not None and m < since}
        gone = partial(_among, old)
        rows = remove_rows(path, column, gone, look_only=not delete, reading=reading)
        if rows:
            out[str(path)] = rows
    return out


def _among(texts: set[str], cell: Any) -> bool:
    return _text(cell) in texts


def _text(cell: Any) -> str:
    return "" if cell is None else str(cell).strip()


def lapsed(root: Path, key: Key, now: dt.datetime | None = None) -> dict[Path, int]:
    """Return the runs trained on subjects whose consent has ended since, with how many: by each run's own table.

    Raises DataError, ColumnError where a table cannot be read.
    """
    now = now or dt.datetime.now()
    out: dict[Path, int] = {}
    for run in runs_below(root):
        place = run / "data" / "consent.json"
        facts: Any = read_json(place) if place.is_file() else {}
        if not facts.get("consents") or not facts.get("purpose"):
            continue
        table = read_consents(Path(facts["consents"]), facts.get("subject"))
        purpose = same(facts["purpose"])
        ended = [s for s in table.states.get(purpose, {}) if table.why_not(s, purpose, now) is not None]
        hit = kept.trained_among(run / "data", key, ended)
        if hit:
            out[run] = hit
    return out


def trained_for(root: Path, subject: str, key: Key, purposes: Sequence[str] | None) -> list[Path]:
    """Return the runs trained on a subject, those for some purposes only where purposes are named."""
    out = []
    for run in runs_below(root):
        found = kept.trace(run / "data", key, subject)
        if found is None or not found.trained:
            continue
        place = run / "data" / "consent.json"
        facts: Any = read_json(place) if place.is_file() else {}
        if purposes is None or not facts.get("purpose") or same(facts["purpose"]) in purposes:
            out.append(run)
    return out


def trained_from(root: Path, files: Sequence[str]) -> dict[Path, int]:
    """Return the runs whose data is one of these files."""
    out = {}
    for run in runs_below(root):
        data = str(load_config(run / "config.yaml").get("data", ""))
        if data and str(Path(data).resolve()) in files:
            out[run] = 0
    return out


def is_due(run: Path, why: str) -> bool:
    """Whether a run is marked for this reason already."""
    return any(d.get("why") == why for d in kept.due(run))
