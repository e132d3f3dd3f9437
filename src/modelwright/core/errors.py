"""The one tree of errors, and how each ends the command.

    ModelwrightError          exit 1
    ├── InputError            exit 2   something the user gave does not fit
    │   ├── DataError                  the data itself: unreadable, ragged, empty ...
    │   │   └── CannotWrite            the disk refuses: full, read-only, over a limit
    │   ├── ColumnError                a column that is absent, or cannot be what it should be
    │   ├── OptionError                an option, name or value that is not known
    │   ├── BundleError                a bundle or run folder that is damaged or not one
    │   ├── VaultError                 encrypted data or a key that do not fit together, or were tampered with
    │   ├── LedgerError                a ledger that was edited, cut or rewritten, or cannot be written
    │   └── RegistryError              a registry of releases that is newer, damaged, or refuses what was asked
    │       └── RegistryAway           it cannot be reached now: its database or the place of its bundles
    ├── MissingExtra          exit 2   an optional library is not installed
    ├── GateNotMet            exit 3   a model stands, but not as good as the gate asks
    ├── ClusterLost           exit 1   the cluster that fits does not answer any more
    ├── NodeAtFault           exit 2   a node of the cluster lacks what fits need
    ├── PeersLost             exit 1   processes that fit together lost one another
    ├── MemoryTooSmall        exit 1   a fit needs more memory than it may use
    ├── BudgetTooSmall        exit 4   not even the cheapest recipe fits the budget
    └── Stopped               exit 130 the user stopped before anything usable stood

A message says what was expected, what came (file, row, column), and what to do; in English and Chinese.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar

from modelwright.core.words import Words


class ModelwrightError(Exception):
    """Root of the tree. `words` holds the message in every language; `str()` gives English."""

    exit_code: ClassVar[int] = 1

    def __init__(self, en: str | Words, zh: str | None = None) -> None:
        self.words = en if isinstance(en, Words) else Words(en, zh if zh is not None else en)
        super().__init__(self.words.en)

    def add(self, en: str, zh: str) -> None:
        """Add a sentence to the message."""
        self.words = Words(f"{self.words.en} {en}", f"{self.words.zh}{zh}")
        self.args = (self.words.en,)


def reason(error: BaseException) -> Words:
    """Return what a log may say of an error: our own in their sentence, others by their name alone, since a library's message may quote a row."""
    return error.words if isinstance(error, ModelwrightError) else Words(type(error).__name__, type(error).__name__)


class InputError(ModelwrightError):
    """Something the user gave does not fit."""

    exit_code = 2


class DataError(InputError):
    """The data cannot be read or used; the message names file, row and column where known."""


class CannotWrite(DataError):
    """The disk refuses to be written: it is full, read-only, or a limit on sizes is reached."""


class ColumnError(InputError):
    """A column is absent, named twice, or its values do not fit its modality."""


class OptionError(InputError):
    """An option, name or value is not known; the nearest valid one is suggested."""


class BundleError(InputError):
    """A bundle or run folder is damaged, incomplete, from another version, or not one at all."""


class VaultError(InputError):
    """Encrypted data or a key does not fit: wrong key, changed, swapped or cut chunks, a key that others can read."""


class LedgerError(InputError):
    """The ledger was edited, reordered, cut or rewritten, or cannot be written."""


class RegistryError(InputError):
    """A registry of releases does not allow what was asked, or was made by a newer version."""


class RegistryAway(RegistryError):
    """The registry's database, or the place of its bundles, cannot be reached now; nothing was changed."""


class MissingExtra(ModelwrightError):
    """An optional library is not installed; the message is the line that installs it."""

    exit_code = 2

    def __init__(self, extra: str, what: str, what_zh: str | None = None) -> None:
        line = f'pip install "modelwright[{extra}]"'
        super().__init__(
            f"{what} needs the extra `{extra}`. Install it with: {line}",
            f"{what_zh or what} 需要扩展 `{extra}`。安装：{line}",
        )
        self.extra = extra


class GateNotMet(ModelwrightError):
    """A model stands and is kept, but the gate asks for more."""

    exit_code = 3


class ClusterLost(ModelwrightError):
    """The cluster that fits does not answer any more; the run goes on without it."""


class NodeAtFault(ModelwrightError):
    """A node of the cluster lacks what a fit needs, such as an extra, a file, room on its disk or memory."""

    exit_code = 2


class PeersLost(ModelwrightError):
    """Processes that fit together did not find one another, or lost one another: the fit may be begun anew."""


class MemoryTooSmall(ModelwrightError):
    """A fit needs more memory than it may use."""


class BudgetTooSmall(ModelwrightError):
    """Time or memory does not suffice for even the cheapest recipe."""

    exit_code = 4


class Stopped(ModelwrightError):
    """The user stopped the run before anything usable stood."""

    exit_code = 130


_SHORT = (3, 4)  # letters


def nearest(name: str, valid: Iterable[str]) -> list[str]:
    """Return the valid names, the ones most like `name` first: the same but for case, then what it abbreviates, then the like."""
    pool = list(dict.fromkeys(valid))
    close = alike(name, pool)
    return close + [v for v in pool if v not in close]


def alike(name: str, valid: Iterable[str]) -> list[str]:
    """Return the names that may have been meant by `name`, the likeliest first; dashes before options are alike in all, and one letter
    behind a dash, as other tools have it, means options that begin with it."""
    pool = list(dict.fromkeys(valid))
    letter = len(name) == 2 and name.startswith("-")
    bare = {v: v.lstrip("-") for v in pool}
    name = name.lstrip("-")
    low = name.lower()
    same = [v for v in pool if bare[v].lower() == low]
    begun = [v for v in pool if (letter or len(low) > 1) and bare[v].lower().startswith(low)]
    cutoff = 0.7 if len(name) in _SHORT else 0.55  # of three letters two are shared by chance
    turned = [v for v in pool if len(low) > 2 and sorted(bare[v].lower()) == sorted(low)]  # letters in another order
    close = difflib.get_close_matches(name, bare.values(), n=3, cutoff=cutoff)
    like = [v for c in close for v in pool if bare[v] == c]
    within = [v for v in pool if len(low) > 2 and low in bare[v].lower()]
    return list(dict.fromkeys([*same, *sorted(begun, key=len), *turned, *like, *within]))


def unknown(kind: Words, name: str, valid: Iterable[str], error: type[InputError] = OptionError) -> InputError:
    """Make the error for an unknown name: what came, and the valid ones with the nearest first.

    `kind` is the noun, such as `Words("column", "列")`.
    """
    pool = list(dict.fromkeys(valid))
    names = nearest(name, pool)
    quoted, more = [f"`{n}`" for n in names[:12]], len(names) > 12
    shown, shown_zh = ", ".join(quoted) + (" ..." if more else ""), "、".join(quoted) + ("……" if more else "")
    if not names:
        return error(f"There is no {kind.en} `{name}`.", f"没有名为 `{name}` 的{kind.zh}。")
    if not alike(name, pool):
        return error(
            f"There is no {kind.en} `{name}`. Known: {shown}", f"没有名为 `{name}` 的{kind.zh}。可用：{shown_zh}"
        )
    return error(
        f"There is no {kind.en} `{name}`. Did you mean `{names[0]}`? Known: {shown}",
        f"没有名为 `{name}` 的{kind.zh}。是否指 `{names[0]}`？可用：{shown_zh}",
    )
