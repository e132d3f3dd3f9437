"""A run's session with Ray: on a cluster, or on a Ray of its own that ends with it, however it ends."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

from modelwright.core.errors import OptionError

ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "disabled",  # else a local Ray writes a token into the home folder
    "RAY_CLIENT_RECONNECT_GRACE_PERIOD": "8",
    "RAY_CLIENT_INITIAL_CONNECTION_TIMEOUT_S": "2",  # doubled twice: 14 s in place of 35
    "GRPC_VERBOSITY": "NONE",
    "GRPC_ENABLE_FORK_SUPPORT": "0",
}
# of workers whose memory is counted: each of Ray's threads would have an arena of its own, and Arrow keeps what it freed (docs/log.md)
LEAN = {"MALLOC_ARENA_MAX": "2", "ARROW_DEFAULT_MEMORY_POOL": "system"}
_STORE = 256 << 20  # bytes of a local Ray's store of objects


class Session:
    """A session at an address, `local` or `ray://host:port`; a local one may begin its workers `lean`, for little memory."""

    def __init__(self, address: str, ray: Any, *, lean: bool = False) -> None:
        self.address, self._ray, self._lean = address, ray, lean
        self._place: Path | None = None
        self._reaper: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        """Reach the cluster, or start one. Raises OptionError."""
        told: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False, "configure_logging": False}
        if self.address == "local":
            for name, value in LEAN.items() if self._lean else ():
                os.environ.setdefault(name, value)
            self._place = Path(tempfile.mkdtemp(prefix="mw-"))
            self._reaper = subprocess.Popen(  # noqa: S603 - this very Python and a file of ours
                [sys.executable, str(Path(__file__).with_name("reaper.py")), str(os.getpid()), str(self._place)],
                start_new_session=True,
            )
            told |= {"include_dashboard": False, "_temp_dir": str(self._place), "object_store_memory": _STORE}
        else:
            told |= {"address": self.address}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what it warns of it raises as well
                self._ray.init(**told)
        except Exception as e:
            line = next(iter(str(e).strip().splitlines()), type(e).__name__)[:200]
            raise OptionError(
                f"The cluster at {self.address} cannot be used: {line} Its Ray and Python must be of the versions that are here (Ray {self._ray.__version__}).",
                f"无法使用 {self.address} 处的集群：{line} 其 Ray 与 Python 须与此处版本一致（Ray {self._ray.__version__}）。",
            ) from e

    def end(self) -> None:
        """Leave the cluster; a local one ends."""
        with contextlib.suppress(Exception):
            self._ray.shutdown()
        if self._reaper is not None:
            self._reaper.kill()
            self._reaper.wait()
        if self._place is not None:
            shutil.rmtree(self._place, ignore_errors=True)
