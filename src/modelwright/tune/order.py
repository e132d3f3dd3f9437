"""Which recipes fit the data, and in which order: what leads for these columns comes first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.bases import BaseModels
from modelwright.core.config import RunConfig
from modelwright.core.recipe import Recipe, get_recipe, guesses, missing_modules, on_pretrained, on_torch
from modelwright.core.schema import Schema, Table
from modelwright.core.task import Task
from modelwright.core.words import Words
from modelwright.data.kinds.base import kind_of
from modelwright.tune.shares import DEAR_RANK

_PLAIN = frozenset(("number", "category", "boolean", "timestamp"))
_FROZEN = 20  # rank below which a pretrained encoder is only read from, which is quick


@dataclass
class Field:
    """The recipes of a run in order, and the reasons of those that are not tried."""

    recipes: list[Recipe] = field(default_factory=list)
    refused: list[tuple[str, Words]] = field(default_factory=list)  # those that the user would expect
    unfit: list[tuple[str, Words]] = field(default_factory=list)  # those for other data or settings


def fitting(task: Task, config: RunConfig, table: Table, target: TargetCodec, bases: BaseModels) -> Field:
    """Return the recipes that fit a table, what leads for its columns first."""
    out = Field()
    for name in [n for n in task.recipes if not config.recipes or n in config.recipes]:
        recipe = get_recipe(name)
        if recipe.privacy == "only":
            continue
        missing = missing_modules(type(recipe))
        recipe.bases = bases
        why = recipe.refuses(table.schema, target, len(table)) or _lacks(recipe, table) or _unasked(recipe, config)
        if why and not config.recipes:
            out.unfit.append((name, why))
        elif missing:
            line = f'pip install "modelwright[{recipe.extra}]"'
            out.refused.append((name, Words(f"not installed: {line}", f"未安装：{line}")))
        elif why:
            out.refused.append((name, why))
        else:
            out.recipes.append(recipe)
    place = _places(out.recipes, table.schema, task)
    # where the user named an encoder, its recipes follow the baselines' first, those that only read from it before those that train it
    out.recipes.sort(key=lambda r: 1.5 + r.rank / 1000 if wanted(r, config) else place(r))
    return out


def wanted(recipe: Recipe, config: RunConfig) -> bool:
    """Return whether a recipe uses the encoders that the user named, and may take most of the time."""
    return bool(config.pretrained) and on_pretrained(recipe) and recipe.rank < DEAR_RANK


def only_reads(recipe: Recipe) -> bool:
    """Return whether a recipe takes a pretrained network as it is."""
    return on_pretrained(recipe) and recipe.rank < _FROZEN


def learns(recipe: Recipe) -> bool:
    """Return whether a recipe is more than a yardstick: no guess, and no baseline with nothing in it to set, such as a fixed filter."""
    return recipe.rank > 0 and (not recipe.baseline or bool(recipe.space))


def alike(one: Recipe, other: Recipe) -> bool:
    """Return whether two recipes are of one family."""
    return bool(one.family) and one.family == other.family


def _lacks(recipe: Recipe, table: Table) -> Words | None:
    """Return why a recipe is left out that reads tables beside the rows where there is none of them; None for all others."""
    if not recipe.related or any(n in table.related and table.related[n].inputs for n in recipe.related):
        return None
    flags = [f"--{n}" for n in recipe.related]
    return Words(f"it reads columns of {' or '.join(flags)}", f"它读取 {' 或 '.join(flags)} 的列")


def _unasked(recipe: Recipe, config: RunConfig) -> Words | None:
    """Return why a dear recipe is left out where the encoder was offered, not named; None for all others."""
    if (config.mitigate == "reweigh" or config.weight) and not recipe.weighs and not guesses(recipe.name):
        return Words("it does not heed weights of rows", "它不支持行权重")
    if not on_pretrained(recipe) or recipe.rank < DEAR_RANK or config.pretrained or config.recipes:
        return None
    return Words("tried where --pretrained names an encoder", "仅在 --pretrained 指定编码器时尝试")


def _places(recipes: list[Recipe], schema: Schema, task: Task) -> Callable[[Recipe], float]:
    """Return what the recipes are put in order by, the smallest first."""
    if not task.by_columns:
        return lambda r: float(r.rank)
    found = {c.modality for c in schema.inputs}
    media = {m for m in found if (kind := kind_of(m)) is not None and kind.slow}
    plain = found <= _PLAIN
    firsts: dict[str, Recipe] = {}
    for r in sorted(recipes, key=lambda r: r.rank):
        if on_torch(r) and r.leads in found and not on_pretrained(r):
            firsts.setdefault(r.leads, r)

    def place(recipe: Recipe) -> float:
        leads = recipe.leads
        if recipe.rank <= 1:
            return float(recipe.rank)
        if leads in found and not on_torch(recipe):
            return 2.0
        if only_reads(recipe):
            return 2.7
        if firsts.get(leads) is recipe:
            return 2.0 if leads in media else 2.5
        if recipe.turn is not None:
            return 3.0 + (recipe.turn.alone if plain else recipe.turn.beside) / 10
        return 10.0 + recipe.rank

    return place
