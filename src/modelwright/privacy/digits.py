"""Columns of numbers and codes: which can hold personal data at all, told from whole arrays and a sample of their cells.

A column counts as one kind of identifier where most of its cells are one, so a few hundred of them, drawn by chance, tell.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.privacy.detect import Found, as_cells, scan_column
from modelwright.privacy.recognisers.base import speaks_of

SAMPLE = 500  # distinct cells that settle whether a column is worth reading whole
_SHORTEST, _FORMED = (
    1e5,
    1e10,
)  # whole numbers below say nothing; below the second, only beside a name that says what they are


def may_identify(name: str, numbers: pa.Array, share: float) -> bool:
    """Whether at least `share` of a column's numbers are whole and long enough to be phones, cards or the like.

    Fractions are none of these: a column of measurements is left at this.
    """
    least = _SHORTEST if speaks_of(name) else _FORMED
    found = np.asarray(numbers.drop_null())
    if not len(found):
        return False
    some = found[:: max(1, len(found) // 10_000)]
    whole = (np.abs(some) >= least) & (np.floor(some) == some)
    return bool(whole.mean() >= share)


def codes_in(name: str, values: pa.ChunkedArray, share: float, until: float) -> tuple[list[Found], float]:
    """Return the types that at least `share` of a column's cells are, and the part of them that was read.

    A sample is read first; all cells only where it tells of such a type.
    """
    if (
        pa.types.is_string(values.type)
        and not pc.any(pc.match_substring_regex(values, r"[0-9][0-9 .\-]{4,}[0-9]|\pL")).as_py()
    ):
        return [], 1.0
    cells, indices = as_cells(values)
    if not cells:
        return [], 1.0
    if len(cells) > 2 * SAMPLE:
        drawn = np.sort(np.random.default_rng(0).permutation(len(cells))[:SAMPLE])
        found, _ = scan_column(name, [cells[i] for i in drawn], np.arange(SAMPLE), until=until)
        if not any(f.share >= 0.8 * share for f in found):
            return [], 1.0
    found, read = scan_column(name, cells, indices, until=until)
    return [f for f in found if f.share >= share and f.type != "place"], read
