"""Columns of numbers: which are looked through, and that measurements are not."""

import numpy as np
import pyarrow as pa
import pytest

from modelwright.data.coerce import coerce
from modelwright.data.infer import infer_schema
from modelwright.privacy import detect, digits
from modelwright.privacy.protect import protect

N = 3000


def looked(columns):
    raw = pa.table(columns)
    schema = infer_schema(raw, target="y")
    return protect(coerce(raw, schema)[0], None, raw)


def texts(values):
    return [str(v) for v in values]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_measurements_are_not_read_cell_by_cell(monkeypatch, rng):
    read = []
    monkeypatch.setattr(digits, "scan_column", lambda name, *a, **k: read.append(name) or ([], 1.0))
    columns = {f"f{i}": texts(rng.normal(size=N).round(7)) for i in range(4)}
    columns |= {"counts": texts(rng.integers(0, 9999999, N)), "phone_score": texts(rng.random(N))}
    columns |= {"tel": texts(rng.integers(10**9, 9 * 10**9, N)), "y": texts(rng.integers(0, 2, N))}
    looked(columns)
    assert read == ["tel"]


@pytest.mark.parametrize("typed", [False, True])
def test_a_column_of_phone_numbers_is_found_whatever_it_is_called(rng, typed):
    phones = [13800000000 + int(v) for v in rng.integers(0, 10**8, N)]
    found = looked(
        {"c17": phones if typed else texts(phones), "x": rng.normal(size=N), "y": texts(rng.integers(0, 2, N))}
    )
    report = found.columns[0]
    assert (report.column, report.done, report.found[0].type) == ("c17", "ignored", "phone")
    assert report.found[0].rows == N
    assert report.found[0].values == len(set(phones))


def test_a_few_phone_numbers_among_measurements_do_not_make_a_column_of_them(rng):
    cells = texts(rng.normal(size=N).round(5))
    cells[::5] = ["13812345678"] * len(cells[::5])
    assert looked({"v": cells, "y": texts(rng.integers(0, 2, N))}).columns == []


def test_a_sample_settles_that_a_column_of_codes_is_no_identifier(monkeypatch, rng):
    sizes = []
    real = detect.scan_column
    monkeypatch.setattr(
        digits, "scan_column", lambda n, cells, i, **k: sizes.append(len(cells)) or real(n, cells, i, **k)
    )
    stamps = texts(rng.integers(1_600_000_000_000, 1_700_000_000_000, N))
    assert looked({"v": stamps, "y": texts(rng.integers(0, 2, N))}).columns == []
    assert sizes == [digits.SAMPLE]
