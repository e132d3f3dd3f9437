"""Answers of learners in tables: who answered what, in order, and what came before. And files of answers by learner without a header, as knowledge-tracing data is passed around: three lines a learner.

    4            how many answers
    7,7,12,12    the skill of each, in the order of time
    1,0,1,1      right (1) or wrong (0)

Source of the form: the files of DKT (Piech et al. 2015), in which most public data of the field is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.errors import DataError
from modelwright.core.schema import Column, Schema, Table

_KINDS = (".csv", ".txt", ".data", "")
NAMES = ("learner", "skill", "correct")
HISTORY = "history"  # the column of a request that holds answers before: `skill=1` right, `skill=0` wrong, the first one first
_LATEST = 200  # answers of a learner in a file that tell of the next one
GOES_ON = "goes_on"  # option of the column of learners: those of training are met again, later


def read_three_lines(source: Any) -> pa.Table | None:
    """Return the answers of a file of three lines a learner, as columns of text `learner skill correct`; None for other sources.

    Learners bear the file's name and their place in it, so that those of two files are not taken for the same. Raises DataError for
    a learner whose lines do not fit together.
    """
    path = Path(source) if isinstance(source, (str, Path)) and "://" not in str(source) else None
    if path is None or not path.is_file() or path.suffix.lower() not in _KINDS or not _looks(path):
        return None
    skills: list[str] = []
    right: list[str] = []
    lengths: list[int] = []
    with path.open(encoding="utf-8", errors="replace") as f:
        lines = [(number, line.strip().rstrip(",")) for number, line in enumerate(f, 1) if line.strip()]
    for i in range(0, len(lines), 3):
        number, count = lines[i]
        block = [line.split(",") for _, line in lines[i + 1 : i + 3]]
        if not count.isdigit() or [len(cells) for cells in block] != [int(count)] * 2:
            got = " and ".join(str(len(cells)) for cells in block) or "none"
            raise DataError(
                f"{path} line {number}: expected a count of answers and two lines of as many values, skills and right (1) or wrong (0); "
                f"received `{count[:20]}` and lines of {got} values.",
                f"{path} 第 {number} 行：应为作答数，其后两行各有同样多的值（技能；1 为对，0 为错）；实际为 `{count[:20]}`，两行分别有 {got.replace(' and ', '、')} 个值。",
            )
        skills += [c.strip() for c in block[0]]
        right += [c.strip() for c in block[1]]
        lengths.append(int(count))
    who = pa.array([f"{path.stem}-{i + 1}" for i in range(len(lengths))], pa.string())
    columns = (who.take(pa.array(np.repeat(np.arange(len(lengths)), lengths))), pa.array(skills, pa.string()))
    return pa.table(dict(zip(NAMES, (*columns, pa.array(right, pa.string())), strict=True)))


def _looks(path: Path) -> bool:
    """Return whether the first three lines are a count and two lines of as many values."""
    with path.open(encoding="utf-8", errors="replace") as f:
        first = [f.readline(1 << 20).strip().rstrip(",") for _ in range(3)]
    if not first[0].isdigit() or int(first[0]) < 1:
        return False
    return all(line.count(",") == int(first[0]) - 1 for line in first[1:])


def learner_column(schema: Schema) -> Column:
    """Return the column that names learners."""
    found = schema.who
    assert found is not None
    return found


def skill_column(schema: Schema) -> Column:
    """Return the column that names skills."""
    return next(c for c in schema.inputs if c.modality == "category")


def in_order(table: Table) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of a table by learner and time [N], and the learner of each row [N]; a row without a learner stands alone."""
    who = table.column(learner_column(table.schema).name).cast(pa.string()).dictionary_encode()
    learner = np.asarray(who.indices.fill_null(-1), np.int64)
    alone = learner < 0
    learner[alone] = len(who.dictionary) + np.arange(int(alone.sum()))
    return np.lexsort((np.arange(len(table)), moments(table), learner)), learner


def moments(table: Table) -> np.ndarray:
    """Return when each row was [N], in any unit; zeros where nothing says so."""
    columns = table.schema.of_role("time")
    if not columns or columns[0].name not in table.data.column_names:
        return np.zeros(len(table))
    return table.moments(columns[0].name)


def histories(table: Table) -> pa.Array:
    """Return for each row the answers of its learner before it [N] as a request holds them, the latest 200."""
    order, learner = in_order(table)
    target = table.schema.target
    assert target is not None
    right = table.column(target.name).to_pylist()
    skills = table.column(skill_column(table.schema).name).to_pylist()
    out: list[list[str]] = [[]] * len(table)
    so_far: list[str] = []
    for at, row in enumerate(order.tolist()):
        if at == 0 or learner[row] != learner[order[at - 1]]:
            so_far = []
        out[row] = so_far[-_LATEST:]
        if right[row] is not None and skills[row] is not None:
            so_far.append(f"{skills[row]}={int(right[row])}")
    return pa.array(out, pa.list_(pa.string()))


def strange_in(cells: Sequence[str]) -> str | None:
    """Return the first cell of a history that is not `skill=1` or `skill=0`; None where all are."""
    found = (str(c) for c in cells)
    return next((c for c in found if "=" not in c or c.rpartition("=")[2].strip() not in ("0", "1")), None)
