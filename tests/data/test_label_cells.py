"""Cells of targets that hold several labels, and labels that are spelt in several widths."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from modelwright.core.errors import ColumnError
from modelwright.data.coerce import coerce
from modelwright.data.infer import infer_schema

SETS = [["urgent", "bill"], ["urgent"], ["bill"], [], ["bug", "bill"], ["bug"], ["urgent", "bill", "bug"]] * 9


def read(cells, **column):
    """Return modality, values and reason of a target."""
    raw = pa.table({"x": [str(i) for i in range(len(cells))], "y": cells})
    schema = infer_schema(raw, target="y", overrides=column)
    table, bad = coerce(raw, schema)
    assert not bad
    return schema["y"].modality, table.column("y").to_pylist(), schema["y"].reason


@pytest.mark.parametrize(
    "spelt",
    [
        json.dumps,
        repr,
        lambda s: "[" + " ".join(map(repr, s)) + "]",
        lambda s: "[" + ", ".join(s) + "]",
        lambda s: "{" + ",".join(s) + "}",
        lambda s: "{" + ",".join(f'"{x}"' for x in s) + "}",
        lambda s: json.dumps(s) if len(s) != 1 else s[0],
        lambda s: json.dumps([{"name": x, "score": 1} for x in s]),
        lambda s: json.dumps({x: x in s for x in ("bill", "bug", "urgent")}),
    ],
    ids=["json", "python", "numpy", "bare", "postgres", "postgres-quoted", "single", "objects", "flags"],
)
def test_lists_that_are_spelt_out_are_sets_of_labels(spelt):
    modality, values, _ = read([spelt(s) for s in SETS])
    assert modality == "labels"
    assert [sorted(v) for v in values] == [sorted(s) for s in SETS]


@pytest.mark.parametrize("mark", ["|", "||", " | ", ";", "；", "、", ", ", "，", "\n", "\t"])
def test_separators(mark):
    modality, values, _ = read([mark.join(s) or None for s in SETS])
    assert modality == "labels"
    assert values == [s or None for s in SETS]


def test_one_slip_does_not_make_classes_of_sets():
    sets = [["bill", f"t{i % 40}"] for i in range(400)]
    cells = ["|".join(s) for s in sets]
    cells[7] = "bill|bill|t3"
    modality, values, _ = read([*cells, *(f"t{i % 40}|u{i % 37}" for i in range(400))])
    assert modality == "labels"
    assert values[7] == ["bill", "t3"]


@pytest.mark.parametrize("mark", ["/", " & ", "+", "#", " "])
def test_signs_within_names_separate_where_that_is_asked(mark):
    cells = [mark.join(s) or None for s in SETS]
    modality, values, reason = read(cells)
    assert (modality, values) == ("category", cells)
    assert all("--column y=labels" in said for said in reason)
    assert read(cells, y="labels")[:2] == ("labels", [s or None for s in SETS])


def test_names_with_signs_are_single_labels_without_a_word():
    for cells in (["S/M", "L/XL"], ["very good", "good", "very bad", "bad"], ["Home/Garden", "Home/Kitchen"]):
        modality, values, reason = read(cells * 20)
        assert (modality, values, reason) == ("category", cells * 20, None)


def test_words_in_brackets_are_single_labels():
    for cells in (["[INFO]", "[ERROR]"], ["(a)", "(b, c)"], ["{x}", "{y}"]):
        assert read(cells * 20)[:2] == ("category", cells * 20)


def test_numbers_between_commas_are_labels():
    cells = ["1", "2", "1,2", "3", "1,3", "1,2,3", "2,3"] * 9
    assert read(cells)[:2] == ("labels", [c.split(",") for c in cells])
    assert read(["1,5", "2", "2,5", "3", "3,5"] * 9)[0] == "number"


def test_typed_lists_say_labels_by_place_or_field():
    modality, values, reason = read([[1, 0, 0], [0, 1, 1], [0, 0, 0]] * 9)
    assert (modality, values[:3]) == ("labels", [["0"], ["1", "2"], []])
    assert "by their places" in reason.en
    assert "位置" in reason.zh
    assert read([[0, 1], [0], [1]] * 9)[1][:3] == [["0", "1"], ["0"], ["1"]]
    assert read([[{"name": "a"}, {"name": "b"}], []] * 9)[1][:2] == [["a", "b"], []]
    assert read([{"a": True, "b": False}, {"a": True, "b": True}] * 9)[1][:2] == [["a"], ["a", "b"]]
    for wrong in ([{"role": "user", "content": "x"}], [["a"]]):
        with pytest.raises(ColumnError, match="not of labels"):
            read([wrong] * 9)
    with pytest.raises(ColumnError, match="holds objects"):
        read([{"a": "x", "b": "y"}] * 9)


def test_answers_are_spelt_as_they_were_given():
    cells = ["好评（五星）", "①", "A：B", "m²"] * 9
    assert read(cells)[:2] == ("category", cells)
    sets = [["好评（五星）", "①"], ["①"], ["A：B", "①"], ["A：B"], ["好评（五星）", "A：B"]] * 9
    assert read(sets)[1] == sets
    assert read(["|".join(s) for s in sets])[:2] == ("labels", sets)


def test_labels_that_look_alike_are_one_and_are_told():
    _, values, reason = read(["１"] * 9 + ["1"] * 20 + ["2"] * 9)
    assert values == ["1"] * 29 + ["2"] * 9
    assert all("`１`" in said and "`1`" in said for said in reason)
    composed, apart = "café", "cafe\u0301"
    _, values, reason = read([composed] * 9 + [apart] * 20 + ["tea"] * 9)
    assert set(values) == {apart, "tea"}
    assert "cafe\\u0301" in reason.en
    assert read(["\u200b好", "好", "差"] * 9)[1][:3] == ["好", "好", "差"]
