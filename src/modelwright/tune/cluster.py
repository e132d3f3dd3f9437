"""Fits as tasks of Ray: on this machine (`local`) or on a cluster (`ray://host:port`).

The climb stays where it is and goes step by step as it does alone; what it will want next is handed to the cluster beforehand, as many
fits at once as there are places. A worker or node that dies has its fit done elsewhere. Where the cluster itself is lost, the climb goes on here.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import modelwright.tune.remote as remote
from modelwright.core.budget import show_duration
from modelwright.core.errors import ClusterLost, MissingExtra, ModelwrightError, OptionError
from modelwright.core.events import Working
from modelwright.core.kept import sealing
from modelwright.core.recipe import FitContext, Model, Options, Recipe, on_torch
from modelwright.core.words import Words
from modelwright.tune.candidate import Fold
from modelwright.tune.climb import Climb
from modelwright.tune.pace import Stopwatch
from modelwright.tune.shipped import files_of, ship

_LEAST = 30.0  # seconds left below which a local Ray is not begun
_PLACES = 2  # fits at once from which a local Ray gains anything
_SMALL = 0.5  # seconds of a fit that is not sent elsewhere
_ANSWER = 10.0  # seconds in which a cluster must answer
_STALE = 20.0  # seconds without a sign of life after which a worker is taken to hang
_GRACE = 10.0  # seconds that a fit may take to end once its time is over
_TRIES = 3  # times that a fit is begun anew where its worker was lost
_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "disabled",  # else a local Ray writes a token into the home folder
    "RAY_CLIENT_RECONNECT_GRACE_PERIOD": "8",
    "GRPC_VERBOSITY": "NONE",
    "GRPC_ENABLE_FORK_SUPPORT": "0",
}
_STORE = 256 << 20  # bytes of a local Ray's store of objects


def check_cluster(address: str | None, devices: int) -> None:
    """Refuse an address that is none, and what does not go together with a cluster. Raises OptionError, MissingExtra."""
    if address is None:
        return
    if address != "local" and not (address.startswith("ray://") and address[6:].rpartition(":")[2].isdigit()):
        raise OptionError(
            f"--cluster takes local or ray://HOST:PORT, received `{address}`.",
            f"--cluster 应为 local 或 ray://主机:端口，收到的是 `{address}`。",
        )
    if devices > 1:
        raise OptionError(
            "--cluster shares out whole fits, --devices the steps of one: give one of them.",
            "--cluster 分担整次训练，--devices 分担单次训练的各步：请只给出其中之一。",
        )
    if importlib.util.find_spec("ray") is None:
        raise MissingExtra("ray", "--cluster")
    if address != "local":
        check_answers(address)


def check_answers(address: str) -> None:
    """Raise OptionError where nobody answers at an address `ray://HOST:PORT`."""
    host, _, port = address[6:].rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=_ANSWER).close()
    except (OSError, OverflowError) as e:
        why = getattr(e, "strerror", None) or e
        raise OptionError(
            f"Nobody answers at {address} ({why}): is Ray's head running there (ray start --head), and its client port open? "
            "Or leave --cluster out.",
            f"{address} 没有响应（{why}）：请确认该处已运行 Ray 主节点（ray start --head），且客户端端口可达；或去掉 --cluster。",
        ) from e


@contextmanager
def clustered(climb: Climb, address: str | None) -> Iterator[None]:
    """Let the climb fit on a cluster while the block lasts. Raises ModelwrightError where it does not answer."""
    if address is None:
        yield
        return
    if climb.private is not None:
        climb.events.note("Under differential privacy this machine trains by itself.", "差分隐私下只在本机训练。")
        yield
        return
    if sealing():
        raise OptionError(
            "With --vault rows must not leave this process in plain, as they would on a cluster: leave --cluster out.",
            "使用 --vault 时数据不得以明文离开本进程，而集群会这样做：请去掉 --cluster。",
        )
    if address == "local" and (why := _not_worth(climb)) is not None:
        climb.events.note(why.en, why.zh)
        yield
        return
    cluster = Cluster(climb, address)
    before = threading.excepthook
    threading.excepthook = lambda told: (
        None if "Channel closed" in str(told.exc_value) else before(told)
    )  # of gRPC's own thread
    try:
        cluster.begin()
        climb.cluster = cluster
        yield
    finally:
        climb.cluster = None
        cluster.close()
        threading.excepthook = before


def _not_worth(climb: Climb) -> Words | None:
    """Return why a local Ray would take more than it gives, if so: it shares these cores with the climb, and takes time to start."""
    left = climb.until_end()
    count = os.cpu_count() or 1
    if count // threads_asked() < _PLACES:
        return Words(
            f"cluster   local: this machine has room for one fit at a time ({count} cores), so it trains without Ray",
            f"集群      local：本机（{count} 核）同一时间只能进行一次训练，因此不用 Ray",
        )
    if left < _LEAST:
        return Words(
            f"cluster   local: Ray takes some 10 s to start, which {show_duration(left)} do not repay, so this run trains without it",
            f"集群      local：Ray 启动约需 10 秒，剩余 {show_duration(left)} 不值得，因此本次运行不用它",
        )
    return None


def threads_asked() -> int:
    """Return the cores of one fit."""
    asked = os.environ.get("MODELWRIGHT_THREADS", "")
    return max(1, int(asked)) if asked.isdigit() else 1


class Cluster:
    """A Ray that fits for a climb. `slots` is how many fits it does at once."""

    def __init__(self, climb: Climb, address: str) -> None:
        self.climb, self.address, self.slots = climb, address, 1
        self.name = uuid.uuid4().hex
        self._ray: Any = None
        self._place: Path | None = None
        self._reaper: subprocess.Popen[bytes] | None = None
        self._files: Any = None
        self._mailbox: Any = None
        self._pending: dict[str, Any] = {}
        self._told: dict[str, dict[str, Any]] = {}
        self._beats: dict[str, tuple[float, str]] = {}
        self._gpus = 0.0
        self._lost = False

    # -- beginning and end -------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Reach the cluster (or start one), and give it the rows. Raises ModelwrightError."""
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        if self.address != "local":
            check_answers(self.address)
        import ray

        if ray.is_initialized():
            raise ModelwrightError(
                "This process has a Ray session already: end it with ray.shutdown(), so that the run can have its own.",
                "本进程已有 Ray 会话：请先用 ray.shutdown() 结束它。",
            )
        self._ray = ray
        self._reach()
        have = ray.cluster_resources()
        self._gpus = float(have.get("GPU", 0.0))
        self.slots = max(1, int(have.get("CPU", 1)) // self.threads)
        with tempfile.TemporaryDirectory(prefix="modelwright-") as place:
            ship(self.climb, Path(place))
            self._files = ray.put(files_of(Path(place)))
        self._mailbox = ray.remote(remote.Mailbox).options(num_cpus=0, max_restarts=-1, max_task_retries=-1).remote()
        self._fit = ray.remote(remote.fit)
        if self.climb.rest is not None:
            self.climb.events.note(
                "cluster   its workers learn from the rows that are held; what reads the others once more, such as boosted trees, is trained on this machine",
                "集群      工作进程只从内存中保留的行学习；需要再次读取其余行的方案（如提升树）在本机训练",
            )
        self.climb.events.note(
            f"cluster   {self.address}: {len(ray.nodes())} node{'s' * (len(ray.nodes()) != 1)}, {self.slots} fits at once",
            f"集群      {self.address}：{len(ray.nodes())} 个节点，可同时进行 {self.slots} 次训练",
        )

    @property
    def threads(self) -> int:
        """Cores of one fit."""
        return threads_asked()

    def worth(self, seconds: float) -> bool:
        """Return whether a fit of so many seconds is sent elsewhere: a shorter one is done here before its rows have come there."""
        return seconds >= _SMALL

    def _reach(self) -> None:
        told: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False, "configure_logging": False}
        if self.address == "local":
            self._place = Path(tempfile.mkdtemp(prefix="mw-"))
            self._reaper = subprocess.Popen(  # noqa: S603 - this very Python and a file of ours
                [sys.executable, str(Path(__file__).with_name("reaper.py")), str(os.getpid()), str(self._place)],
                start_new_session=True,
            )
            told |= {"include_dashboard": False, "_temp_dir": str(self._place), "object_store_memory": _STORE}
        else:
            told |= {"address": self.address}
        try:
            self._ray.init(**told)
        except Exception as e:
            line = next(iter(str(e).strip().splitlines()), type(e).__name__)[:200]
            raise OptionError(
                f"The cluster at {self.address} cannot be used: {line} Its Ray and Python must be of the versions that are here (Ray {self._ray.__version__}).",
                f"无法使用 {self.address} 处的集群：{line} 其 Ray 与 Python 须与此处版本一致（Ray {self._ray.__version__}）。",
            ) from e

    def close(self) -> None:
        """End all that is under way and leave the cluster; a local one ends with it."""
        if self._ray is not None:
            with contextlib.suppress(Exception):
                for ref in self._pending.values():
                    self._ray.cancel(ref, force=True)
            with contextlib.suppress(Exception):
                if self._mailbox is not None:
                    self._ray.kill(self._mailbox)
            with contextlib.suppress(Exception):
                self._ray.shutdown()
        if self._reaper is not None:
            self._reaper.kill()
            self._reaper.wait()
        if self._place is not None:
            shutil.rmtree(self._place, ignore_errors=True)

    # -- fits --------------------------------------------------------------------------------------------------

    def ahead(self, recipe: Recipe, options: Options, ctx: FitContext, split: int | None) -> None:
        """Hand a fit to the cluster that will be asked for later; one that nobody asks for ends with the climb."""
        key = _key(recipe, options, split, ctx)
        if not self._lost and key not in self._pending:
            self._submit(key, self._job(key, recipe, options, ctx, split))

    def fold(self, recipe: Recipe, options: Options, split: int, ctx: FitContext, watch: Stopwatch) -> Fold:
        """Return what a fit on one split gives. Raises ModelwrightError where it gives nothing, ClusterLost."""
        count = len(self.climb.validation.splits)
        of = (split + 1, count) if count > 1 else (0, 0)
        ctx.events.emit(Working(ctx.name, recipe.name, "fit", *of, share=ctx.deadline.remaining()))
        found = self._wait(recipe, options, ctx, split)
        watch.wall, watch.cpu = found["wall"], found["cpu"]
        got = remote.opened(found["model"], recipe.name, self.climb.validation.target)
        assert got.scores is not None
        return Fold(split, got.model, got.scores, found["seconds"], found["batch_ms"])

    def model(self, recipe: Recipe, options: Options, ctx: FitContext) -> Model:
        """Return the model of a fit on all rows. Raises ModelwrightError where there is none, ClusterLost."""
        return remote.opened(self._wait(recipe, options, ctx, None)["model"], recipe.name, ctx.target).model

    def _job(self, key: str, recipe: Recipe, options: Options, ctx: FitContext, split: int | None) -> dict[str, Any]:
        left = min(ctx.deadline.remaining(), 1e9)
        return {
            "climb": self.name, "key": key, "recipe": recipe.name, "options": options.model_dump(mode="json"), "split": split,
            "seed": ctx.seed, "name": ctx.name, "extent": ctx.extent, "threads": self.threads, "torch": on_torch(recipe),
            "device": "auto" if self._gpus else "cpu", "class_weight": ctx.class_weight, "memory": ctx.memory,
            "sensitive": list(ctx.sensitive), "probe": ctx.probe, "accumulate": ctx.accumulate, "seconds": left,
            "recompute": ctx.recompute, "compiles": ctx.compiles,
            "until": time.time() + min(self.climb.until_end(), 1e9),
        }  # fmt: skip

    def _submit(self, key: str, job: dict[str, Any]) -> None:
        gpus = {"num_gpus": 1} if job["torch"] and self._gpus >= 1 else {}
        self._told[key] = job
        try:
            task = self._fit.options(num_cpus=self.threads, max_retries=_TRIES, **gpus)
            self._pending[key] = task.remote(self._files, job, self._mailbox)
        except Exception as e:
            raise self._gone(e) from e

    def _wait(self, recipe: Recipe, options: Options, ctx: FitContext, split: int | None) -> dict[str, Any]:
        key = _key(recipe, options, split, ctx)
        if self._lost:
            raise ClusterLost("the cluster is lost", "集群已失联")
        if key not in self._pending:
            self._submit(key, self._job(key, recipe, options, ctx, split))
        tries, told_at = 0, 0.0
        try:
            while True:
                done, _ = self._ray.wait([self._pending[key]], timeout=0.2)
                self._hear(key, ctx)
                if done:
                    found: dict[str, Any] = self._ray.get(done[0])
                    break
                now = time.monotonic()
                if ctx.deadline.expired() and not told_at:
                    self._mailbox.end.remote([key] if not ctx.deadline.whole.stopped else list(self._pending))
                    told_at = now
                silent, where = self._beats.get(key, (0.0, ""))
                if silent > _STALE and tries < _TRIES:
                    tries += 1
                    self._again(key, where)
                elif told_at and now - told_at > _GRACE:
                    self._ray.cancel(self._pending[key], force=True)
                    raise ModelwrightError(
                        f"ran out of time on the cluster{f' ({where})' if where else ': no node had a free place'}",
                        f"在集群上超时{f'（{where}）' if where else '：没有节点有空位'}",
                    )
        except ModelwrightError:
            raise
        except Exception as e:
            raise self._failed(e) from e
        finally:
            self._pending.pop(key, None)
        if "refused" in found:
            raise ModelwrightError(Words(*found["refused"]))
        return found

    def _hear(self, key: str, ctx: FitContext) -> None:
        """Let events of the fit that is waited for be heard here, those of others later."""
        letters, self._beats = self._ray.get(self._mailbox.take.remote(), timeout=_STALE)
        for _, event in letters:
            ctx.events.emit(event)

    def _again(self, key: str, where: str) -> None:
        self.climb.events.warn(
            f"The worker on {where} hangs: no sign of life for {_STALE:.0f} s; its fit is begun anew elsewhere.",
            f"{where} 上的工作进程无响应：{_STALE:.0f} 秒没有任何信号；其训练在别处重新开始。",
        )
        with contextlib.suppress(Exception):
            self._ray.cancel(self._pending[key], force=True)
        self._mailbox.forget.remote(key)
        self._submit(key, self._told[key])

    def _failed(self, error: Exception) -> ModelwrightError:
        """Return why a fit gave nothing: its own fault, a worker that died too often, or a cluster that is gone."""
        exceptions = self._ray.exceptions
        if isinstance(error, exceptions.RayTaskError):
            cause = getattr(error, "cause", None) or error
            line = next(iter(str(cause).strip().splitlines()[-1:]), "")[:160]
            if "No module named 'modelwright" in str(error):
                return ModelwrightError(
                    "a node of the cluster lacks Modelwright: install it there in this version",
                    "集群中有节点未安装 Modelwright：请在该节点安装相同版本",
                )
            return ModelwrightError(f"{type(cause).__name__}: {line}", f"{type(cause).__name__}：{line}")
        if isinstance(error, (exceptions.WorkerCrashedError, exceptions.NodeDiedError, exceptions.OutOfMemoryError)):
            return ModelwrightError(
                f"its worker died {_TRIES + 1} times, most likely for want of memory on the node",
                f"工作进程 {_TRIES + 1} 次退出，很可能是节点内存不足",
            )
        return self._gone(error)

    def _gone(self, error: Exception) -> ClusterLost:
        if not self._lost:
            self._lost = True
            self._pending.clear()
            line = next(iter(str(error).strip().splitlines()), type(error).__name__)[:120]
            self.climb.events.warn(
                f"The cluster at {self.address} is lost ({line}); the run goes on on this machine. Nothing that is finished is lost.",
                f"与集群 {self.address} 失去联系（{line}）；运行在本机继续。已完成的部分不会丢失。",
            )
        return ClusterLost("the cluster is lost", "集群已失联")


def _key(recipe: Recipe, options: Options, split: int | None, ctx: FitContext) -> str:
    return f"{recipe.name} {options.model_dump_json()} {split} {ctx.seed} {ctx.extent is not None}"
