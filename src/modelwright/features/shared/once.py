"""What several codecs read alike from a column's values, found once: while rows are answered, and only then.

The models of a winner each have codecs of their own, fitted on their own training rows. They learnt different things, but
all of them fold, cut and hash the same text, and take apart the same moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import pyarrow as pa

_T = TypeVar("_T")
MOST = 1 << 20  # bytes of a column up to which what was found of it is kept for the next codec
_kept: ContextVar[dict[Any, Any] | None] = ContextVar("kept", default=None)


@contextmanager
def sharing() -> Iterator[None]:
    """Keep what `once` finds until the end."""
    if _kept.get() is not None:
        yield
        return
    token = _kept.set({})
    try:
        yield
    finally:
        _kept.reset(token)


def once(what: Any, values: pa.Array, find: Callable[[], _T]) -> _T:
    """Return what `find` gives for these values; found before under the same name (`what`), it is not found again."""
    kept = _kept.get()
    if kept is None or (len(values) > 1 and values.nbytes > MOST):
        return find()
    key = (what, values.offset, len(values), tuple(b.address if b is not None else 0 for b in values.buffers()))
    if key not in kept:
        kept[key] = find(), values  # held, so that no other values come to lie at their place
    found: _T = kept[key][0]
    return found


def listed(values: pa.Array) -> list[Any]:
    """Return values as a list of Python's, made once while sharing."""
    return once("list", values, values.to_pylist)
