"""Products of numbers in quantile bins are those of the whole encoding, from fewer stored values."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from modelwright.data.coerce import coerce
from modelwright.data.infer import infer_schema
from modelwright.recipes.shared.columns import ColumnCodecs
from modelwright.recipes.shared.staircase import Staircase, without_bins


def encoding(rows: int = 5000) -> tuple[ColumnCodecs, Any]:
    rng = np.random.default_rng(0)
    numbers = {f"x{i}": rng.normal(size=rows).round(i + 1) for i in range(3)}
    numbers["x1"][::7] = np.nan
    raw = pa.table({"first": rng.choice(["a", "b", "c"], rows), **numbers, "flag": rng.random(rows) > 0.5})
    table, _ = coerce(raw, infer_schema(raw))
    return ColumnCodecs.fit(table, "sparse", None, 0)


def test_products_both_ways():
    columns, matrix = encoding()
    made = Staircase(matrix, columns)
    rng = np.random.default_rng(1)
    weights, errors = rng.normal(size=(columns.width, 2)), rng.normal(size=(matrix.shape[0], 2))
    assert made.shape == matrix.shape
    assert made @ weights == pytest.approx(matrix @ weights, abs=1e-4)
    assert made.transposed() @ errors == pytest.approx(matrix.T @ errors, abs=1e-3)
    assert made.nnz < 0.4 * matrix.nnz


def test_features_beside_the_bins():
    columns, _ = encoding()
    kept = without_bins(columns)
    places = {name: (first, end) for name, _, _, first, end in columns.places()}
    of_numbers = [places[f"x{i}"][0] + k for i in range(3) for k in (0, 1)]
    whole = [f for name in ("first", "flag") for f in range(*places[name])]
    assert kept.tolist() == sorted([*of_numbers, *whole])
