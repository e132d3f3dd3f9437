"""How far values stand apart: found, named, and counted there and back."""

import numpy as np
import pytest

from modelwright.core.errors import OptionError
from modelwright.data.frequency import Frequency, detect, named, parse

DAY = 86_400_000_000.0


def months(step, day=1):
    found = np.arange("2020-01", "2024-01", dtype="datetime64[M]")[::step].astype("datetime64[D]") + (day - 1)
    return found.astype("datetime64[us]").astype(float)


def last_days():
    found = (np.arange("2020-01", "2024-01", dtype="datetime64[M]") + 1).astype("datetime64[D]") - 1
    return found.astype("datetime64[us]").astype(float)


def working():
    days = np.arange("2024-01-01", "2024-04-01", dtype="datetime64[D]")
    return days[np.is_busday(days)].astype("datetime64[us]").astype(float)


@pytest.mark.parametrize(
    ("times", "name", "season"),
    [
        (np.arange(300) * 3.6e9 + 1.8e9, "h", 24),
        (np.arange(300) * 9e8, "15min", 96),
        (np.arange(60) * DAY, "D", 7),
        (np.arange(60) * 7 * DAY + 3 * DAY, "W", 1),
        (months(1), "M", 12),
        (last_days(), "M", 12),
        (months(1, day=15), "M", 12),
        (months(3), "Q", 4),
        (months(12), "Y", 1),
        (working(), "B", 5),
    ],
)
def test_found_and_counted_there_and_back(times, name, season):
    found = detect([times], False)
    assert (found.name, found.season) == (name, season)
    places = found.places(times)
    assert (np.diff(places) == 1).all()
    assert np.allclose(found.times(places), times)
    assert Frequency.of_json(found.to_json()) == found


def test_gaps_do_not_hide_the_frequency_and_disorder_does():
    days = np.delete(np.arange(200) * DAY, [5, 6, 50, 90, 91])
    assert detect([days], False).name == "D"
    assert detect([np.cumsum(np.random.default_rng(0).integers(1, 10**12, 100)).astype(float)], False) is None
    assert detect([np.arange(0, 40, 2.0)], True).name == "2step"


@pytest.mark.parametrize(
    ("text", "unit", "count"),
    [
        ("D", "D", 1),
        ("15min", "min", 15),
        ("W-SUN", "W", 1),
        ("w-fri", "W", 1),
        ("2Q-mar", "Q", 2),
        ("QS-APR", "Q", 1),
        ("YE-JUN", "Y", 1),
        ("ME", "M", 1),
        ("MS", "M", 1),
        ("小时", "h", 1),
        ("2h", "h", 2),
        ("H", "h", 1),
        ("30Min", "min", 30),
    ],
)
def test_names_as_people_write_them(text, unit, count):
    found = parse(text)
    assert (found.unit, found.count) == (unit, count)
    assert parse(found.name) == found


@pytest.mark.parametrize("text", ["", "fortnight", "0D", "D D", "5", "W-MAR", "Q-SUN", "D-FRI", "M-MAR", "W-", "Y-13"])
def test_other_names_are_refused(text):
    with pytest.raises(OptionError, match="--frequency such as"):
        parse(text)


def test_a_frequency_that_cannot_be_that_of_the_times():
    found = named("h", [np.arange(5.0)], True)  # counted steps take the seasons of what they stand for
    assert (found.name, found.seasons, found.season, found.horizon) == ("step", (24, 168), 24, 48)
    assert found.times(found.places(np.arange(5.0))).tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(OptionError, match="holds dates"):
        named("step", [np.arange(5) * DAY], False)


def days(*texts):
    return np.array(texts, "datetime64[us]").astype(np.int64).astype(float)


@pytest.mark.parametrize(
    ("start", "step", "at_end", "name"),
    [
        (m, s, e, n)
        for s, n in ((3, "Q"), (12, "Y"), (2, "2M"), (4, "4M"), (6, "6M"))
        for m in range(0, s)
        for e in (False, True)
    ],
)
def test_periods_of_several_months_begin_in_any_month(start, step, at_end, name):
    first = np.arange("2012-01", "2026-01", dtype="datetime64[M]")[start::step]
    found = (first + 1).astype("datetime64[D]") - 1 if at_end else first.astype("datetime64[D]")
    times = found.astype("datetime64[us]").astype(np.int64).astype(float)
    frequency = detect([times], False)
    assert frequency.name == name
    places = frequency.places(times)
    assert np.array_equal(np.diff(places), np.ones(len(times) - 1))
    assert np.array_equal(frequency.times(places), times)
    assert Frequency.of_json(frequency.to_json()) == frequency
    assert np.array_equal(named(name, [times], False).times(places), times)


def test_fiscal_years_count_on_from_their_last():
    april = days("2019-04-01", "2020-04-01", "2021-04-01", "2022-04-01")
    frequency = detect([april], False)
    following = frequency.times(frequency.places(april)[-1:] + 1)
    assert following.astype("datetime64[us]").astype("datetime64[D]").astype(str).tolist() == ["2023-04-01"]
    # of a quarter the months before its end belong to it
    january = detect([days("2023-01-31", "2023-04-30", "2023-07-31", "2023-10-31")], False)
    assert np.ptp(january.places(days("2023-11-05", "2023-12-31", "2024-01-31"))) == 0


def test_months_put_together_are_quarters_of_the_calendar():
    quarters = named("Q", [months(1)], False)
    assert (quarters.month, np.ptp(quarters.places(days("2023-01-01", "2023-02-01", "2023-03-01")))) == (0, 0)
    old = {"unit": "Q", "count": 1, "anchor": 31.0, "clock": 0}
    assert Frequency.of_json(old).times(np.array([1])) == days("1970-06-30")


def every_day(first, last):
    return np.arange(first, last, dtype="datetime64[D]").astype("datetime64[us]").astype(np.int64).astype(float)


def shown(frequency, times):
    return frequency.times(np.unique(frequency.places(times))).astype("datetime64[us]").astype("datetime64[D]").astype(str).tolist()  # fmt: skip


@pytest.mark.parametrize(
    ("name", "first", "last", "labels"),
    [
        ("W-FRI", "2024-01-06", "2024-01-20", ["2024-01-12", "2024-01-19"]),  # Saturday to Friday
        ("W-SUN", "2024-01-01", "2024-01-15", ["2024-01-07", "2024-01-14"]),
        ("2W-SUN", "2024-01-01", "2024-01-29", ["2024-01-07", "2024-01-21"]),
        ("W", "2024-01-01", "2024-01-15", ["2024-01-01", "2024-01-08"]),
        ("Q-JAN", "2023-11-01", "2024-05-01", ["2024-01-31", "2024-04-30"]),
        ("QS-NOV", "2023-11-01", "2024-05-01", ["2023-11-01", "2024-02-01"]),
        ("QE", "2024-01-01", "2024-07-01", ["2024-03-31", "2024-06-30"]),
        ("Y-MAR", "2022-04-01", "2024-04-01", ["2023-03-31", "2024-03-31"]),
        ("YS-APR", "2022-04-01", "2024-04-01", ["2022-04-01", "2023-04-01"]),
        ("ME", "2024-01-01", "2024-03-01", ["2024-01-31", "2024-02-29"]),
        ("M", "2024-01-01", "2024-03-01", ["2024-01-01", "2024-02-01"]),
    ],
)
def test_days_are_put_together_to_the_periods_that_are_named(name, first, last, labels):
    days = every_day(first, last)
    found = named(name, [days], False)
    assert shown(found, days) == labels
    assert Frequency.of_json(found.to_json()) == found
    assert named(found.name, [days], False) == found


def test_times_of_whole_periods_stay_where_they_stand():
    fridays = np.arange(20) * 7 * DAY + days("2024-01-05")[0]
    fridays[7] -= DAY  # a holiday on Friday: its Thursday is of the same week
    found = named("W-FRI", [fridays], False)
    assert np.diff(found.places(fridays)).tolist() == [1] * 19
    assert found.times(found.places(fridays)[-1:]) == fridays[-1:]
    mondays = np.arange(20) * 7 * DAY + days("2024-01-01")[0]
    assert np.array_equal((weeks := named("W-SUN", [mondays], False)).times(weeks.places(mondays)), mondays)
    ends = days("2023-06-30", "2023-09-30", "2023-12-31", "2024-03-31")
    assert np.array_equal((quarters := named("Q-MAR", [ends], False)).times(quarters.places(ends)), ends)


def test_receipts_of_working_days_make_months_by_their_first_day():
    receipts = working() + np.random.default_rng(0).integers(0, 20, len(working())) * 3.6e9
    found = named("M", [receipts], False)
    assert shown(found, receipts) == ["2024-01-01", "2024-02-01", "2024-03-01"]
    assert (found.times(found.places(receipts)) % DAY == 0).all()


def test_where_periods_end_is_told():
    assert parse("W-FRI").ending == (" (weeks end on Friday)", "（每周止于周五）")
    assert parse("QS-APR").ending == (" (a quarter ends in March)", "（季度止于 3 月）")
    assert parse("W").ending == ("", "")
