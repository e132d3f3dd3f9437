"""Dates: the order of day and month from all cells, instants in UTC, and one moment however it is written."""

import datetime as dt

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.errors import ColumnError
from modelwright.core.reading import Reading
from modelwright.core.words import Words
from modelwright.data._months import _NAMES, plain
from modelwright.data.coerce import coerce, coerce_rows
from modelwright.data.date_forms import to_moment, to_time
from modelwright.data.dates import find_form, reordered, settle
from modelwright.data.infer import infer_schema

NOON = dt.datetime(2024, 3, 5, 12)


@pytest.mark.parametrize(
    ("cell", "moment"),
    [
        ("2024-03-05T12:00:00.250Z", NOON.replace(microsecond=250_000)),
        ("2024-03-05 20:00:00+08:00", NOON),
        ("2024-03-05T06:30:00,123456789-0530", NOON.replace(microsecond=123_456)),
        ("05-Mar-24 12:00", NOON),
        ("Tue, 05 Mar 2024 14:00:00 +0200", NOON),
        ("March 5th, 2024 12:00 PM", NOON),
        ("20240305T120000Z", NOON),
        ("2024年3月5日 12时00分", NOON),
        ("2024年3月5日 星期二 中午12:00", NOON),
        ("２０２４年３月５日下午8点", NOON.replace(hour=20)),
        ("2024年3月5日 上午12:30", NOON.replace(hour=0, minute=30)),
        ("2024年3月5日 凌晨12点", NOON.replace(hour=0)),
        ("2024年3月5日 上午11:00", NOON.replace(hour=11)),
        ("2024年3月5日 下午12:30", NOON.replace(minute=30)),
        ("2024年3月5日 中午1点", NOON.replace(hour=13)),
        ("2024年3月5日 中午11点", NOON.replace(hour=11)),
        ("2024年3月5日 晚上11点", NOON.replace(hour=23)),
        ("2024年3月5日 晚上12:30", dt.datetime(2024, 3, 6, 0, 30)),
        ("2024-W10-2T12:00", NOON),
        ("2024W102", NOON.replace(hour=0)),
        ("2024-W10", dt.datetime(2024, 3, 4)),
        ("2020-W53-7", dt.datetime(2021, 1, 3)),
        ("2024年第10周", dt.datetime(2024, 3, 4)),
        ("2024-Q3", dt.datetime(2024, 7, 1)),
        ("Q3 2024", dt.datetime(2024, 7, 1)),
        ("2024年第三季度", dt.datetime(2024, 7, 1)),
        ("2024年4季度", dt.datetime(2024, 10, 1)),
        ("2024年3月5日 晚上20:00", NOON.replace(hour=20)),
        ("二〇二四年三月五日", NOON.replace(hour=0)),
        ("民国113年3月5日", NOON.replace(hour=0)),
        ("Mar 2024", dt.datetime(2024, 3, 1)),
        ("03/2024", dt.datetime(2024, 3, 1)),
        ("2024-03-05 24:00", dt.datetime(2024, 3, 6)),
        ("31.12.98", dt.datetime(1998, 12, 31)),
        ("5. März 2024", NOON.replace(hour=0)),
        ("Dienstag, 5. Mrz. 2024 12:00", NOON),
        ("1. Jänner 2024", dt.datetime(2024, 1, 1)),
        ("12 août 2023", dt.datetime(2023, 8, 12)),
        ("12 aou\u0302t 2023", dt.datetime(2023, 8, 12)),
        ("mardi 5 mars 2024 12:00", NOON),
        ("1er févr. 2024", dt.datetime(2024, 2, 1)),
        ("martes, 5 de marzo de 2024", NOON.replace(hour=0)),
        ("5 dicembre 2023", dt.datetime(2023, 12, 5)),
        ("1º de maio de 2024", dt.datetime(2024, 5, 1)),
        ("Okt 2023", dt.datetime(2023, 10, 1)),
        ("2024-03-05 13:00 CET", NOON),
        ("05.03.2024 14:00 MESZ", NOON),
        ("2024-03-05 07:00 EST", NOON),
        ("March 5, 2024 4:00 AM PST", NOON),
        ("2024-03-05 20:00 UTC+8", NOON),
        ("2024-03-05 13:00 Europe/Berlin", NOON),
        ("2024-07-05 14:00 Europe/Berlin", NOON.replace(month=7)),  # summer time
        ("2024-03-05T13:00:00+01:00[Europe/Berlin]", NOON),
        ("03JAN2022", dt.datetime(2022, 1, 3)),
        ("03jan22", dt.datetime(2022, 1, 3)),
        ("03JAN2022:10:15:00", dt.datetime(2022, 1, 3, 10, 15)),
        ("05/Mar/2024:05:00:00 -0700", NOON),
        ("1Q22", dt.datetime(2022, 1, 1)),
        ("3Q2022", dt.datetime(2022, 7, 1)),
        ("Q2'22", dt.datetime(2022, 4, 1)),
        ("Q4 22", dt.datetime(2022, 10, 1)),
        ("FY2022 Q3", dt.datetime(2022, 7, 1)),
        ("FY22Q3", dt.datetime(2022, 7, 1)),
        ("Q3 FY22", dt.datetime(2022, 7, 1)),
        ("3. Quartal 2022", dt.datetime(2022, 7, 1)),
        ("2022年上半年", dt.datetime(2022, 1, 1)),
        ("２０２２年下半年", dt.datetime(2022, 7, 1)),
        ("H1 2022", dt.datetime(2022, 1, 1)),
        ("2H22", dt.datetime(2022, 7, 1)),
        ("2022-H2", dt.datetime(2022, 7, 1)),
        ("2. Halbjahr 2022", dt.datetime(2022, 7, 1)),
        ("KW 01/2022", dt.datetime(2022, 1, 3)),
        ("KW53/2020", dt.datetime(2020, 12, 28)),
        ("2024 KW 10", dt.datetime(2024, 3, 4)),
        ("民国111年5月3日", dt.datetime(2022, 5, 3)),
        ("中華民國 111 年 5 月 3 日", dt.datetime(2022, 5, 3)),
        ("令和元年5月3日", dt.datetime(2019, 5, 3)),
        ("昭和64年1月7日", dt.datetime(1989, 1, 7)),
        ("2024 年 3 月 5 日 12:00", NOON),
    ],
)
def test_one_cell(cell, moment):
    form = find_form([cell])
    assert form is not None
    assert to_time(cell, form) == moment


@pytest.mark.parametrize(
    "cell",
    [
        "2024-02-30",
        "Market 2022",
        "1.2.10",
        "3-4-05",
        "12:30",
        "2024-03-05 25:00",
        "10/2024/3",
        "2024-03-05 12:00 CST",
        "2024-03-05 12:00 Mars/Olympus",
        "2024-03-05 12:00 ../etc/passwd",
        "3 Brumaire 2024",
        "Marzipan 2022",
        "Q122",
        "22Q1",
        "Q5 2022",
        "H3 2022",
        "KW 54/2022",
        "31FEB2022",
        "令和4月5日",
    ],
)
def test_no_date(cell):
    assert find_form([cell]) is None


def order(*cells, asked=None):
    form = find_form(cells)
    assert form is not None
    found = settle(pa.chunked_array([pa.array(cells)]), form, asked)
    return found.form, bool(found.others)


def test_day_or_month_first_is_told_from_all_cells():
    early = [f"01/{day:02d}/2024 {hour:02d}:00" for day in range(1, 13) for hour in range(24)] * 3
    assert order(*early, "01/13/2024 00:00") == ("mdy", False)
    assert order("03/04/2024", "25/04/2024") == ("dmy", False)
    assert order("01/05/24", "12/31/23", "02/03/24") == ("mdy2", False)
    assert order("24/01/05", "23/12/31", "99/02/03") == ("ymd2", False)
    assert order("03/01/2024", "04/01/2024", "05/01/2024", "11/01/2024") == ("mdy", False)  # the first of each month
    days = [dt.date(2023, 11, 1) + dt.timedelta(days=i) for i in range(12)]
    days += [dt.date(2023, 12, 1) + dt.timedelta(days=i) for i in range(12)]
    assert order(*[f"{d:%m/%d/%Y}" for d in days]) == ("mdy", False)  # rows in order of time
    assert order("03/04/2024", "05/02/2024") == ("dmy", True)
    assert order("03/04/2024", "05/02/2024", asked="mdy") == ("mdy", False)


def test_an_order_that_cannot_be_told_follows_the_table_or_is_asked():
    doubt, sure = ["03/04/2024", "05/02/2024"] * 9, ["03/14/2024", "05/02/2024"] * 9
    raw = pa.table({"sold": doubt, "y": ["a", "b"] * 9})
    with pytest.raises(ColumnError, match="--dates mdy"):
        infer_schema(raw, target="y", time="sold")
    assert "2024-04-03" in infer_schema(raw, target="y")["sold"].reason.en
    assert infer_schema(raw, time="sold", reading=Reading(dates="mdy"))["sold"].options["form"] == "mdy"
    beside = infer_schema(raw.append_column("paid", pa.array(sure)), time="sold")
    assert beside["sold"].options["form"] == "mdy"
    assert beside["sold"].reason is None


@pytest.mark.parametrize(
    ("form", "written"),
    [
        ("named", "{:%d%b%Y}"),
        ("named2", "{:%d%b%y}"),
        ("quarter", "Q{q}'{:%y}"),
        ("half", "{:%Y}年{h}半年"),
        ("chinese", "民国{roc}年{:%m月%d日}"),
    ],
)
@given(st.dates(dt.date(1969, 1, 1), dt.date(2068, 12, 31)))
def test_every_written_date_reads_back(form, written, day):
    quarter, half = (day.month + 2) // 3, 1 if day.month <= 6 else 2
    cell = written.format(day, q=quarter, h="上下"[half - 1], roc=day.year - 1911)
    first = {"quarter": day.replace(month=3 * quarter - 2, day=1), "half": day.replace(month=6 * half - 5, day=1)}
    assert to_time(cell, form) == dt.datetime.combine(first.get(form, day), dt.time())


@pytest.mark.parametrize(
    ("name", "written", "form"),
    [
        ("sold", "{:%d%m%Y}", "compact-dmy"),
        ("sold", "{:%m%d%Y}", "compact-mdy"),
        ("sold", "{:%Y%m%d}", "compact"),
        ("日期", "{roc}{:%m%d}", "compact-minguo"),
        ("日期", "{roc}/{:%m/%d}", "minguo"),
        ("日期", "{roc}.{:%m.%d}", "minguo"),
        ("日期", "{roc}年{month}月{day}日", "chinese"),
    ],
)
def test_days_in_digits_alone_and_in_years_of_the_minguo_calendar(name, written, form):
    days = [dt.datetime(2024, 1, 1) + dt.timedelta(days=3 * i) for i in range(40)]
    cells = [written.format(d, roc=d.year - 1911, month=d.month, day=d.day) for d in days]
    typed = [cells, *([[int(c) for c in cells]] if form in ("compact", "compact-minguo") else [])]
    for values in typed:
        raw = pa.table({name: values})
        schema = infer_schema(raw)
        assert (schema[name].modality, schema[name].options["form"]) == ("timestamp", form)
        assert coerce(raw, schema)[0].column(name).to_pylist() == days
        if "roc" in written:
            assert "2024-01-01" in schema[name].reason.en


@pytest.mark.parametrize(
    ("name", "cells", "day"),
    [
        ("month", [f"{2015 + i // 12}{i % 12 + 1:02}" for i in range(40)], (2015, 2, 1)),
        ("month", [f"{2015 + i // 12}.{i % 12 + 1}" for i in range(40)], (2015, 2, 1)),
        ("yearweek", [f"2024{i + 1:02}" for i in range(40)], (2024, 1, 8)),
        ("season", [f"{1990 + i}/{(1991 + i) % 100:02}" for i in range(40)], (1991, 1, 1)),
        ("fiscal", [f"FY{1990 + i}" for i in range(40)], (1991, 1, 1)),
        ("年份", [f"{1990 + i}年" for i in range(40)], (1991, 1, 1)),
    ],
)
def test_months_weeks_and_years_in_digits_where_the_name_or_the_cells_tell(name, cells, day):
    raw = pa.table({name: cells})
    schema = infer_schema(raw)
    assert schema[name].modality == "timestamp"
    assert coerce(raw, schema)[0].column(name).to_pylist()[1] == dt.datetime(*day)


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("amount", [f"{201501 + i}" for i in range(12)] * 2),
        ("ratio", ["2015.1", "2015.2", "2015.11"] * 10),
        ("invoice", [f"{20240100 + i}" for i in range(40)]),
        ("reading", [f"{20000101 + 3571 * i}" for i in range(40)]),
        ("sold", ["01022024", "03042024", "05062024"] * 10),  # three say too little, and either may be the month
        ("year", [str(1990 + i) for i in range(40)]),
        ("pressure", ["150/11/92", "120/80/70", "119/12/71"] * 10),
    ],
)
def test_numbers_that_only_look_like_dates_are_none(name, cells):
    assert infer_schema(pa.table({name: cells}))[name].modality != "timestamp"


def test_fiscal_quarters_are_read_as_those_of_the_calendar_and_told():
    schema = infer_schema(
        pa.table({"period": [f"FY22 Q{1 + i % 4}" for i in range(40)], "y": ["a", "b"] * 20}), target="y"
    )
    assert schema["period"].modality == "timestamp"
    assert "fiscal year were the calendar year, from 2022-01-01" in schema["period"].reason.en
    plain = infer_schema(
        pa.table({"period": [f"Q{1 + i % 4} 2022" for i in range(40)], "y": ["a", "b"] * 20}), target="y"
    )
    assert plain["period"].reason is None


def moments(values, name="read_at", **options):
    raw = pa.table({name: values})
    schema = infer_schema(raw, **options)
    assert schema[name].modality == "timestamp"
    typed, bad = coerce(raw, schema, need_target=False)
    assert not bad
    return typed.column(name).to_pylist(), schema


def test_one_moment_however_it_is_written():
    whole = [NOON + dt.timedelta(hours=7 * i, milliseconds=125) for i in range(30)]
    seconds = [(m - dt.datetime(1970, 1, 1)) / dt.timedelta(seconds=1) for m in whole]
    east = dt.timezone(dt.timedelta(hours=8))
    zoned = [m.replace(tzinfo=dt.UTC).astimezone(east) for m in whole]
    written = {
        "text": [m.isoformat() for m in whole],
        "with zones": [m.isoformat() for m in zoned],
        "American": [f"{m:%m/%d/%Y %I:%M:%S}.125 {m:%p}" for m in whole],
        "seconds": seconds,
        "seconds as text": [repr(s) for s in seconds],
        "milliseconds": [int(s * 1000) for s in seconds],
        "nanoseconds": [int(s * 1000) * 10**6 for s in seconds],
        "Arrow": pa.array(whole, pa.timestamp("ns")),
        "Arrow with a zone": pa.array(zoned, pa.timestamp("us", "Asia/Shanghai")),
    }
    for kind, values in written.items():
        found, schema = moments(values)
        assert found == whole, kind
        served, bad = coerce_rows([{"read_at": zoned[4].isoformat()}, {"read_at": whole[5].isoformat() + "Z"}], schema)
        assert not bad
        assert served.column("read_at").to_pylist() == whole[4:6], kind


def test_serial_days_of_excel():
    assert moments([45356 + i / 2 for i in range(9)], "order_date")[0][:2] == [NOON.replace(hour=0), NOON]
    assert moments(["45356", "45357", "45358", "45359", "45360"], "日期")[0][0] == NOON.replace(hour=0)
    assert infer_schema(pa.table({"load": [45356 + i / 2 for i in range(9)]}))["load"].modality == "number"


@pytest.mark.parametrize("unit", [1, 1_000])
def test_births_before_1970_are_unix_times(unit):
    seconds = [-600_000_000 + i * 86_400 * 100 for i in range(150)]
    found, schema = moments([s * unit for s in seconds], "date of birth")
    assert schema["date of birth"].modality == "timestamp"
    assert found[0] == dt.datetime(1970, 1, 1) + dt.timedelta(seconds=seconds[0])
    assert infer_schema(pa.table({"birth_weight": [s * unit for s in seconds]}))["birth_weight"].modality == "number"
    assert moments([25_000 + i * 100 for i in range(9)], "birth_date")[0][0] == dt.datetime(1968, 6, 11)


def test_hours_around_summer_time_stay_apart():
    cells = ["2024-10-27T02:30:00+02:00", "2024-10-27T02:30:00+01:00"] * 9
    assert moments(cells)[0][:2] == [dt.datetime(2024, 10, 27, 0, 30), dt.datetime(2024, 10, 27, 1, 30)]


def test_bundles_of_older_versions_read_as_they_did():
    assert to_time("2024-03-05T12:00:00.5+08:00", "ymd", exact=False) == NOON


def test_the_order_of_another_file_is_told_by_cells_that_are_no_date_otherwise():
    raw = pa.table({"d": [f"{m:02d}/{d:02d}/2024" for m in range(1, 13) for d in (3, 14, 25)]})
    schema = infer_schema(raw, overrides={"d": "timestamp"})
    assert schema["d"].options["form"] == "mdy"
    assert reordered(schema, raw) == (schema, None)
    assert reordered(schema, pa.table({"d": ["01/02/2024", "05/04/2024"]})) == (schema, None)
    assert reordered(schema, pa.table({"d": ["2024-01-31", None]})) == (schema, None)
    again, said = reordered(schema, pa.table({"d": ["01/02/2024", "31/01/2024"]}))
    assert again["d"].options["form"] == "dmy"
    assert "d: dmy" in said.en


@pytest.mark.parametrize("zone", ["CST", "IST", "BST", "AST"])
def test_an_abbreviation_of_several_zones_is_told_and_not_guessed(zone):
    cells = [f"2024-03-{d:02d} {h:02d}:00 {zone}" for d in range(1, 11) for h in (8, 12, 20)]
    raw = pa.table({"sold": cells, "y": ["a", "b", "a"] * 10})
    column = infer_schema(raw, target="y")["sold"]
    assert column.modality != "timestamp"
    assert f"`{zone}` may be" in column.reason.en
    assert f"`{zone}` 可能是" in column.reason.zh
    with pytest.raises(ColumnError, match=f"--time sold: the time zone `{zone}`"):
        infer_schema(raw, target="y", time="sold")
    with pytest.raises(ColumnError, match=f"cannot be read as timestamps.*`{zone}` may be"):
        infer_schema(raw, target="y", overrides={"sold": "timestamp"})
    plain = pa.table({"sold": [f"size 4 {zone}", "large"] * 15, "y": ["a", "b"] * 15})
    assert "zone" not in (infer_schema(plain, target="y")["sold"].reason or Words("", "")).en


@pytest.mark.parametrize("cell", ["2021-W53", "2024-W00", "1000W12", "2024-Q5", "2024年第4", "W10-2024"])
def test_what_is_no_week_or_quarter_is_no_time(cell):
    assert find_form([cell] * 9) is None


def test_no_name_of_a_month_means_two():
    names = [n for line in _NAMES for n in line.split()]
    assert len(names) == len(set(names))
    assert all(n == plain(n).lower() for n in names)


def test_a_column_of_german_dates_with_zones_is_of_times():
    values = [f"{d}. {m} 2024 12:00 MEZ" for d in (3, 17, 28) for m in ("Januar", "Februar", "März", "Mai", "Oktober")]
    found, schema = moments(values)
    assert found[2] == dt.datetime(2024, 3, 3, 11)
    served, bad = coerce_rows([{"read_at": "3 Mar 2024 11:00"}], schema)
    assert not bad
    assert served.column("read_at").to_pylist() == [found[2]]


@pytest.mark.parametrize(("cell", "form", "at"), [
    ("2026-01-05", "dmy", "2026-01-05"), ("2026年1月5日", "dmy", "2026-01-05"), ("05/01/2026", "dmy", "2026-01-05"),
    ("2026-01-05", "chinese", "2026-01-05"), ("05/01/2026", "ymd", None), ("soon", "dmy", None),
])  # fmt: skip
def test_a_date_that_begins_with_the_year_is_read_beside_any_form(cell: str, form: str, at: str | None) -> None:
    found = to_moment(cell, form)
    assert (found and found.date().isoformat()) == at
