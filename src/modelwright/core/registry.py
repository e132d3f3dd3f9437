"""Finding tasks, recipes, codecs and encoders: the file's name is the registered name, imported lazily."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from types import ModuleType

from modelwright.core.errors import OptionError, unknown
from modelwright.core.words import Words


@cache
def names_in(package: str) -> tuple[str, ...]:
    """Return the registered names in a package (file names with `-` for `_`), without importing them.

    Files that begin with an underscore, and `base`, are shared code and not registered.
    """
    parent = importlib.import_module(package)
    found = (m.name for m in pkgutil.iter_modules(parent.__path__) if not m.ispkg)
    return tuple(sorted(n.replace("_", "-") for n in found if not n.startswith("_") and n != "base"))


def load_file(package: str, name: str, kind: Words) -> ModuleType:
    """Import the file that holds `name`. Raises OptionError, with the nearest names, if there is none."""
    if name not in names_in(package):
        raise unknown(kind, name, names_in(package), OptionError)
    return importlib.import_module(f"{package}.{name.replace('-', '_')}")
