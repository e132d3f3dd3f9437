"""The crew of a run: this process leads, others on the machine (or those that torchrun started) fit along.

Where one of them dies or hangs, it is named, the others are ended, and the run goes on in this process alone.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from modelwright.core import plain_json
from modelwright.core.device import cores
from modelwright.core.errors import MissingExtra, ModelwrightError, OptionError
from modelwright.core.recipe import Model, Options, Recipe, on_torch
from modelwright.core.schema import Table
from modelwright.core.stored_data import sealing
from modelwright.core.version import VERSION
from modelwright.core.words import Words, counted, pick_lang
from modelwright.core.worker_processes import path_for_children
from modelwright.tune.climb import Climb
from modelwright.tune.launcher import check_free, meeting, report, runs, serves
from modelwright.tune.payload import ship

_opened: list[Any] = []  # the store of a process that leads, where a launcher started it and nobody else serves one
_LEAVING = 20.0  # seconds in which processes that follow, and may just be loading torch, end by themselves
_SILENT = 26.0  # seconds after which one that gives no sign of life any more is known for sure to be lost
_SHM = "/dev/shm"  # noqa: S108 - a folder of our own is made in it, closed to others


def from_torchrun() -> tuple[int, int] | None:
    """Return rank and number of processes where torchrun (or a launcher like it) started this one among several."""
    rank, size = os.environ.get("RANK", ""), os.environ.get("WORLD_SIZE", "")
    return (int(rank), int(size)) if rank.isdigit() and size.isdigit() and int(size) > 1 else None


def check_devices(count: int, device: str, shard: bool = False) -> None:
    """Refuse more processes than this machine has devices for, parts where there is one process, and a port to meet at that somebody has.

    Raises OptionError, MissingExtra.
    """
    if (outside := from_torchrun()) is not None:
        if outside[0] == 0 and serves() and not _opened:
            check_free(*meeting())
            _open_early()
        return
    if count <= 1:
        if shard:
            raise OptionError(
                "--shard shares a network out among several processes, and this run has one: give --devices 2 or more, or begin it with torchrun.",
                "--shard 将网络分给多个进程，而本次运行只有一个进程：请给出 --devices 2 或更多，或用 torchrun 启动。",
            )
        return
    import importlib.util

    missing = [m for m in ("torch", "accelerate") if importlib.util.find_spec(m) is None]
    if missing:
        raise MissingExtra("devices", "Training with several processes", "多进程训练")
    import torch

    gpus = torch.cuda.device_count() if device in ("auto", "cuda") and torch.cuda.is_available() else 0
    have = gpus or _processors()
    if count > have:
        kind, kind_zh = ("GPUs", "块 GPU") if gpus else ("processor cores", "个处理器核")
        raise OptionError(
            f"--devices {count} asks for more than this machine has: {have} {kind}. Give --devices {have} at most.",
            f"--devices {count} 超出本机所有：{have} {kind_zh}。最多可用 --devices {have}。",
        )


@contextmanager
def launched() -> Iterator[None]:
    """Where the block ends with an error, let the processes that torchrun started beside this one end by themselves, and have torchrun's
    report say why: it lists all that it has to end, and knows nothing of what we print."""
    try:
        yield
    except ModelwrightError as e:
        if (outside := from_torchrun()) is not None:
            with contextlib.suppress(ModelwrightError, RuntimeError):  # of a store that cannot be reached
                _dismiss(outside[1])
            with contextlib.suppress(OSError):
                report(e.words.en)
        raise


def _dismiss(size: int) -> None:
    """Say goodbye to the processes that follow this one, and wait until they have ended: torchrun ends those that it finds alive, and tells of it."""
    from modelwright.train.crew import store_at

    store = _opened[0] if _opened else store_at(*meeting(), leads=serves())
    store.set("bye", "1")
    until, left = time.monotonic() + _LEAVING, [f"left/{rank}" for rank in range(1, size)]
    here = os.environ.get("LOCAL_WORLD_SIZE") == str(size)  # numbers of processes on other machines say nothing
    while time.monotonic() < until:
        if store.check(left) and not (here and any(runs(int(store.get(key))) for key in left)):
            return
        time.sleep(0.05)


def _open_early() -> None:
    """Open the port to meet at before anything is read: the other processes do not wait for long."""
    from modelwright.train.crew import store_at

    _opened.append(store_at(*meeting(), leads=True))


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


@contextmanager
def crewed(climb: Climb, count: int) -> Iterator[None]:
    """Give the climb a crew of `count` processes while the block lasts (that of torchrun, where it started this one); end them after it.

    Raises OptionError where there are more processes than rows.
    """
    outside = from_torchrun()
    size = outside[1] if outside else count
    if size <= 1:
        yield
        return
    rows = min(len(train) for train, _ in climb.validation.splits)
    if rows < size:
        fewer = f"--nproc-per-node {rows}" if outside else f"--devices {rows}"
        raise OptionError(
            f"{size} processes are more than the {counted(rows, 'training row')} can be shared among: give {fewer} at most.",
            f"{size} 个进程多于可分配的 {rows} 行训练数据：最多可用 {fewer}。",
        )
    if climb.private is not None:
        climb.events.note(
            "Under differential privacy one process trains; the others stay idle.",
            "差分隐私下只用一个进程训练；其余进程空闲。",
        )
    folder = Path(tempfile.mkdtemp(prefix="modelwright-", dir=_SHM if sealing() and os.access(_SHM, os.W_OK) else None))
    crew = None
    try:
        ship(climb, folder)
        crew = RunCrew(climb, size, folder, outside is not None)
        climb.crew = crew
        yield
    finally:
        climb.crew = None
        if crew is not None:
            crew.close()
        shutil.rmtree(folder, ignore_errors=True)


class RunCrew:
    """The leading process's side of a run's crew. Its parts on torch are made at the first fit of a network."""

    rank = 0
    own_rows = False

    def __init__(self, climb: Climb, size: int, folder: Path, outside: bool) -> None:
        self.size, self.climb, self.folder, self.outside = size, climb, folder, outside
        self._leader: Any = None
        self._others: dict[int, subprocess.Popen[bytes]] = {}
        self._gone: Words | None = None
        self._stop = threading.Event()
        self._alone = False
        self._near = not outside or os.environ.get("LOCAL_WORLD_SIZE") == str(size)  # whether all are on this machine

    # -- the loop's side ---------------------------------------------------------------------------------------

    def lost(self) -> bool:
        return self._gone is not None

    def enter(self, device: str) -> Any:
        return None if self._alone else self._leader.enter(device)

    # -- the planner's side ------------------------------------------------------------------------------------

    def fit(
        self, recipe: Recipe, train: Table, valid: Table | None, options: Options, ctx: Any, split: int | None
    ) -> Model:
        """Fit a recipe; the others fit it too, and join in every training loop. Goes on alone once one of them is lost."""
        if self._alone or not on_torch(recipe) or ctx.private is not None:
            return recipe.fit(train, valid, options, replace(ctx, crew=None))
        self._begin()
        leader = self._leader
        leader.job += 1
        leader.loops = 0
        threads = max(1, ctx.threads // (1 if self.outside else self.size))
        told = {
            "recipe": recipe.name, "options": options.model_dump(), "split": split, "seed": ctx.seed, "name": ctx.name,
            "extent": ctx.extent, "threads": threads, "device": ctx.device.split(":")[0], "class_weight": ctx.class_weight,
            "memory": ctx.memory, "sensitive": list(ctx.sensitive), "accumulate": ctx.accumulate, "probe": ctx.probe,
            "shard": ctx.shard, "recompute": ctx.recompute, "latency": ctx.latency,
            "seconds": min(ctx.deadline.remaining(), 1e9), "folder": str(self.folder), "version": VERSION,
        }  # fmt: skip
        leader.store.set(f"{leader.job}/job", plain_json.dumps(told))
        own = replace(ctx, threads=threads)
        if ctx.device.startswith("cuda"):
            own = replace(own, device=f"cuda:{leader.local[0]}")
        try:
            return recipe.fit(train, valid, options, own)
        except ModelwrightError:
            raise
        except Exception:
            # whoever watches the others finds out in a moment; of those on other machines, once they give no sign of life
            deadline = time.monotonic() + (2.0 if self._near else _SILENT)
            while not self.lost() and time.monotonic() < deadline:
                time.sleep(0.1)
            lost = self.lost()
            self._dissolve()  # the others may wait in the middle of a step
            if not lost:
                raise
            return recipe.fit(train, valid, options, replace(ctx, crew=None))
        finally:
            if not self._alone:
                with contextlib.suppress(RuntimeError):
                    leader.store.set(f"{leader.job}/end", "1")
            if self.lost():
                self._dissolve()

    def _begin(self) -> None:
        if self._leader is not None:
            return
        from modelwright.train.crew import Leader, store_at

        if self.outside:
            host, port = meeting()
            local = int(os.environ.get("LOCAL_RANK", "0")), int(os.environ.get("LOCAL_WORLD_SIZE", str(self.size)))
            store = _opened[0] if _opened else store_at(host, port, leads=serves())
        else:
            host, local = "127.0.0.1", (0, self.size)
            store = store_at(host, 0, leads=True)
            port = store.port
        self._leader = Leader(store, self.size, local, lambda: self._gone)
        if not self.outside:
            for rank in range(1, self.size):
                self._others[rank] = self._started(host, port, rank)
        threading.Thread(target=self._watch, args=(host, port), daemon=True).start()

    def _started(self, host: str, port: int, rank: int) -> subprocess.Popen[bytes]:
        told = {"RANK": rank, "WORLD_SIZE": self.size, "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": self.size, "MASTER_ADDR": host,
                "MASTER_PORT": port, "MODELWRIGHT_LEADER": os.getpid(), "PYTHONPATH": path_for_children(),
                "MODELWRIGHT_THREADS": max(1, cores() // self.size)}  # fmt: skip
        told_ = {k: str(v) for k, v in told.items()}
        with (self.folder / f"{rank}.err").open("wb") as errors:
            return subprocess.Popen(
                [sys.executable, "-m", "modelwright.tune.follower"], env={**os.environ, **told_}, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True,
            )  # fmt: skip

    # -- who is still there ------------------------------------------------------------------------------------

    def _watch(self, host: str, port: int) -> None:
        """Look whether the others live, and give a sign of life; in a thread, with a client of the store of its own."""
        from modelwright.train.crew import BEAT, STALE, store_at

        try:
            store = store_at(host, port, leads=False)
        except ModelwrightError:
            return None
        seen: dict[int, tuple[bytes, float]] = {}
        pids: dict[int, int] = {}
        beat = 0.0
        while not self._stop.wait(0.2):
            now = time.monotonic()
            for rank, other in self._others.items():
                if (code := other.poll()) is not None:
                    return self._lose(rank, self._died(rank, other.pid, code))
            try:
                for rank in range(1, self.size) if self.outside and self._near else ():
                    if rank not in pids and store.check([f"pid/{rank}"]):
                        pids[rank] = int(store.get(f"pid/{rank}"))
                    if rank in pids and not runs(pids[rank]) and not store.check([f"left/{rank}"]):
                        return self._lose(rank, self._died(rank, pids[rank], None))
            except RuntimeError:
                return None
            if now - beat < BEAT:
                continue
            beat = now
            for rank in range(1, self.size):
                try:
                    value = store.get(f"beat/{rank}") if store.check([f"beat/{rank}"]) else b""
                except RuntimeError:
                    return None
                if rank not in seen or seen[rank][0] != value:
                    seen[rank] = value, now
                elif value and now - seen[rank][1] > STALE:
                    return self._lose(rank, self._hangs(rank))
        return None

    def _died(self, rank: int, pid: int, code: int | None) -> Words:
        if code is None:  # not a child of this process, so that its launcher alone is told how
            return Words(
                f"Process {rank + 1} of {self.size} (pid {pid} on {os.uname().nodename}) died",
                f"{self.size} 个进程中的第 {rank + 1} 个（{os.uname().nodename} 上的 pid {pid}）已退出",
            )
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        with contextlib.suppress(OSError):
            lines = (self.folder / f"{rank}.err").read_text(encoding="utf-8", errors="replace").strip().splitlines()
            how += f": {lines[-1][:160]}" if lines and code > 0 else ""
        return Words(
            f"Process {rank + 1} of {self.size} (pid {pid}) died ({how})",
            f"{self.size} 个进程中的第 {rank + 1} 个（pid {pid}）已退出（{how}）",
        )

    def _hangs(self, rank: int) -> Words:
        other = self._others.get(rank)
        who = f" (pid {other.pid})" if other else ""
        return Words(
            f"Process {rank + 1} of {self.size}{who} hangs: no sign of life for 20 s",
            f"{self.size} 个进程中的第 {rank + 1} 个{who}无响应：20 秒没有任何信号",
        )

    def _lose(self, rank: int, words: Words) -> None:
        self._gone = words
        if self.outside:  # torchrun ends the others once this process has ended
            told = Words(
                f"{words.en}. What is finished is kept; go on with: modelwright run --resume {self._run}",
                f"{words.zh}。已完成的部分均已保留；继续运行：modelwright run --resume {self._run}",
            )
            sys.stderr.write(f"Error: {told.en}\n" if pick_lang() == "en" else f"错误：{told.zh}\n")
            sys.stderr.flush()
            with contextlib.suppress(OSError):
                report(told.en)
            shutil.rmtree(self.folder, ignore_errors=True)  # the rows, which nobody else takes away
            os._exit(1)
        self._end_others()  # whoever waits for them in the middle of a step gets an error
        self.climb.events.warn(
            f"{words.en}; the run goes on in one process. Nothing that is finished is lost.",
            f"{words.zh}；运行将以单进程继续。已完成的部分不会丢失。",
        )

    @property
    def _run(self) -> str:
        return str(self.climb.folder.parent) if self.climb.folder else "RUN"

    def _end_others(self) -> None:
        for other in self._others.values():
            with contextlib.suppress(ProcessLookupError):
                other.send_signal(signal.SIGKILL)
        for other in self._others.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                other.wait(5)

    def _dissolve(self) -> None:
        if self._alone:
            return
        self._alone = True
        self._stop.set()
        self._end_others()
        with contextlib.suppress(RuntimeError):
            self._leader.leave()

    def close(self) -> None:
        """End the crew: those that follow are told, and ended where they do not end by themselves."""
        if self._leader is None:
            if self.outside:
                with contextlib.suppress(ModelwrightError):
                    self._begin()
            if self._leader is None:
                return
        if not self._alone:
            with contextlib.suppress(RuntimeError):
                self._leader.store.set("bye", "1")
        until = time.monotonic() + 5.0
        self._stop.set()
        for other in self._others.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                other.wait(max(0.1, until - time.monotonic()))
        if self.outside and not self._alone:  # the store may be in this process
            while time.monotonic() < until and not all(self._leader.has(f"left/{r}") for r in range(1, self.size)):
                time.sleep(0.05)
        self._dissolve()
