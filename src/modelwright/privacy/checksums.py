"""Check digits: whether a number can be what it looks like. All take the bare characters, without blanks and dashes."""

from __future__ import annotations

import datetime as dt

# first two digits of the division that issued an ID card (GB/T 2260), 83 for residents from Taiwan (since 2018)
_PROVINCES = frozenset(
    [
        "11",
        "12",
        "13",
        "14",
        "15",
        "21",
        "22",
        "23",
        "31",
        "32",
        "33",
        "34",
        "35",
        "36",
        "37",
        "41",
        "42",
        "43",
        "44",
        "45",
        "46",
        "50",
        "51",
        "52",
        "53",
        "54",
        "61",
        "62",
        "63",
        "64",
        "65",
        "71",
        "81",
        "82",
        "83",
    ]
)
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_MARKS = "10X98765432"
_CREDIT_LETTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT_WEIGHTS = tuple(pow(3, i, 31) for i in range(17))
_VIN_VALUES = dict(
    zip("ABCDEFGHJKLMNPRSTUVWXYZ0123456789", [*range(1, 9), *range(1, 6), 7, 9, *range(2, 10), *range(10)])
)
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28, "CH": 21,
    "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27,
    "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26,
    "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27,
    "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25,
    "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23,
    "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}  # fmt: skip


def is_division(code: str) -> bool:
    """Whether two digits are those of a province."""
    return code in _PROVINCES


def is_date(text: str) -> bool:
    """Whether eight digits are a day from 1900 to today."""
    try:
        day = dt.date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError:
        return False
    return dt.date(1900, 1, 1) <= day <= dt.date.today()


def id_check_digit(body: str) -> str:
    """Return the last character of an ID card from the 17 digits before it (GB 11643-1999, ISO 7064 MOD 11-2)."""
    return _ID_MARKS[sum(w * int(d) for w, d in zip(_ID_WEIGHTS, body)) % 11]


def id_form(code: str) -> bool:
    """Whether 18 or 15 characters have the form of a mainland ID card: a division and a day of birth; old ones have no more."""
    if (
        len(code) == 18 and code[0] == "9"
    ):  # for foreigners who stay for good, since 2023: division and nation come after the 9
        return code[1:3] in _PROVINCES and is_date(code[6:14])
    if code[:2] not in _PROVINCES:
        return False
    return is_date(code[6:14]) if len(code) == 18 else is_date("19" + code[6:12])


def id_card(code: str) -> bool:
    """Whether 18 characters are an ID card of mainland China: division, day of birth and check digit."""
    return len(code) == 18 and id_form(code) and id_check_digit(code[:17]) == code[17].upper()


def hong_kong_id(code: str) -> bool:
    """Whether a letter or two, six digits and a check digit are an ID card of Hong Kong."""
    body, check = code[:-1].upper().rjust(8), code[-1].upper()
    values = [36 if c == " " else ord(c) - 55 if c.isalpha() else int(c) for c in body]
    total = sum(v * w for v, w in zip(values, range(9, 1, -1))) + (10 if check == "A" else int(check))
    return total % 11 == 0


_TAIWAN = "ABCDEFGHJKLMNPQRSTUVXYWZIO"


def taiwan_id(code: str) -> bool:
    """Whether a letter and nine digits are an ID card of Taiwan."""
    first = _TAIWAN.index(code[0].upper()) + 10
    digits = [first // 10, first % 10, *map(int, code[1:])]
    return sum(d * w for d, w in zip(digits, (1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1))) % 10 == 0


_TURN = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)  # Verhoeff's permutation, applied once more at each place


def verhoeff(digits: str) -> bool:
    """Whether the last digit fits the others (J. Verhoeff, 1969: in the dihedral group of ten elements)."""
    total = 0
    for i, c in enumerate(reversed(digits)):
        n = int(c)
        for _ in range(i % 8):
            n = _TURN[n]
        turned = n % 5 if n < 5 else n - 5
        if total < 5:
            total = (total + turned) % 5 if n < 5 else 5 + (total + turned) % 5
        else:
            total = 5 + (total - turned) % 5 if n < 5 else (total - 5 - turned) % 5
    return total == 0


def aadhaar(digits: str) -> bool:
    """Whether twelve digits can be an Aadhaar number of India: no 0 or 1 in front, Verhoeff's digit at the end."""
    return len(digits) == 12 and digits[0] not in "01" and verhoeff(digits)


def resident_number(digits: str) -> bool:
    """Whether thirteen digits can be a resident registration number of Korea: a day of birth, and a century and sex.

    The check digit is not asked for: since October 2020 the last six digits are drawn by chance.
    """
    century = {"1": "19", "2": "19", "5": "19", "6": "19", "3": "20", "4": "20", "7": "20", "8": "20"}.get(digits[6:7])
    return len(digits) == 13 and century is not None and is_date(century + digits[:6])


def luhn(digits: str) -> bool:
    """Whether the last digit fits the others (ISO/IEC 7812-1, annex B)."""
    total = 0
    for i, c in enumerate(reversed(digits)):
        n = int(c) * (1 + i % 2)
        total += n - 9 if n > 9 else n
    return total % 10 == 0 and len(set(digits)) > 1


def card_issuer(digits: str) -> bool:
    """Whether the first digits and the length are those of a card scheme."""
    n, two, three, four = len(digits), int(digits[:2]), int(digits[:3]), int(digits[:4])
    return bool(
        (digits[0] == "4" and n in (13, 16, 19))
        or (two == 62 and 16 <= n <= 19)
        or ((51 <= two <= 55 or 2221 <= four <= 2720) and n == 16)
        or (two in (34, 37) and n == 15)
        or ((300 <= three <= 305 or two in (36, 38, 39)) and n == 14)
        or ((four == 6011 or two == 65 or 644 <= three <= 649) and 16 <= n <= 19)
        or (3528 <= four <= 3589 and n == 16)
        or (four in (1800, 2131) and n == 15)
        or ((two in (50, 63, 67) or 56 <= two <= 58) and 12 <= n <= 19)
    )


def iban(code: str) -> bool:
    """Whether a code is an IBAN: country, its length, and 1 modulo 97 (ISO 13616)."""
    code = code.upper()
    if _IBAN_LENGTHS.get(code[:2]) != len(code) or not code[2:4].isdigit():
        return False
    return int("".join(str(int(c, 36)) for c in code[4:] + code[:4])) % 97 == 1


def credit_code(code: str) -> bool:
    """Whether 18 characters are a unified social credit code (GB 32100-2015)."""
    code = code.upper()
    if len(code) != 18 or any(c not in _CREDIT_LETTERS for c in code):
        return False
    total = sum(_CREDIT_LETTERS.index(c) * w for c, w in zip(code, _CREDIT_WEIGHTS))
    return _CREDIT_LETTERS[(31 - total % 31) % 31] == code[17]


def vin(code: str) -> bool:
    """Whether 17 characters are a vehicle identification number whose ninth character checks the others (GB 16735, 49 CFR 565)."""
    code = code.upper()
    if len(code) != 17 or any(c not in _VIN_VALUES for c in code):
        return False
    rest = sum(_VIN_VALUES[c] * w for c, w in zip(code, _VIN_WEIGHTS)) % 11
    return code[8] == ("X" if rest == 10 else str(rest))


def some_digits(code: str) -> bool:
    """Whether a code holds four digits or more: what tells codes that have no checksum from words."""
    return sum(c.isdigit() for c in code) >= 4
