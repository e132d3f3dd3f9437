"""Numbers in parts: fractions behind whole numbers, feet and inches; what is neither stays as it is."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.data._composite import in_parts, joined
from modelwright.data.coerce import coerce, coerce_rows
from modelwright.data.infer import infer_schema


@pytest.mark.parametrize(
    ("cells", "values", "unit"),
    [
        (["5 ft 11 in", "6 ft", "5 feet 3 inches"], [5 + 11 / 12, 6, 5.25], "ft"),
        (["6'1\"", "5' 6\"", "5′3″"], [6 + 1 / 12, 5.5, 5.25], "ft"),
        (["5'6\"", "5'3", "6'0"], [5.5, 5.25, 6], "ft"),
        (["2 lb 4 oz", "3 lb", "1 lb. 8 oz."], [2.25, 3, 1.5], "lb"),
        (["1米75", "1米80", "1.6米"], [1.75, 1.8, 1.6], "米"),
        (["1 m 5 cm", "2 m", "1m75"], [1.05, 2, 1.75], "m"),
        (["1 1/2", "2 3/4", "3", "1/4"], [1.5, 2.75, 3, 0.25], None),
        (["1 1/2 cups", "2 cups", "1/4 cups"], [1.5, 2, 0.25], "cups"),
        (["-1 1/2", "2 1/8", "0"], [-1.5, 2.125, 0], None),
    ],
)
def test_parts_are_put_together(cells, values, unit):
    raw = pa.table({"v": cells * 12})
    schema = infer_schema(raw)
    table, bad = coerce(raw, schema)
    assert (schema["v"].modality, schema["v"].options.get("unit"), bad) == ("number", unit, [])
    assert table.column("v").to_pylist()[: len(cells)] == pytest.approx(values)
    assert coerce_rows([{"v": c} for c in cells], schema)[0].column("v").to_pylist() == pytest.approx(values)
    assert f"`{in_parts(cells)}` is read as" in schema["v"].reason.en


@pytest.mark.parametrize(
    "cells",
    [
        ["1/2", "3/4", "1/4"],  # scores or days as well
        ["5 ft 14 in", "5 ft 13 in"],
        ["3 kg 2 cm", "4 kg 1 cm"],
        ["2/3 4/5", "1/3 2/5"],
        ["12 3/0", "4 1/0"],
    ],
)
def test_what_does_not_add_up_stays_as_it_is(cells):
    raw = pa.table({"v": cells * 12})
    schema = infer_schema(raw)
    assert schema["v"].modality == "category"
    assert coerce(raw, schema)[0].column("v").to_pylist()[: len(cells)] == cells


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1'000", "2'005", "900", "1'011"], [1000, 2005, 900, 1011]),
        (["1’000.50", "2’008.00", "900.25"], [1000.5, 2008, 900.25]),
        (["1'000'000", "2'000'010"], [1_000_000, 2_000_010]),
    ],
)
def test_apostrophes_between_thousands_are_no_feet(cells, values):
    raw = pa.table({"v": cells * 12})
    schema = infer_schema(raw)
    assert coerce(raw, schema)[0].column("v").to_pylist()[: len(cells)] == values
    assert "unit" not in schema["v"].options


@given(st.text(alphabet="0123456789 /'\"-.ftinlboz米", max_size=30))
def test_any_text_has_one_form(text):
    assert joined(joined(text)) == joined(text)
