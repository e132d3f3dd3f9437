"""Numbers with something around them: multiples, units, bounds and marks of missing; the same value in training and in a request."""

import random

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.errors import ColumnError, OptionError
from modelwright.core.reading import Reading
from modelwright.core.schema import Column, Schema, Table
from modelwright.data._composite import in_parts
from modelwright.data.check import check
from modelwright.data.coerce import coerce, coerce_rows
from modelwright.data.infer import infer_schema
from modelwright.data.values import half_width, to_number, with_unit, without_bound

DRAW = random.Random(5)
WEIGHTS = [f"{DRAW.uniform(1, 900):.2f}" for _ in range(60)]


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("215.0k", 215_000), ("-215K", -215_000), ("(3.4k)", -3400), ("1.2M", 1_200_000), ("3.4bn", 3.4e9), ("1.5 million", 1.5e6),
        ("2 Mio. €", 2e6), ("3 Mrd.", 3e9), ("$1.2m", 1.2e6), ("HK$3b", 3e9), ("₹1.38 lakh", 138_000), ("₹2 crore", 2e7),
        ("Rs. 2,50,000", 250_000), ("1.2万", 12_000), ("３亿", 3e8), ("１．２万", 12_000), ("1.2 萬元", 12_000), ("1亿2000万", 1.2e8),
        ("3万5千", 35_000), ("1万2000", 12_000), ("379.09万", 3_790_900), ("5000円", 5000), ("12%", 0.12),
        ("3万5", None), ("5千3万", None), ("300 K", None), ("1.2m", None), ("5 M", None), ("5bnx", None), ("USDx 5", None), ("k", None),
        ("<5", None), ("12kg", None),
    ],
)  # fmt: skip
def test_multiples(cell, number):
    assert to_number(cell) == number


@given(
    st.decimals(-(10**6), 10**6, places=3),
    st.sampled_from([("k", 3), ("M", 6), ("bn", 9), (" lakh", 5), (" crore", 7), ("万", 4), ("亿", 8), ("%", -2)]),
)
def test_a_multiple_is_exact(number, multiple):
    mark, power = multiple
    assert to_number(f"{number}{mark}") == float(number.scaleb(power))


@pytest.mark.parametrize(
    ("cell", "split"),
    [
        ("428.50 kg", ("428.50", "kg")), ("-3km/h", ("-3", "km/h")), ("12.5万公里", ("12.5万", "公里")), ("5 m²", ("5", "m2")),
        ("36.5℃", ("36.5", "°C")), ("5元/斤", ("5", "元/斤")), ("16 sq ft", ("16", "sq ft")), ("3 million people", ("3 million", "people")),
        ("3.5万", None), ("4x4", None), ("5 kg net weight of everything", None), ("kg", None), ("5", None), ("12-abc", None),
    ],
)  # fmt: skip
def test_a_number_and_its_unit(cell, split):
    assert with_unit(cell) == split


@pytest.mark.parametrize(
    ("cell", "number"),
    [("<123456.7", "123456.7"), (">5", "5"), ("≥ 5", "5"), ("> = 5", "5"), ("65+", "65"), ("3万以上", "3万"), ("<$50", "$50"),
     ("<b>", "<b>"), ("A+", "A"), ("+5", "+5"), ("18-24", "18-24")],
)  # fmt: skip
def test_a_bound(cell, number):
    assert without_bound(cell) == number


def read(cells, **options):
    """Return the column that cells give, its values, what could not be read, and the same values asked row by row."""
    raw = pa.table({"v": pa.array(cells, pa.string()), "other": [f"{'xyz'[i % 3]}" for i in range(len(cells))]})
    schema = infer_schema(raw, **options)
    table, bad = coerce(raw, schema, need_target=False)
    asked, worse = coerce_rows([{"v": c} for c in cells], schema)
    assert asked.column("v").to_pylist() == table.column("v").to_pylist()
    assert [b.row for b in worse] == [b.row for b in bad]
    return schema["v"], table.column("v").to_pylist(), bad


def test_one_unit_is_told_and_one_of_another_dimension_is_named():
    column, values, bad = read([f"{w} kg" for w in WEIGHTS[:57]] + ["3 cm", "5.5", "12KG"])
    assert (column.modality, column.options) == ("number", {"unit": "kg"})
    assert "numbers in `kg`, those without a unit too" in column.reason.en
    assert values[0] == float(WEIGHTS[0])
    assert values[-3:] == [None, 5.5, 12]
    assert [b.words.en for b in bad] == ["expected a number in kg, received `3 cm`"]
    assert read([w.replace(".", ",") + " kg" for w in WEIGHTS])[1] == [float(w) for w in WEIGHTS]
    assert read([f"{w}万人" for w in WEIGHTS])[1][0] == to_number(WEIGHTS[0] + "万")
    assert read([f"{w} kg" for w in WEIGHTS], target="v")[0].modality == "number"
    assert read(["1 star", *[f"{i % 4 + 2} stars" for i in range(59)]])[1][:2] == [1, 2]


@pytest.mark.parametrize(
    ("cell", "unit", "number"),
    [
        ("250 g", "kg", 0.25), ("3 lb", "kg", 1.36077711), ("2斤", "公斤", 1), ("2 TB", "GB", 2000), ("512 MB", "GB", 0.512), ("80 ms", "s", 0.08),
        ("90 min", "h", 1.5), ("2天", "小时", 48), ("6个月", "岁", 0.5), ("18 in", "cm", 45.72), ("10 m/s", "km/h", 36), ("60 mph", "km/h", 96.56064),
        ("5 µg/dL", "mg/L", 0.05), ("98.6 °F", "°C", 37), ("20元/斤", "元/公斤", 40), ("1000 sq ft", "m²", 92.90304), ("5 mW", "W", 0.005),
        ("5 MW", "W", 5e6), ("250mL", "L", 0.25), ("2亩", "公顷", 2 / 15), ("100 kcal", "kJ", 418.4),
    ],
)  # fmt: skip
@pytest.mark.parametrize("share", [60, 2])
def test_units_of_one_dimension_are_converted_to_the_main_one(cell, unit, number, share):
    column, values, bad = read(
        [*[cell if i % share == 1 else f"{w} {unit}" for i, w in enumerate(WEIGHTS)], f"7.5 {unit}"]
    )
    assert (column.modality, column.options["unit"], bad) == ("number", half_width(unit), [])
    assert values[1] == pytest.approx(number, rel=1e-15)
    assert values[0] == float(WEIGHTS[0])
    assert f"numbers in `{half_width(unit)}`; `{half_width(cell)}` is read as {values[1]:.15g}" == column.reason.en


@pytest.mark.parametrize(
    "units", [("USD", "EUR"), ("kg", "cm"), ("mmol/L", "mg/L"), ("months", "days"), ("m", "min"), ("ppm", "mg/L")]
)
def test_units_of_several_dimensions_are_never_put_together(units):
    column, values, bad = read([f"{w} {units[i % 20 == 1]}" for i, w in enumerate(WEIGHTS)])
    money = units[0] == "USD"
    assert values[1] == (float(WEIGHTS[1]) if money else None)
    assert [b.value for b in bad] == [] if money else [f"{WEIGHTS[i]} {units[1]}" for i in (1, 21, 41)]
    column, values, _ = read([f"{w} {units[i % 2]}" for i, w in enumerate(WEIGHTS)])
    assert (column.modality == "number") is money
    assert (
        f"several {'currencies (USD, EUR)' if money else f'units ({units[0]} 50 %, {units[1]} 50 %)'}"
        in column.reason.en
    )
    assert values[0] == (float(WEIGHTS[0]) if money else f"{WEIGHTS[0]} {units[0]}")


def test_several_currencies_are_read_as_they_are():
    assert "several currencies ($, €)" in read([f"{'$€'[i % 2]}{w}" for i, w in enumerate(WEIGHTS)])[0].reason.en


@pytest.mark.parametrize("mark", ["{}号楼", "{}班", "{}月", "{} pm", "{}th", "A{}", "{}-{}"])
def test_what_numbers_name_is_no_quantity(mark):
    assert read([mark.format(DRAW.randint(4, 12), i % 7) for i in range(60)])[0].modality != "number"


def test_codes_with_a_letter_behind_are_no_quantity():
    assert read([f"{i * 7919 % 9000 + 1000}X" for i in range(60)])[0].modality == "id"


@pytest.mark.parametrize(
    "mark",
    ["{}k", "{}K", "{}M", "{}B", "{}T", "{}G", "{}F", "{}.HK", "{}th St", "{}MAR", "{}楼", "{}年级", "{}Q", "{}E"],
)
def test_names_that_begin_with_a_number_are_no_quantities(mark):
    column, values, _ = read([mark.format(1 + i % 9) for i in range(60)])
    assert column.modality == "category"
    assert values[0] == mark.format(1)


@pytest.mark.parametrize(("letter", "factor"), [("k", 1e3), ("K", 1e3), ("M", 1e6), *((c, None) for c in "mbBtT")])
def test_one_number_with_a_letter_among_numbers(letter, factor):
    """Thousands and millions are read as such; any other letter is part of a house's number, and the column one of identifiers."""
    column, values, bad = read([*[str(i) for i in range(1, 100)], f"12{letter}"])
    assert bad == []
    assert (column.modality, values[-1]) == (("id", f"12{letter}") if factor is None else ("number", 12 * factor))


@pytest.mark.parametrize("mark", ["{}V", "{} stars", "{}岁", "{} min", "{}mm"])
def test_whole_numbers_in_units_that_everybody_knows(mark):
    assert read([mark.format(1 + i % 9) for i in range(60)])[0].modality == "number"


def test_letters_mean_multiples_where_the_column_tells():
    column, values, _ = read([f"{w}{'km'[i % 2]}" for i, w in enumerate(WEIGHTS)])
    assert values[:2] == [to_number(f"{WEIGHTS[0]}e3"), to_number(f"{WEIGHTS[1]}e6")]
    assert "m` is read as" in column.reason.en
    assert read([f"{w}m" for w in WEIGHTS])[0].options == {"unit": "m"}
    column, _, _ = read([f"{w}{('', 'm')[i % 2]}" for i, w in enumerate(WEIGHTS)])
    assert column.modality != "number"
    assert "times 1e6, or a number in `m`" in column.reason.en
    column, values, _ = read([f"{w}k" for w in WEIGHTS])
    assert values[0] == float(WEIGHTS[0] + "e3")
    assert "is read as" in column.reason.en


def test_bounds_are_read_as_their_number_and_told():
    column, values, bad = read([*WEIGHTS[:50], *["<5.0"] * 5, *[">1000"] * 5])
    assert (column.modality, column.options, bad) == ("number", {"bounds": True}, [])
    assert values[-10] == 5
    assert values[-1] == 1000
    assert "`<5.0` as 5, though the value lies beyond it" in column.reason.en
    assert "`<5.0` 读作 5" in column.reason.zh
    assert read(["0", "1", "2", "3+"] * 15)[1][:4] == [0, 1, 2, 3]
    assert read([f"{10**i:,}+" for i in range(9)] * 7)[1][3] == 1000
    assert read(["<0.1 mg/L", *[f"{w} mg/L" for w in WEIGHTS]])[1][:2] == [0.1, float(WEIGHTS[0])]


@pytest.mark.parametrize("cells", [[">50K", "<=50K"] * 30, ["<18", "18-24", ">65"] * 20])
@pytest.mark.parametrize("target", [None, "v"])
def test_classes_of_bounds_stay_classes(cells, target):
    column, values, _ = read(cells, target=target)
    assert column.modality == "category"
    assert values == cells


def test_numbers_that_stand_for_no_value_by_the_users_word():
    cells = [*WEIGHTS[:50], *["-999"] * 5, *["9999"] * 5]
    assert read(cells)[1][-10] == -999
    assert read(cells, na=["-999", "v=9999"])[1][-10:] == [None] * 10
    assert read(cells, na=["v=9999"])[1][-10:] == [-999] * 5 + [None] * 5
    raw = pa.table({"v": pa.array([-999, 1, 2]), "word": ["a", "b", "a"]})
    schema = infer_schema(raw, na=["-999"])
    assert coerce(raw, schema)[0].column("v").to_pylist() == [None, 1, 2]
    assert coerce_rows([{"v": -999}], schema)[0].column("v").to_pylist() == [None]
    with pytest.raises(OptionError, match="a number such as -999"):
        infer_schema(raw, na=["x"])
    with pytest.raises(ColumnError):
        infer_schema(raw, na=["w=-999"])
    with pytest.raises(OptionError, match="holds no numbers"):
        infer_schema(raw, na=["word=-999"])


def doubts(values, role="input"):
    table = Table.of(
        pa.table({"v": pa.array(values, pa.float64()), "y": ["a", "b"] * (len(values) // 2)}),
        Schema((Column("v", "number", role), Column("y", "category"))),
    )
    return [f for f in check(table) if f.code == "missing-mark"]


def test_a_far_number_that_recurs_is_doubted():
    usual = [DRAW.uniform(0, 80) for _ in range(200)]
    (found,) = doubts([*usual, *[-999.0] * 12, *[9999.0] * 8])
    assert "-999 in 12 rows and 9999 in 8 rows" in found.words.en
    assert "--na v=-999 --na v=9999" in found.advice.en
    assert doubts([*usual, *[999.0] * 12], "target")
    assert not doubts([*usual, -999.0, 12.0])  # one slip
    assert not doubts([*usual, *[120.0] * 12])  # near the others
    assert not doubts([DRAW.lognormvariate(0, 2) for _ in range(400)])
    assert not doubts([*[8 + DRAW.random() for _ in range(100)], *[0.0] * 300])  # nothing to count in most rows
    assert not doubts([float(i % 2) for i in range(200)])
    assert not doubts([float((5, 10, 20, 500)[i % 4]) for i in range(200)])  # doses
    assert not doubts([float(DRAW.choice([0, 0, 0, 0, 1, 2, 7])) for _ in range(400)])


def test_versions_stay_apart_where_the_column_tells():
    column, values, _ = read([f"1.{i % 14}" for i in range(70)])
    assert (column.modality, values[1], values[10]) == ("category", "1.1", "1.10")
    assert (
        column.reason.en == "`1.10` and `1.1` stay two words, as versions have them; --column v=number reads one number"
    )
    raw = pa.table({"app_version": ["1.1", "1.10", "2", "1.2"] * 9})
    schema = infer_schema(raw)
    assert coerce(raw, schema)[0].column("app_version").to_pylist()[:3] == ["1.1", "1.10", "2"]
    assert infer_schema(raw, target="app_version")["app_version"].modality == "category"
    raw = pa.table({"app_version": [f"{i}.{i % 7}" for i in range(60)]})  # nothing would be merged
    assert infer_schema(raw)["app_version"].modality == "number"


@pytest.mark.parametrize(
    ("cells", "pair"),
    [
        ([*[f"{i / 10:.1f}" for i in range(50, 90)], "7.10"], "`7.10` and `7.1`"),
        (["01", "1", "2", "10"] * 12, "`01` and `1`"),
        (["007", "7", "12", "x"] * 12, "`007` and `7`"),
        (["1.1", "1.10", "1.05"] * 12, None),
        (["0.5", "0.50", "0.25", "12.5"] * 12, None),
        (["5", "5.0", "6", "7.5"] * 12, None),
        ([f"{i:02d}" for i in range(12)] * 5, None),
    ],
)
def test_one_number_by_two_spellings_is_told(cells, pair):
    column, _, _ = read(cells)
    if pair is None:
        assert column.reason is None
        return
    assert column.modality == "number"
    assert column.reason.en == f"{pair} are read as one number; --column v=category tells them apart"
    assert read(cells, overrides={"v": "category"})[1] == cells


@pytest.mark.parametrize(
    ("odd", "shown"),
    [
        (["A380", "A320", "E190"], "`A380`, `A320`, `E190`"),
        (["S", "M", "XL"], "`S`, `M`, `XL`"),
        (["Up", "Jaws", "It"], "`Up`, `Jaws`, `It`"),
    ],
)
def test_names_among_numbers_stay_words(odd, shown):
    cells = [*[str(100 + 37 * (i % 25) % 991) for i in range(75)], *odd]
    column, values, bad = read(cells)
    assert (column.modality, values, bad) == ("category", cells, [])
    assert f"{shown} among numbers are names as they are" in column.reason.en
    assert read(cells, overrides={"v": "number"})[2][-1].value == odd[-1]


@pytest.mark.parametrize("odd", [["error", "pending", "broken"] * 4, ["see note"] * 9, ["Up"]])
def test_words_for_no_value_among_numbers_are_named(odd):
    cells = [*[str(100 + 37 * i % 991) for i in range(60)], *odd]
    column, values, bad = read(cells)
    assert (column.modality, values[:60]) == ("number", [float(c) for c in cells[:60]])
    assert [(b.row, b.value) for b in bad] == [(61 + i, w) for i, w in enumerate(odd)]


def test_a_letter_for_days_is_a_unit_only_in_small():
    assert read(["2D", "3D"] * 30)[1][0] == "2D"
    column, values, _ = read([f"{i % 118}d" for i in range(120)])
    assert (column.options, column.reason.en, values[117]) == ({"unit": "d"}, "numbers in `d`", 117)
    assert read([*[f"{i} days" for i in range(50)], "2d"])[0].reason.en == "durations: `0 days` is read as 0 seconds"
    assert "`26:03:10` is read as 93790 seconds" in read(["26:03:10", "2d", "1:00:00"] * 20)[0].reason.en
    assert "times of day: `16:09` is read as 16:09:00" in read(["16:09", "4:30"] * 20)[0].reason.en


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("10⁵", 1e5), ("10^5", 1e5), ("1.2×10⁵", 1.2e5), ("5.83 x 10^-2", 0.0583), ("98¹", None), ("5₂", None), ("3½", 3.5), ("¾", 0.75), ("1234567½", 1234567.5), ("12 ¼", 12.25), ("-2¾", -2.75), ("-½", -0.5),
        ("$(4.50)", -4.5), ("€ (1,234)", -1234), ("%41", 0.41), ("EUR 16,-", 16), ("16.-- CHF", 16), ("\ufeff76", 76), ("1\u200b2", 12),
        ("\u200e5\u200f", 5), ("12.00-", -12), ("5-", None),
    ],
)  # fmt: skip
def test_numbers_as_people_write_them(cell, number):
    assert to_number(cell) == number


def test_a_percent_sign_left_out_in_some_cells():
    column, values, _ = read([f"{i} %" if i % 5 else str(i) for i in range(1, 61)])
    assert (column.options, column.reason.en) == ({"percent": True}, "`5` is read as 0.05")
    assert values == [i / 100 for i in range(1, 61)]
    assert read([f"{i}%" if i % 5 else f"0.{i:02d}" for i in range(1, 61)])[1] == [i / 100 for i in range(1, 61)]
    column, values, _ = read([f"{i}%" if i % 5 == 0 else str(i) for i in range(1, 61)])
    assert (values[:5], column.reason.en) == ([1, 2, 3, 4, 0.05], "`5%` is read as 0.05")


@pytest.mark.parametrize("note", ["*", "**", "†", "[1]", "[a]", "¹", "¹²"])
def test_marks_of_foot_notes_are_no_digits(note):
    column, values, bad = read([f"{w}{note}" if i % 9 == 0 else w for i, w in enumerate(WEIGHTS)])
    assert (column.modality, values, bad) == ("number", [float(w) for w in WEIGHTS], [])
    assert f"is read as {float(WEIGHTS[0]):g}" in column.reason.en
    assert read([f"{1 + i % 5}*" for i in range(60)])[0].modality == "category"


def test_durations_of_several_units():
    column, values, _ = read(["2h 15m", "1 hr 5 min", "49 min", "1小时13分钟", "1d 2h", "3 hours, 10 seconds"] * 10)
    assert values[:6] == [8100, 3900, 2940, 4380, 93600, 10810]
    assert column.reason.en == "durations: `2h 15m` is read as 8100 seconds"
    assert read([f"{7 * i % 60} min" for i in range(1, 61)])[0].options == {"unit": "min"}


def test_dates_in_several_forms():
    mixed = [f"2024-03-{i + 1:02d}" if i % 2 else f"{i + 1:02d}.03.2024" for i in range(30)]
    column, values, bad = read(mixed)
    assert (column.options["form"], [v.day for v in values], bad) == ("dmy", list(range(1, 31)), [])
    column, values, _ = read([f"3/{i}/2024" if i % 2 else f"{i}/3/2024" for i in range(13, 30)])
    assert "dates in several forms (`3/13/2024`, `14/3/2024`) stay words" in column.reason.en
    assert values[0] == "3/13/2024"
    assert read([f"{i} apples" for i in range(40)])[0].reason is None


def asked_later(cells, later, name="v"):
    """Return what cells of later rows are read as by the rule of a column of text, and the words for those that are not."""
    schema = infer_schema(pa.table({name: pa.array(cells, pa.string()), "other": ["x", "y"] * (len(cells) // 2)}))
    table, bad = coerce_rows([{name: c} for c in later], schema)
    return table.column(name).to_pylist(), [b.words.en for b in bad]


def test_amounts_in_a_currency_first_seen_later_are_named():
    values, bad = asked_later([f"${w}" for w in WEIGHTS], ["$5", "USD 5", "US$5", "5", "€5", "CAD 5"])
    assert values == [5, 5, 5, 5, None, None]
    assert bad == [f"expected an amount in $, received `{c}`" for c in ("€5", "CAD 5")]
    assert asked_later([f"¥{w}" for w in WEIGHTS], ["5 RMB", "JPY 5", "5元", "$5"])[0] == [5, 5, 5, None]
    assert asked_later([f"{'$€'[i % 2]}{w}" for i, w in enumerate(WEIGHTS)], ["€5", "£5"])[0] == [5, None]
    assert asked_later(WEIGHTS, ["€5", "$5"])[0] == [5, 5]
    assert read([f"{('$', 'USD ')[i % 2]}{w}" for i, w in enumerate(WEIGHTS)])[0].reason is None


def test_percents_without_their_sign_are_named_or_read_later():
    values, bad = asked_later([f"{i}%" for i in range(60)], ["76%", "76", "0", "0.5", "1"])
    assert (values, bad) == (
        [0.76, 0.76, 0, None, None],
        [f"expected a percent such as `50%`, received `{c}`" for c in ("0.5", "1")],
    )
    schema = infer_schema(pa.table({"v": [f"{i}%" for i in range(60)], "other": ["x", "y"] * 30}))
    typed, bad = coerce(pa.table({"v": [0.76, 76.0, 1.0, None]}), schema, need_target=False)
    assert (typed.column("v").to_pylist(), [b.row for b in bad]) == ([0.76, None, 1, None], [2])
    assert asked_later([f"{i}%" for i in range(60)], [0.76, 76]) == (
        [0.76, None],
        ["expected a percent such as `50%`, received `76`"],
    )


def test_the_unit_in_a_columns_name_is_that_of_bare_numbers():
    cells = [f"{w} kg" if i % 3 else f"{1000 + i}" for i, w in enumerate(WEIGHTS)]
    for name in ("weight (g)", "weight_g", "重量（g）"):
        column = infer_schema(pa.table({name: cells}))[name]
        assert column.options == {"unit": "g"}
        assert "numbers in `g`, those without a unit too, as the column's name says" in column.reason.en
    assert asked_later(cells, ["1003", "1 kg"], "weight (g)")[0] == [1003, 1000]
    assert asked_later([*WEIGHTS[:58], "250 g", "1 kg"], ["3", "250 g", "3 cm"], "weight_kg")[0] == [3, 0.25, None]
    areas = [str(20 + i) if i % 9 else f"{300 + i} sq ft" for i in range(60)]
    assert infer_schema(pa.table({"area (m²)": areas}))["area (m²)"].options == {"unit": "m2"}
    waits = [str(20 + i) if i % 30 else f"{3 + i}m" for i in range(60)]
    assert infer_schema(pa.table({"logged_in": waits}))["logged_in"].options == {}
    for name in ("weight", "weight_cm", "weight (net)", "kg"):
        assert infer_schema(pa.table({name: cells}))[name].options == {"unit": "kg"}


def test_a_typed_power_is_no_foot_note():
    column, values, bad = read([f"{w}¹" if i % 9 == 0 else w for i, w in enumerate(WEIGHTS)][:59] + ["2^6"])
    assert f"`{WEIGHTS[0]}¹` is read as {float(WEIGHTS[0]):g}" == column.reason.en
    assert (values[-1], [b.value for b in bad]) == (None, ["2^6"])


def test_raised_digits_of_words_stay_apart():
    assert read(["3³", "33", "x²"] * 20, overrides={"v": "category"})[1][:2] == ["3^3", "33"]


def test_parts_of_hours_and_what_a_duration_is():
    cells = ["2h 15m", "1.5h", "1个小时", "0.5 天 1h", "2.5 min"] * 12
    assert read(cells)[1][:5] == [8100, 5400, 3600, 46800, 150]
    assert asked_later(cells, ["soon"])[1] == ["expected a duration such as `2h 15m`, received `soon`"]
    assert read([f"{i / 2}h" for i in range(60)])[0].options == {"unit": "h"}


def test_crores_without_rupees_are_told():
    assert read([f"{w} CR" for w in WEIGHTS])[0].reason.en.endswith(f"is read as {float(WEIGHTS[0]) * 1e7:.15g}")


@pytest.mark.parametrize("overrides", [{}, {"v": "number"}])
def test_the_most_common_unit_is_that_of_most_rows(overrides):
    column, values, _ = read([*["1 kg"] * 40, *[f"{i}00 g" for i in range(2, 12)], "5", "6"], overrides=overrides)
    assert (column.options, values[-3:]) == ({"unit": "kg"}, [1.1, 5, 6])


def test_powers_that_may_be_names_are_told():
    assert read([f"{1 + i % 9}E{i % 7}" for i in range(60)])[0].reason.en.startswith("`1E0` is read as 1")
    assert read([f"{w}e-3" for w in WEIGHTS])[0].reason is None


@pytest.mark.parametrize(
    ("name", "cells", "digits"),
    [
        ("v", ["07131", "02139", "10001", "00501"] * 15, 5),
        ("v", ["00042", "00017", "123456"] * 15, 5),  # numbers that have outgrown their width
        ("v", ["010", "0755", "021"] * 15, None),
        ("area", ["010", "0755", "21"] * 15, None),
        ("邮编", ["010010", "100022"] * 15, 6),
        ("code", ["01", "02", "11"] * 15, 2),
        ("v", [f"{i:02d}" for i in range(12)] * 5, 0),  # months
        ("v", [f"{h:02d}{m:02d}" for h in range(24) for m in (0, 15, 45)], 0),  # times of day
        ("v", ["007", "7", "12"] * 15, 0),
        ("v", ["007", "014", "120"] * 15, 3),
        ("v", [f"{i * i % 151:03d}" for i in range(150)], 0),  # measurements of one width
        ("v", [f"{i**3 % 99991:06d}" for i in range(150)], 0),  # odometers
        ("v", [f"{2 ** (i / 10):07.0f}" for i in range(150)], 0),  # prices
        ("way_km", ["00120", "01200"] * 15, 0),
        ("departure_time", ["000500", "093000", "235959"] * 15, 0),
        ("v", [f"{i % 24:02d}{7 * i % 60:02d}{11 * i % 60:02d}" for i in range(150)], 0),  # times with seconds
        ("v", ["0", "120", "35"] * 15, 0),
        ("v", ["0.5", "0.25", "012.5"] * 15, 0),
    ],
)
@pytest.mark.parametrize("empty", [[], ["NA", "-"]])
def test_digits_that_begin_with_zeros_are_codes(name, cells, digits, empty):
    raw = pa.table({name: [*cells, *empty]})
    schema = infer_schema(raw)
    column = schema[name]
    if digits == 0:
        assert column.modality != "category"
        return
    assert (column.modality, column.options.get("digits")) == ("category", digits)
    assert "begins with a zero" in column.reason.en
    table, bad = coerce(raw, schema)
    assert (table.column(name).to_pylist()[: len(cells)], bad) == (cells, [])
    assert infer_schema(raw, overrides={name: "number"})[name].modality == "number"


@pytest.mark.parametrize(
    "cells",
    [
        [f"{1067 + 137 * i % 90000:05d}" for i in range(300)],  # postcodes
        [f"0{30 + i % 9}{1234567 + 7919 * i}" for i in range(300)],  # telephones
        [f"{i:05d}" for i in range(1, 1201)],  # ids
    ],
)
def test_codes_that_hardly_recur_are_no_numbers(cells):
    assert infer_schema(pa.table({"v": cells[::-1]}))["v"].modality in ("id", "text")


def test_codes_that_lost_their_zeros_get_them_back():
    schema = infer_schema(pa.table({"zip": ["07131", "02139", "10001", "00501"] * 15}))
    right = ["07131", "10001", "00501"]
    for cells in (["7131", "10001", "501"], [7131, 10001, 501], [7131.0, 10001.0, 501.0]):
        assert coerce(pa.table({"zip": cells}), schema)[0].column("zip").to_pylist() == right
        assert coerce_rows([{"zip": c} for c in cells], schema)[0].column("zip").to_pylist() == right


def test_approximate_values_are_numbers_and_told():
    column, values, bad = read(["~11", "12", "ca. 33", "约5", "about 7", "≈ 2.5"] * 10)
    assert (column.modality, values[:6], bad) == ("number", [11, 12, 33, 5, 7, 2.5], [])
    assert column.reason.en == "approximate values are read as their number: `~11` as 11"
    assert "`~7` as 7" in read(["<5", "5", "~7", "9", "11"] * 12)[0].reason.en
    assert read(["about", "ca.", "7", "Calgary 5"] * 12)[0].modality == "category"


@pytest.mark.parametrize("mark", ["\u200b", "\ufeff", "\u00ad", "\u200e", "\u2060"])
def test_characters_that_nobody_sees_make_no_second_word(mark):
    cells = ["北京店", f"\u3000北京{mark}店", f"Rome{mark}", "Rome", f"{mark}NA", "می\u200cخواهم"]
    raw = pa.table({"v": cells * 12})
    schema = infer_schema(raw)
    right = ["北京店", "北京店", "Rome", "Rome", "می\u200cخواهم"]
    values = coerce(raw, schema)[0].column("v").to_pylist()
    assert [values[i] for i in (0, 1, 2, 3, 5)] == right
    rows = coerce_rows([{"v": c} for c in cells], schema)[0].column("v").to_pylist()
    assert rows == values[:6]
    assert f"(`{ascii(mark)[1:-1]}` in `北京店`) are left out" in schema["v"].reason.en
    assert infer_schema(raw, target="v")["v"].reason is not None


@pytest.mark.parametrize(
    ("cells", "unit", "number"),
    [
        (["5 ft 11 in", "6ft 1in", "5 feet and 2.5 inches", "6 ft"], "ft", 5 + 11 / 12),
        (["5'11\"", "6’1”", "5' 2.5''", "6'"], "ft", 5 + 11 / 12),
        (["4'35\"", "5'12\"", '59"'], "min", 4 + 35 / 60),  # 35 inches would be more than a foot
        (["3 lb 4 oz", "2 lb 15 oz", "12 oz", "1 lb 1.5 oz"], "lb", 3.25),
        (["11st 4lb", "9st 13lb", "150 lb"], "stone", 11 + 4 / 14),
        (["1 kg 200 g", "3 kg 5 g", "2kg"], "kg", 1.2),
        (["2岁3个月", "1岁11个月", "3岁"], "岁", 2.25),
        (["1米75", "1米8", "1.62米"], "米", 1.75),
    ],
)
@pytest.mark.parametrize("decimal", [".", ","])
def test_several_units_in_a_cell_are_one_number(cells, unit, number, decimal):
    cells = [c.replace(".", decimal) for c in cells]
    column, values, bad = read(cells * 15, reading=Reading(decimal=decimal))
    assert (column.modality, column.options["unit"], bad) == ("number", unit, [])
    assert values[0] == number
    assert None not in values
    assert f"`{cells[0]}` is read as {number:.15g}" in column.reason.en
    assert coerce_rows([{"v": cells[0]}], Schema((column,)))[0].column("v").to_pylist() == [number]


@pytest.mark.parametrize("cell", ["5 ft 13 in", "5 in 11 ft", "5 ft 11 kg", "5 km 3 mi", "5 ft 1 ft", "1st 2nd"])
def test_what_is_no_number_in_several_units(cell):
    assert in_parts([cell]) is None


def test_a_height_that_is_none_is_named():
    column, _, _ = read(["5'11\"", "6'1\"", "5'2\""] * 20)
    assert asked_later(["5'11\"", "6'1\"", "5'2\""] * 20, ["5'13\""])[1] == [
        "expected a number in ft, received `5'13\"`"
    ]
    assert column.options["parts"] is True


@pytest.mark.parametrize(
    ("cells", "numbers", "told"),
    [
        (["1 1/2", "2 3/4", "3/4", "5"], [1.5, 2.75, 0.75, 5], "`1 1/2` is read as 1.5"),
        (["2⅓", "⅔", "5⅛", "4"], [7 / 3, 2 / 3, 5.125, 4], None),
        (["~11", "12", "≈13.5", "20"], [11, 12, 13.5, 20], "approximate values are read as their number: `~11` as 11"),
        (
            ["ca. 33", "34", "about 35", "20"],
            [33, 34, 35, 20],
            "approximate values are read as their number: `ca. 33` as 33",
        ),
        (["约11", "12", "15左右", "20"], [11, 12, 15, 20], "approximate values are read as their number: `约11` as 11"),
        (
            ["2.5±0.6", "3.1 +/- 0.2", "4.0 ± 0.1"],
            [2.5, 3.1, 4],
            "approximate values are read as their number: `2.5±0.6` as 2.5",
        ),
        (['27"', '15.6"', '24"'], [27, 15.6, 24], 'numbers in `"`'),
        (["1h30", "2h05", "0h45"], [5400, 7500, 2700], "durations: `1h30` is read as 5400 seconds"),
    ],
)
def test_numbers_beside_what_says_how_exact_they_are(cells, numbers, told):
    column, values, bad = read(cells * 15)
    assert (values[: len(cells)], bad) == (numbers, [])
    assert (column.reason.en if column.reason else None) == told


@pytest.mark.parametrize(
    "cells", [["1/2", "3/4", "2/3"], ["3/10", "7/10", "4/10"], ["2024 1/2", "2024 1/3"], ["5 7/3", "5 3/11"]]
)
def test_fractions_without_a_whole_number_beside_them_stay_words(cells):
    assert read(cells * 15)[0].modality == "category"


def test_eighths_beside_decimal_commas_are_no_thousands():
    column, values, _ = read(["1,5", "1 1/8", "2,25", "3⅜"] * 15)
    assert (column.options["decimal"], values[:4]) == (",", [1.5, 1.125, 2.25, 3.375])


def test_bounds_are_told_where_a_word_stands_among_numbers():
    cells = ["<0.1", "ND", "0.5", "0.7", "1.2", "0.9", "1.1", "3.3"]
    assert read(cells * 15)[0].reason.en.startswith("bounds are read as their number: `<0.1` as 0.1")


def test_ranges_are_told_and_stay_words():
    assert read(["18-25", "26-35", "36-45"] * 15)[0].reason.en.startswith("ranges such as `18-25` stay words")
    assert read(["3-15", "4-10", "1-9"] * 15)[0].reason is None  # may be days of months
