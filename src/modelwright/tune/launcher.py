"""A launcher, such as torchrun, that started this process among several: where they meet, who opens that port, and what it reads of an end."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

from modelwright.core import plain_json
from modelwright.core.errors import OptionError


def runs(pid: int) -> bool:
    """Return whether a process of this machine has not ended yet."""
    import psutil

    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def report(why: str) -> None:
    """Write why this process ends where torchrun looks for it (`torch.distributed.elastic.multiprocessing.errors`)."""
    place = os.environ.get("TORCHELASTIC_ERROR_FILE")
    if place:
        said = {"message": why, "extraInfo": {"timestamp": str(int(time.time()))}}
        Path(place).write_text(plain_json.dumps({"message": said}), encoding="utf-8")


def meeting() -> tuple[str, int]:
    """Return where the processes that a launcher started meet."""
    return os.environ.get("MASTER_ADDR", "127.0.0.1"), int(os.environ.get("MASTER_PORT", "29500"))


def serves() -> bool:
    """Return whether the process that leads opens the port to meet at; torchrun's own agent does so else."""
    return os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True"


def check_free(host: str, port: int) -> None:
    """Raise OptionError where somebody listens at a port of this machine."""
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("", port))
        except OSError as e:
            raise OptionError(
                f"Port {port} of {host} is in use, so the processes of this run cannot meet there: give another one (MASTER_PORT, torchrun --master-port).",
                f"{host} 的端口 {port} 已被占用，本次运行的进程无法在此会合：请另选端口（MASTER_PORT，torchrun --master-port）。",
            ) from e
