"""All options of a run: those that every run may have, and those that stand beside the tasks they are for."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from modelwright.core.option_groups.base import Declared, OptionGroup, declared_in
from modelwright.core.option_groups.consent import Consent
from modelwright.core.option_groups.fairness import Fairness
from modelwright.core.option_groups.models import Models
from modelwright.core.option_groups.privacy import Privacy
from modelwright.core.option_groups.roles import Roles
from modelwright.core.option_groups.scale import Scale
from modelwright.core.option_groups.source import Source
from modelwright.core.option_groups.training import Training

SHARED: tuple[type[OptionGroup], ...] = (Source, Roles, Training, Models, Privacy, Fairness, Consent, Scale)
_PLACE = "modelwright.tasks._options"  # named by its string: core stands left of the tasks


@cache
def beside() -> tuple[type[OptionGroup], ...]:
    """Return the groups declared beside the tasks: `GROUPS` of each file in `tasks/_options/`; no recipe is imported."""
    found: list[type[OptionGroup]] = []
    for place in importlib.import_module(_PLACE).__path__:
        for path in sorted(Path(place).glob("[!_]*.py")):
            found += importlib.import_module(f"{_PLACE}.{path.stem}").GROUPS
    return tuple(found)


@cache
def options() -> dict[str, Declared]:
    """Return all options by name, in the order of their groups, those of every run first."""
    return {found.name: found for group in (*SHARED, *beside()) for found in declared_in(group)}


def of_tasks() -> tuple[str, ...]:
    """Return the names of the options that are for some tasks only."""
    return tuple(name for name, found in options().items() if found.group.tasks)


def passed_to(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of a run's options that a recipe's `fields` (by name, with an `annotation`) take over: those that are for some
    tasks only, and `vectors`, of the same name and type. An option of another type is another thing under that name."""
    alike = (n for n in ("vectors", *of_tasks()) if n in fields)
    return tuple(n for n in alike if _types_allowed(fields[n].annotation) == _types_allowed(options()[n].type))


def _types_allowed(annotation: Any) -> frozenset[Any]:
    """Return the types that an annotation allows beside None."""
    union = isinstance(annotation, UnionType) or get_origin(annotation) is Union
    return frozenset(get_args(annotation) if union else (annotation,)) - {NoneType}


def misplaced(task: str | None, given: Iterable[str]) -> Declared | None:
    """Return the first option given that is not for this task; `task` None where it is to be chosen from the target."""
    for name in given:
        group = options()[name].group
        if group.tasks and task not in group.tasks and (task is not None or group.named):
            return options()[name]
    return None
