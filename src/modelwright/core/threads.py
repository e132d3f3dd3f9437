"""How many threads the libraries below work with: the matrix products of NumPy and SciPy, and torch where it is loaded.

Threads that wait for one another on a core that another program has take ten to fifty times as long as one thread alone, and for a few
rows a second thread gains nothing on an idle machine either.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any


def use_threads(count: int) -> None:
    """Let matrix products work on `count` threads from here on, in every library that is loaded by now."""
    _pools.cache_clear()
    for pool in _pools():
        if pool.get_num_threads() != count:
            pool.set_num_threads(count)


@contextmanager
def one_thread(wanted: bool = True) -> Iterator[None]:
    """Let everything work on one thread for a while, where that is `wanted`."""
    torch: Any = sys.modules.get("torch") if wanted else None
    pools = [(p, n) for p in _pools() if (n := p.get_num_threads()) > 1] if wanted else []
    torches = torch.get_num_threads() if torch is not None and hasattr(torch, "get_num_threads") else 1
    for pool, _ in pools:
        pool.set_num_threads(1)
    if torches > 1:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        for pool, before in pools:
            pool.set_num_threads(before)
        if torches > 1:
            torch.set_num_threads(torches)


@cache
def _pools() -> tuple[Any, ...]:
    """Return what sets the threads of each library of matrix products that is loaded."""
    from threadpoolctl import ThreadpoolController

    return tuple(p for p in ThreadpoolController().lib_controllers if p.user_api == "blas")
