"""Which of the rows that were read may be used: consent and retention, settled before anything looks at a value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.config import RunConfig
from modelwright.core.errors import OptionError
from modelwright.core.events import EventStream
from modelwright.core.keyref import own_key
from modelwright.core.run import RunFolder, write_json
from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.data.check import Finding
from modelwright.data.coerce import BadValue
from modelwright.pipeline.concerns.base import TEST, TRAINING, Concern
from modelwright.pipeline.state import Data, State
from modelwright.privacy import consent, subjects
from modelwright.privacy.consent import Allowed
from modelwright.privacy.ledger import record


class Consent(Concern):
    """Rows without consent, and rows older than may be kept, are left out of training and test; the run says how many."""

    name = "consent"

    def __init__(self, config: RunConfig, events: EventStream, began: RunFolder | None = None) -> None:
        super().__init__(config, events, began)
        self.allowed: dict[str, Allowed] = {}  # what is known of the rows of each source, where it was asked for

    def options_checked(self) -> None:
        config = self.config
        consent.check_wishes(config.consent, config.subject, config.purpose, config.retain)
        if config.subject is not None:
            own_key()  # what digests are made with must be there before anything is written

    def rows_read(self, raw: pa.Table, part: str, source: str) -> pa.Table:
        config = self.config
        if config.subject is None and config.retain is None:
            return raw
        found = self.allowed[part] = consent.allowed(
            raw,
            consent=config.consent,
            subject=config.subject,
            purpose=config.purpose,
            retain=config.retain,
            time=config.time,
            source=source,
        )
        words = consent.left_out_words(found)
        if words is None:
            return raw
        self.events.note(*words)
        return raw.take(pa.array(found.index))

    def series_gathered(self, raw: pa.Table, part: str) -> None:
        """Let each series have the subject of its rows."""
        found, subject = self.allowed.get(part), self.config.subject
        if found is None or found.subjects is None or raw.num_rows == len(found.index) or subject is None:
            return
        if subject not in raw.column_names:
            raise OptionError(
                f"`{subject}` differs within a series, so it cannot say whose a series is.",
                f"`{subject}` 在同一序列内不一致，无法说明序列属于哪个主体。",
            )
        names = [subjects.plain_subject(v) for v in raw.column(subject).to_pylist()]
        self.allowed[part] = replace(found, index=np.arange(raw.num_rows), subjects=names)

    def columns_ignored(self, names: Sequence[str]) -> list[str]:
        """Leave the subject out of the inputs, unless the user said what the column is for."""
        config, own = self.config, self.config.subject
        used = {config.target, config.group, config.time, *config.column}
        return [*names, own] if own is not None and own not in used and own not in names else list(names)

    def rows_typed(self, table: Table, bad: list[BadValue], part: str) -> tuple[Table, list[BadValue]]:
        """Give rows the numbers that they have in the source again, after others were left out."""
        found = self.allowed.get(part)
        if found is None or len(table) != len(found.index):
            return table, bad
        numbers = found.index + 1
        table = replace(table, rows=numbers[table.rows - 1])
        return table, [replace(b, row=int(numbers[b.row - 1])) for b in bad]

    def data_checked(self, data: Data) -> None:
        """Add what the report says of rows that were left out."""
        found = self.allowed.get(TRAINING)
        words = consent.left_out_words(found) if found is not None else None
        if words is None or found is None:
            return
        advice = Words(f"Rows that stay: {found.facts['kept']:,}.", f"保留 {found.facts['kept']} 行。")
        data.findings.append(Finding("consent", "info", found.facts.get("subject"), words, advice))

    def folder_made(self, state: State) -> None:
        """Write down what consent and retention did, and keyed digests of the subjects."""
        config, folder = self.config, state.folder
        found, found_test = self.allowed.get(TRAINING), self.allowed.get(TEST)
        voice = getattr(config, "voice_consent", None)
        if voice is not None and not state.resume:  # whose voice is learnt is kept where nobody can change it unseen
            record(folder.path, "voice learnt", digests={"consent": voice}, run=folder.path.name)
        if found is None:
            if voice is not None:
                write_json(folder.data / "consent.json", {"voice": voice})
            return
        facts: dict[str, Any] = {**found.facts, "test": found_test.facts if found_test else None}
        if voice is not None:
            facts["voice"] = voice
        if config.consent is not None:
            facts["consents"] = str(Path(config.consent).resolve())
        write_json(folder.data / "consent.json", facts)
        if config.subject is None:
            return
        trained, tested = state.parts.develop.rows, state.parts.test.rows
        tests = subjects_of(found_test if found_test is not None else found, tested)
        subjects.write_subjects(folder.data, own_key(), subjects_of(found, trained), tests)

    def predictor_made(self, state: State) -> None:
        """Let erasure know the data, now that there is a model of it."""
        config, folder = self.config, state.folder
        if TRAINING not in self.allowed or config.subject is None:
            return
        reading = {n: v for n in ("header", "delimiter", "encoding") if (v := getattr(config, n)) is not None}
        column, _, limit = (config.retain or "").rpartition(":")
        for path in (config.data, config.test):
            if path is not None and Path(path).is_file():
                time = (column or config.time) if limit else None
                more = {"time": time, "retain": limit or None, "reading": reading}
                subjects.register(folder.path.parent, Path(path), config.subject, **more)


def subjects_of(found: Allowed | None, rows: np.ndarray) -> list[str]:
    """Return the subjects of those of the rows [N] (numbers in the source, from 1) that were read; others were made."""
    if found is None or found.subjects is None:
        return []
    numbers = found.index + 1
    known = rows[np.isin(rows, numbers)]  # others were made, not read
    return [found.subjects[i] for i in np.searchsorted(numbers, known)]
