"""One thread budget for everything, and the choice of the torch device."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from modelwright.core.memory_pages import keep_pages

_LOADED = time.monotonic()
_LOADING = (
    10.0  # seconds that starting Python and loading this module take at most; who is older was another program before
)


def _threads_asked() -> int:
    """Return the threads that the user asked for; 0 where nothing was said."""
    said = os.environ.get("MODELWRIGHT_THREADS", "")
    return int(said) if said.isdigit() else 0


def cores() -> int:
    """Return how many cores this process may use (`MODELWRIGHT_THREADS` overrides)."""
    if _threads_asked():
        return _threads_asked()
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


@dataclass
class _Others:
    """What other programs took of the machine: cores, as last measured, and the state of the counters then."""

    taken: float = 0.0
    at: float = 0.0
    busy: float = 0.0
    own: float = 0.0


_others = _Others()
_LOOK, _AGAIN = 0.1, 1.0  # seconds of the first look at what others take, and between two further ones
_ROUND = 0.4  # a core of which others take less than this is ours


def free_cores() -> int:
    """Return how many of `cores` other programs leave; at least one. `MODELWRIGHT_THREADS` overrides.

    Threads that wait for one another on a core that another program has can take ten times as long as one thread alone.
    """
    own = cores()
    if _threads_asked() or own == 1:
        return own
    import psutil

    def now() -> tuple[float, float, float]:
        t = psutil.cpu_times()
        spent = sum(t) - t.idle - getattr(t, "iowait", 0.0) - getattr(t, "guest", 0.0) - getattr(t, "guest_nice", 0.0)
        return time.monotonic(), spent, time.process_time()

    if not _others.at:
        _others.at, _others.busy, _others.own = now()
        time.sleep(_LOOK)
        fresh = 1.0
    else:
        fresh = 0.5
    at, busy, mine = now()
    passed = at - _others.at
    if fresh == 1.0 or passed >= _AGAIN:
        taken = max(0.0, (busy - _others.busy) - (mine - _others.own)) / passed
        _others.taken = fresh * taken + (1 - fresh) * _others.taken
        _others.at, _others.busy, _others.own = at, busy, mine
    left = (psutil.cpu_count() or own) - _others.taken
    return max(1, min(own, int(left + _ROUND)))


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


def peak_memory() -> int:
    """Return the most bytes of memory that this process has held since it began."""
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        return int(getattr(psutil.Process().memory_info(), "peak_wset", 0)) or used_memory()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(most) * (1 if sys.platform == "darwin" else 1024)


@cache
def process_start() -> float:
    """Return the start of this program on the `time.monotonic` clock, so that a budget counts imports too.

    A shell that waits and then becomes this program (`exec modelwright run ...` at the end of a container's entry point) leaves its age to it: that
    was no part of the work.
    """
    try:  # Linux: by a clock that nobody sets; where the time of day is set, psutil's age of a process jumps with it
        ticks = int(
            Path("/proc/self/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
        )
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        import psutil

        age = time.time() - psutil.Process().create_time()
    began = time.monotonic() - max(0.0, age)
    return began if _LOADED - began < _LOADING else _LOADED


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
