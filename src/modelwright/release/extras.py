"""Which extras a bundle needs for answering: those of its members' recipes, and of the kinds of files that its columns hold."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Mapping

from modelwright.core.errors import MissingExtra
from modelwright.core.recipe import get_recipe
from modelwright.core.schema import Schema

FILES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "image": ("image", ("PIL",)),
    "audio": ("audio", ("soundfile", "soxr")),
    "video": ("video", ("av",)),
    "molecule": ("molecule", ("rdkit",)),
}


def needed(recipes: Iterable[str], schema: Schema) -> dict[str, tuple[str, ...]]:
    """Return by extra, in alphabetical order, the modules of it that answering takes. Raises OptionError for unknown recipes."""
    found: dict[str, set[str]] = {}
    for name in dict.fromkeys(recipes):
        recipe = type(get_recipe(name))
        if recipe.extra:
            found.setdefault(recipe.extra, set()).update(set(recipe.needs) - set(recipe.trains_with))
    for column in schema.inputs:
        if column.modality in FILES:
            extra, modules = FILES[column.modality]
            found.setdefault(extra, set()).update(modules)
    return {extra: tuple(sorted(found[extra])) for extra in sorted(found)}


def refuse_missing(recipes: Iterable[str], schema: Schema) -> None:
    """Raise MissingExtra, with the one line that installs all that is missing, where this installation cannot answer."""
    missing = [
        extra
        for extra, modules in needed(recipes, schema).items()
        if any(importlib.util.find_spec(m) is None for m in modules)
    ]
    if missing:
        raise MissingExtra(",".join(missing), "Answering with this model", "使用该模型回答")
