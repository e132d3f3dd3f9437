"""Whether numbers that have changed look like the same numbers in another unit."""

from __future__ import annotations

import numpy as np

from modelwright.core.words import Words

_NEAR = 0.15  # by which mean and deviation may miss the factor
_FACTORS: tuple[tuple[float, Words], ...] = (
    *((float(10**k), Words(f"multiplied by {10**k:,}", f"乘以 {10**k:,}")) for k in (1, 2, 3, 6)),
    *((float(10**-k), Words(f"divided by {10**k:,}", f"除以 {10**k:,}")) for k in (1, 2, 3, 6)),
    (2.54, Words("in centimetres instead of inches", "由英寸变为厘米")),
    (1 / 2.54, Words("in inches instead of centimetres", "由厘米变为英寸")),
    (1.609344, Words("in kilometres instead of miles", "由英里变为公里")),
    (1 / 1.609344, Words("in miles instead of kilometres", "由公里变为英里")),
    (2.20462, Words("in pounds instead of kilograms", "由千克变为磅")),
    (1 / 2.20462, Words("in kilograms instead of pounds", "由磅变为千克")),
    (60.0, Words("in smaller units of time (by 60)", "时间单位变小（60 倍）")),
    (1 / 60.0, Words("in larger units of time (by 60)", "时间单位变大（60 倍）")),
)
_FAHRENHEIT = Words("in degrees Fahrenheit instead of Celsius", "由摄氏度变为华氏度")
_CELSIUS = Words("in degrees Celsius instead of Fahrenheit", "由华氏度变为摄氏度")


def unit_words(before: tuple[float, float], sums: np.ndarray) -> Words | None:
    """Return in which other unit numbers seem to come, from mean and deviation in training and sums [3] of those that came:
    how many, their sum, the sum of their squares. None where no unit fits both.
    """
    count, total, squares = (float(v) for v in sums)
    mean, deviation = before
    if count < 2 or deviation <= 0 or not np.isfinite([total, squares]).all():
        return None
    now = total / count
    spread = float(np.sqrt(max(0.0, squares / count - now**2)))
    if spread <= 0:
        return None
    allowed = _NEAR + 3 / np.sqrt(2 * count)  # of a deviation that is known from few rows
    found: list[tuple[float, Words]] = []
    for factor, words in _FACTORS:
        # a mean near 0 tells nothing, so it is judged in deviations
        off = abs(now - factor * mean) / (factor * deviation) + abs(np.log(spread / (factor * deviation)))
        if off <= 2 * allowed:
            found.append((off, words))
    for slope, shift, words in ((1.8, 32.0, _FAHRENHEIT), (1 / 1.8, -32 / 1.8, _CELSIUS)):
        off = abs(now - (slope * mean + shift)) / (slope * deviation) + abs(np.log(spread / (slope * deviation)))
        if off <= 2 * allowed and min(mean, now) >= -100:
            found.append((off, words))
    return min(found, key=lambda f: f[0])[1] if found else None
