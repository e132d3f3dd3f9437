"""Values made coarser, so that they still mean something and no longer point at one person: cities, months, networks, bands."""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
from functools import cache

from modelwright.data.date_forms import to_time
from modelwright.data.dates import find_form
from modelwright.privacy import lexicon
from modelwright.privacy.catalogue import get_type
from modelwright.privacy.mask import masked
from modelwright.privacy.text import plain

_CITY = re.compile(
    r"^(?:[\u4e00-\u9fff]{2,7}?(?:省|自治区|特别行政区))?[\u4e00-\u9fff]{2,8}?(?:市|自治州|地区|盟)|^[\u4e00-\u9fff]{2,7}?(?:省|自治区)"
)
_DATE = re.compile(r"(?P<y>(?:19|20)\d{2})\s?(?P<gap>[-/.年])\s?(?P<m>\d{1,2})")


def generalised(value: str, kind: str) -> str:
    """Return a value of a type made coarser; where nothing sensible is left, its placeholder."""
    text = plain(value).strip()
    found = _WAYS.get(kind, lambda _: None)(text)
    return found if found else get_type(kind).placeholder


@cache
def _places() -> frozenset[str]:
    return frozenset(lexicon.entries("cities")) | frozenset(lexicon.entries("countries"))


def _address(text: str) -> str | None:
    found = _CITY.match(text)
    if found:
        return found.group()
    for size in (3, 2, 4):
        if text[:size] in lexicon.entries("zh_places"):
            return text[:size]
    # of a Latin address the parts that are known cities and countries
    words = re.findall(r"[^\W\d_]+(?:['’.\-][^\W\d_]+)*", text)
    kept = []
    at = 0
    while at < len(words):
        for size in (3, 2, 1):
            part = " ".join(words[at : at + size])
            if part.lower() in _places() and at:
                kept.append(part)
                at += size
                break
        else:
            at += 1
    return ", ".join(kept[-2:]) or None


def _postcode(text: str) -> str | None:
    keep = 2 if len(text) < 6 else 3
    return text[:keep] + "*" * max(0, len(text) - keep)


def _gps(text: str) -> str | None:
    numbers = re.findall(r"-?\d{1,3}\.\d+|-?\d{1,3}", text)
    return ", ".join(f"{float(n):.1f}" for n in numbers[:2]) or None


def _ip(text: str) -> str | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return str(ipaddress.ip_network(f"{address}/{24 if address.version == 4 else 48}", strict=False).network_address)


def _url(text: str) -> str | None:
    found = re.match(r"(?:(?P<scheme>[a-z][a-z0-9+.\-]*)://)?(?:[^/@\s]*@)?(?P<host>[^/:?#\s]+)", text, re.IGNORECASE)
    return f"{found['scheme'] + '://' if found['scheme'] else ''}{found['host']}/" if found else None


def month(text: str) -> str | None:
    """Return year and month of a day, in the day's own way of writing."""
    found = _DATE.search(text)
    if found:
        return f"{found['y']}年{int(found['m'])}月" if found["gap"] == "年" else f"{found['y']}-{int(found['m']):02}"
    form = find_form([text])
    day = to_time(text, form) if form else None
    return f"{day.year}-{day.month:02}" if isinstance(day, dt.datetime) else None


def _id_card(text: str) -> str | None:
    code = re.sub(r"[^0-9Xx]", "", text)
    return (
        f"{code[:2]}****{code[6:10]}********"
        if len(code) == 18
        else f"{code[:2]}****{code[6:8]}*******"
        if len(code) == 15
        else None
    )


def _person(text: str) -> str | None:
    if "\u4e00" <= text[:1] <= "\u9fff":
        return text[: 2 if text[:2] in _doubles() else 1] + "某"
    return " ".join(f"{w[0].upper()}." for w in text.split() if w[0].isalpha()) or None


@cache
def _doubles() -> frozenset[str]:
    return frozenset(s for s in lexicon.entries("zh_surnames") if len(s) == 2)


_WAYS = {
    "address": _address, "postcode": _postcode, "gps": _gps, "ip": _ip, "url": _url, "birth-date": month,
    "id-card": _id_card, "person": _person,
    "phone": lambda t: masked(t, "phone")[:3] + "*" * max(0, len(t) - 3),
    "email": lambda t: f"*@{t.rpartition('@')[2]}" if "@" in t else None,
    "bank-card": lambda t: re.sub(r"\D", "", t)[:6] + "*" * 6,
    "iban": lambda t: t[:2].upper() + "*" * 8,
    "plate": lambda t: t[:2] + "*****",
}  # fmt: skip


def band(value: float, width: float) -> str:
    """Return the band of a number, such as `30-39`."""
    low = (value // width) * width
    if width >= 1 and float(width).is_integer():
        return f"{int(low)}-{int(low + width - 1)}"
    return f"{low:g}-{low + width:g}"
