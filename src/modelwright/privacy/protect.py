"""Personal data in a run: looked for in every column, replaced in what models read, and told without a single value.

Texts and categories lose what points at a person (placeholders such as <PHONE>); columns that hold nothing else are left out, as
identifiers are; days of birth become months. What is replaced and how is a `Shield`, which goes into the bundle.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.budget import step
from modelwright.core.facts.privacy import PersonalColumn, PersonalFact, PersonalFacts
from modelwright.core.schema import MEDIA, Column, Table, arrow_type
from modelwright.core.words import Words
from modelwright.data.coerce import BadValue
from modelwright.privacy.catalogue import TYPES, get_type
from modelwright.privacy.detect import Found, by_share, find_cells, parted, summary
from modelwright.privacy.digits import codes_in, may_identify
from modelwright.privacy.finds import Finds
from modelwright.privacy.media import media_found
from modelwright.privacy.policy import RUN_ACTIONS, Policy
from modelwright.privacy.replace import safe_cells
from modelwright.privacy.shield import Shield, rewritten, rows_with, to_months

WHOLE = 0.5  # of the filled cells hold nothing but one direct identifier: the column is one
NAMES = frozenset({"person", "place", "address"})
BORN = re.compile(r"出生|生日|birth|(?:^|_)dob(?:$|_)|\bd\.o\.b\b", re.IGNORECASE)
POSITION = re.compile(
    r"^(?:lat|lng|lon|long|latitude|longitude|gps.*|.*_(?:lat|lng|lon|latitude|longitude)|经度|纬度|.*经纬度)$",
    re.IGNORECASE,
)
_SLOW = frozenset({"text", "category"})  # modalities whose columns share the time
_LEAST_READ = 20_000  # cells of a column that are looked through whatever the time
_MOST_COLUMNS = 8  # that are named in one message
_DONE = {
    "replaced": Words("replaced", "已替换"),
    "ignored": Words("the column is left out", "该列已忽略"),
    "months": Words("made months", "已改为月份"),
    "kept": Words("kept", "保留"),
    "unread": Words("not read by the model", "模型不读取"),
}


@dataclass(frozen=True)
class ColumnReport:
    """What was found in one column and what was done: `replaced`, `ignored`, `months`, `kept` or `unread`.

    `read` is the share of the filled cells in which names were looked for.
    """

    column: str
    modality: str
    done: str
    found: tuple[Found, ...]
    actions: Mapping[str, str] = field(default_factory=dict)
    read: float = 1.0
    unsure: tuple[Found, ...] = ()  # too little to be replaced

    @property
    def loud(self) -> bool:
        """Whether it is worth a line in the terminal: something was done, or points at persons and was left."""
        told = self.done in ("replaced", "ignored", "months") or any(get_type(f.type).direct for f in self.found)
        return bool(self.found) and told

    @property
    def words(self) -> Words:
        """Say `312 phone numbers, 9 ID card numbers in `text`: replaced` in both languages."""
        done = _DONE[self.done]
        shown = [f for f in self.found if f.type != "place" or len(self.found) == 1][:6]
        kept = [f for f in shown if self.actions.get(f.type, "keep") == "keep"] if self.done == "replaced" else []
        gone = [f for f in shown if f not in kept]
        en, zh = _counted(gone)
        en, zh = f"{en} in `{self.column}`: {done.en}", f"`{self.column}` 中有 {zh}：{done.zh}"
        if kept:
            more = _counted(kept)
            en, zh = f"{en}; {more.en}: kept", f"{zh}；{more.zh}：保留"
        return Words(en, zh)

    def to_json(self, examples: bool = False) -> PersonalColumn:
        """Return the report as JSON values; masked examples only where asked for."""
        found: list[PersonalFact] = [
            {**f.to_json(examples), "action": self.actions.get(f.type, "keep")} for f in self.found
        ]
        return {
            "column": self.column, "modality": self.modality, "done": self.done, "done_words": list(_DONE[self.done]),
            "read": round(self.read, 4), "found": found, "unsure": [f.to_json(examples) for f in self.unsure],
        }  # fmt: skip


def _counted(found: Sequence[Found]) -> Words:
    n = [get_type(f.type).counted(f.values) for f in found]
    return Words(", ".join(w.en for w in n), "、".join(w.zh for w in n))


@dataclass
class Protected:
    """The table as models may see it, the test table too, the shield, and what was found in each column."""

    table: Table
    test: Table | None
    shield: Shield
    columns: list[ColumnReport] = field(default_factory=list)
    public: bool = False
    left_out: tuple[int, ...] = ()  # numbers of the rows that there was no time to look through
    seconds: float = 0.0

    def to_json(self, examples: bool = False) -> PersonalFacts:
        """Return what was found and done as JSON values: counts, reasons, actions; masked examples only where asked for."""
        sampled = self.sampled()
        return {
            "public": self.public,
            "columns": [c.to_json(examples) for c in self.columns],
            "lines": [list(c.words) for c in self.columns if c.loud],
            "sampled": list(sampled) if sampled else None,
            "seconds": round(self.seconds, 3),
        }

    def shortened(self) -> Words | None:
        """Say how many rows were left out because there was no time to look through them, if any."""
        if not self.left_out:
            return None
        n, rows = len(self.left_out), len(self.left_out) + len(self.table)
        return Words(
            f"{n:,} of {rows:,} rows, drawn by chance, are left out: looking through them for personal data would take more than its "
            "share of the budget. Give more with --budget, or say --public.",
            f"随机略去 {rows:,} 行中的 {n:,} 行：检查其中的个人数据会超出其预算份额。可用 --budget 增加时间，或用 --public 声明数据公开。",
        )

    def sampled(self) -> Words | None:
        """Say which columns were read for names in part, if any."""
        part = [c for c in self.columns if c.read < 1]
        if not part:
            return None
        names = ", ".join(f"`{c.column}` {100 * c.read:.0f} %" for c in part)
        return Words(
            f"Names and addresses were looked for in part of the values only, as time is short ({names}). Give more with --budget.",
            f"时间有限，只在部分取值中查找了人名和地址（{names}）。可用 --budget 增加时间。",
        )

    def note(self) -> Words | None:
        """Return the lines that a run prints, or None where nothing was found."""
        lines = [c.words for c in self.columns if c.loud]
        if not lines:
            return None
        rest = len(lines) - _MOST_COLUMNS
        more = Words(f"and in {rest} more columns", f"另有 {rest} 列")
        shown = [*lines[:_MOST_COLUMNS], *([more] if rest > 0 else [])]
        en, zh = ("\n          ".join(w.to(lang) for w in shown) for lang in ("en", "zh"))
        return Words(f"private   {en}", f"隐私      {zh}")


def protect(
    table: Table, test: Table | None, raw: pa.Table, *, rules: Sequence[str] = (), public: bool = False,
    points: bool = False, seconds: float = 30.0, most: float | None = None,
    left_out: Sequence[int] | None = None, show: bool = False, elsewhere: Sequence[str] = (),
) -> Protected:  # fmt: skip
    """Look for personal data in every column, and replace it in what models read and write. Of `public` data nothing is looked for.

    Numbers and identifiers are looked at as they were written (`raw`). Looking for names stops after about `seconds`, for
    all else after `most`; rows that were not looked through by then are left out, so that no model reads them (`left_out` says by their
    numbers which they were before). With `show` the report holds the values themselves, for whoever looks at
    the data. With `points` answers are places in texts, which stay as they are. `elsewhere` are columns of other tables that rules may
    name. Raises OptionError and ColumnError for rules that cannot be followed.
    """
    begun = time.monotonic()
    most = None if left_out is not None else most
    policy = Policy.parse(rules, actions=RUN_ACTIONS)
    policy.check([*table.schema.names, *elsewhere])
    reports: list[ColumnReport] = []
    shields: dict[str, dict[str, str]] = {}
    months: list[str] = []
    changes: dict[str, dict[str, Any]] = {}
    unseen = np.zeros(len(table), bool)
    shares = _shares(table)
    data = table.data
    written = dict(zip(raw.column_names[::-1], raw.columns[::-1], strict=True))  # the first of a name
    for i, column in enumerate(() if public else table.schema):
        step()
        if policy.columns.get(column.name) == "drop" and column.role == "input":
            changes[column.name] = {"role": "ignored", "reason": Words("left out as asked", "按要求忽略")}
            continue
        forms_until = math.inf if most is None else begun + most * shares[i]
        look = _Look(column, policy, points, begun + seconds * shares[i], forms_until, show)
        look.at(table.column(column.name), written.get(column.name))
        if look.report is not None:
            reports.append(look.report)
            if look.report.done == "ignored" and column.role == "input":
                changes[column.name] = {"role": "ignored", "reason": _reason(look.report)}
                continue
            if look.report.done == "months":
                months.append(column.name)
        if look.actions:
            shields[column.name] = look.actions
        if look.unseen is not None:
            unseen |= look.unseen
        if look.fresh is not None:
            data = data.set_column(i, column.name, look.fresh)
    whole = Shield(shields, tuple(months))
    inputs = Shield({c: a for c, a in shields.items() if table.schema[c].role == "input"}, tuple(months))
    out = replace(table, data=data, schema=table.schema.with_columns(changes))
    if left_out is not None:
        unseen = np.isin(table.rows, np.asarray(left_out, np.int64))
    if unseen.any():
        out = out.take(np.flatnonzero(~unseen))
    done = Protected(
        out, None if test is None else whole.apply(test), inputs, reports, public, tuple(table.rows[unseen].tolist())
    )
    done.seconds = time.monotonic() - begun
    return done


def _shares(table: Table) -> list[float]:
    """Return the part of the time that is gone when each column is done: half of it is for all columns of words alike, half by their bytes."""
    sizes = np.array([table.column(c.name).nbytes if c.modality in _SLOW else 0 for c in table.schema], float)
    each = (sizes > 0) / max(1, int((sizes > 0).sum()))
    done: list[float] = np.cumsum(0.5 * each + 0.5 * sizes / max(1.0, sizes.sum())).tolist()
    return done


def _reason(report: ColumnReport) -> Words:
    kind = get_type(max(report.found, key=lambda f: f.share).type)
    return Words(f"personal data: {kind.many.en}", f"个人数据：{kind.many.zh}")


class _Look:
    """One column looked at: what was found (`report`), the action for each type, and its values without what goes."""

    def __init__(
        self, column: Column, policy: Policy, points: bool, until: float, forms_until: float, show: bool
    ) -> None:
        self.column, self.policy, self.until, self.forms_until = column, policy, until, forms_until
        self.show = show
        self.report: ColumnReport | None = None
        self.actions: dict[str, str] = {}
        self.fresh: pa.Array | None = None
        self.unsure: tuple[Found, ...] = ()
        self.unseen: np.ndarray | None = None  # rows whose cells were not looked through [N] bool
        written = column.role == "target" and column.modality == "text"
        self.read_by_model = (column.role == "input" or written) and not (points and column.modality == "text")

    def at(self, values: pa.Array, raw: pa.ChunkedArray | None) -> None:
        """Look at the typed values of the column, and at how they were written (`raw`)."""
        modality = self.column.modality
        if arrow_type(modality) == MEDIA:
            self._report(media_found(self.column.name, values, self.until))
        elif modality in ("text", "category") and pa.types.is_string(values.type):
            self._words(values)
        elif modality == "timestamp":
            self._days(values)
        elif modality in ("number", "id") and raw is not None:
            self._codes(values, raw)

    def _report(self, found: Sequence[Found], done: str = "kept", read: float = 1.0) -> None:
        if not found and not self.unsure:
            return
        role = self.column.role
        if role == "ignored":
            done = "ignored"
        elif role not in ("input", "target"):
            done = "unread"
        self.report = ColumnReport(
            self.column.name, self.column.modality, done, tuple(found), self.actions, read, self.unsure
        )

    def _action(self, kind: str) -> str:
        return self.policy.action(get_type(kind), self.column.name, get_type(kind).run)

    def _days(self, values: pa.Array) -> None:
        """Days of birth are told by the column's name alone: any other day looks the same."""
        name, filled = self.column.name, len(values) - values.null_count
        if BORN.search(name) and filled:
            self.actions = {"birth-date": self._action("birth-date")}
            found = Found(name, "birth-date", filled, pc.count_distinct(values).as_py(), 0.9, "column", 1.0)
            coarse = self.actions["birth-date"] != "keep" and self.column.role == "input"
            if coarse:
                self.fresh = to_months(values)
            self._report([found], "months" if coarse else "kept")
            self.actions = {}

    def _codes(self, typed: pa.Array, values: pa.ChunkedArray) -> None:
        """Numbers and identifiers: the column is one kind of identifier, or nothing is said."""
        name = self.column.name
        if POSITION.search(name) and self.column.modality == "number":
            filled = len(values) - values.null_count
            self._report([Found(name, "gps", filled, pc.count_distinct(values).as_py(), 0.7, "column", 1.0)])
            return
        if self.column.modality == "number" and not may_identify(name, typed, WHOLE):
            return
        found, read = codes_in(name, values, WHOLE, self.until)
        if found:
            self.actions = {f.type: self._action(f.type) for f in found}
            goes = any(get_type(f.type).direct and self.actions[f.type] != "keep" for f in found)
            self._report(found, "ignored" if goes and self.column.role == "input" else "kept", read)
            self.actions = {}

    def _words(self, values: pa.Array) -> None:
        """Texts and categories: what is found is replaced; a column of nothing else is left out."""
        name, category = self.column.name, self.column.modality == "category"
        coded = values.dictionary_encode()
        cells = coded.dictionary.to_pylist()
        chosen = {t: a for t in TYPES if (a := self._action(t)) != "keep"}
        if not cells:
            self.actions = chosen if self.read_by_model else {}
            return
        order = _by_rows(coded, len(cells))
        counts = rows_with(coded, len(cells))[order]
        shuffled = [cells[i] for i in order]
        forms, seen = find_cells(shuffled, name, until=self.forms_until, slow=False, least=0.0, at_least=_LEAST_READ)
        if not seen.all() and self.read_by_model:
            placed = seen[np.argsort(order)]
            self.unseen = ~placed[np.asarray(coded.indices.fill_null(0))] & np.asarray(values.is_valid())
        names, read = find_cells(shuffled, name, until=self.until, slow=True, least=0.0)
        matches = by_share(Finds.of(forms).joined(names))
        read &= seen
        if category:
            matches, named = _only_whole_names(matches)
            if not named:
                chosen = {t: a for t, a in chosen.items() if t not in NAMES}
        matches, unsure = parted(matches)
        found = summary(name, shuffled, matches, counts, self.show)
        self.unsure = tuple(summary(name, shuffled, unsure, counts, self.show))
        self.actions = chosen
        whole = any(
            f.share >= WHOLE and f.type in chosen and get_type(f.type).direct and f.type not in NAMES for f in found
        )
        goes = any(f.type in chosen for f in found) and self.read_by_model
        done = "kept" if not goes else "ignored" if whole and self.column.role == "input" else "replaced"
        self._report(found, done, float(counts[read].sum() / max(1, counts.sum())))
        if not self.read_by_model:
            self.actions = {}
        elif done == "replaced":
            self.fresh = rewritten(values, coded, cells, matches.placed(order), chosen)


def _by_rows(coded: pa.DictionaryArray, size: int) -> np.ndarray:
    """Return distinct cells in the order of rows that is drawn for all columns alike: what is read in part is the same rows."""
    indices = np.asarray(coded.indices.fill_null(size))
    drawn = np.random.default_rng(0).permutation(len(indices))
    first = np.full(size + 1, len(indices))
    first[indices[drawn[::-1]]] = np.arange(len(indices))[::-1]
    return np.argsort(first[:size], kind="stable")


def _only_whole_names(matches: Finds) -> tuple[Finds, bool]:
    """Leave names out of categories unless most of them are names: `April` or `Jordan` alone says little. Also say which it is."""
    people = ("person", "address")
    lone = sum(any(m.lone and m.type in people for m in found) for found in matches.held.values())
    if len(matches) >= 3 and lone >= WHOLE * len(matches):
        return matches, True
    return matches.changed(lambda found: [m for m in found if m.type not in people]), False


def safe_values(bad: Sequence[BadValue], public: bool) -> list[BadValue]:
    """Return values that could not be read with nothing private in what is said of them."""
    if public:
        return list(bad)
    said: dict[tuple[str, str], str] = {}
    for column in {b.column for b in bad}:
        values = list(dict.fromkeys(b.value for b in bad if b.column == column))
        said |= {(column, value): safe for value, safe in zip(values, safe_cells(values, column))}
    out = []
    for b in bad:
        value = said[b.column, b.value]
        words = b.words if value == b.value else Words(*(w.replace(b.value, value) for w in b.words))
        out.append(replace(b, value=value, words=words))
    return out
