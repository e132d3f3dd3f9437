"""Whether the first and the last period hold all that falls into them, where rows at a finer grain are taken together.

Sales by day that end on the 3rd make no month. A period is not whole where rows that should be there stand neither before the first
row nor behind the last one. What should be there is told from the table: each place in the week (or each step) has a share of the weeks
that have rows there, so that Sundays on which nobody sells are not waited for. The whole table counts, not each series: a shop that
closed has sold what it sold.

Legend: N times, P places in a week.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelwright.data.frequency import Frequency, detect

_HOURS = {"ms": 1 / 3.6e6, "s": 1 / 3600, "min": 1 / 60, "h": 1.0, "D": 24.0, "B": 24.0, "W": 168.0, "M": 730.5, "Q": 2191.5, "Y": 8766.0}  # fmt: skip
_WEEK, _DAY = 168.0, 24.0
_FINER = 1.5  # how many times as long a period must be at least, for rows to be taken together
_CHANCE = 0.05  # how likely it must be that no row would have come, for a period to count as whole
_LEAST_WEEKS = 3  # below, days of the week tell nothing
_MOST = 100_000  # steps that are looked at


@dataclass(frozen=True)
class Grain:
    """How far rows stand apart before they are taken together (`step`), and how often there are rows at each place of a week [P]."""

    step: Frequency
    shares: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        """Return JSON values from which `of_json` makes it again."""
        return {"step": self.step.to_json(), "shares": list(self.shares)}

    @classmethod
    def of_json(cls, data: Mapping[str, Any]) -> Grain:
        """Read what `to_json` wrote. Raises KeyError or ValueError for what it did not write."""
        return cls(Frequency.of_json(data["step"]), tuple(float(s) for s in data["shares"]))


@dataclass(frozen=True)
class Part:
    """A period that is not whole: its number, whether rows lack at its end (else at its beginning), and the first or last moment of it
    (microseconds since 1970) for which there should be rows."""

    place: int
    at_end: bool
    until: float


def grain_of(series: Sequence[np.ndarray], frequency: Frequency) -> Grain | None:
    """Return the grain of times that are taken together to periods; None where each period has one time already.

    `series` holds the times of each series [N], in order and without repetition, microseconds since 1970.
    """
    if frequency.unit == "step" or not sum(map(len, series)):
        return None
    found = detect(series, False)
    step = Frequency("D") if found is not None and found.unit == "B" else found
    length = _length(frequency)
    if step is None or (_length(step) < 1 and length >= _DAY):
        step = _coarser(frequency) if step is None else Frequency("h")
    if step is None or _FINER * _length(step) > length or not _several(series, frequency):
        return None
    places = np.unique(np.concatenate([step.places(s) for s in series]))
    return Grain(step, _shares(places, _in_week(step)))


def whole_already(series: Sequence[np.ndarray], frequency: Frequency) -> bool:
    """Return whether times [N] of several periods stand as far apart as these, one in each: rows that were taken together before."""
    found = detect(series, False)
    return found is not None and not _several(series, frequency) and _FINER * _length(found) > _length(frequency)


def parts(times: np.ndarray, frequency: Frequency, grain: Grain) -> list[Part]:
    """Return which of the first and last period of all times [N] is not whole."""
    if not len(times):
        return []
    out = []
    for moment, way in ((times.min(), -1), (times.max(), 1)):
        place = int(frequency.places(np.array([moment]))[0])
        at = int(grain.step.places(np.array([moment]))[0])
        steps = at + way * np.arange(1, _MOST)
        came = np.asarray(grain.step.times(steps), np.float64)
        steps, came = steps[(same := frequency.places(came) == place)], came[same]
        shares = np.array(grain.shares)[np.mod(steps, len(grain.shares))]
        if len(steps) and float(np.prod(1 - shares)) < _CHANCE:
            out.append(Part(place, way > 0, float(came[shares > 0][-1])))
    return out


def _length(frequency: Frequency) -> float:
    """Return about how many hours a period lasts."""
    return frequency.count * _HOURS[frequency.unit]


def _coarser(frequency: Frequency) -> Frequency | None:
    """Return the grain of times that come at any moment, such as receipts: days of months and weeks, hours of days."""
    unit = {"W": "D", "M": "D", "Q": "D", "Y": "D", "D": "h", "B": "h", "h": "min", "min": "s"}.get(frequency.unit)
    return Frequency(unit) if unit else None


def _several(series: Sequence[np.ndarray], frequency: Frequency) -> bool:
    return any(len(np.unique(frequency.places(s))) < len(s) for s in series)


def _in_week(step: Frequency) -> int:
    """Return how many steps a week has, where they are whole and at most a day long; else 1."""
    count = _WEEK / _length(step)
    return round(count) if 1 <= _length(step) <= _DAY and count == round(count) else 1


def _shares(places: np.ndarray, size: int) -> tuple[float, ...]:
    """Return the share of weeks that have rows at each of their places [size]; of days, or of all steps, where weeks are few."""
    span = int(places[-1] - places[0]) + 1
    if span < _LEAST_WEEKS * size:
        size = size // 7 if size % 7 == 0 and size > 7 and span >= _LEAST_WEEKS * size // 7 else 1
    there = np.bincount(np.mod(places, size), minlength=size)
    could = np.bincount(np.mod(np.arange(places[0], places[-1] + 1), size), minlength=size)
    return tuple(float(s) for s in there / np.maximum(could, 1))
