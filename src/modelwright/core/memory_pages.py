"""Memory that is freed and taken again in every step of training stays with the process meanwhile.

The GNU C library hands large blocks back to the kernel when they are freed and asks for them anew, and every page of them is
then cleared again: a step of a convolutional network over 256 pictures took 2.0 s of processor time so, and 1.5 s where
its memory stays. Elsewhere nothing is done. See mallopt(3).
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of malloc.h
_MOST = 1 << 30  # bytes: larger blocks go back to the kernel as before, and so does what is free beyond it at the end


@cache
def _library() -> ctypes.CDLL | None:
    """Return the process's C library where it is GNU's, else None."""
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "gnu_get_libc_version") and hasattr(library, "mallopt") else None


@cache
def keep_pages() -> bool:
    """Keep freed memory for what is asked for next, from here on; return whether this library can."""
    library = _library()
    return library is not None and bool(
        library.mallopt(_MMAP_THRESHOLD, _MOST) and library.mallopt(_TRIM_THRESHOLD, _MOST)
    )


def return_pages() -> None:
    """Give the kernel back what is free at the moment, here and in the pool of Arrow where that is loaded."""
    arrow = sys.modules.get("pyarrow")
    if arrow is not None:
        arrow.default_memory_pool().release_unused()
    library = _library()
    if library is not None:
        library.malloc_trim(ctypes.c_size_t(0))
