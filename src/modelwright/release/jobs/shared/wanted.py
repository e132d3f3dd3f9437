"""Which extras a run elsewhere needs: for where its rows lie, what its cells are, and the recipes that a run here would try."""

from __future__ import annotations

from collections.abc import Iterator

from modelwright.core.config import RunConfig
from modelwright.core.option_groups.declared import options
from modelwright.core.packaged import PACKAGED
from modelwright.core.recipe import column_recipe_names, get_recipe, missing_modules, on_pretrained
from modelwright.core.task import get_task
from modelwright.core.task_names import task_named
from modelwright.data.sources import extras_of
from modelwright.release.extras import FILES
from modelwright.release.jobs.shared.carried import NAMED

_ALWAYS = ("nn", "tune", "report", "text")
_OPTIONS = {
    "epsilon": "dp",
    "holidays": "calendar",
    "vault": "privacy",
    "cluster": "ray",
    "base": "llm",
    "pretrained": "pretrained",
}


def wanted(config: RunConfig, modalities: set[str], processes: int) -> list[str]:
    """Return the extras in alphabetical order; `modalities` are those of the columns that were seen, `processes` how many train."""
    found = {*_ALWAYS, *_of_sources(config), *_of_recipes(config, modalities)}
    found |= {extra for name, extra in _OPTIONS.items() if getattr(config, name, None)}
    found |= {FILES[m][0] for m in modalities if m in FILES}
    found |= {PACKAGED[name].extra for name in config.pretrained if name in PACKAGED}
    if processes > 1:
        found.add("devices")
    return sorted(found)


def _of_sources(config: RunConfig) -> Iterator[str]:
    for name, found in options().items():
        value = getattr(config, name)
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and found.option.metavar in NAMED:
                yield from extras_of(text)


def _of_recipes(config: RunConfig, modalities: set[str]) -> Iterator[str]:
    task = get_task(task_named(config.task)) if config.task else None
    for name in config.recipes or (task.recipes if task else column_recipe_names()):
        recipe = get_recipe(name)
        asked = bool(config.recipes) or not (
            missing_modules(type(recipe)) or (on_pretrained(recipe) and not config.pretrained)
        )
        if recipe.extra and asked and (not recipe.leads or recipe.leads in modalities):
            yield recipe.extra
