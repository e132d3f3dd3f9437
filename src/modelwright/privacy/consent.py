"""Who agreed to what: a table of consents, and the rows that may be used for a purpose today.

The table (CSV, JSON Lines, Parquet, plain or encrypted) has one row per subject and purpose, with the dates on which
consent was given, withdrawn, and when it ends; later rows add to earlier ones, so that it can be kept by appending.
Consent stands where the latest `given` is not in the future, no withdrawal is as late as it, and its end has not passed.
A date without a time of day counts whole: consent begins with that day, ends after it, and is withdrawn from it on.
"""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.budget import parse_duration, parse_period
from modelwright.core.errors import ColumnError, DataError, OptionError, unknown
from modelwright.core.words import Words, counted
from modelwright.data.date_forms import to_moment
from modelwright.data.dates import find_form, number_form
from modelwright.data.sources import read
from modelwright.data.values import is_missing, to_number
from modelwright.privacy.subjects import plain_subject

_NAMES = {
    "subject": ("subject", "subject_id", "user", "user_id", "customer", "customer_id", "person", "person_id", "主体", "用户", "客户", "用户编号", "客户编号", "主体编号"),
    "purpose": ("purpose", "purposes", "目的", "用途", "处理目的"),
    "given": ("given", "given_at", "granted", "granted_at", "consented_at", "date", "同意日期", "同意时间", "授权日期", "授权时间"),
    "withdrawn": ("withdrawn", "withdrawn_at", "revoked", "revoked_at", "撤回日期", "撤回时间"),
    "expires": ("expires", "expires_at", "until", "valid_until", "到期日期", "到期时间", "有效期至", "失效日期"),
}  # fmt: skip
_DAY = dt.timedelta(days=1)
_NEVER = dt.datetime.max


@dataclass
class _State:
    """What the rows of one subject and purpose say together."""

    given: dt.datetime | None = None
    ends: dt.datetime = _NEVER
    withdrawn: dt.datetime | None = None


@dataclass
class Consents:
    """A table of consents, read: by purpose and subject; and the columns as they are called there."""

    path: Path
    columns: dict[str, str]  # what it is -> its name in the table
    states: dict[str, dict[str, _State]] = field(default_factory=dict)

    def why_not(self, subject: str, purpose: str, now: dt.datetime) -> str | None:
        """Return why a subject's rows may not be used: `none`, `withdrawn`, `expired`; None where they may."""
        state = self.states.get(purpose, {}).get(subject)
        if state is None or state.given is None or state.given > now:
            return "withdrawn" if state is not None and state.given is None and state.withdrawn else "none"
        if state.withdrawn is not None and state.given <= state.withdrawn <= now:
            return "withdrawn"
        return "expired" if state.ends <= now else None

    def purposes_of(self, subject: str) -> list[str]:
        """Return the purposes for which the table knows the subject."""
        return [p for p, subjects in self.states.items() if subject in subjects]


def same(text: str) -> str:
    """Return a name as it is compared: width and case set aside."""
    return unicodedata.normalize("NFKC", text).strip().casefold()


def read_consents(path: Path, subject_column: str | None = None) -> Consents:
    """Read a table of consents. Raises DataError naming the row of a date that is none, ColumnError for absent columns."""
    raw = read(str(path))
    names = {same(n): n for n in raw.column_names}
    columns: dict[str, str] = {}
    for what, known in _NAMES.items():
        asked = (subject_column,) if what == "subject" and subject_column else ()
        found = next((names[same(n)] for n in (*asked, *known) if same(n) in names), None)
        if found is not None:
            columns[what] = found
    others = [n for n in raw.column_names if n not in columns.values()]
    if "subject" not in columns and len(others) == 1:
        columns["subject"] = others[0]  # named after the column of the data
    for what in ("subject", "purpose"):
        if what not in columns:
            raise ColumnError(
                f"{path} has no column `{what}`; it has {', '.join(raw.column_names[:12])}. A table of consents holds subject, "
                "purpose, given, withdrawn, expires.",
                f"{path} 中没有 `{what}` 列（现有：{'、'.join(raw.column_names[:12])}）。同意表应含 subject、purpose、given、withdrawn、expires。",
            )
    dates = {w: _dates(path, raw, columns[w], w) for w in ("given", "withdrawn", "expires") if w in columns}
    out = Consents(path, columns)
    subjects = raw.column(columns["subject"]).to_pylist()
    purposes = raw.column(columns["purpose"]).to_pylist()
    for i, (subject, cell) in enumerate(zip(subjects, purposes, strict=True)):
        given = dates["given"][i] if "given" in dates else dt.datetime.min
        withdrawn = dates["withdrawn"][i] if "withdrawn" in dates else None
        ends = dates["expires"][i] if "expires" in dates else None
        for purpose in _purposes(cell):
            state = out.states.setdefault(purpose, {}).setdefault(plain_subject(subject), _State())
            if given is not None and (state.given is None or given >= state.given):
                state.given, state.ends = given, ends or _NEVER
            if withdrawn is not None and (state.withdrawn is None or withdrawn > state.withdrawn):
                state.withdrawn = withdrawn
    return out


def _purposes(cell: Any) -> list[str]:
    if isinstance(cell, (list, tuple)):
        return [same(str(c)) for c in cell if c is not None]
    text = "" if cell is None else str(cell)
    for mark in ("；", "|", "、", "，", ","):
        text = text.replace(mark, ";")
    return [same(p) for p in text.split(";") if p.strip()]


def _dates(path: Path, raw: pa.Table, name: str, what: str) -> list[dt.datetime | None]:
    """Return a column of dates as moments of the local clock; a day alone counts whole, as `what` asks for."""
    cells = raw.column(name).to_pylist()
    texts = [c for c in cells if isinstance(c, str) and not is_missing(c)]
    form = find_form(texts[:1000]) or "ymd"
    out: list[dt.datetime | None] = []
    for row, cell in enumerate(cells, 1):
        if cell is None or (isinstance(cell, str) and is_missing(cell)):
            out.append(None)
            continue
        if isinstance(cell, dt.datetime):
            moment: dt.datetime | None = cell.astimezone().replace(tzinfo=None) if cell.tzinfo else cell
            day = False
        elif isinstance(cell, dt.date):
            moment, day = dt.datetime(cell.year, cell.month, cell.day), True
        else:
            text = str(cell)
            moment, day = to_moment(text, form, False), ":" not in text
        if moment is None:
            raise DataError(
                f"{path}, row {row}, column `{name}`: expected a date such as 2026-03-01, received `{str(cell)[:40]}`.",
                f"{path} 第 {row} 行，列 `{name}`：应为日期（如 2026-03-01），收到的是 `{str(cell)[:40]}`。",
            )
        out.append(moment + _DAY if day and what == "expires" else moment)
    return out


# -- which rows may be used ------------------------------------------------------------------------------------------


@dataclass
class Allowed:
    """The rows that may be used: positions [M] in the table read, whose they are, and why the others may not."""

    index: np.ndarray
    subjects: list[str] | None
    counts: dict[str, int]
    facts: dict[str, Any]


def check_wishes(consent: str | None, subject: str | None, purpose: str | None, retain: str | None) -> None:
    """Refuse options that do not go together, before anything is read. Raises OptionError."""
    if (consent is None) != (purpose is None):
        raise OptionError(
            "Consent needs both: --consent FILE and --purpose NAME.",
            "同意核验需要同时给出 --consent 文件 和 --purpose 目的。",
        )
    if consent is not None and subject is None:
        raise OptionError(
            "Say which column holds the subject of each row: --subject COLUMN.",
            "请指明每行所属主体的列：--subject 列名。",
        )
    if retain is not None:
        parse_period(retain.rpartition(":")[2], "--retain")


def allowed(
    raw: pa.Table,
    *,
    consent: str | None,
    subject: str | None,
    purpose: str | None,
    retain: str | None,
    time: str | None,
    source: str,
    now: dt.datetime | None = None,
) -> Allowed:
    """Return the rows of a table that have consent for the purpose and are within the time they may be kept.

    Raises ColumnError for absent columns, OptionError for an unknown purpose, DataError where no row is left.
    """
    now = now or dt.datetime.now()
    keep = np.ones(raw.num_rows, bool)
    counts: Counter[str] = Counter()
    facts: dict[str, Any] = {"source": source, "rows": raw.num_rows, "at": now.isoformat(timespec="seconds")}
    subjects = None
    if subject is not None:
        subjects = [plain_subject(v) for v in _column(raw, subject, source)]
        facts["subject"] = subject
    if consent is not None and subjects is not None and purpose is not None:
        facts |= {"consents": Path(consent).name, "purpose": purpose}
        table = read_consents(Path(consent), subject)
        wanted = same(purpose)
        if wanted not in table.states:
            raise unknown(Words("purpose", "目的"), purpose, sorted(table.states))
        reasons = {s: table.why_not(s, wanted, now) if s else "subject missing" for s in set(subjects)}
        for i, name in enumerate(subjects):
            if reasons[name] is not None:
                counts[str(reasons[name])] += 1
                keep[i] = False
    if retain is not None:
        column, _, length = retain.rpartition(":")
        late, missing = _within(raw, column or time, length, source, now)
        counts["too old"] = int((keep & ~late & ~missing).sum())
        counts["no date"] = int((keep & missing).sum())
        keep &= late
        facts["retain"] = retain
    if not keep.any():
        raise DataError(
            f"No row of {source} may be used: {_reasons(counts, 'en')}.",
            f"{source} 中没有可用的行：{_reasons(counts, 'zh')}。",
        )
    index = np.flatnonzero(keep)
    left_out = {k: int(v) for k, v in counts.items() if v}
    facts |= {"left_out": left_out, "kept": len(index)}
    kept_subjects = [subjects[i] for i in index] if subjects is not None else None
    return Allowed(index, kept_subjects, left_out, facts)


_REASONS = {
    "none": Words("without consent", "未获同意"),
    "withdrawn": Words("consent withdrawn", "同意已撤回"),
    "expired": Words("consent expired", "同意已到期"),
    "subject missing": Words("without a subject", "主体缺失"),
    "too old": Words("older than may be kept", "超过保留期限"),
    "no date": Words("without a date", "缺少日期"),
}


def _reasons(counts: dict[str, int], lang: str) -> str:
    parts = [f"{n} {_REASONS[k].en}" if lang == "en" else f"{n} 行{_REASONS[k].zh}" for k, n in counts.items() if n]
    return (", " if lang == "en" else "，").join(parts)


def left_out_words(found: Allowed) -> Words | None:
    """Return the sentence that says how many rows may not be used and why; None where all may."""
    if not found.counts:
        return None
    gone = sum(found.counts.values())
    return Words(
        f"{counted(gone, 'row')} may not be used, and so left out: {_reasons(found.counts, 'en')}.",
        f"{gone} 行不可使用，已略去：{_reasons(found.counts, 'zh')}。",
    )


def _column(raw: pa.Table, name: str, source: str) -> list[Any]:
    if name not in raw.column_names:
        raise unknown(Words(f"column in {source}", f"列（{source}）"), name, raw.column_names, ColumnError)
    return raw.column(name).to_pylist()


def _within(
    raw: pa.Table, column: str | None, length: str, source: str, now: dt.datetime
) -> tuple[np.ndarray, np.ndarray]:
    """Return which rows are young enough, and which have no date (these may not be kept either)."""
    if not column:
        raise OptionError(
            "Say which column holds the date of each row: --time COLUMN, or --retain COLUMN:90d.",
            "请指明每行日期所在的列：--time 列名，或 --retain 列名:90d。",
        )
    moments = moments_of(_column(raw, column, source))
    since = cutoff(length, now)
    missing = np.array([m is None for m in moments])
    return np.array([m is not None and m >= since for m in moments]), missing


def cutoff(length: str, now: dt.datetime) -> dt.datetime:
    """Return the first moment that may still be kept: so long before today's midnight."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0) - dt.timedelta(seconds=parse_duration(length))


def moments_of(cells: Iterable[Any]) -> list[dt.datetime | None]:
    """Return cells as moments of the local clock; None for those that are none."""
    values = list(cells)
    texts = [str(c) for c in values if isinstance(c, (str, int, float)) and not is_missing(str(c))]
    numbers = [n for n in map(to_number, texts[:1000]) if n is not None]
    counted = number_form("date", np.array(numbers)) if len(numbers) == len(texts[:1000]) else None
    form = find_form(texts[:1000]) or counted or "ymd"
    out: list[dt.datetime | None] = []
    for cell in values:
        if isinstance(cell, dt.datetime):
            out.append(cell.astimezone().replace(tzinfo=None) if cell.tzinfo else cell)
        elif isinstance(cell, dt.date):
            out.append(dt.datetime(cell.year, cell.month, cell.day))
        else:
            text = "" if cell is None else str(cell)
            out.append(to_moment(text, form, False))
    return out
