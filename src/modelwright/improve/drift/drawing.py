"""Before and after as a drawing: two bars for each bin, as inline SVG that follows the page's colours."""

from __future__ import annotations

import html
from typing import Any

from modelwright.core.words import Words, shortened
from modelwright.improve.drift.wording import bin_words

_WIDTH, _HEIGHT, _FOOT = 320, 96, 14
_MOST = 24  # bins that are drawn
_NAMED = 5  # bins that are few enough to be named each


def histogram(facts: dict[str, Any], lang: str) -> str:
    """Return the drawing of a verdict as JSON: shares before (hollow) and after (full)."""
    before, after = list(facts["before"]), list(facts["after"])
    edges, values = facts.get("edges") or [], facts.get("values") or []
    if len(before) > _MOST:  # the smallest values are joined
        before, after = [*before[: _MOST - 1], sum(before[_MOST - 1 :])], [*after[: _MOST - 1], sum(after[_MOST - 1 :])]
        values = [*values[: _MOST - 1], values[-1]] if values else values
    most = max([*before, *after, 1e-9])
    step = _WIDTH / max(1, len(before))
    bar = min(14.0, step * 0.4)
    parts = []
    for i, (old, new) in enumerate(zip(before, after)):
        at = i * step + (step - 2 * bar) / 2
        told = bin_words(edges, values, i, str(facts["part"])).to(lang)
        tip = Words(f"{told}: {old:.1%} before, {new:.1%} now", f"{told}：训练时 {old:.1%}，现在 {new:.1%}").to(lang)
        tall, taller = old / most * (_HEIGHT - 4), new / most * (_HEIGHT - 4)
        parts.append(
            f"<g><title>{html.escape(tip)}</title>"
            f'<rect class="before" x="{at:.1f}" y="{_HEIGHT - tall:.1f}" width="{bar:.1f}" height="{tall:.1f}"/>'
            f'<rect class="after" x="{at + bar:.1f}" y="{_HEIGHT - taller:.1f}" width="{bar:.1f}" height="{taller:.1f}"/></g>'
        )
    ends = (
        [bin_words(edges, values, i, str(facts["part"])).to(lang) for i in (0, len(before) - 1)] if before else ["", ""]
    )
    if len(before) <= _NAMED:
        feet = [
            (i * step + step / 2, "middle", bin_words(edges, values, i, str(facts["part"])).to(lang))
            for i in range(len(before))
        ]
    else:
        feet = [(0.0, "start", ends[0]), (float(_WIDTH), "end", ends[1])]
    longest = max(6, int(50 / max(1, len(feet))))
    foot = "".join(
        f'<text x="{x:.0f}" y="{_HEIGHT + 12}" text-anchor="{anchor}">{html.escape(shortened(text, longest))}</text>'
        for x, anchor, text in feet
    )
    said = Words("shares by bin, before and now", "各区间占比，训练时与现在").to(lang)
    label = html.escape(f"{said}: {ends[0]} … {ends[1]}")
    return (
        f'<svg class="drift-plot" viewBox="0 0 {_WIDTH} {_HEIGHT + _FOOT}" role="img" aria-label="{label}">'
        f'<line class="ground" x1="0" x2="{_WIDTH}" y1="{_HEIGHT}" y2="{_HEIGHT}"/>{"".join(parts)}'
        f"{foot}</svg>"
    )
