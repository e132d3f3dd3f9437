"""English numbers in words: counted, in order, years, digit by digit."""

from __future__ import annotations

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
).split()
_TENS = "  twenty thirty forty fifty sixty seventy eighty ninety".split(" ")
_GROUPS = ("", "thousand", "million", "billion", "trillion")
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth", "twelve": "twelfth",
}  # fmt: skip
MOST = 15  # digits that are read as one number


def digits(text: str) -> str:
    """Return the digits of a text one by one, in words; other characters are pauses."""
    out = " ".join(_ONES[int(c)] if c.isdecimal() else "," for c in text if c.isdecimal() or not c.isspace())
    return out.replace(" ,", ",")


def cardinal(value: int) -> str:
    """Return a whole number below 10 to the 15 in words: one thousand two hundred and five."""
    if value < 0:
        return f"minus {cardinal(-value)}"
    if value < 20:
        return _ONES[value]
    if value < 100:
        return _TENS[value // 10] + (f" {_ONES[value % 10]}" if value % 10 else "")
    if value < 1000:
        return f"{_ONES[value // 100]} hundred" + (f" and {cardinal(value % 100)}" if value % 100 else "")
    parts, group = [], 0
    rest = value
    while rest:
        rest, low = divmod(rest, 1000)
        if low:
            parts.append((cardinal(low), _GROUPS[group], low))
        group += 1
    said = " ".join(f"{words} {name}".strip() for words, name, _ in reversed(parts[1:]))
    words, name, low = parts[0]
    joined = " and " if not name and low < 100 and said else " "
    return f"{said}{joined}{words} {name}".strip()


def ordinal(value: int) -> str:
    """Return the place of a number in words: twenty-first as `twenty first`."""
    *before, last = cardinal(value).split(" ")
    last = _ORDINALS.get(last) or (last[:-1] + "ieth" if last.endswith("y") else last + "th")
    return " ".join([*before, last])


def year(value: int) -> str:
    """Return a year as it is read: nineteen eighty four, two thousand and five, nineteen hundred."""
    high, low = divmod(value, 100)
    if value < 1000 or 2000 <= value < 2010 or value % 1000 == 0 or value > 9999:
        return cardinal(value)
    if low == 0:
        return f"{cardinal(high)} hundred"
    return f"{cardinal(high)} {'oh ' if low < 10 else ''}{cardinal(low)}"


def decimal(text: str) -> str:
    """Return a number as it is written (`1,234.50`, `-3`, `007`) in words."""
    sign = "minus " if text[:1] in "-−" else ""
    whole, _, part = text.lstrip("-−+").replace(",", "").partition(".")
    long = len(whole) > MOST or (len(whole) > 1 and whole[0] == "0")
    said = digits(whole) if long else cardinal(int(whole or "0"))
    return sign + said + (f" point {digits(part)}" if part else "")
