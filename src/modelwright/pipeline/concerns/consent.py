"""Which of the rows that were read may be used: consent and retention, settled before anything looks at a value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.config import RunConfig
from modelwright.core.errors import ModelwrightError, OptionError
from modelwright.core.events import EventStream
from modelwright.core.keyref import own_key
from modelwright.core.run import RunFolder, write_json
from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.data.check import Finding
from modelwright.data.coerce import BadValue
from modelwright.privacy import consent, subjects
from modelwright.privacy.consent import Allowed


def asked(config: RunConfig) -> bool:
    """Whether the run was told of subjects or of limits at all."""
    return config.subject is not None or config.retain is not None


def check(config: RunConfig) -> None:
    """Refuse options that do not go together, and keys that cannot be made. Raises OptionError, VaultError."""
    consent.check_wishes(config.consent, config.subject, config.purpose, config.retain)
    if config.subject is not None:
        own_key()  # what digests are made with must be there before anything is written


def permit(config: RunConfig, raw: pa.Table, source: str, events: EventStream) -> tuple[pa.Table, Allowed | None]:
    """Return the rows that may be used, and what is known of them; None where nothing was asked for."""
    if not asked(config):
        return raw, None
    found = consent.allowed(
        raw,
        consent=config.consent,
        subject=config.subject,
        purpose=config.purpose,
        retain=config.retain,
        time=config.time,
        source=source,
    )
    words = consent.left_out_words(found)
    if words is not None:
        events.note(*words)
        raw = raw.take(pa.array(found.index))
    return raw, found


def regathered(config: RunConfig, raw: pa.Table, found: Allowed | None) -> Allowed | None:
    """Return what is known of the rows after several of them were gathered into series. Raises OptionError."""
    if found is None or found.subjects is None or raw.num_rows == len(found.index) or config.subject is None:
        return found
    if config.subject not in raw.column_names:
        raise OptionError(
            f"`{config.subject}` differs within a series, so it cannot say whose a series is.",
            f"`{config.subject}` 在同一序列内不一致，无法说明序列属于哪个主体。",
        )
    names = [subjects.plain_subject(v) for v in raw.column(config.subject).to_pylist()]
    return replace(found, index=np.arange(raw.num_rows), subjects=names)


def ignored(config: RunConfig, ignore: Sequence[str]) -> list[str]:
    """Return the columns to leave out: the subject among them, unless the user said what it is for."""
    own = config.subject
    used = {config.target, config.group, config.time, *config.column}
    return [*ignore, own] if own is not None and own not in used and own not in ignore else list(ignore)


def renumbered(table: Table, bad: list[BadValue], found: Allowed | None) -> tuple[Table, list[BadValue]]:
    """Give rows the numbers that they have in the source again, after others were left out."""
    if found is None or len(table) != len(found.index):
        return table, bad
    numbers = found.index + 1
    table = Table(table.data, table.schema, numbers[table.rows - 1], table.source)
    return table, [replace(b, row=int(numbers[b.row - 1])) for b in bad]


def findings(found: Allowed | None) -> list[Finding]:
    """Return what the report says of rows that were left out."""
    words = consent.left_out_words(found) if found is not None else None
    if words is None or found is None:
        return []
    advice = Words(f"{found.facts['kept']} rows stay.", f"保留 {found.facts['kept']} 行。")
    return [Finding("consent", "info", found.facts.get("subject"), words, advice)]


def _whose(found: Allowed | None, rows: np.ndarray) -> list[str]:
    """Return the subjects of rows by their numbers in the source."""
    if found is None or found.subjects is None:
        return []
    numbers = found.index + 1
    known = rows[np.isin(rows, numbers)]  # others were made, not read
    return [found.subjects[i] for i in np.searchsorted(numbers, known)]


def keep(
    config: RunConfig, folder: RunFolder, found: Allowed | None, trained: np.ndarray, tested: np.ndarray,
    found_test: Allowed | None,
) -> None:  # fmt: skip
    """Write into the run what consent and retention did, and keyed digests of its subjects; let erasure know the data."""
    if found is None:
        return
    facts: dict[str, Any] = {**found.facts, "test": found_test.facts if found_test else None}
    if config.consent is not None:
        facts["consents"] = str(Path(config.consent).resolve())
    write_json(folder.data / "consent.json", facts)
    if config.subject is None:
        return
    tests = _whose(found_test if found_test is not None else found, tested)
    subjects.write_subjects(folder.data, own_key(), _whose(found, trained), tests)
    column, _, limit = (config.retain or "").rpartition(":")
    for path in (config.data, config.test):
        if path is not None and Path(path).is_file():
            time = (column or config.time) if limit else None
            subjects.register(folder.path.parent, Path(path), config.subject, time=time, retain=limit or None)


def due_words(run: Path) -> Words | None:
    """Return the sentence that says that a run is due for retraining, and why; None where it is not."""
    try:
        found = subjects.due(run)
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
