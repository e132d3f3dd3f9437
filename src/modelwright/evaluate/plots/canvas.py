"""The paper that plots are drawn on: figures in CSS pixels, and SVG that takes colours and fonts from the page.

Matplotlib lays out with the font it ships; the browser sets the text, so Han labels need no font here. Colours are
drawn as marks that become CSS variables, so that one picture serves light and dark pages. A text given as Words is
written in both languages; `in_lang` keeps one.
"""

from __future__ import annotations

import html
import io
import re
import unicodedata
import warnings
from typing import TYPE_CHECKING, Any

from modelwright.core.errors import MissingExtra
from modelwright.core.words import Words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# mark -> (CSS variable, colour where there is no style sheet)
INK, MUTED, LINE, ACCENT, HARM, PAPER = "#010203", "#040506", "#070809", "#0a0b0c", "#0d0e0f", "#fefdfc"
_VARIABLES = {
    INK: "var(--ink,#1c2024)",
    MUTED: "var(--muted,#5d656e)",
    LINE: "var(--line,#d9dde2)",
    ACCENT: "var(--accent,#0b62b8)",
    HARM: "var(--harm,#b3261e)",
    PAPER: "var(--paper,#fff)",
}
_FONTS = "system-ui,-apple-system,'Segoe UI',Roboto,'PingFang SC','Noto Sans CJK SC','Microsoft YaHei',sans-serif"
_BETWEEN = "\u241f"  # between the languages of one text
SIZE = 11.0  # of text, px


def figure(width: float, height: float) -> Figure:
    """Return an empty figure of that size in CSS pixels. Raises MissingExtra without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError as e:
        raise MissingExtra("report", "Drawing plots", "绘制图表") from e
    return Figure(figsize=(width / 72, height / 72), dpi=72, facecolor="none")


def axes(fig: Figure, left: float, top: float, right: float, bottom: float) -> Axes:
    """Return axes with those margins in pixels, in the house style: no frame, quiet grid behind the data."""
    width, height = fig.get_size_inches() * 72
    box = (left / width, bottom / height, 1 - (left + right) / width, 1 - (top + bottom) / height)
    ax = fig.add_axes(box, facecolor="none")
    for side in ax.spines.values():
        side.set_visible(False)
    ax.tick_params(length=0, pad=6, labelsize=SIZE, labelcolor=MUTED)
    ax.set_axisbelow(True)
    ax.grid(color=LINE, linewidth=0.8)
    return ax


def both(words: Words) -> str:
    """Return a text for a figure that is shown in the reader's language."""
    return _BETWEEN.join(words)


def name_axes(ax: Axes, x: Words | None, y: Words | None) -> None:
    """Name the x axis below its right end and the y axis above its top, both lying, so that nothing is read askew."""
    style: dict[str, Any] = {"fontsize": SIZE, "color": MUTED, "textcoords": "offset points"}
    if x is not None:
        ax.annotate(both(x), (1, 0), (0, -34), xycoords="axes fraction", ha="right", va="bottom", **style)
    if y is not None:
        ax.annotate(both(y), (0, 1), (0, 9), xycoords="axes fraction", ha="left", va="bottom", **style)


def tick_in_thousands(ax: Axes) -> None:
    """Write the numbers beside both axes with their thousands apart, and few enough to stand clear of each other."""
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(lambda x, _: f"{x:,.0f}" if 1000 <= abs(x) < 1e7 else f"{x:g}")
    ax.locator_params(axis="x", nbins=6)


def plain(text: object, longest: int = 28) -> str:
    """Return a label as figures can hold it: one line, cut in the middle, with no mathematics in dollars."""
    line = " ".join(str(text).replace(_BETWEEN, " ").split())
    line = line if len(line) <= longest else f"{line[: longest * 2 // 3]}…{line[-(longest - longest * 2 // 3 - 1) :]}"
    return line.replace("$", r"\$")


def wide(text: str) -> float:
    """Return about how many pixels a text takes; Han and full-width characters count as a square."""
    return sum(SIZE if unicodedata.east_asian_width(c) in "WF" else SIZE * 0.56 for c in text.replace(r"\$", "$"))


def svg(fig: Figure, name: str, title: Words) -> str:
    """Return the figure as SVG that begins with `<svg`; `name` makes its ids unique in a page."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    out = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "modelwright"}), warnings.catch_warnings():
        # the shipped font has no Han characters; the reader's browser has
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        FigureCanvasSVG(fig).print_svg(out, metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return _tidy(out.getvalue(), name, title)


def in_lang(picture: str, lang: str, title: str) -> str:
    """Return an SVG of this house with its texts in one language only; `title` is read out for it."""
    other = "en" if lang == "zh" else "zh"
    label = f'aria-label="{html.escape(title, quote=True)}"'
    picture = re.sub(r'aria-label="[^"]*"', lambda _: label, picture, count=1)
    return re.sub(rf'<text class="{other}"[^>]*>[^<]*</text>\n?', "", picture)


def _tidy(text: str, name: str, title: Words) -> str:
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.S)
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.S)
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    text = re.sub(r'( id="|url\(#|href="#)', rf"\g<1>{name}-", text)
    text = re.sub(r"<style type=\"text/css\">\*\{[^<]*</style>", "", text)
    text = re.sub(r"font-family: [^;\"]*; ?", "", text)
    text = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", text)
    text = re.sub(r' transform="rotate\(-0 [^"]*"|<g/>|<defs>\s*</defs>', "", text)
    text = re.sub(r"<path d=\"[^\"]*\" style=\"fill: none\"/>", "", text)  # patches that nobody sees
    text = re.sub(r"<[^>]*>", lambda tag: re.sub(r"(\d\.\d\d)\d+", r"\1", tag[0]), text)
    text = re.sub(r"\n\s*", "\n", text)
    for mark, variable in _VARIABLES.items():
        text = text.replace(f": {mark}", f": {variable}")
    box = re.search(r'viewBox="([^"]*)"', text)
    wide = box[1].split()[2] if box else "480"
    label = html.escape(title.en, quote=True)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" class="plot" role="img" '
        f'aria-label="{label}" style="width:100%;max-width:{wide}px;height:auto" viewBox="{box[1] if box else "0 0 1 1"}" font-family="{_FONTS}" '
        f'stroke-linejoin="round" stroke-linecap="butt">\n'
        "<style>.plot .zh{display:none}.plot:lang(zh) .zh{display:inline}.plot:lang(zh) .en{display:none}</style>"
    )
    text = head + text[text.index(">") + 1 :]
    return re.sub(r"<text([^>]*)>([^<]*)</text>", _languages, text)


def _languages(found: re.Match[str]) -> str:
    rest, words = found[1], found[2]
    if _BETWEEN not in words:
        return found[0]
    en, zh = words.split(_BETWEEN)
    return f'<text class="en"{rest}>{en}</text>\n<text class="zh"{rest}>{zh}</text>'
