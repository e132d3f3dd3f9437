"""Times in several columns, and wide tables with a column a period: the moments that come of them, by hand."""

import datetime as dt

import pyarrow as pa
import pytest

from modelwright.core.reading import Reading
from modelwright.data.time_parts import again, put_together
from modelwright.data.wide import to_long

HOURS = [dt.datetime(2024, 3, 1) + dt.timedelta(hours=h) for h in range(72)]
MONTHS = [(2015 + m // 12, m % 12 + 1) for m in range(36)]
NAMES = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


@pytest.mark.parametrize(
    ("columns", "name", "third"),
    [
        ({"date": [f"{h:%Y-%m-%d}" for h in HOURS], "hour": [str(h.hour) for h in HOURS]}, "date + hour", "2024-03-01 02:00"),
        ({"Date": [f"{h:%m/%d/%Y}" for h in HOURS], "HE": [str(h.hour + 1) for h in HOURS]}, "Date + HE", "03/01/2024 03:00"),
        ({"day": [h.date() for h in HOURS], "hour": [h.hour for h in HOURS]}, "day + hour", "2024-03-01 02:00"),
        ({"日期": [f"{h.year}年{h.month}月{h.day}日" for h in HOURS], "时间": [f"{h:%H:%M}" for h in HOURS]}, "日期 + 时间", "2024年3月1日 02:00"),
        ({"date": [f"{h:%Y%m%d}" for h in HOURS], "time": [f"{h:%H%M}" for h in HOURS]}, "date + time", "2024-03-01 02:00"),
        ({"year": [y for y, _ in MONTHS], "month": [m for _, m in MONTHS]}, "year + month", "2015-03"),
        ({"Year": [str(y) for y, _ in MONTHS], "Month": [NAMES[m - 1] for _, m in MONTHS]}, "Year + Month", "2015-03"),
        ({"年份": [f"{y}年" for y, _ in MONTHS], "季度": [f"Q{1 + i % 4}" for i in range(36)]}, "年份 + 季度", "2015-Q3"),
        ({"year": [h.year for h in HOURS], "month": [h.month for h in HOURS], "day": [h.day for h in HOURS], "hour": [h.hour for h in HOURS]}, "year + month + day + hour", "2024-03-01 02:00"),
    ],
)  # fmt: skip
def test_times_in_several_columns_are_one(columns, name, third):
    raw = pa.table(columns)
    made, said = put_together(raw, None)
    assert (made.column_names, made.column(name).to_pylist()[2]) == ([*columns, name], third)
    assert name in said.zh
    later = raw.slice(2, 1)  # one row alone tells nothing
    assert put_together(later, None)[0].column_names == list(columns)
    assert again(later, name).column(name).to_pylist() == [third]


@pytest.mark.parametrize(
    "columns",
    [
        {"date": [f"{h:%Y-%m-%d}" for h in HOURS[::24]], "hour": ["9", "10", "11"]},  # one row a day
        {"date": [f"2024-01-{i:02}" for i in range(1, 31)], "month": ["1"] * 30, "week": [str(i // 7) for i in range(30)]},
        {"at": [f"{h:%Y-%m-%d %H:%M}" for h in HOURS], "hour": [str(h.hour) for h in HOURS]},
        {"year": [str(1990 + i) for i in range(30)], "month": [str(i % 12 + 1) for i in range(30)]},
        {"year": ["2020", "2021"] * 20, "month": [str(i + 100) for i in range(40)]},
        {"city": ["a", "b"] * 20, "hour": [str(i % 24) for i in range(40)]},
    ],
)  # fmt: skip
def test_columns_that_tell_no_more_of_the_time_stay(columns):
    made, said = put_together(pa.table(columns), None)
    assert (made.column_names, said) == (list(columns), None)


def test_days_of_the_week_are_none_of_the_month():
    week = {
        "year": ["2020"] * 70,
        "month": [str(1 + i // 7) for i in range(70)],
        "day": [str(1 + i % 7) for i in range(70)],
    }
    assert put_together(pa.table(week), None)[0].column_names[-1] == "year + month"


def long(columns, time=None):
    found = to_long(pa.table(columns), Reading(), time)
    return None if found is None else found[0].to_pylist()


def test_years_that_name_columns_are_the_times():
    rows = long({"Country Name": ["Chad", "Peru", "Fiji"], "Code": ["TCD", "PER", "FJI"], "1990 [YR1990]": ["1", "4", ".."],
                 "1991 [YR1991]": ["2", "..", ".."], "1992 [YR1992]": ["3", "6", ".."], "column_6": pa.nulls(3, pa.string())})  # fmt: skip
    assert [(r["Code"], r["time"], r["value"]) for r in rows] == [
        ("TCD", 1990, "1"), ("TCD", 1991, "2"), ("TCD", 1992, "3"), ("PER", 1990, "4"), ("PER", 1991, None), ("PER", 1992, "6"),
        ("FJI", 1990, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "names", [["1/22/20", "1/23/20", "1/24/20"], ["Jan-21", "Feb-21", "Mar-21"], ["2021年1月", "2021年2月", "2021年3月"], ["X2021.01.01", "X2021.01.02", "X2021.01.03"]]
)  # fmt: skip
def test_dates_that_name_columns_are_the_times_and_what_is_beside_them_is_no_value(names):
    rows = long({"shop": ["a", "b"], "size": [70, 90], **{n: [i, i + 1] for i, n in enumerate(names)}})
    assert [(r["shop"], r["size"], r["value"]) for r in rows] == [
        (s, z, str(i + k)) for k, (s, z) in enumerate((("a", 70), ("b", 90))) for i in range(3)
    ]
    assert [r["time"] for r in rows[:3]] == [n.removeprefix("X") for n in names]


def test_a_row_a_year_or_a_day_with_a_column_a_month_or_an_hour():
    rows = long({"Year": ["2020", "2021"], **{n: [str(i), str(100 + i)] for i, n in enumerate(NAMES)}})
    assert [(r["time"], r["value"]) for r in rows[10:14]] == [
        ("2020-11", "10"), ("2020-12", "11"), ("2021-01", "100"), ("2021-02", "101"),
    ]  # fmt: skip
    rows = long({"site": ["x", "y"], "date": ["2024-03-01"] * 2, **{f"H{h}": [h, -h] for h in range(1, 25)}})
    assert (rows[23]["site"], rows[23]["time"], rows[23]["value"]) == ("x", "2024-03-01 24:00", "24")
    assert (rows[24]["site"], rows[24]["time"], rows[24]["value"]) == ("y", "2024-03-01 01:00", "-1")


def test_a_column_that_numbers_the_rows_is_no_series():
    dates = [f"2024-01-{i:02}" for i in range(1, 31)]
    rows = long({"column_1": list(range(30)), "date": dates, "north": [i * 0.5 for i in range(30)], "south": [i * 2.5 for i in range(30)]})  # fmt: skip
    assert {r["series"] for r in rows} == {"north", "south"}
