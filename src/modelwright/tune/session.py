"""A run's session with Ray: on a cluster, or on a Ray of its own that ends with it, however it ends."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modelwright.core.errors import OptionError
from modelwright.tune.called_off import CalledOff, in_time

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
# seconds in which a head must give a session: its server for clients takes some 5 s to start, and a head that cannot start it says so after 46
_GIVEN = 20.0
_BROKEN = "Initialization failure from server"  # how Ray's client begins what the head says of its server for clients
# what Ray's client says where the head ended the connection: having said so or not, for its end may overtake its words
_ENDED = "already been disconnected"
_LOGGERS = ("ray._private.worker", "ray.util.client.dataclient", "ray.util.client.logsclient", "ray.util.client.worker")


class Session:
    """A session at an address, `local` or `ray://host:port`; a local one may begin its workers `lean`, for little memory."""

    def __init__(self, address: str, ray: Any, *, lean: bool = False) -> None:
        self.address, self._ray, self._lean = address, ray, lean
        self._place: Path | None = None
        self._reaper: subprocess.Popen[bytes] | None = None
        self._reached = True

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
            with warnings.catch_warnings(), _signals_kept():
                warnings.simplefilter("ignore")  # what it warns of it raises as well
                if self.address == "local":
                    self._ray.init(**told)
                else:
                    self._reach(told)
        except CalledOff as e:
            raise self._no_server(f"no session within {_GIVEN:.0f} s", f"{_GIVEN:.0f} 秒内没有建立会话") from e
        except Exception as e:
            if _BROKEN in str(e):
                raise self._no_server(*[str(e).strip().splitlines()[-1][:200]] * 2) from e
            if _ENDED in str(e):
                raise self._no_server("it ended the connection without a session", "未建立会话即断开连接") from e
            line = next(iter(str(e).strip().splitlines()), type(e).__name__)[:200]
            raise OptionError(
                f"The cluster at {self.address} cannot be used: {line} Its Ray and Python must be of the versions that are here (Ray {self._ray.__version__}).",
                f"无法使用 {self.address} 处的集群：{line} 其 Ray 与 Python 须与此处版本一致（Ray {self._ray.__version__}）。",
            ) from e

    def _reach(self, told: dict[str, Any]) -> None:
        """Connect to a head. Raises CalledOff where it gives no session in time: Ray's client has no limit of its own."""
        for name in _LOGGERS:  # what they say is raised as well; one of them sets its own level
            logging.getLogger(name).disabled = True
        self._reached = False
        in_time(lambda: self._ray.init(**told), _GIVEN, undo=self._ray.shutdown)
        self._reached = True

    def _no_server(self, why: str, why_zh: str) -> OptionError:
        return OptionError(
            f"The Ray head at {self.address} answers, but does not start its server for clients ({why}): look into "
            "ray_client_server*.err in its logs (/tmp/ray/session_latest/logs there), and start the head anew. Or leave --cluster out.",
            f"{self.address} 处的 Ray 主节点有响应，但没有启动其客户端服务（{why_zh}）：请查看该机日志目录"
            "（/tmp/ray/session_latest/logs）中的 ray_client_server*.err，并重新启动主节点；或去掉 --cluster。",
        )

    def end(self) -> None:
        """Leave the cluster; a local one ends. Where no session was given in time there is none to leave, and Ray would wait for it."""
        if self._reached:
            with contextlib.suppress(Exception):
                self._ray.shutdown()
        if self._reaper is not None:
            self._reaper.kill()
            self._reaper.wait()
        if self._place is not None:
            shutil.rmtree(self._place, ignore_errors=True)


@contextlib.contextmanager
def _signals_kept() -> Iterator[None]:
    """Put back what the run does at SIGTERM: Ray has the process exit at once, and the best so far would be lost."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if before is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)
