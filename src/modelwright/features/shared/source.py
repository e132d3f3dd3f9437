"""What a text is made from: one text, or named values (slots) from several columns or from one cell that lists them.

    a text                        "Where is my parcel?"
    columns                       name, price, colour
    one cell that lists them      name[The Eagle], food[French]     类型#裙*颜色#红     brand: Acme | price: 99

Slots are written as `name: value | name: value`. Values of many kinds that answers repeat word for word (names, prices)
are hidden behind placeholders on both sides, so that a model learns where they go and new ones are copied right
(delexicalisation: Wen et al. 2015, arXiv 1508.01745). Legend: N rows.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Self

import numpy as np
import pyarrow as pa

from modelwright.core.answers.base import as_label
from modelwright.core.schema import Table
from modelwright.features.base import Stored
from modelwright.features.shared.subwords import NAMES, SLOT, SLOTS, clean

Slots = list[tuple[str, str]]

_MOSTLY = 0.8  # of the cells must be of a form
_KINDS = 10  # different values from which a slot's are hidden
_REPEATED = 0.8  # of them must be repeated word for word by the answers
_SEEN = 5  # rows that hold a name which is written as a sign
_PRIVATE = re.compile(f"[{chr(SLOT)}-{chr(SLOT + SLOTS + NAMES - 1)}]")


@dataclass(frozen=True)
class Source:
    """One row to be answered: its text, and its slots where it has any."""

    text: str
    slots: Slots = field(default_factory=list)


class SourceReader(Stored):
    """How rows are read, found out on training rows.

    `hidden` are the slots whose values stand behind placeholders, `names` those that are written as a sign of their own,
    which keeps sources short.
    """

    def __init__(
        self, form: str, columns: Sequence[str], hidden: Sequence[str] = (), names: Sequence[str] = ()
    ) -> None:
        self.form, self.columns, self.hidden, self.names = form, list(columns), list(hidden), list(names)
        self._signs = {n: chr(SLOT + SLOTS + i) for i, n in enumerate(self.names)}

    @classmethod
    def fit(cls, table: Table, answers: Sequence[str]) -> SourceReader:
        """Find out what the rows are, and which values answers repeat."""
        columns = [c.name for c in table.schema.inputs]
        form = "columns"
        if len(columns) == 1:
            values = table.column(columns[0])
            form = _form([v for v in values.to_pylist()[:2000] if v]) if pa.types.is_string(values.type) else "text"
        out = cls(form, columns, [])
        if form != "text":
            rows = [s.slots for s in out.read(table)]
            common = Counter(n for row in rows for n in dict.fromkeys(n for n, _ in row)).most_common(NAMES)
            out = cls(form, columns, _repeated(rows, answers), [n for n, c in common if c >= _SEEN])
        return out

    @property
    def slotted(self) -> bool:
        """Whether rows are named values."""
        return self.form != "text"

    def read(self, table: Table) -> list[Source]:
        """Return the rows [N]; missing values are left out."""
        cells = [[_text(v) for v in table.column(c).to_pylist()] for c in self.columns]
        if self.form == "columns":
            rows = ([(n, v) for n, v in zip(self.columns, row, strict=True) if v] for row in zip(*cells, strict=True))
            return [Source(linear(slots), slots) for slots in rows]
        if self.form == "text":
            return [Source(v) for v in cells[0]]
        listed = [_LISTED[self.form](cell) or [] for cell in cells[0]]
        return [Source(linear(slots) or cell, slots) for slots, cell in zip(listed, cells[0], strict=True)]

    def hide(self, source: Source, answer: str = "") -> tuple[str, str]:
        """Return the source as a network reads it, and an answer with hidden values behind placeholders."""
        if not source.slots:
            return source.text, answer
        shown = []
        for name, value in source.slots:
            mark = self._mark(name, source)
            sign = self._signs.get(name)
            shown.append(f"{sign}{mark or value}" if sign else f"{name}: {mark or value} |")
            if mark and value:
                answer = _finder(value).sub(mark, answer)
        return " ".join(shown), answer

    def show(self, answer: str, source: Source) -> str:
        """Return an answer with the values of `source` in the place of placeholders; strays are taken out."""
        for name, value in source.slots:
            mark = self._mark(name, source)
            if mark:
                answer = answer.replace(mark, value)
        return re.sub(r" {2,}", " ", _PRIVATE.sub("", answer)).strip()

    def _mark(self, name: str, source: Source) -> str:
        """Return the placeholder of a slot; none where its name stands twice, since then it is unclear which is meant."""
        if name not in self.hidden or sum(n == name for n, _ in source.slots) > 1:
            return ""
        return chr(SLOT + self.hidden.index(name))

    def state(self) -> dict[str, Any]:
        """Return JSON values from which `restore` makes the same."""
        return {"form": self.form, "columns": self.columns, "hidden": self.hidden, "names": self.names}

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        return cls(state["form"], state["columns"], state["hidden"], state["names"])


def linear(slots: Slots) -> str:
    """Return slots as one text."""
    return " | ".join(f"{name}: {value}" for name, value in slots)


def says(text: str, value: str) -> bool:
    """Return whether a text holds a value word for word, whatever its case."""
    return bool(value) and _finder(value).search(text) is not None


@lru_cache(maxsize=8192)
def _finder(value: str) -> re.Pattern[str]:
    """Return what finds a value: not inside a longer word or number, but anywhere among characters without spaces."""
    before = (
        r"(?<![A-Za-z])"
        if value[:1].isascii() and value[:1].isalpha()
        else r"(?<![\d.])"
        if value[:1].isdigit()
        else ""
    )
    after = (
        r"(?![A-Za-z])"
        if value[-1:].isascii() and value[-1:].isalpha()
        else r"(?!\.?\d)"
        if value[-1:].isdigit()
        else ""
    )
    return re.compile(before + re.escape(value) + after, re.IGNORECASE)


def _brackets(cell: str) -> Slots | None:
    """Parse `name[value], name[value]`; None where a cell is not of the form."""
    if not cell.rstrip().endswith("]"):
        return None
    parts = [p.strip(" ,;，；").partition("[") for p in cell.strip()[:-1].split("]")]
    return [(n.strip(), v.strip()) for n, _, v in parts] if all(n.strip() and b for n, b, _ in parts) else None


def _hashes(cell: str) -> Slots | None:
    """Parse `name#value*name#value`."""
    parts = [p.partition("#") for p in cell.strip().strip("*").split("*")]
    return [(n.strip(), v.strip()) for n, _, v in parts] if all(n.strip() and b for n, b, _ in parts) else None


def _bars(cell: str) -> Slots | None:
    """Parse `name: value | name: value`; one slot alone might be any sentence with a colon."""
    parts = [p.replace("：", ":", 1).partition(":") for p in cell.strip().strip("|").split("|")]
    good = all(0 < len(n.strip()) <= 40 and b for n, b, _ in parts)
    return [(n.strip(), v.strip()) for n, _, v in parts] if good and len(parts) > 1 else None


_LISTED = {"brackets": _brackets, "hash": _hashes, "bars": _bars}  # forms of a cell that lists slots


def _form(cells: Sequence[str]) -> str:
    for name, parse in _LISTED.items():
        if cells and sum(parse(c) is not None for c in cells) >= _MOSTLY * len(cells):
            return name
    return "text"


def _repeated(rows: Sequence[Slots], answers: Sequence[str]) -> list[str]:
    """Return the slots whose values are many and mostly repeated word for word, the longest values' first."""
    values: dict[str, set[str]] = {}
    held: Counter[str] = Counter()
    said: Counter[str] = Counter()
    length: Counter[str] = Counter()
    for slots, answer in zip(rows, answers, strict=True):
        for name, value in slots:
            if len(values.setdefault(name, set())) < _KINDS:
                values[name].add(value)
            held[name] += 1
            said[name] += says(answer, value)
            length[name] += len(value)
    found = [n for n, v in values.items() if len(v) >= _KINDS and said[n] >= _REPEATED * held[n]]
    return sorted(found, key=lambda n: -length[n] / held[n])[:SLOTS]


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(str(v) for v in value)
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ", timespec="minutes") if value.hour or value.minute else value.date().isoformat()
    return _PRIVATE.sub(" ", clean(as_label(value)))
