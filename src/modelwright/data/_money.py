"""Currencies by sign and code: which of them are the same, so that dollars are never taken for euros."""

from __future__ import annotations

from collections.abc import Iterable

# signs that several currencies share stand for each of them: `¥` beside CNY is the yuan, beside JPY the yen
_CODES = {
    "$": "USD", "US$": "USD", "HK$": "HKD", "NT$": "TWD", "A$": "AUD", "C$": "CAD", "S$": "SGD", "R$": "BRL", "€": "EUR", "£": "GBP",
    "¥": "CNY JPY", "RMB": "CNY", "₩": "KRW", "₽": "RUB", "₹": "INR", "RS": "INR", "RS.": "INR", "฿": "THB", "₫": "VND", "₺": "TRY", "₪": "ILS",
}  # fmt: skip


def same_money(sign: str, other: str) -> bool:
    """Whether two signs or codes in capitals may stand for one currency."""
    codes, others = (set(_CODES.get(s, s).split()) for s in (sign, other))
    return bool(codes & others)


def different_money(signs: Iterable[str]) -> list[str]:
    """Return the signs and codes that stand for different currencies, as each was first written."""
    out: list[str] = []
    for sign in signs:
        if not any(same_money(sign, o) for o in out):
            out.append(sign)
    return out
