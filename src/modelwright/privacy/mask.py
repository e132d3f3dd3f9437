"""Values with most of their characters hidden: enough to tell what was found, too little to tell whom."""

from __future__ import annotations

_STAR = "*"


def masked(value: str, kind: str) -> str:
    """Return a value of a type with its middle hidden, in its own length where that tells nothing.

    Names keep their first letter, mailboxes first letter and end of the domain, keys nothing but their first four characters;
    numbers at most three characters in front and two at the end, never more than a third of all.
    """
    value = " ".join(value.split())
    if kind == "secret":
        return value[: min(4, len(value) // 6)] + _STAR * 6
    if kind == "email":
        name, _, domain = value.partition("@")
        return f"{name[:1]}{_STAR * 3}@{_STAR * 3}{domain[domain.rfind('.') :] if '.' in domain else ''}"
    if kind == "url":
        head, sep, _ = value.partition("://")
        return f"{head}{sep}{_STAR * 6}" if sep else _STAR * 6
    if kind in ("person", "place"):
        return " ".join(w[:1] + _STAR * (1 if _han(w) and len(w) < 3 else 2) for w in value.split(" "))
    if kind == "address":
        return value[: min(6, len(value) // 4)] + _STAR * 4
    keep = len(value) // 3
    front = min(3, (keep + 1) // 2)
    end = min(2, keep - front)
    middle = "".join(c if c in " -./()" else _STAR for c in value[front : len(value) - end])
    return value[:front] + middle + (value[len(value) - end :] if end else "")


def _han(text: str) -> bool:
    return any("\u4e00" <= c <= "\u9fff" for c in text)
