"""The data doctor finds what was planted, and leaves sound data alone."""

import json

import numpy as np
import pyarrow as pa
import pytest

import modelwright as mw
from modelwright.core.schema import Column, Schema, Table
from modelwright.data.check import Finding, apply, apply_to_test, check, text_languages
from modelwright.data.coerce import coerce
from modelwright.data.infer import infer_schema
from modelwright.data.model_findings import enough_data, label_noise
from pictures_made import png

N = 300
RNG = np.random.default_rng(0)
TARGET = [("no", "yes")[i] for i in RNG.integers(0, 2, N)]


def typed(columns: dict, **more) -> Table:
    raw = pa.table(columns)
    return coerce(raw, infer_schema(raw, target="y", **more))[0]


def codes(table: Table, **more) -> set[str]:
    return {f.code for f in check(table, **more)}


def sound() -> dict:
    return {"x": RNG.normal(size=N), "k": [f"k{i}" for i in RNG.integers(0, 5, N)], "y": TARGET}


def test_sound_data_has_nothing_grave():
    assert [f for f in check(typed(sound())) if f.severity != "info"] == []


@pytest.mark.parametrize(
    ("name", "values", "code"),
    [
        ("empty", [None] * N, "constant"),
        ("same", ["x"] * N, "constant"),
        ("gone", [None] * (N - 40) + [1.0] * 20 + [2.0] * 20, "missing"),
        ("secret", [{"no": "n1", "yes": "y1"}[t] for t in TARGET], "leak"),
        ("answer", TARGET, "copy"),
        ("far", [*RNG.normal(size=N - 1), 1e9], "outlier"),
    ],
)
def test_planted_columns_are_found(name, values, code):
    found = check(typed({**sound(), name: values}))
    mine = [f for f in found if f.column == name]
    assert code in {f.code for f in mine}
    for f in mine:
        assert f.words.zh != f.words.en
        assert Finding.from_json(json.loads(json.dumps(f.to_json()))).words == f.words


def test_dropped_columns_and_duplicates():
    columns = sound()
    columns["same"] = ["x"] * N
    for key, values in columns.items():
        columns[key] = [*values, values[0]]
    table = typed(columns)
    after = apply(check(table), table)
    assert after.schema["same"].role == "ignored"
    assert len(after) == N
    assert after.rows.tolist() == list(range(1, N + 1))


def test_conflicts_tiny_classes_imbalance_few_rows():
    assert "conflict" in codes(
        typed(
            {
                "a": ["p q", "p q"] + [f"w{i} z" for i in range(N)],
                "b": [1.0, 1.0, *range(N)],
                "y": ["no", "yes", *TARGET],
            }
        )
    )
    assert "tiny-class" in codes(typed({**sound(), "y": [*TARGET[:-3], "rare", "rare", "rare"]}))
    assert "imbalance" in codes(typed({**sound(), "y": ["no"] * (N - 5) + ["yes"] * 5}))
    assert "few-rows" in codes(typed({k: v[:30] for k, v in sound().items()}))


def test_test_rows_that_stand_in_training_are_counted():
    table = typed(sound())
    found = [f for f in check(table, test=table.take(np.arange(50))) if f.code == "test-overlap"]
    assert len(found) == 1
    assert "50" in found[0].words.en


def test_languages():
    shares = text_languages(["where is my parcel", "快递在哪里", "荷物はどこですか", "wo ist das Paket und der Brief"])
    assert shares == {"en": 0.25, "zh": 0.25, "ja": 0.25, "de": 0.25}


def test_label_noise_finds_flipped_labels():
    truth = RNG.integers(0, 2, 400)
    scores = np.where(truth[:, None] == np.arange(2), 0.95, 0.05)
    truth[:4] = 1 - truth[:4]
    table = typed({"x": RNG.normal(size=400), "y": [str(t) for t in truth]}, overrides={"y": "category"})
    (found,) = label_noise(table, truth, scores)
    assert set(found.rows) == {1, 2, 3, 4}
    assert label_noise(table, truth[4:], scores[4:]) == []


def test_learning_curve_says_whether_more_rows_help():
    assert "More rows would help" in enough_data([100, 200, 400], [0.6, 0.7, 0.8], True).words.en
    assert "hardly" in enough_data([100, 200, 400], [0.9, 0.901, 0.901], True).words.en
    assert "More rows would help" in enough_data([100, 200, 400], [30.0, 20.0, 15.0], False).words.en


def test_numbers_that_are_never_missing_are_offered_a_choice():
    whole = [{"size": (7 * i) % 11 + 0.5, "text": f"words {i} of it", "label": "ab"[i % 2]} for i in range(30)]
    found = {f["code"]: f for f in mw.inspect(whole, target="label")["findings"]}
    assert found["never-missing"]["column"] == "size"
    assert "--missing median" in found["never-missing"]["advice"][0]
    gaps = [{**row, "size": None if i < 3 else row["size"]} for i, row in enumerate(whole)]
    assert "never-missing" not in {f["code"] for f in mw.inspect(gaps, target="label")["findings"]}


def test_labels_that_differ_by_case_or_end_marks_are_told():
    spelt = (["belt", "motor", "Belt", "motor", "pump"] * N)[:N]
    (found,) = [f for f in check(typed({**sound(), "y": spelt})) if f.code == "alike-labels"]
    assert "`belt`, `Belt`" in found.words.en or "`Belt`, `belt`" in found.words.en
    assert "pump" not in found.words.en
    assert "`motor" not in found.words.en
    spelt = (["01", "1", "2", "10", "-007", "-7"] * N)[:N]
    (found,) = [f for f in check(typed({**sound(), "y": spelt})) if f.code == "alike-labels"]
    assert sorted(
        found.words.en.partition("only count as different ones: ")[2].rstrip(".").replace("; ", ", ").split(", ")
    ) == ["`-007`", "`-7`", "`01`", "`1`"]
    sets = ([["paint", "dent"], ["Paint"], ["dent"], []] * N)[:N]
    (found,) = [f for f in check(typed({**sound(), "y": sets})) if f.code == "alike-labels"]
    assert "`dent`" not in found.words.en
    assert "alike-labels" not in codes(typed({**sound(), "y": (["v1.1", "v1.10", "a-", "a+"] * N)[:N]}))


def pictures_unread(tmp_path, shop):
    """Return findings of 36 pictures, of which the last six are damaged, beside a column of shops, and the test rows' of the same."""
    for i in range(36):
        made = np.random.default_rng(i).integers(0, 255, (16, 16, 3)).astype(np.uint8)
        (tmp_path / f"{i}.png").write_bytes(png(made) if i < 30 else b"\x89PNG\r\n\x1a\n" + bytes([i] * 9))
    raw = pa.table(
        {"photo": [f"{i}.png" for i in range(36)], "shop": shop(36), "y": [("cat", "dog")[i % 2] for i in range(36)]}
    )
    table, bad = coerce(raw, infer_schema(raw, target="y", folder=tmp_path), folder=tmp_path)
    assert len(bad) == 6
    return {f.code: f for f in check(table, bad=bad, test=table.take(np.arange(28, 36)))}


def test_pictures_that_cannot_be_read_are_no_duplicates_and_contradict_nothing(tmp_path):
    found = pictures_unread(tmp_path, lambda n: [("A", "B")[i % 5 == 0] for i in range(n)])
    assert {"unreadable", "few-rows"} <= set(found)
    assert not {"duplicates", "conflict", "empty-rows"} & set(found)
    assert found["test-overlap"].words.en.startswith("2 test rows")  # of eight, six of which cannot be read


def test_pictures_alone_are_duplicates_contradict_and_stand_in_the_test_too(tmp_path):
    for i in range(30):
        (tmp_path / f"{i}.png").write_bytes(png(np.full((16, 16, 3), 3 * min(i, 27), np.uint8)))
    raw = pa.table({"photo": [f"{i}.png" for i in range(30)], "y": ["cat"] * 29 + ["dog"]})
    table, bad = coerce(raw, infer_schema(raw, target="y", folder=tmp_path), folder=tmp_path)
    found = {f.code: f for f in check(table, bad=bad, test=table.take(np.arange(5)))}
    assert found["duplicates"].drop_rows == (28,)
    assert found["conflict"].rows == (28, 29, 30)
    assert found["test-overlap"].words.en.startswith("5 test rows")


def test_a_row_of_an_unread_picture_beside_a_constant_holds_no_input(tmp_path):
    found = pictures_unread(tmp_path, lambda n: ["A"] * n)
    assert found["empty-rows"].drop_rows == tuple(range(30, 36))
    assert not {"duplicates", "conflict"} & set(found)


def test_rows_that_say_nothing_are_compared_with_each_other_not_with_unread_ones():
    raw = pa.table(
        {
            "n": ["wrong", "", "", *map(str, range(1, 40))],
            "k": ["a", "a", "a", *"ab" * 19, "b"],
            "y": ["u"] * 3 + list("uv" * 19) + ["u"],
        }
    )
    table, bad = coerce(raw, infer_schema(raw, target="y", overrides={"n": "number"}))
    found = {f.code: f for f in check(table, bad=bad)}
    assert found["duplicates"].drop_rows == (2,)


@pytest.mark.parametrize("role", ["time", "group"])
def test_rows_of_another_time_or_person_are_no_duplicates(role):
    columns = {key: [*values, *values[:5]] for key, values in sound().items()}
    table = typed(columns)
    assert "duplicates" in {f.code for f in check(table)}
    own = pa.array([str(i) for i in range(len(table))])
    data = table.data.append_column("own", own)
    schema = Schema((*table.schema, Column("own", "category", role)))
    assert "duplicates" not in {f.code for f in check(Table(data, schema, table.rows))}


def test_a_column_that_may_name_persons_is_told_of_as_a_group():
    rng = np.random.default_rng(0)
    who = rng.integers(0, 40, 400)
    columns = {"who": [f"p{w}" for w in who], "x": rng.normal(size=400), "y": ["ab"[w % 2] for w in who]}
    found = next(f for f in check(typed(columns)) if f.code == "leak" and f.column == "who")
    assert "--group who" in found.advice.en
    assert "--group who" in found.advice.zh
    few = {**columns, "who": ["abcd"[w % 4] for w in who]}
    assert "--group" not in next(f for f in check(typed(few)) if f.code == "leak" and f.column == "who").advice.en


def test_figures_of_rows_that_are_left_out_agree():
    rows = {k: [*v[:95], v[0], v[1], v[1], None, None] for k, v in sound().items()}
    rows["y"][-2:] = ["no", "yes"]
    table = typed(rows)
    found = {f.code: f for f in check(table)}
    assert found["duplicates"].words.en == "3 of 100 rows are exact duplicates and left out."
    assert found["few-rows"].words.en == "There are only 95 rows (5 of 100 left out)."
    assert found["few-rows"].words.zh == "只有 95 行数据（100 行中排除了 5 行）。"
    assert len(apply(list(found.values()), table)) == 95
    whole = typed({k: v[:60] for k, v in sound().items()})
    assert [f.words.en for f in check(whole) if f.code == "few-rows"] == ["There are only 60 rows."]


@pytest.mark.parametrize(
    ("word", "last", "sure"),
    [("Total", 60.0, True), ("合计", 60.0, True), ("平均", 20.0, True), ("Total", 20.0, False), ("Total", 7.0, False)],
)
def test_a_last_row_that_sums_up_the_others_is_told(word, last, sure):
    raw = pa.table({"region": ["n", "s", "e", word], "sales": [10.0, 20.0, 30.0, last], "y": ["a", "b", "a", None]})
    for columns in (raw, raw.set_column(0, "region", [["1", "2", "3", word]])):
        schema = infer_schema(columns, overrides={"region": "number"} if columns is not raw else {})
        table, bad = coerce(columns, schema)
        found = [f for f in check(table, bad=bad) if f.code == "total-row"]
        assert [(f.rows, f.drop_rows) for f in found] == [((4,), (3,) if sure else ())]
        assert found[0].words.en == f"The last row (row 4) is `{word}`{' and left out' if sure else ''}."
    year = pa.table({"region": ["n", "s", "e", word], "year": [2020.0] * 4, "a": [1.0, 4, 2, 3], "b": [5.0, 1, 2, 4]})
    assert not [f for f in check(coerce(year, infer_schema(year))[0]) if f.drop_rows]
    twice = pa.table({"region": [word, "s", "e", word], "sales": [10.0, 20.0, 30.0, last]})
    assert not [f for f in check(coerce(twice, infer_schema(twice))[0]) if f.code == "total-row"]


def test_what_is_found_does_not_hang_on_a_last_row_that_sums_up_the_others():
    rng = np.random.default_rng(0)
    area, age = rng.uniform(20, 200, 60), rng.integers(1, 50, 60).astype(float)
    price = rng.uniform(100, 900, 60)  # of nothing that the other columns say
    city = ["n", "s", "e"] * 20
    mean = {"city": "平均", "area": area.mean(), "age": age.mean(), "price": price.mean()}
    total = {"city": "合计", "area": area.sum(), "age": None, "price": price.sum()}
    note = {"city": "Source: sales", "area": None, "age": None, "price": None}
    rows = [
        dict(zip(("city", "area", "age", "price"), r, strict=True)) for r in zip(city, area, age, price, strict=True)
    ]

    def looked(more, test=None):
        raw = pa.Table.from_pylist([*rows, *more])
        schema = infer_schema(raw, target="price", overrides={"city": "category"})
        table, bad = coerce(raw, schema, need_target=False)
        return check(table, bad=bad, test=test), table, schema

    alone, _, _ = looked([])
    for more in ([total], [mean, total], [total, mean, note], [total, note, note]):
        found, table, _ = looked(more)
        told = [f for f in found if f.code == "total-row"]
        totals = [60 + i for i, row in enumerate(more) if row is not note]
        assert sorted(i for f in told for i in f.drop_rows) == totals
        if note not in more:
            assert [f for f in found if f.code != "total-row" and f.code != "few-rows"] == [
                f for f in alone if f.code != "few-rows"
            ]
            assert len(apply(found, table)) == 60
    table, _ = coerce(pa.Table.from_pylist([*rows, total]), looked([])[2])
    found, _, _ = looked([], test=table)
    told = [f for f in found if f.code == "total-row"]
    assert [(f.drop_rows, f.drop_test_rows, f.words.en) for f in told] == [
        ((), (60,), "The last row to test on (row 61) is `合计` and left out.")
    ]
    assert len(apply_to_test(found, table)) == 60
    assert len(apply(found, looked([])[1])) == 60
