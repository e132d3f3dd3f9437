"""Putting something else in the place of what was found: one value, one cell, many cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from modelwright.privacy.catalogue import get_type
from modelwright.privacy.detect import find_cells
from modelwright.privacy.generalise import generalised
from modelwright.privacy.mask import masked
from modelwright.privacy.pseudonyms import Pseudonyms
from modelwright.privacy.recognisers.base import Match
from modelwright.privacy.surrogates import surrogate


def replaced(value: str, kind: str, action: str, pseudonyms: Pseudonyms | None = None) -> str:
    """Return what stands for one value of a type under an action; `pseudonym` and `surrogate` need `pseudonyms`."""
    if action == "keep":
        return value
    if action == "drop":
        return ""
    if action == "mask":
        return masked(value, kind)
    if action == "generalise":
        return generalised(value, kind)
    if action in ("pseudonym", "surrogate") and pseudonyms is not None:
        return pseudonyms.of(kind, value) if action == "pseudonym" else surrogate(value, kind, pseudonyms)
    return get_type(kind).placeholder


def cell_without(
    cell: str, matches: Sequence[Match], action: Callable[[str], str], pseudonyms: Pseudonyms | None = None
) -> str:
    """Return a cell in which every match is replaced as `action` of its type says."""
    out, at = [], 0
    for m in matches:
        out += [cell[at : m.start], replaced(cell[m.start : m.end], m.type, action(m.type), pseudonyms)]
        at = m.end
    return "".join([*out, cell[at:]])


def safe_cells(cells: Sequence[str], column: str = "") -> list[str]:
    """Return cells for messages and logs in which everything private is a placeholder."""
    return [cell_without(c, found, lambda _: "placeholder") for c, found in zip(cells, find_cells(cells, column)[0])]
