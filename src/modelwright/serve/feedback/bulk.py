"""Feedback of a file: every row looked at first, then what fits written as a whole, so that nothing is half-written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from modelwright.core.answers.corrections import Form
from modelwright.core.errors import ColumnError, OptionError, unknown
from modelwright.core.words import Words
from modelwright.data.records import Misfit
from modelwright.data.values import to_number
from modelwright.release.bundle import Predictor
from modelwright.serve._columns import known_rows
from modelwright.serve.feedback.check import DIFFERS, SAYS, checked, row_id
from modelwright.serve.feedback.ids import AnswerIds
from modelwright.serve.feedback.rows import kept_answer, kept_rows
from modelwright.serve.feedback.shapes import Kind, Told
from modelwright.serve.feedback.store import Feedback
from modelwright.serve.limits import Refused

_TOGETHER = 1000  # rows read by the model's columns at a time
_THUMBS = {"true": True, "up": True, "1": True, "yes": True, "是": True, "赞": True}
_THUMBS |= {"false": False, "down": False, "0": False, "no": False, "否": False, "踩": False}


@dataclass
class Taken:
    """What became of a file's rows; `refused` are their numbers (the first is 1) with the reason."""

    rows: int = 0
    taken: int = 0
    same: int = 0
    replaced: int = 0
    refused: list[tuple[int, Words]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        refused = [{"row": n, "message": w.en, "message_zh": w.zh} for n, w in self.refused]
        return {
            "rows": self.rows,
            "taken": self.taken,
            "same": self.same,
            "replaced": self.replaced,
            "refused": refused,
        }


@dataclass(frozen=True)
class Columns:
    """Which columns of a file say whose answer it is and what is told."""

    id: str | None
    said: Mapping[Kind, str]

    @classmethod
    def of(cls, names: Sequence[str], target: str | None, answer: str | None) -> Columns:
        """Find them: `id`, and `answer` (or the model's target column), `thumb`, `outcome`. Raises ColumnError."""
        if answer is not None and answer not in names:
            raise unknown(Words("column", "列"), answer, names, ColumnError)
        found: dict[Kind, str] = {kind: kind for kind in SAYS if kind in names}
        right = answer or ("answer" if "answer" in names else target if target in names else None)
        if right is not None:
            found["answer"] = right
        if not found:
            also = f", `{target}`" if target and target != "answer" else ""
            raise ColumnError(
                f"There is no column with what is told: expected `answer`{also}, `thumb` or `outcome`, or --answer COLUMN.",
                f"没有反馈列：应含 `answer`{also}、`thumb` 或 `outcome`，或用 --answer 指定列名。",
            )
        return cls("id" if "id" in names else None, found)


def take(
    rows: Iterable[Mapping[str, Any]],
    columns: Columns,
    predictor: Predictor,
    ids: AnswerIds,
    store: Feedback,
    by: str | None,
    *,
    new: bool = False,
    replacing: bool = False,
    source: str = "file",
    misfits: Sequence[Misfit] = (),
) -> Taken:
    """Take the rows of a file, cells as text or typed; those refused are named, the others written in one transaction.

    `by` tells it all; None: a column `by` says who. `new` takes labels that the model does not know; `misfits` are rows that could
    not be read, known once all were. Raises RegistryAway where the database cannot be reached: nothing was
    written then.
    """
    out, fit, numbers = Taken(), list[Told](), list[int]()
    waiting: list[tuple[int, Told, dict[str, Any]]] = []  # rows whose columns are still to be read

    def read_waiting() -> None:
        if not waiting:
            return
        sent = [row for _, _, row in waiting]
        table, bad = predictor.table(sent)
        wrong = {b.row: b for b in bad}
        kept = kept_rows(predictor, sent, table)
        for i, (number, told, _) in enumerate(waiting, 1):
            if i in wrong:
                b = wrong[i]
                out.refused.append(
                    (number, Words(f"column `{b.column}`: {b.words.en}.", f"列 `{b.column}`：{b.words.zh}。"))
                )
                continue
            id_ = told.id if told.version else row_id(kept[i - 1])
            fit.append(replace(told, id=id_, row=kept[i - 1]))
            numbers.append(number)
        waiting.clear()

    for number, row in enumerate(rows, 1):
        out.rows = number
        try:
            for told, sent in _told_by(row, columns, predictor, ids, by, new, source):
                if sent is None:
                    fit.append(told)
                    numbers.append(number)
                else:
                    waiting.append((number, told, sent))
        except Refused as e:
            out.refused.append((number, e.words))
        if len(waiting) >= _TOGETHER:
            read_waiting()
    read_waiting()
    outcomes = store.add(fit, replacing) if fit else []
    for number, outcome in zip(numbers, outcomes, strict=True):
        if outcome == "differs":
            out.refused.append((number, DIFFERS))
    out.refused = [(n, _by_options(words)) for n, words in out.refused]
    out.taken, out.same, out.replaced = (sum(o == what for o in outcomes) for what in ("taken", "same", "replaced"))
    unread = {m.row: m.words for m in misfits}
    out.refused = sorted(((n, unread.get(n, words)) for n, words in out.refused), key=lambda r: r[0])
    return out


def _by_options(words: Words) -> Words:
    """Return words that name fields of a request with the options of the command instead, as who reads a file gives them."""
    en, zh = words.en, words.zh
    for field_, option in (("`replace: true`", "--replace"), ("`new: true`", "--new")):
        en, zh = en.replace(field_, option), zh.replace(field_, option)
    return Words(en, zh)


def _told_by(
    row: Mapping[str, Any],
    columns: Columns,
    predictor: Predictor,
    ids: AnswerIds,
    by: str | None,
    new: bool,
    source: str,
) -> list[tuple[Told, dict[str, Any] | None]]:
    """Return what a row tells, each with its columns of the model where it has any. Raises Refused."""
    target, names = predictor.target, {c.name for c in predictor.schema.inputs}
    given = row.get(columns.id) if columns.id else None
    used = {columns.id, *columns.said.values(), *(("by",) if by is None else ())}
    who = str(row.get("by")) if by is None else by
    sent: dict[str, Any] | None = {k: v for k, v in row.items() if k not in used and v is not None}
    if not sent or names.isdisjoint(sent):
        sent = None
    else:
        known_rows(predictor, [sent])
    out = []
    for kind, column in columns.said.items():
        cell = row.get(column)
        if cell is None or (isinstance(cell, str) and not cell.strip()):
            continue
        item: dict[str, Any] = {kind: value_of(cell, kind, target.told_as), "new": new}
        if given not in (None, ""):
            item["id"] = str(given)
        elif sent is not None:
            item["row"] = sent
        told, _ = checked(item, who, ids, target, lambda r: r, source)
        value = kept_answer(predictor, told.value) if kind == "answer" else told.value
        out.append((replace(told, value=value, row=None), sent))
    if not out:
        raise Refused(422, "fields", Words("Nothing is told in this row.", "此行没有反馈内容。"))
    return out


def value_of(cell: Any, kind: Kind, form: Form) -> Any:
    """Return a cell of a file as feedback has it in JSON; what cannot be read stays as it is, and is refused later."""
    if not isinstance(cell, str):
        return cell.isoformat() if hasattr(cell, "isoformat") else cell
    text = cell.strip()
    if kind == "thumb":
        return _THUMBS.get(text.lower(), text)
    number = kind == "outcome" or form == "number"
    if number:
        found = to_number(text)  # `12%` and `¥1,200` too, as targets are written
        return text if found is None else found
    if form in ("labels", "spans", "documents", "boxes"):
        if text.startswith("["):
            try:
                return json.loads(text)
            except ValueError:
                return text
        if form == "labels":
            return [part.strip() for part in text.replace("；", ";").replace("|", ";").split(";") if part.strip()]
    return text


def check_teller(by: str) -> str:
    """Return the name of who tells. Raises OptionError."""
    if not by.strip() or len(by) > 64 or not by.isprintable():
        raise OptionError("--by is a name of 1 to 64 characters.", "--by 应为 1 到 64 个字符的名称。")
    return by.strip()
