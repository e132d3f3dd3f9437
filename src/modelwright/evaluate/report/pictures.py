"""Small pictures of media cells in the report, with heat maps over them as SVG, in the colours of the page."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from modelwright.core.facts.details import QuotedRow
from modelwright.core.schema import Table
from modelwright.evaluate.report.html import Html, join, tag

SIDE = 160  # pixels of the longer side
MOST = 400_000  # characters of all pictures of a report
_PICTURE = re.compile(r"data:image/(png|jpeg|svg\+xml);base64,[A-Za-z0-9+/=]+")


def kept(pictures: Mapping[str, str], used: int) -> dict[str, str]:
    """Return the pictures that still fit into a report in which `used` characters are taken."""
    out = {}
    for name, url in pictures.items():
        if used + len(url) <= MOST:
            out[name] = url
            used += len(url)
    return out


def add_pictures(quoted: list[QuotedRow], test: Table, places: Mapping[int, int]) -> None:
    """Add small pictures of the media of quoted rows, as data URLs by column, within the room that a report has for them."""
    from modelwright.evaluate.explain.media import pictures

    used = 0
    for m in quoted:
        row = test.take(np.array([places[m["row"]]]))
        found = kept(pictures(row, SIDE, m.get("explanation") or ()), used)
        if found:
            m["pictures"] = found
            used += sum(map(len, found.values()))


def picture(url: str, heat: Sequence[Sequence[float]] | None, name: str, lang: str) -> Html:
    """Return a picture, and beside it the same in grey under its heat map; empty for what is no data URL of a picture."""
    if not _PICTURE.fullmatch(url):
        return Html("")
    zh = lang == "zh"
    plain = tag("img", src=url, alt=name, loading="lazy")
    drawn = url.startswith("data:image/svg")  # a molecule: its weights are in the drawing
    shown = [tag("span", plain, class_="shot drawn" if drawn else "shot")]
    if heat and heat[0]:
        told = f"{name}：热力图" if zh else f"{name}: heat map"
        under = tag("img", src=url, alt="")
        shown.append(tag("span", under, overlay(heat), class_="shot under", role="img", aria_label=told))
    return tag("span", *shown, class_="shots")


def overlay(heat: Sequence[Sequence[float]]) -> Html:
    """Return a heat map as SVG that covers its parent: what speaks for the answer in accent, against it in red."""
    rows, columns = len(heat), len(heat[0])
    squares = [
        tag("rect", x=x, y=y, width=1.04, height=1.04, class_="plus" if w > 0 else "minus", opacity=round(0.85 * abs(w) ** 1.5, 2))
        for y, line in enumerate(heat) for x, w in enumerate(line) if abs(w) >= 0.12
    ]  # fmt: skip
    return tag("svg", join(squares), viewBox=f"0 0 {columns} {rows}", preserveAspectRatio="none", aria_hidden="true")


def of_mistake(mistake: QuotedRow, column: str, lang: str) -> Html:
    """Return the picture of one column of a mistake with its heat map, or nothing."""
    url = (mistake.get("pictures") or {}).get(column)
    heats = [e["heat"] for e in mistake.get("explanation") or [] if e["column"] == column and e.get("heat")]
    return picture(url, heats[0] if heats else None, column, lang) if url else Html("")
