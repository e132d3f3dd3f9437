"""Finding tasks, recipes, codecs and encoders: the file's name is the registered name, imported lazily.

A package may hold folders: a name is then told from the files of all of them (`recipes/columns/linear.py` is `linear`).
"""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path
from types import ModuleType

from modelwright.core.errors import OptionError, unknown
from modelwright.core.words import Words

TASKS = "modelwright.tasks"
_UNREGISTERED = ("base", "options")  # what others of a folder build on, and the options of a run that are for them
SHARED = "shared"  # a folder of this name holds code that several files use, and registers nothing


@cache
def modules_in(package: str) -> dict[str, str]:
    """Return the modules of a package by registered name (file names with `-` for `_`), without importing them.

    Files that begin with an underscore, `base`, `options`, and what stands in a folder `shared` are code for others and not
    registered. Raises ImportError where two folders hold files of one name.
    """
    parent = importlib.import_module(package)
    found: dict[str, str] = {}
    for place in parent.__path__:
        for path in sorted((*Path(place).glob("*.py"), *Path(place).glob("*/*.py"))):
            inside = path.relative_to(place).with_suffix("").parts
            if (
                any(part.startswith(("_", ".")) for part in inside)
                or inside[-1] in _UNREGISTERED
                or SHARED in inside[:-1]
            ):
                continue
            name, module = inside[-1].replace("_", "-"), ".".join((package, *inside))
            if found.setdefault(name, module) != module:
                raise ImportError(f"{name} stands twice: {found[name]} and {module}")
    return dict(sorted(found.items()))


def names_in(package: str) -> tuple[str, ...]:
    """Return the registered names in a package, without importing what they name."""
    return tuple(modules_in(package))


def load_file(package: str, name: str, kind: Words) -> ModuleType:
    """Import the file that holds `name`. Raises OptionError, with the nearest names, if there is none."""
    modules = modules_in(package)
    if name not in modules:
        raise unknown(kind, name, tuple(modules), OptionError)
    return importlib.import_module(modules[name])
