"""Arrays laid out by hand are those that Arrow makes."""

import datetime as dt

import pyarrow as pa
import pytest

from modelwright.core.schema import arrow_type
from modelwright.data.small_arrays import array_of

CELLS = {
    "number": [1.5, None, -0.0, 3, float("nan")],
    "boolean": [True, None, False] * 5,
    "text": ["", None, "快递 ok", "\x00"],
    "timestamp": [dt.datetime(2024, 2, 29, 1, 2, 3, 4), None, dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31)],
    "labels": [["a"], None, []],
}


@pytest.mark.parametrize("modality", CELLS)
def test_equal_to_arrows_own(modality):
    kind = arrow_type(modality)
    for cells in (CELLS[modality], CELLS[modality][:1], CELLS[modality][1:2], []):
        made, own = array_of(cells, kind), pa.array(cells, kind)
        made.validate(full=True)
        assert made.type == own.type
        assert repr(made.to_pylist()) == repr(own.to_pylist())
        assert made.null_count == own.null_count
