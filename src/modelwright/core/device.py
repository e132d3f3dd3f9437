"""One thread budget for everything, and the choice of the torch device."""

from __future__ import annotations

import os
import time
from functools import cache

from modelwright.core.pages import keep_pages


def cores() -> int:
    """Return how many cores this process may use (`MODELWRIGHT_THREADS` overrides)."""
    asked = os.environ.get("MODELWRIGHT_THREADS", "")
    if asked.isdigit() and int(asked) > 0:
        return int(asked)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


_granted: list[int] = []  # what a run was granted, if anything


def grant_memory(memory: int | None) -> None:
    """Say how much memory this process may use from here on; None for all there is."""
    _granted[:] = [] if memory is None else [memory]


def for_cache(most: int, share: int) -> int:
    """Return the bytes that a cache may hold: `most`, and no more than one part in `share` of what was granted or is free."""
    return min(most, (_granted[0] if _granted else free_memory()) // share)


def free_memory() -> int:
    """Return bytes of memory that can be had now: container limits and what the run was granted counted in."""
    import psutil

    free = int(psutil.virtual_memory().available)
    try:
        with open("/sys/fs/cgroup/memory.max") as f, open("/sys/fs/cgroup/memory.current") as g:
            limit = f.read().strip()
            if limit.isdigit():
                free = min(free, int(limit) - int(g.read()))
    except OSError:
        pass
    if _granted:
        free = min(free, _granted[0] - used_memory())
    return max(free, 0)


def used_memory() -> int:
    """Return the bytes of memory this process holds."""
    import psutil

    return int(psutil.Process().memory_info().rss)


@cache
def process_start() -> float:
    """Return the start of this process on the `time.monotonic` clock, so that a budget counts imports too."""
    import psutil

    return time.monotonic() - max(0.0, time.time() - psutil.Process().create_time())


def pick_device(asked: str = "auto") -> str:
    """Return a torch device name: the asked one, else CUDA, MPS, CPU in this order. Imports torch."""
    import torch

    if asked != "auto":
        try:
            torch.empty(1, device=asked)
        except (RuntimeError, AssertionError) as e:
            from modelwright.core.errors import OptionError

            raise OptionError(
                f"Device `{asked}` cannot be used here. Use auto, cpu, cuda or mps.",
                f"设备 `{asked}` 在此不可用。可用 auto、cpu、cuda 或 mps。",
            ) from e
        return asked
    if torch.cuda.is_available():
        return "cuda"
    if torch.backends.mps.is_available():
        return "mps"
    keep_pages()  # before a probe of what a step takes
    return "cpu"


def settle(device: str) -> None:
    """Wait until the device has done what it was asked for: a GPU takes orders ahead, and a clock must wait for it."""
    if device.startswith("cuda"):
        import torch

        torch.cuda.synchronize(device)
