"""Days of rest, and what the calendar says of periods."""

import numpy as np
import pytest

from modelwright.core.errors import OptionError
from modelwright.data.calendar import calendar_of, check_country, rests
from modelwright.data.frequency import anchored


def days(*texts):
    return np.array(texts, "datetime64[D]")


def test_working_days_of_china_are_moved():
    # the Sunday before Spring Festival 2024 was worked, the Friday of the holiday was not; far years count by weekday
    assert rests(days("2024-02-04", "2024-02-16", "2024-02-20", "2090-01-01"), "CN").tolist() == [
        False,
        True,
        False,
        True,
    ]


def test_holidays_of_other_countries():
    assert rests(days("2024-12-25", "2024-12-24", "2024-12-21"), "US").tolist() == [True, False, True]
    assert check_country("de") == "DE"
    with pytest.raises(OptionError, match="such as CN"):
        check_country("Atlantis")


def test_periods():
    times = days("2024-02-03", "2024-02-04").astype("datetime64[us]").astype(float)
    frequency = anchored("D", 1, [times])
    found = calendar_of(frequency, frequency.places(times), "CN")
    # weekday, day, week, month, rest before, now, behind
    assert found.tolist() == [[5, 3, 4, 2, 0, 1, 0], [6, 4, 4, 2, 1, 0, 0]]
    months = anchored("M", 1, [days("2024-02-01").astype("datetime64[us]").astype(float)])
    assert calendar_of(months, months.places(times[:1]), "CN")[0, -1] == 11
