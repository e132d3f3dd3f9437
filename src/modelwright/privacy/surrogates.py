"""Values that look real and are nobody's: always the same for the same value and key, in the form of the original.

Numbers come from ranges that are reserved for examples or given to nobody, or have a wrong check digit: e-mail and web addresses
of example.com (RFC 2606), IP addresses of RFC 5737 and 3849, MAC addresses of RFC 7042, phone numbers 555-01xx and, in China,
with prefixes that no operator has, social security numbers from 666. Names and streets are put together from lists; that
somebody has the same name by chance cannot be ruled out.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from modelwright.privacy import checksums, lexicon
from modelwright.privacy.catalogue import get_type
from modelwright.privacy.generalise import month
from modelwright.privacy.pseudonyms import Pseudonyms
from modelwright.privacy.text import plain

_ROADS = ["银杏", "翠柏", "望湖", "听泉", "归云", "晓月", "松涛", "竹影", "梧桐", "海棠"]
_STREETS = ["Sample", "Example", "Placeholder", "Fictive", "Demo", "Specimen", "Model", "Pattern"]


def surrogate(value: str, kind: str, pseudonyms: Pseudonyms) -> str:
    """Return what stands for a value of a type; types without a form of their own get their pseudonym."""
    way = _WAYS.get(kind)
    if way is None:
        return pseudonyms.of(kind, value)
    text = plain(value)
    made = way(text, pseudonyms.rng(kind, value))
    if get_type(kind).canonical(made) == get_type(kind).canonical(value):  # chance gave the same: not for long
        made = way(text, pseudonyms.rng(kind, value + "\x00"))
    pseudonyms.tell(kind, value, made)
    return made


def _like(text: str, rng: np.random.Generator, digits: str = "", letters: bool = True) -> str:
    """Return a text in which digits and letters are drawn anew, marks stay; `digits` come first where digits stand."""
    given = iter(digits)
    out = []
    for c in text:
        if c.isdigit():
            out.append(next(given, str(rng.integers(10))))
        elif c.isascii() and c.isalpha() and letters:
            drawn = "ABCDEFGHJKLMNPQRSTUVWXYZ"[rng.integers(24)]
            out.append(drawn if c.isupper() else drawn.lower())
        else:
            out.append(c)
    return "".join(out)


def _pick(pool: object, rng: np.random.Generator) -> str:
    return str(pool[int(rng.integers(len(pool)))])  # type: ignore[index,arg-type]


def _phone(text: str, rng: np.random.Generator) -> str:
    digits = re.sub(r"\D", "", text)
    lead = re.match(r"\+?(?:00)?86[ \-]?(?=1)", text)
    if lead or re.fullmatch(r"1\d{10}", digits):
        body = text[lead.end() :] if lead else text
        return (lead.group() if lead else "") + _like(body, rng, "12" + str(rng.integers(10)), letters=False)
    if re.fullmatch(r"(?:1|001)?[2-9]\d{9}", re.sub(r"\D", "", re.split(r"[xX]|ext", text)[0])):
        ten = f"{rng.integers(200, 1000)}55501{rng.integers(100):02}"
        bare = re.sub(r"\D", "", re.split(r"[xX]|ext", text)[0])
        return _like(text, rng, bare[:-10] + ten, letters=False)
    plus = re.match(r"\+\d{1,3}(?=[ \-.(])|\+\d{2}|00\d{2}|0", text)
    kept = re.sub(r"\D", "", plus.group()) if plus else ""
    return _like(text, rng, kept + "000", letters=False)


def _id_card(text: str, rng: np.random.Generator) -> str:
    code = re.sub(r"[^0-9A-Za-z]", "", text)
    if len(code) == 18 and code[:17].isdigit():
        day = f"{rng.integers(1940, 2006)}{rng.integers(1, 13):02}{rng.integers(1, 29):02}"
        body = f"{code[:2]}0000{day}{rng.integers(1000):03}"
        right = checksums.id_check_digit(body)
        wrong = "0123456789"[(int(right) + 1 + int(rng.integers(9))) % 10] if right.isdigit() else str(rng.integers(10))
        drawn = iter(body + wrong)
        return "".join(next(drawn) if c.isalnum() else c for c in text)
    if len(code) == 15 and code.isdigit():
        # a month that no year has
        return _like(text, rng, f"{code[:2]}0000{rng.integers(40, 100)}{rng.integers(13, 20)}")
    return _like(text, rng, "000")


def _card(text: str, rng: np.random.Generator) -> str:
    made = _like(text, rng, re.sub(r"\D", "", text)[:1])
    digits = re.sub(r"\D", "", made)
    if checksums.luhn(digits):
        at = max(i for i, c in enumerate(made) if c.isdigit())
        made = made[:at] + str((int(made[at]) + 1) % 10) + made[at + 1 :]
    return made


def _iban(text: str, rng: np.random.Generator) -> str:
    made = _like(text[2:], rng, "00")  # check digits are 02 to 98
    return text[:2] + made


def _credit_code(text: str, rng: np.random.Generator) -> str:
    made = _like(text, rng)
    if checksums.credit_code(made):
        made = made[:-1] + ("0" if made[-1] != "0" else "1")
    return made


def _plate(text: str, rng: np.random.Generator) -> str:
    # the letters I and O stand on no plate
    head = text[:2] if "\u4e00" <= text[0] <= "\u9fff" else ""
    return head + "IO"[int(rng.integers(2))].join(["", _like(text[len(head) :], rng)[1:]]) if head else _like(text, rng)


def _vin(text: str, rng: np.random.Generator) -> str:
    return _like(text, rng)[:8] + "I" + _like(text, rng)[9:]  # I stands in no VIN


def _email(text: str, rng: np.random.Generator) -> str:
    first, last = _pick(lexicon.entries("first_names"), rng), _pick(lexicon.entries("last_names"), rng)
    return f"{first}.{last}{rng.integers(10000)}@example.com"


def _url(text: str, rng: np.random.Generator) -> str:
    scheme = text.partition("://")[0] + "://" if "://" in text else ""
    return f"{scheme}www.example.com/{rng.integers(16**8):08x}"


def _ip(text: str, rng: np.random.Generator) -> str:
    if ":" in text:
        return f"2001:db8::{rng.integers(65536):x}:{rng.integers(65536):x}"
    return f"{_pick(('192.0.2', '198.51.100', '203.0.113'), rng)}.{rng.integers(1, 255)}"


def _mac(text: str, rng: np.random.Generator) -> str:
    mark = "-" if "-" in text else ":"
    return mark.join(["00", "00", "5E", "00", "53", f"{rng.integers(256):02X}"])


def _person(text: str, rng: np.random.Generator) -> str:
    if any("\u4e00" <= c <= "\u9fff" for c in text):
        surname = _pick([s for s in lexicon.entries("zh_surnames")[:120] if len(s) == 1], rng)
        size = max(1, min(2, len(text.replace("·", "")) - 1)) if len(text) > 1 else 0
        return surname + "".join(_pick(lexicon.entries("zh_given"), rng) for _ in range(size))
    first = _pick(lexicon.entries("first_names"), rng).capitalize()
    last = _pick(lexicon.entries("last_names"), rng).capitalize()
    words = text.split()
    made = first if len(words) == 1 else f"{last}, {first}" if words[0].endswith(",") else f"{first} {last}"
    return made.upper() if text.isupper() else made.lower() if text.islower() else made


def _address(text: str, rng: np.random.Generator) -> str:
    if any("\u4e00" <= c <= "\u9fff" for c in text):
        city = _pick(lexicon.entries("zh_places")[34:300], rng)
        return f"{city}市{_pick(_ROADS, rng)}路{rng.integers(2000, 9999)}号"
    return f"{rng.integers(10000, 99999)} {_pick(_STREETS, rng)} Street"


def _place(text: str, rng: np.random.Generator) -> str:
    if any("\u4e00" <= c <= "\u9fff" for c in text):
        return _pick(lexicon.entries("zh_places")[34:300], rng)
    return _pick(lexicon.entries("cities"), rng).title()


def _birth(text: str, rng: np.random.Generator) -> str:
    near = month(text)
    year = re.search(r"(?:19|20)\d{2}", near or text)
    y, m, d = (
        year.group() if year else str(rng.integers(1940, 2006)),
        int(rng.integers(1, 13)),
        int(rng.integers(1, 29)),
    )
    if "年" in text:
        return f"{y}年{m}月{d}日"
    return f"{m}/{d}/{y}" if re.match(r"\d{1,2}/", text) else f"{y}-{m:02}-{d:02}"


_Way = Callable[[str, np.random.Generator], str]
_WAYS: dict[str, _Way] = {
    "phone": _phone, "id-card": _id_card, "bank-card": _card, "iban": _iban, "credit-code": _credit_code, "plate": _plate,
    "vin": _vin, "email": _email, "url": _url, "ip": _ip, "mac": _mac, "person": _person, "address": _address,
    "place": _place, "birth-date": _birth,
    "ssn": lambda t, rng: _like(t, rng, "666"),
    "passport": lambda t, rng: _like(t, rng, "000"),
    "driver-licence": lambda t, rng: _like(t, rng, "000"),
    "medical-record": lambda t, rng: _like(t, rng, "000"),
    "postcode": lambda t, rng: _like(t, rng, "00"),
    "qq": lambda t, rng: "0" + _like(t[1:], rng),
    "wechat": lambda t, rng: f"wxid_example{rng.integers(10**6):06}",
    "gps": lambda t, rng: f"{rng.uniform(-60, 60):.4f}, {rng.uniform(-180, 180):.4f}",
}  # fmt: skip
