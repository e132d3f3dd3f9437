"""Ends a local Ray whose run was killed: `python -m modelwright.tune.reaper PID FOLDER`, started by the run with the pid PID.

Ray ends most of its processes with the one that started them, but not all, and leaves its folder. This process looks which there are
while the run lives; once it has gone, it ends those that are left, and removes the folder.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time

import psutil

_LOOK = 2.0  # seconds between two looks


def reap(pid: int, folder: str) -> None:
    """Wait until the run has gone, then end what is left of its Ray, and remove its folder."""
    known: dict[int, psutil.Process] = {}
    while os.getppid() == pid:
        with contextlib.suppress(psutil.Error):
            for child in psutil.Process(pid).children(recursive=True):
                if child.pid != os.getpid():
                    known[child.pid] = child
        time.sleep(_LOOK)
    left = [p for p in known.values() if p.is_running()]
    for process in left:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(left, timeout=10)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    reap(int(sys.argv[1]), sys.argv[2])
