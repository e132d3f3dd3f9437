"""Fits as tasks of Ray: on this machine (`local`) or on a cluster (`ray://host:port`).

The climb stays where it is and goes step by step as it does alone; what it will want next is handed to the cluster beforehand, as many
fits at once as there are places. A worker or node that dies has its fit done elsewhere. Where the cluster itself is lost, the climb goes on here.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import modelwright.tune.remote as remote
from modelwright.core.budget import duration_words, parse_size, show_duration
from modelwright.core.errors import ClusterLost, MissingExtra, ModelwrightError, NodeAtFault, OptionError
from modelwright.core.events import Working
from modelwright.core.recipe import FitContext, Model, Options, Recipe, on_torch
from modelwright.core.stored_data import sealing
from modelwright.core.words import Words, counted
from modelwright.tune.candidate import Fold
from modelwright.tune.climb import Climb
from modelwright.tune.first_sign import fit
from modelwright.tune.nodes import ANSWER, check_answers, check_nodes, check_seen, end_there, host_and_port
from modelwright.tune.pace import Stopwatch
from modelwright.tune.payload import files_of, ship
from modelwright.tune.session import ENVIRONMENT, Session
from modelwright.tune.under_way import TRIES, UnderWay, sign_of

_LEAST = 30.0  # seconds left below which a local Ray is not begun
_PLACES = 2  # fits at once from which a local Ray gains anything
_SMALL = 0.5  # seconds of a fit that is not sent elsewhere
_STALE = 20.0  # seconds without a sign of life after which a worker is taken to hang
_GRACE = 10.0  # seconds that a fit may take to end once its time is over


def check_cluster(address: str | None, devices: int) -> None:
    """Refuse an address that is none, and what does not go together with a cluster. Raises OptionError, MissingExtra."""
    if address is None:
        return
    if address != "local":
        host_and_port(address)
    if devices > 1:
        raise OptionError(
            "--cluster shares out whole fits, --devices the steps of one: give one of them.",
            "--cluster 分担整次训练，--devices 分担单次训练的各步：请只给出其中之一。",
        )
    if importlib.util.find_spec("ray") is None:
        raise MissingExtra("ray", "--cluster")
    if address != "local":
        check_answers(address)


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
            f"集群      local：Ray 启动约需 10 秒，剩余 {duration_words(left).zh}不值得，因此本次运行不用它",
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
        self._session: Any = None
        self._files: Any = None
        self._mailbox: Any = None
        self._pending: dict[str, UnderWay] = {}
        self._peaks: dict[str, int] = {}  # the most bytes of memory that a worker held
        self._told: dict[str, dict[str, Any]] = {}
        self._beats: dict[str, tuple[float, str]] = {}
        self._gpus = 0.0
        self._grant: int | None = None  # bytes of memory that each worker may use by itself
        self._lost = False

    # -- beginning and end -------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Reach the cluster (or start one), and give it the rows. Raises ModelwrightError."""
        for name, value in ENVIRONMENT.items():
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
        if self.climb.config.memory:
            self._grant = parse_size(self.climb.config.memory)
        self._session = Session(self.address, ray, lean=self._grant is not None)
        self._session.begin()
        have = ray.cluster_resources()
        self._gpus = float(have.get("GPU", 0.0))
        self.slots = max(1, int(have.get("CPU", 1)) // threads_asked())
        check_nodes(ray)
        self._mailbox = ray.remote(remote.Mailbox).options(num_cpus=0, max_restarts=-1, max_task_retries=-1).remote()
        with tempfile.TemporaryDirectory(prefix="modelwright-") as place:
            ship(self.climb, Path(place))
            self._files = ray.put(files_of(Path(place)))
        check_seen(ray, self.climb.validation.table, self._files)
        ray.wait([self._mailbox.take.remote()], timeout=ANSWER)  # before it is there no sign of life is kept
        self._fit = ray.remote(fit)
        if self.climb.rest is not None and self.climb.rest.share is None:
            self.climb.events.note(
                "cluster   its workers learn from the rows that are held; what reads the others once more, such as boosted trees, is trained on this machine",
                "集群      工作进程只从内存中保留的行学习；需要再次读取其余行的方案（如提升树）在本机训练",
            )
        self.climb.events.note(
            f"cluster   {self.address}: {len(ray.nodes())} node{'s' * (len(ray.nodes()) != 1)}, {self.slots} fits at once",
            f"集群      {self.address}：{len(ray.nodes())} 个节点，可同时进行 {self.slots} 次训练",
        )

    def worth(self, seconds: float) -> bool:
        """Return whether a fit of so many seconds is sent elsewhere: a shorter one is done here before its rows have come there."""
        return seconds >= _SMALL

    def close(self) -> None:
        """End all that is under way and leave the cluster; a local one ends with it. What workers held at most is told."""
        if self._peaks:
            where, most = max(self._peaks.items(), key=lambda pair: pair[1])
            granted = (
                Words(f" of {self._grant >> 20} MB", f"（上限 {self._grant >> 20} MB）")
                if self._grant
                else Words("", "")
            )
            self.climb.events.note(
                f"cluster   {counted(len(self._peaks), 'worker')}; the most memory that one held is {most >> 20} MB{granted.en} ({where})",
                f"集群      {len(self._peaks)} 个工作进程；单个最多占用 {most >> 20} MB{granted.zh}（{where}）",
            )
            self.climb.worker_memory = max(most, self.climb.worker_memory or 0)
        if self._ray is not None:
            with contextlib.suppress(Exception):
                for under_way in self._pending.values():
                    under_way.end(self._ray)
            with contextlib.suppress(Exception):
                if self._mailbox is not None:
                    self._ray.kill(self._mailbox)
            self._session.end()

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
        return Fold(split, got.model, got.scores, found["seconds"], found["batch_ms"], ctx.deadline.stopped)

    def model(self, recipe: Recipe, options: Options, ctx: FitContext) -> Model:
        """Return the model of a fit on all rows. Raises ModelwrightError where there is none, ClusterLost."""
        return remote.opened(self._wait(recipe, options, ctx, None)["model"], recipe.name, ctx.target).model

    def _job(self, key: str, recipe: Recipe, options: Options, ctx: FitContext, split: int | None) -> dict[str, Any]:
        left, several, reads = min(ctx.deadline.remaining(), 1e9), self._workers(recipe, ctx), type(recipe).reads_on
        return {
            "climb": self.name, "key": key, "recipe": recipe.name, "options": options.model_dump(mode="json"), "split": split,
            "seed": ctx.seed, "name": ctx.name, "extent": ctx.extent, "threads": threads_asked(), "torch": on_torch(recipe),
            "device": "auto" if self._gpus else "cpu", "class_weight": ctx.class_weight, "memory": ctx.memory,
            "sensitive": list(ctx.sensitive), "probe": ctx.probe, "latency": ctx.latency, "accumulate": ctx.accumulate, "seconds": left,
            "recompute": ctx.recompute, "compiles": ctx.compiles, "rest": ctx.rest.share if ctx.rest and (reads or several > 1) else None, "grant": self._grant,
            "until": time.time() + min(self.climb.until_end(), 1e9), "workers": several,
        }  # fmt: skip

    def _workers(self, recipe: Recipe, ctx: FitContext) -> int:
        """Return how many workers fit together: all there are, where the recipe can and there are rows for them to read."""
        shared = ctx.rest is not None and ctx.rest.share is not None and recipe.fits_together(ctx.target)
        if not shared:
            return 1
        return min(self.slots, max(1, int(self._gpus))) if self._gpus and on_torch(recipe) else self.slots

    def _submit(self, key: str, job: dict[str, Any]) -> None:
        self._told[key] = job
        try:
            self._pending[key] = UnderWay.begun(
                self._ray, self._fit, key, job, self._files, self._mailbox, self._gpus >= 1
            )
        except Exception as e:
            raise self._gone(e) from e

    def _wait(self, recipe: Recipe, options: Options, ctx: FitContext, split: int | None) -> dict[str, Any]:
        key = _key(recipe, options, split, ctx)
        if self._lost:
            raise ClusterLost("the cluster is lost", "集群已失联")
        if key not in self._pending:
            self._submit(key, self._job(key, recipe, options, ctx, split))
        told_at = 0.0
        try:
            while True:
                under_way = self._pending[key]
                done, _ = self._ray.wait(under_way.refs, num_returns=len(under_way.refs), timeout=0.2)
                self._hear(key, ctx)
                found = self._outcome(key, done)
                if found is not None and found.get("again") and self._pending[key].tries < TRIES:
                    self._begin_again(key)
                    continue
                if found is not None:
                    self._over(key)
                    break
                now = time.monotonic()
                if ctx.deadline.expired() and not told_at:
                    self._mailbox.end.remote([key] if not ctx.deadline.whole.stopped else list(self._pending))
                    told_at = now
                self._begin_silent_anew()
                if told_at and now - told_at > _GRACE:
                    where = self._beats.get(key, (0.0, ""))[1]
                    raise ModelwrightError(
                        f"ran out of time on the cluster{f' ({where})' if where else ': no node had a free place'}",
                        f"在集群上超时{f'（{where}）' if where else '：没有节点有空位'}",
                    )
        except ModelwrightError:
            raise
        except Exception as e:
            raise self._failed(e) from e
        finally:
            if (left := self._pending.pop(key, None)) is not None:
                left.end(self._ray)
        if "refused" in found:
            raise remote.refusal(found)
        return found

    def _outcome(self, key: str, done: list[Any]) -> dict[str, Any] | None:
        """Return what the first of a fit's workers gives once it is done, or why another of them could not go on; None before.

        Where several fit together and one was lost with its worker, all begin anew.
        """
        under_way, given = self._pending[key], None
        for ref in done:
            try:
                found: dict[str, Any] = self._ray.get(ref)
            except (self._ray.exceptions.WorkerCrashedError, self._ray.exceptions.NodeDiedError) as e:
                if len(under_way.refs) == 1 or under_way.tries >= TRIES:
                    raise
                self.climb.events.warn(
                    f"A worker of {len(under_way.refs)} that fit together was lost ({type(e).__name__}); all begin anew.",
                    f"共同训练的 {len(under_way.refs)} 个工作进程中有一个丢失（{type(e).__name__}）；全部重新开始。",
                )
                self._begin_again(key)
                return None
            self._remember([found])
            if ref == under_way.refs[0] or "refused" in found:
                given = found if given is None or "refused" in found else given
        return given

    def _over(self, key: str) -> None:
        """Let the others of a fit that is done end too, and give their places back."""
        under_way = self._pending.pop(key)
        if under_way.group is not None:
            done, _ = self._ray.wait(under_way.refs, num_returns=len(under_way.refs), timeout=_GRACE)
            with contextlib.suppress(Exception):
                self._remember(self._ray.get(done))
            under_way.end(self._ray)
            self._mailbox.forget.remote(key)

    def _remember(self, found: list[dict[str, Any]]) -> None:
        for told in found:
            if "peak" in told:
                self._peaks[told["where"]] = max(told["peak"], self._peaks.get(told["where"], 0))

    def _hear(self, key: str, ctx: FitContext) -> None:
        """Let events of the fit that is waited for be heard here, those of others later."""
        letters, self._beats = self._ray.get(self._mailbox.take.remote(), timeout=_STALE)
        for _, event in letters:
            ctx.events.emit(event)

    def _begin_silent_anew(self) -> None:
        """Begin those fits anew of which a worker hangs: the one that is waited for, and any that holds the place which it waits for."""
        for key, under_way in list(self._pending.items()):
            for rank, ref in enumerate(under_way.refs):
                sign = sign_of(key, rank)
                silent, where = self._beats.get(sign, (0.0, ""))
                if silent > _STALE and under_way.tries < TRIES and not self._ray.wait([ref], timeout=0)[0]:
                    self._again(key, where, sign)
                    break

    def _again(self, key: str, where: str, sign: str) -> None:
        self.climb.events.warn(
            f"The worker on {where} hangs: no sign of life for {_STALE:.0f} s; its fit is begun anew elsewhere.",
            f"{where} 上的工作进程无响应：{_STALE:.0f} 秒没有任何信号；其训练在别处重新开始。",
        )
        node, pid = self._ray.get(self._mailbox.place.remote(sign), timeout=ANSWER)
        self._pending[key].end(self._ray)
        if node:
            end_there(self._ray, node, pid)
        self._begin_again(key)

    def _begin_again(self, key: str) -> None:
        before = self._pending[key]
        before.end(self._ray)
        self._mailbox.forget.remote(key)
        self._submit(key, self._told[key])
        self._pending[key].tries = before.tries + 1

    def _failed(self, error: Exception) -> ModelwrightError:
        """Return why a fit gave nothing: its own fault, a worker that died too often, or a cluster that is gone."""
        exceptions = self._ray.exceptions
        if isinstance(error, exceptions.RayTaskError):
            cause = getattr(error, "cause", None) or error
            line = next(iter(str(cause).strip().splitlines()[-1:]), "")[:160]
            if "No module named 'modelwright" in str(error):
                return NodeAtFault(
                    "a node of the cluster lacks Modelwright: install it there in this version",
                    "集群中有节点未安装 Modelwright：请在该节点安装相同版本",
                )
            return ModelwrightError(f"{type(cause).__name__}: {line}", f"{type(cause).__name__}：{line}")
        if isinstance(error, (exceptions.WorkerCrashedError, exceptions.NodeDiedError, exceptions.OutOfMemoryError)):
            return NodeAtFault(
                f"its worker died {TRIES + 1} times, most likely for want of memory on the node",
                f"工作进程 {TRIES + 1} 次退出，很可能是节点内存不足",
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
