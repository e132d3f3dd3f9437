"""What rows of a request must hold, and what their answers warn of."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from modelwright.core.errors import ColumnError
from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.release.bundle import Predictor
from modelwright.release.unanswered import NO_INPUT
from modelwright.serve.limits import Refused


def known_rows(predictor: Predictor, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return warnings of columns that rows lack. Raises Refused for rows without any column of the model (most likely a wrong
    name or a wrong service), or without one that carries it."""
    names = frozenset(c.name for c in predictor.schema.inputs)
    for i, row in enumerate(rows, 1):
        if names.isdisjoint(row):
            shown = ", ".join(f"`{n}`" for n in sorted(names)[:12])
            words = Words(f"Row {i} holds none of the columns: {shown}.", f"第 {i} 行不含任何所需的列：{shown}。")
            raise Refused(422, "columns", words, row=i)
    try:
        absent = predictor.lacking(rows)
    except ColumnError as e:
        raise Refused(422, "columns", e.words) from e
    return [{"code": "absent", "message": w.en, "message_zh": w.zh} for w in absent]


def doubts(predictor: Predictor, table: Table, unread: Collection[int] = ()) -> list[dict[str, Any]]:
    """Return warnings of numbers that rows lack though no training row did, of what is answered without, and of rows without any input;
    rows (from 0) that are `unread` have no answer to warn of."""
    place = [i + 1 for i in range(len(table)) if i not in unread]
    table = table.take(np.array(place, np.int64) - 1) if unread else table
    left = [
        {
            "code": "left-out",
            "row": place[v.row - 1],
            "column": v.column,
            "message": v.words.en,
            "message_zh": v.words.zh,
        }
        for v in predictor.left_out(table)
    ]
    empty = [
        {
            "code": "no-input",
            "row": place[i],
            "message": f"{NO_INPUT.en}: the answer rests on nothing in this row",
            "message_zh": f"{NO_INPUT.zh}：该回答没有依据",
        }
        for i in predictor.without_input(table)
    ]
    return [*(w.to_json() for w in predictor.needs.warned(table)), *left, *empty]


def with_doubts(predictor: Predictor, answers: list[dict[str, Any]], table: Table) -> list[dict[str, Any]]:
    """Return answers to the rows of a table, those without an error each with what it warns of."""
    if not doubts(predictor, table):
        return answers
    out = []
    for i, answer in enumerate(answers):
        own = doubts(predictor, table.take(np.array([i]))) if "error" not in answer else []
        row = {"row": answer["row"]} if "row" in answer else {}
        out.append({**answer, "warnings": [{**w, **({} if "row" not in w else row)} for w in own]} if own else answer)
    return out
