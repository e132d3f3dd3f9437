"""LightGBM and PyArrow, loaded by the command line without the libraries that only their other interfaces need.

By itself LightGBM loads scikit-learn, pandas and more where they are installed (1.5 to 1.7 s of processor time and 109 MB), and PyArrow loads pandas
when it is first given a list or an array (.2 s and 47 MB); nothing here uses either. A program that has imported Modelwright may want those
interfaces, so that for it both stay as they are.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from threading import get_ident
from types import ModuleType
from typing import Any

_UNUSED = ("sklearn", "pandas", "dask", "matplotlib", "graphviz", "datatable")
_SECONDS, _SECONDS_ALONE = 1.6, 0.1  # of processor time that loading LightGBM takes
_alone: list[bool] = []  # not empty in a process that is the command line's


def process_is_ours() -> None:
    """Say that nothing but Modelwright runs in this process, so that libraries may be loaded without what is not used of them."""
    _alone[:] = [True]


def lightgbm() -> Any:
    """Return LightGBM; imported when it is first asked for."""
    if "lightgbm" in sys.modules or not _alone:
        return importlib.import_module("lightgbm")
    with _absent(_UNUSED):
        return importlib.import_module("lightgbm")


def loading_seconds() -> float:
    """Return the processor seconds that loading LightGBM will take; none where it is loaded."""
    if "lightgbm" in sys.modules:
        return 0.0
    return _SECONDS_ALONE if _alone else _SECONDS


def plain_pyarrow() -> None:
    """Let PyArrow, in a process that is the command line's, look for pandas once and not find it: it never looks again."""
    if not _alone or "pandas" in sys.modules:
        return
    import pyarrow

    with _absent(("pandas",)):
        pyarrow.array([0])


class _Nowhere(MetaPathFinder):
    """Finds that modules are not installed, for one thread."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names, self.thread = names, get_ident()

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if name in self.names and get_ident() == self.thread:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


@contextmanager
def _absent(names: Sequence[str]) -> Iterator[None]:
    """Let modules that are not loaded yet be absent within a block; for other threads they are there."""
    finder = _Nowhere(names)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
