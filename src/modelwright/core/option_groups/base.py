"""How an option of a run is declared: once, with type, default, limits, words in both languages, and how it is typed.

Nothing here or beside it imports more than the standard library, since the command line reads all declarations to
answer `--help`; `core/config.py` makes the checked model of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, get_type_hints

from modelwright.core.words import Words

REQUIRED = object()  # the default of an option that has none


class OptionGroup:
    """Options that belong together: annotated attributes, each an `option`. `about` heads them in the help.

    `tasks` are those that the options are for; none means all. Where `named` is set, the task must have been named,
    as none of them is ever chosen from the target.
    """

    about: ClassVar[Words]
    tasks: ClassVar[tuple[str, ...]] = ()
    named: ClassVar[bool] = False


@dataclass(frozen=True)
class Option:
    """An option as it was declared; `limits` are ge, gt, le, lt. A default that can change is copied for each use."""

    default: Any
    words: Words
    flags: tuple[str, ...]
    metavar: str | None
    limits: Mapping[str, float]
    several: bool = False  # may be repeated on the command line: names, which `core/target_names.py` makes one text


@dataclass(frozen=True)
class Declared:
    """An option with its name, its type and the group that it stands in."""

    name: str
    type: Any
    option: Option
    group: type[OptionGroup]

    @property
    def flags(self) -> tuple[str, ...]:
        """Its names on the command line."""
        return self.option.flags or (f"--{self.name.replace('_', '-')}",)


def option(
    default: Any, en: str, zh: str, *flags: str, metavar: str | None = None, several: bool = False, **limits: float
) -> Any:  # what it is declared as is said by the annotation
    """Declare an option: its help in both languages, and its limits (ge, gt, le, lt).

    `flags` are those of the command line where they are others than `--the-name`; `metavar` stands for the value in the help;
    `several` says that the option may be repeated, though it is one value.
    """
    return Option(default, Words(en, zh), flags, metavar, limits, several)


def declared_in(group: type[OptionGroup]) -> list[Declared]:
    """Return the options of a group, in the order in which they stand."""
    types = get_type_hints(group)
    return [
        Declared(name, types[name], found, group) for name, found in vars(group).items() if isinstance(found, Option)
    ]
