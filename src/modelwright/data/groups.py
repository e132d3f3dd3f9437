"""Groups of rows by the values of a sensitive column. Legend: N rows, G groups."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa

from modelwright.core.answers.base import as_label
from modelwright.core.schema import Column, Table
from modelwright.core.words import Words

MISSING = ""  # the group of rows without a value
_PARTS = 4  # groups that numbers and times are cut into where no cuts are told


def groups_of(values: pa.Array, column: Column) -> tuple[np.ndarray, list[str]]:
    """Return each row's group [N] and the groups' names [G]: the values themselves; of numbers and times, ranges.

    The option `cuts` of a column says where ranges begin and end; without it they hold equally many rows each.
    """
    missing = np.asarray(values.is_null())
    if column.modality in ("number", "timestamp"):
        numbers = np.asarray(values.cast(pa.int64()) if column.modality == "timestamp" else values)
        numbers = np.where(missing, np.nan, np.asarray(numbers, np.float64))
        cuts = np.array(column.options.get("cuts") or cuts_of(numbers), np.float64)
        place = np.searchsorted(cuts, numbers, side="right")
        names = _ranges(cuts, column)
        named = [MISSING if m else names[p] for m, p in zip(missing, place, strict=True)]
        order = [*names, MISSING]
    else:
        named = [MISSING if v is None else as_label(v) for v in values.to_pylist()]
        order = sorted(set(named) - {MISSING}) + [MISSING]
    present = [n for n in order if n in set(named)]
    at = {n: i for i, n in enumerate(present)}
    return np.array([at[n] for n in named], np.int64).reshape(len(named)), present


def cuts_of(numbers: np.ndarray) -> list[float]:
    """Return the inner ends of four ranges of about as many of the numbers [N] each, rising, three at most; none where nothing is finite."""
    known = numbers[np.isfinite(numbers)]
    if not len(known):
        return []
    found = np.unique(np.quantile(known, np.arange(1, _PARTS) / _PARTS))
    return [float(c) for c in found if c > known.min()]


def group_names(table: Table, names: Sequence[str]) -> dict[str, list[str]]:
    """Return by column the name of each row's group [N]."""
    out = {}
    for name in names:
        codes, groups = groups_of(table.column(name), table.schema[name])
        out[name] = [groups[c] for c in codes]
    return out


def group_words(name: str) -> Words:
    """Return a group's name as people read it."""
    return Words("(missing)", "（缺失）") if name == MISSING else Words(name, name)


def _ranges(cuts: np.ndarray, column: Column) -> list[str]:
    if column.modality == "timestamp":
        shown = [str(np.datetime64(int(c), "us").astype("datetime64[D]")) for c in cuts]
    else:
        shown = [f"{c:.6g}" for c in cuts]
    if not shown:
        return ["…"]
    return [f"< {shown[0]}", *(f"{a} – {b}" for a, b in pairwise(shown)), f"≥ {shown[-1]}"]
