"""Candidates of a mixture that leave pictures, recordings and clips out.

What they show may be little beside the other columns, and a network that also has to look at them learns a tenth as fast.
So recipes that are made for other columns are tried both ways, and the validation rows decide.
"""

from __future__ import annotations

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Options, Recipe, guesses, on_pretrained, on_torch
from modelwright.core.schema import Table
from modelwright.data.kinds.base import kind_of


def seen(table: Table, options: Options) -> Table:
    """Return the table as a fit with these options sees it: without the columns of the modalities they leave out."""
    out = {c.name: {"role": "ignored"} for c in table.schema.inputs if c.modality in options.leave}
    return table.with_schema(table.schema.with_columns(out)) if out else table


def with_lean(variants: list[Options], recipe: Recipe, table: Table, target: TargetCodec) -> list[Options]:
    """Return a recipe's variants with those that leave slow media out, where there are other columns that it can use.

    Networks begin without them, since that is many times as quick; other recipes, which read summaries, with them.
    """
    kinds = {c.modality for c in table.schema.inputs}
    media = tuple(sorted(m for m in kinds if (kind := kind_of(m)) is not None and kind.slow))
    made_for_them = recipe.leads in media or on_pretrained(recipe)
    if not media or made_for_them or guesses(recipe.name) or len(kinds) == len(media):
        return variants
    lean = [v.model_copy(update={"leave": tuple(sorted({*v.leave, *media}))}) for v in variants]
    if recipe.refuses(seen(table, lean[0]).schema, target, len(table)):
        return variants
    if on_torch(recipe):
        return [lean[0], variants[0], *lean[1:]]
    return [variants[0], lean[0], *variants[1:]]
