"""LightGBM, loaded by the command line without the libraries that only its other interfaces need.

By itself it loads scikit-learn, pandas and more where they are installed: 1.5 to 1.7 s of processor time and 109 MB, of which nothing here is used.
A program that has imported Modelwright may want those interfaces, so that for it LightGBM is loaded as it is.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

_UNUSED = ("sklearn", "pandas", "dask", "matplotlib", "graphviz", "datatable")
_SECONDS, _SECONDS_ALONE = 1.6, 0.1  # of processor time that loading takes
_alone: list[bool] = []  # not empty in a process that is the command line's
_lock = Lock()


def process_is_ours() -> None:
    """Say that nothing but Modelwright runs in this process, so that LightGBM may be loaded without what is not used of it."""
    _alone[:] = [True]


def lightgbm() -> Any:
    """Return the library; imported when it is first asked for."""
    if "lightgbm" in sys.modules or not _alone:
        return importlib.import_module("lightgbm")
    with _lock, _hidden(n for n in _UNUSED if n not in sys.modules):
        return importlib.import_module("lightgbm")


def loading_seconds() -> float:
    """Return the processor seconds that loading the library will take; none where it is loaded."""
    if "lightgbm" in sys.modules:
        return 0.0
    return _SECONDS_ALONE if _alone else _SECONDS


@contextmanager
def _hidden(names: Iterator[str]) -> Iterator[None]:
    """Let modules that are not loaded yet be absent within a block."""
    hidden = list(names)
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)
