"""HTML that cannot forget to escape: everything is escaped but what these functions made."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from modelwright.core.words import Words

_FLAG = re.compile(r"(?<![\w-])(--[a-z][a-z-]*)")  # browsers break a line between its hyphens and its name
_VOID = frozenset({"br", "hr", "img", "input", "link", "meta"})


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def esc(value: object) -> Html:
    """Return a value as HTML: what is Html stays, all else is escaped, None is empty."""
    if isinstance(value, Html):
        return value
    return Html("" if value is None else html.escape(str(value), quote=True))


def join(parts: Iterable[object]) -> Html:
    """Return parts one after the other, escaped where they are not Html."""
    return Html("".join(esc(p) for p in parts))


def tag(element: str, /, *children: object, **attributes: object) -> Html:
    """Return an element; `class_` and the like lose their underscore, and attributes of None or False are left out."""
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(str(value), quote=True)}"'
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if element in _VOID:
        return Html(f"<{element}{told}>")
    return Html(f"<{element}{told}>{join(children)}</{element}>")


def code(text: Any) -> Html:
    """Return a sentence in which what stands between backticks is set as code, and options such as --recipe stay on one line."""
    parts = str(text).split("`")
    if len(parts) % 2 == 0:  # a lone backtick
        return _flags(str(text))
    return join(tag("code", p) if i % 2 else _flags(p) for i, p in enumerate(parts))


def _flags(text: str) -> Html:
    return join(tag("span", p, class_="flag") if i % 2 else esc(p) for i, p in enumerate(_FLAG.split(text)))


def said(words: Any, lang: str) -> str:
    """Return one language of a pair as facts hold it (`[en, zh]`); a plain string stays."""
    if isinstance(words, (list, tuple)) and len(words) == 2:
        return Words(str(words[0]), str(words[1])).to(lang)
    return "" if words is None else str(words)


def better(metric: Mapping[str, Any], lang: str) -> str:
    """Return in words which way a metric of the facts is better."""
    if metric.get("ideal") is not None:
        return Words("best at {v:g}", "越接近 {v:g} 越好").fill(v=metric["ideal"]).to(lang)
    higher = metric.get("higher", True)
    return (Words("higher is better", "越高越好") if higher else Words("lower is better", "越低越好")).to(lang)


def number(value: Any) -> str:
    """Return a number in a reader's digits: three decimals below 100, thousands apart above; a dash for none."""
    if value is None or isinstance(value, str):
        return value or "–"
    if isinstance(value, int):
        return f"{value:,}"
    if not math.isfinite(value):
        return "–"
    if value and abs(value) < 0.001:
        text = f"{value:.2g}"
    else:
        text = f"{value:.3f}" if abs(value) < 100 else f"{value:,.0f}"
    return text.replace("-", "−", 1) if value < 0 else text


def interval(low: Any, high: Any) -> str:
    """Return an interval as `low – high`, or nothing where it is not known."""
    ends = [number(low), number(high)]
    return "" if "–" in ends else " – ".join(ends)


def table(head: Sequence[tuple[str, str]], rows: Iterable[tuple[str, Sequence[object]]], caption: str) -> Html:
    """Return a table that scrolls sideways where it is too wide.

    `head` pairs the column's title with its class (`n` for numbers, `name`, `bar`, or nothing); each row pairs its
    class with its cells; `caption` is read out to those who do not see the table.
    """
    top = tag("tr", *(tag("th", title, class_=c or None, scope="col") for title, c in head))
    body = [
        tag("tr", *(tag("td", cell, class_=c or None) for cell, (_, c) in zip(cells, head)), class_=kind or None)
        for kind, cells in rows
    ]
    inner = tag("table", tag("thead", top), tag("tbody", *body))
    return tag("div", inner, class_="wide", tabindex="0", role="region", aria_label=caption)


def spanned(
    value: float, low: float, high: float, ends: tuple[float, float], marks: Sequence[float] = (), label: str = ""
) -> Html:
    """Return a thin bar from `low` to `high` with a dot at `value`, on a scale from `ends[0]` to `ends[1]`.

    `marks` are upright lines, such as what a gate asks.
    """
    room = ends[1] - ends[0]
    if not room > 0 or not math.isfinite(value):
        return Html("")

    def place(x: float) -> float:
        return round(100 * min(1.0, max(0.0, (x - ends[0]) / room)), 2)

    low, high = (x if math.isfinite(x) else value for x in (low, high))
    lines = [tag("u", style=f"left:{place(m)}%") for m in marks]
    bar = tag("i", style=f"left:{place(low)}%;width:{round(max(0.0, place(high) - place(low)), 2)}%")
    return tag(
        "span", bar, tag("b", style=f"left:{place(value)}%"), *lines, class_="span", role="img", aria_label=label
    )


def scale(rows: Iterable[Mapping[str, Any]]) -> tuple[float, float]:
    """Return the ends of a scale that holds every finite `low`, `value` and `high` of rows, with a little room."""
    found = [r.get(k) for r in rows for k in ("low", "value", "high")]
    finite = [float(v) for v in found if isinstance(v, (int, float)) and math.isfinite(v)]
    if not finite:
        return 0.0, 1.0
    room = (max(finite) - min(finite)) * 0.03 or 0.05
    return min(finite) - room, max(finite) + room
