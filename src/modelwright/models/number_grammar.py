"""Grammars of JSON numbers between two bounds, written as decimals without an exponent."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

from modelwright.models.grammar import Alt, Chars, Repeat, Seq, text

NEVER = Alt(())  # what nothing fits
_DIGIT = Chars(((48, 57),))
_LARGE = 10**15
_DECIMALS = 6  # digits after the point; a bound with more has its own and two further ones
ANY_WHOLE = Seq((Repeat(text("-"), 0, 1), Alt((text("0"), Seq((Chars(((49, 57),)), Repeat(_DIGIT, 0, 17)))))))
# two digits of exponent: more would not be a finite number to most readers
ANY_NUMBER = Seq((
    ANY_WHOLE,
    Repeat(Seq((text("."), Repeat(_DIGIT, 1, 16))), 0, 1),
    Repeat(Seq((Chars(((69, 69), (101, 101))), Repeat(Chars(((43, 43), (45, 45))), 0, 1), Repeat(_DIGIT, 1, 2))), 0, 1),
))  # fmt: skip


def integers(low: float, low_out: bool, high: float, high_out: bool) -> Any:
    """Return the expression of integers between bounds, either of which may be infinite or itself out."""
    first, last = whole_bounds(low, low_out, high, high_out)
    if first > last:
        return NEVER
    parts = []
    if first < 0:
        parts.append(Seq((text("-"), between(max(1, -last), -first))))
    if last >= 0:
        parts.append(between(max(0, first), last))
    return Alt(tuple(parts))


def whole_bounds(low: float, low_out: bool, high: float, high_out: bool) -> tuple[int, int]:
    """Return the first and last integer between bounds; where one is open, far enough off."""
    first = None if low == -math.inf else math.ceil(low) + (1 if low_out and math.ceil(low) == low else 0)
    last = None if high == math.inf else math.floor(high) - (1 if high_out and math.floor(high) == high else 0)
    if first is None:
        first = min(-_LARGE, (last or 0) * 10 if (last or 0) < 0 else -_LARGE)
    if last is None:
        last = max(_LARGE, first * 10)
    return first, last


def between(low: int, high: int) -> Any:
    """Return the expression of whole numbers from `low` to `high`, neither below 0, without leading zeros."""
    parts = []
    for size in range(len(str(low)), len(str(high)) + 1):
        a, b = max(low, 10 ** (size - 1) if size > 1 else 0), min(high, 10**size - 1)
        if a <= b:
            parts.append(_digits(str(a), str(b)))
    return Alt(tuple(parts))


def _digits(a: str, b: str) -> Any:
    if set(a) <= {"0"} and set(b) <= {"9"}:
        return Repeat(_DIGIT, len(a), len(a))
    first, last = int(a[0]), int(b[0])
    if first == last:
        return Seq((text(a[0]), _digits(a[1:], b[1:])))
    rest = len(a) - 1
    parts = [Seq((text(a[0]), _digits(a[1:], "9" * rest))), Seq((text(b[0]), _digits("0" * rest, b[1:])))]
    if last - first > 1:
        parts.append(Seq((Chars(((49 + first, 47 + last),)), Repeat(_DIGIT, rest, rest))))
    return Alt(tuple(parts))


def numbers(low: float, low_out: bool, high: float, high_out: bool) -> Any:
    """Return the expression of numbers between bounds, either of which may be infinite or itself out."""
    if low == -math.inf and high == math.inf:
        return ANY_NUMBER
    least, most = _decimal(low), _decimal(high)
    parts = []
    if high > 0 or (high == 0 and not high_out):
        zero_out = low == 0 and low_out
        parts.append(_above_zero(least if low > 0 else Decimal(0), low_out if low > 0 else zero_out, most, high_out))
    if low < 0:  # what is below zero, by its size
        small, small_out = (-most, high_out) if high < 0 else (Decimal(0), True)
        parts.append(Seq((text("-"), _above_zero(small, small_out, None if least is None else -least, low_out))))
    return Alt(tuple(parts)) if parts else NEVER


def _decimal(bound: float) -> Any:
    return None if math.isinf(bound) else Decimal(repr(bound) if isinstance(bound, float) else bound)


def _above_zero(low: Decimal, low_out: bool, high: Decimal | None, high_out: bool) -> Any:
    """Return the expression of numbers of at least zero between bounds; `high` None for no bound."""
    if high is not None and (high < low or (high == low and (low_out or high_out))):
        return NEVER
    a, a_rest = _split(low)
    b, b_rest = _split(high) if high is not None else (max(10**9, a * 10), "")
    most = max(_DECIMALS, len(a_rest) + 2, len(b_rest) + 2 if high is not None else 0)
    parts = []
    if a == b:
        parts.append(Seq((text(str(a)), _fraction(a_rest, low_out, b_rest, high_out, most))))
    else:
        parts.append(Seq((text(str(a)), _fraction(a_rest, low_out, None, False, most))))
        if b - a > 1:
            parts.append(Seq((between(a + 1, b - 1), _fraction("", False, None, False, most))))
        parts.append(Seq((text(str(b)), _fraction("", False, b_rest, high_out, most))))
    return Alt(tuple(parts))


def _split(value: Decimal) -> tuple[int, str]:
    """Return the whole part, and the digits after the point without zeros at their end."""
    plain = format(value, "f")
    head, _, tail = plain.partition(".")
    return int(head), tail.rstrip("0")


def _fraction(low: str, low_out: bool, high: str | None, high_out: bool, most: int) -> Any:
    """Return the expression of what may follow a whole part: nothing, or a point and digits between two rows of digits.

    `high` None: no bound above.
    """
    bare = not low and not low_out and not (high == "" and high_out)
    body = _between_digits(low, low_out, high, high_out, most)
    written = Seq((text("."), body))
    return Alt((Seq(()), written)) if bare else written


def _between_digits(low: str, low_out: bool, high: str | None, high_out: bool, most: int) -> Any:
    """Return the expression of one to `most` digits that, after a point, lie between `low` and `high`."""
    if most <= 0:
        return NEVER
    first, last = int(low[0]) if low else 0, 9 if high is None else (int(high[0]) if high else 0)
    parts = []
    for digit in range(first, last + 1):
        at_low = digit == first and (low or low_out)
        at_high = digit == last and high is not None
        rest_low, rest_low_out = (low[1:], low_out) if at_low else ("", False)
        rest_high, rest_high_out = ((high or "")[1:], high_out) if at_high else (None, False)
        if not rest_low and not rest_low_out and rest_high is None:
            tail: Any = Repeat(_DIGIT, 0, most - 1)
        else:
            ends = not rest_low and not rest_low_out and not (rest_high == "" and rest_high_out)
            more = _between_digits(rest_low, rest_low_out, rest_high, rest_high_out, most - 1)
            tail = Alt((Seq(()), more)) if ends else more
        parts.append(Seq((text(str(digit)), tail)))
    return Alt(tuple(parts)) if parts else NEVER
