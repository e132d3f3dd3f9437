"""How much of the time at hand the first variant of a recipe may take."""

from __future__ import annotations

from modelwright.core.recipe import Recipe, guesses, on_pretrained, on_torch
from modelwright.core.schema import Table
from modelwright.data.kinds.base import kind_of

_PLAIN, _NETWORK = 0.4, 0.55
_BESIDE = 0.12  # of trees beside text or media, where a network leads
_BASELINE, _BEFORE_TREES = 0.35, 0.15  # they are cut there and stand, converged or not; on plain tables trees lead
# Of a pretrained encoder that the user named: its fine-tuning is what the run is for.
_PRETRAINED = 0.9
# Recipes of this rank and above seldom win on a few minutes of a CPU; they are tried where they cost little of the time.
DEAR_RANK, _DEAR = 40, 0.25
# Where a network's whole plan takes more than this share of the time at hand, one long fit is worth more than a short one
# and its repetition on all rows: nothing is refitted then.
LONG_SHARE, _LONG_FIRST = 0.35, 0.8
# Of pictures, recordings and clips alone the linear model and trees see summaries only. On few rows they and a second
# network still help the first one; on many they come nowhere near it, and it wants all the time. See docs/log.md.
_SUMMARIES, _LONG_ALONE = 0.035, 0.98
_MANY = 10_000  # rows


MANY_ROWS = 50_000  # from which on trees take long, too, and a repetition on a few more rows gains next to nothing


def affordable_network(recipe: Recipe) -> bool:
    """Return whether a recipe is a network that may well win on a few minutes of a CPU."""
    return on_torch(recipe) and type(recipe).rank < DEAR_RANK


def leads_not(recipe: Recipe) -> bool:
    """Return whether a recipe is made for table columns, and only looks at texts and media in passing."""
    return not recipe.leads and not on_pretrained(recipe)


def media_alone(table: Table, least: int = _MANY) -> bool:
    """Return whether there are many rows (at least so many), and every input is a picture, a recording or a clip."""
    kinds = [kind_of(c.modality) for c in table.schema.inputs]
    return len(table) >= least and bool(kinds) and all(k is not None and k.slow for k in kinds)


def breadth_share(recipe: Recipe, table: Table, *, wanted: bool, first: bool, last: bool, networks: bool) -> float:
    """Return the share for one recipe.

    `wanted`: it uses encoders that the user named; `first`: the first network whose plan is long; `last`: no recipe
    comes after it; `networks`: whether there are networks among the recipes.
    """
    if wanted:
        return _PRETRAINED
    media = media_alone(table)
    if guesses(recipe.name):
        return 1.0
    if first:
        return _LONG_ALONE if media or last else _LONG_FIRST
    if type(recipe).rank >= DEAR_RANK:
        return _DEAR
    if on_torch(recipe):
        return _NETWORK
    led = any(c.modality == "text" or ((k := kind_of(c.modality)) is not None and k.slow) for c in table.schema.inputs)
    if type(recipe).baseline:
        usual = _BASELINE if led or last else _BEFORE_TREES
    else:
        usual = _BESIDE if led and networks and leads_not(recipe) else _PLAIN
    return _SUMMARIES if media and networks else usual
