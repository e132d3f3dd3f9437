"""What one answer rests on: columns, and stretches of text, with signed weights.

Where a model knows its own parts (linear models, trees) it is asked; any other is watched while parts of the row are
hidden (occlusion: Zeiler & Fergus, arXiv 1311.2901), and the texts of a network are told by its gradients. Weights
above 0 speak for the answer, below 0 against it.
Legend: N rows, K outputs, M variants of the row.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Model
from modelwright.core.schema import Schema, Table
from modelwright.evaluate.explain.attribution import Attribution, Pace, answers, height
from modelwright.evaluate.explain.lenses.base import lens_of, shown
from modelwright.evaluate.explain.media import with_heat

_PIECE = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]|[^\W\u3400-\u9fff\uf900-\ufaff]+(?:['’][^\W\d_]+)*", re.UNICODE)
_MOST = 160  # pieces of one text that are hidden one by one; longer texts are cut into that many stretches
_PATH = 24  # rows that gradients along a path cost, about
_GRADIENTS = 0.5  # seconds from which gradients are worth their start


def explain_row(
    scores: Callable[[Table], np.ndarray],
    table: Table,
    schema: Schema,
    target: TargetCodec,
    *,
    answer: int | None = None,
    model: Model | None = None,
    top: int = 20,
    seconds: float = 1.0,
) -> list[Attribution]:
    """Return what the answer to a table of one row rests on, the strongest first, within about `seconds`; `scores` answers tables with [N, K].

    `answer` is the number of the label to explain, by default the likeliest. A `model` with `contributions(table)`
    is asked for them when its answer is the one to be explained; a network is asked for the gradients of its tokens,
    where captum is installed and there are at least 0.5 seconds. The strongest columns come first even when time
    runs out: columns are hidden before words are.
    """
    pace = Pace(time.monotonic() + seconds)
    base = pace.timed(scores, table)[0]
    chosen = 0 if target.kind == "value" else int(base.argmax()) if answer is None else answer
    found: list[Attribution] = []
    if model is not None and _speaks_for(model, table, target, chosen):
        found = [_own(c, schema) for c in model.contributions(table)[0]]  # type: ignore[attr-defined]
    if not found:
        network = model if model is not None and seconds >= _GRADIENTS else None
        found = _occlude(scores, table, schema, target, chosen, base, pace, network)
    found = [a for a in found if np.isfinite(a.weight) and a.weight != 0]
    if any(lens_of(schema[a.column].modality) for a in found):
        found = with_heat(found, scores, table, schema, target, chosen, model, pace)
    found.sort(key=lambda a: -abs(a.weight))
    return [a for i, a in enumerate(found) if i < top or a.heat is not None]


def _speaks_for(model: Model, table: Table, target: TargetCodec, chosen: int) -> bool:
    if not hasattr(model, "contributions"):
        return False
    return target.kind == "value" or int(model.scores(table)[0].argmax()) == chosen


def _own(part: Any, schema: Schema) -> Attribution:
    text = "" if part.value is None else shown(part.value, schema[part.column].modality)
    return Attribution(part.column, part.start, part.end, text, float(part.weight))


def _occlude(
    scores: Callable[[Table], np.ndarray], table: Table, schema: Schema, target: TargetCodec, chosen: int,
    base: np.ndarray, pace: Pace, network: Model | None,
) -> list[Attribution]:  # fmt: skip
    whole = height(base[None], target, chosen)[0]
    cells = {c.name: table.column(c.name)[0].as_py() for c in schema.inputs if c.name in table}
    texts = {c.name for c in schema.inputs if c.modality == "text"}
    out: list[Attribution] = []
    hidden = [(name, None) for name, cell in cells.items() if cell is not None]
    by_column = whole - answers(scores, table, hidden, target, chosen, pace)
    for (name, _), weight in zip(hidden, by_column.tolist()):
        if name not in texts or not _PIECE.search(str(cells[name])):
            out.append(Attribution(name, None, None, shown(cells[name], schema[name].modality), weight))
    for name in sorted(texts & cells.keys(), key=lambda n: -_weight_of(n, hidden, by_column)):
        tokens = _gradients(
            network if _PATH * pace.each < pace.left() else None, table, name, cells[name], chosen, target
        )
        if tokens:
            out += tokens
        elif cells[name] is not None and pace.left() > 0:
            out += _words(scores, table, name, str(cells[name]), target, chosen, whole, pace)
        elif cells[name] is not None:
            out.append(Attribution(name, None, None, str(cells[name])[:200], _weight_of(name, hidden, by_column)))
    return out


def _gradients(
    network: Model | None, table: Table, name: str, text: str | None, chosen: int, target: TargetCodec
) -> list[Attribution]:
    """Return the weights of a text's tokens where the model is a network that can tell them."""
    if network is None or not text:
        return []
    from modelwright.evaluate.explain._gradients import token_weights

    found = token_weights(network, table, name, text, chosen, target.kind) or []
    return [Attribution(name, a, b, text[a:b], w) for a, b, w in found]


def _weight_of(name: str, hidden: Sequence[tuple[str, Any]], weights: np.ndarray) -> float:
    found = [abs(w) for (n, _), w in zip(hidden, weights.tolist()) if n == name and np.isfinite(w)]
    return found[0] if found else 0.0


def pieces(text: str) -> list[tuple[int, int]]:
    """Return the stretches (start, end) of a text that are hidden one by one: words, and single Han characters."""
    found = [m.span() for m in _PIECE.finditer(text)]
    if len(found) <= _MOST:
        return found
    step = -(-len(found) // _MOST)
    return [(found[i][0], found[min(i + step, len(found)) - 1][1]) for i in range(0, len(found), step)]


def _words(
    scores: Callable[[Table], np.ndarray], table: Table, name: str, text: str, target: TargetCodec, chosen: int,
    whole: float, pace: Pace,
) -> list[Attribution]:  # fmt: skip
    """Hide each piece, and each pair of neighbouring Han characters, whose loss the two share."""
    spans = pieces(text)
    pairs = [
        (i, i + 1) for i in range(len(spans) - 1)
        if spans[i][1] == spans[i + 1][0] and _is_han(text[spans[i][0]]) and _is_han(text[spans[i + 1][0]])
    ]  # fmt: skip
    single: list[tuple[str, Any]] = [(name, _without(text, *span)) for span in spans]
    double: list[tuple[str, Any]] = [(name, _without(text, spans[i][0], spans[j][1])) for i, j in pairs]
    losses = whole - answers(scores, table, single, target, chosen, pace)
    weights, counts = np.nan_to_num(losses), np.ones(len(spans))
    shared = whole - answers(scores, table, double, target, chosen, pace)
    for (i, j), loss in zip(pairs, shared.tolist()):
        if np.isfinite(loss):
            for k in (i, j):
                weights[k] += loss / 2
                counts[k] += 1
    mean = weights / counts
    return [Attribution(name, a, b, text[a:b], float(w)) for (a, b), w in zip(spans, mean)]


def _is_han(character: str) -> bool:
    return "\u3400" <= character <= "\u9fff" or "\uf900" <= character <= "\ufaff"


def _without(text: str, start: int, end: int) -> str:
    """Leave the stretch out; where it stood between words, one space stays."""
    before, after = text[:start], text[end:]
    return before + after[1:] if before.endswith(" ") and after.startswith(" ") else before + after
