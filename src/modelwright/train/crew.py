"""Several processes that train one network: Accelerate over torch.distributed, one process that leads and others that follow.

Every process holds the rows, takes its part of each batch, and steps with the mean gradient, so that the weights stay the same in all
of them. The one that leads says how long to go on; the others do as it says. Which loop comes next is agreed on through torch's own
store of keys, which also carries a sign of life of every process.
"""

from __future__ import annotations

import os
import platform
import socket
import threading
import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, nn

from modelwright.core.errors import MissingExtra, ModelwrightError, PeersLost
from modelwright.core.peers import Peers
from modelwright.train.optim import MovingAverage, optimizer_tensors, restore_optimizers
from modelwright.train.sharding import Sharded

BEAT = 2.0  # seconds between two signs of life
STALE = 20.0  # seconds without one after which a process is taken to hang
_PATIENCE = 60.0  # seconds that the others are waited for at the beginning of a loop
_LOOK = 0.02  # seconds between two looks at the store
_PATIENT = 12.0  # seconds in which the leading process must listen: it does so before it reads anything, and a command is to end within 30 s
_LONG = timedelta(hours=12)  # of a collective: who hangs is told by its signs of life


class Over(ModelwrightError):
    """The one that leads has gone on without this process."""

    def __init__(self) -> None:
        super().__init__("the leading process went on by itself", "主进程已自行继续")


def store_at(host: str, port: int, *, leads: bool) -> Any:
    """Return a client of torch's store of keys, which the leading process serves (port 0: a free one). Raises ModelwrightError."""
    if not leads:
        _wait_for(host, port)
    try:
        kind: Any = torch.distributed.TCPStore  # type: ignore[attr-defined]
        return kind(host, port, is_master=leads, wait_for_workers=False, timeout=timedelta(seconds=25))
    except (RuntimeError, ValueError) as e:  # torch.distributed's errors are RuntimeErrors
        if leads:
            raise ModelwrightError(
                f"Port {port} of {host} is in use, so the processes of this run cannot meet there: give another one (torchrun --master-port).",
                f"{host} 的端口 {port} 已被占用，本次运行的进程无法在此会合：请另选端口（torchrun --master-port）。",
            ) from e
        raise _nobody(host, port) from e


def _wait_for(host: str, port: int) -> None:
    """Wait until somebody listens at a port: torch would try for twice its time, and print a trace. Raises ModelwrightError."""
    until = time.monotonic() + _PATIENT
    while True:
        try:
            socket.create_connection((host, port), timeout=max(1.0, until - time.monotonic())).close()
            return
        except OSError as e:
            if time.monotonic() > until:
                raise _nobody(host, port) from e
            time.sleep(10 * _LOOK)


def _nobody(host: str, port: int) -> ModelwrightError:
    return ModelwrightError(
        f"Nobody answers at {host}:{port}, where the leading process of this run should be: is it running, and is the port open?",
        f"{host}:{port} 没有响应，本次运行的主进程应在该处：请确认它在运行且端口可达。",
    )


class Member(ABC):
    """What all processes of a crew share: rank, size, the store, and the loops that they meet in."""

    @abstractmethod
    def enter(self, device: str) -> Shared | None:
        """Meet the others at the beginning of a loop."""

    @abstractmethod
    def lost(self) -> bool:
        """Return whether a process died or hung."""

    @abstractmethod
    def fit(self, recipe: Any, train: Any, valid: Any, options: Any, ctx: Any, split: int | None) -> Any:
        """Fit a recipe, the others taking part."""

    def __init__(self, store: Any, rank: int, size: int, local: tuple[int, int]) -> None:
        self.store, self.rank, self.size, self.local = store, rank, size, local
        self.job, self.loops = 0, 0
        self.own_rows = False  # whether each process has rows of its own, not a part of every batch
        self._accelerator: Any = None

    def beat(self, store: Any, stop: threading.Event) -> None:
        """Give a sign of life now and then, until told to stop; `store` is a client of its own."""
        count = 0
        while not stop.wait(BEAT):
            count += 1
            try:
                store.set(f"beat/{self.rank}", str(count))
            except RuntimeError:
                return

    def has(self, key: str) -> bool:
        """Return whether a key was set."""
        return bool(self.store.check([key]))

    def accelerator(self, device: str) -> Any:
        """Return Accelerate's handle, made at the first use together with the process group."""
        if self._accelerator is None:
            self._accelerator = self._joined(device)
        return self._accelerator

    def _joined(self, device: str) -> Any:
        try:
            from accelerate import Accelerator, DistributedDataParallelKwargs
        except ImportError as e:
            raise MissingExtra("devices", "Training with several processes", "多进程训练") from e
        cpu = not device.startswith("cuda")
        if not cpu:
            torch.cuda.set_device(self.local[0])
        # filters of pictures lie as is quickest for them; torch would have every process say that they are copied
        warnings.filterwarnings("ignore", message="Grad strides do not match bucket view strides")
        _forget_states()  # one that a fit before left, of a process by itself, would be taken over: nothing would be shared
        with self.as_told(cpu):
            prefixed: Any = torch.distributed.PrefixStore  # type: ignore[attr-defined]
            group = prefixed("group", self.store)
            torch.distributed.init_process_group(
                "gloo" if cpu else "nccl", store=group, rank=self.rank, world_size=self.size, timeout=_LONG
            )
            # columns are hidden now and then, so that not every weight has a part in every step
            kind = DistributedDataParallelKwargs(find_unused_parameters=True)
            return Accelerator(cpu=cpu, kwargs_handlers=[kind])

    def as_told(self, cpu: bool) -> Any:
        """Return a context in which the environment says which process this is, as a launcher would: Accelerate reads it there."""
        told = {
            "RANK": self.rank, "WORLD_SIZE": self.size, "LOCAL_RANK": self.local[0], "LOCAL_WORLD_SIZE": self.local[1],
            "MASTER_ADDR": os.environ.get("MASTER_ADDR", "127.0.0.1"), "MASTER_PORT": os.environ.get("MASTER_PORT", "29500"),
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
        }  # fmt: skip
        if self.local[1] == self.size and cpu:
            told["GLOO_SOCKET_IFNAME"] = os.environ.get("GLOO_SOCKET_IFNAME", "lo")
        return _in_environment({k: str(v) for k, v in told.items()})

    def leave(self) -> None:
        """Leave the process group; nothing of Accelerate's stays behind in this process."""
        if self._accelerator is None:
            return
        self._accelerator = None
        _forget_states()
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


@contextmanager
def crew_of(peers: Peers) -> Iterator[Member]:
    """Give processes that fit together a crew while the block lasts, in which each goes through batches of its own rows.

    Raises PeersLost where one of them is lost.
    """
    store = store_at(peers.host, 0, leads=True) if peers.rank == 0 else None
    port = peers.agree("store", lambda: store.port if store is not None else 0)
    hosts = peers.gather("hosts", peers.host)
    near = len(set(hosts)) == 1
    local = (peers.rank, peers.size) if near else (0, 1)
    member: Member
    if store is not None:
        member = Leader(store, peers.size, local, lambda: None)
    else:
        member = Follower(store_at(hosts[0], port, leads=False), peers.rank, peers.size, local)
    member.job, member.own_rows = 1, True
    try:
        yield member
        peers.gather("trained", True)  # the store is in the first process: nobody is to ask it after it has gone
    except RuntimeError as e:  # of the engine that carries gradients
        line = " ".join(str(e).split())[:160]
        raise PeersLost(
            f"the worker on {platform.node()} lost the others ({line}): look whether the nodes reach one another's ports",
            f"{platform.node()} 上的工作进程与其他进程失去联系（{line}）：请检查节点之间的端口是否可达",
        ) from e
    finally:
        member.leave()


def _forget_states() -> None:
    """Make Accelerate forget which process this is; it keeps that for all that is made later."""
    from accelerate.state import AcceleratorState, GradientState, PartialState

    for state in (AcceleratorState, GradientState, PartialState):
        state._reset_state()


@contextmanager
def _in_environment(values: dict[str, str]) -> Iterator[None]:
    """Set variables of the environment for a while: Accelerate reads there which process it is."""
    before = {k: os.environ.get(k) for k in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value


class Follower(Member):
    """A process that follows: it fits what the leading one fits, and steps in its loops as long as it says."""

    def enter(self, device: str) -> Shared:
        """Come to a loop and wait until it begins. Raises Over where the leading process does without."""
        self.loops += 1
        key = f"{self.job}/{self.loops}"
        self.store.set(f"{key}/{self.rank}", "here")
        while not self.has(f"{key}/go"):
            if self.has(f"{self.job}/end"):
                raise Over
            time.sleep(_LOOK)
        if self.store.get(f"{key}/go") != b"all":
            raise Over
        return Shared(self, device)

    def lost(self) -> bool:
        """Whoever follows ends with the others, so it never asks on."""
        return False

    def fit(self, recipe: Any, train: Any, valid: Any, options: Any, ctx: Any, split: int | None) -> Any:
        """Fit what this process was told to fit."""
        return recipe.fit(train, valid, options, ctx)


class Leader(Member):
    """The process that leads. `gone` says which process was lost and why, None while all are there."""

    def __init__(self, store: Any, size: int, local: tuple[int, int], gone: Callable[[], Any]) -> None:
        super().__init__(store, 0, size, local)
        self.gone = gone

    def lost(self) -> bool:
        return self.gone() is not None

    def enter(self, device: str) -> Shared | None:
        """Meet the others at the beginning of a loop; None where one of them does not come."""
        self.loops += 1
        key = f"{self.job}/{self.loops}"
        if self.lost():
            return None
        until = time.monotonic() + _PATIENCE
        others = range(1, self.size)
        while not all(self.has(f"{key}/{r}") for r in others):
            away = any(self.has(f"{self.job}/over/{r}") and not self.has(f"{key}/{r}") for r in others)
            if away or self.lost() or time.monotonic() > until:
                self.store.set(f"{key}/go", "alone")
                return None
            time.sleep(_LOOK)
        self.store.set(f"{key}/go", "all")
        return Shared(self, device)

    def fit(self, recipe: Any, train: Any, valid: Any, options: Any, ctx: Any, split: int | None) -> Any:
        raise NotImplementedError  # the planner's crew says what is fitted, see tune/crew.py


class Whole(nn.Module):
    """A network and its loss as one module, so that every weight that the loss reads has its part in what is reduced."""

    def __init__(self, network: nn.Module, loss: Any) -> None:
        super().__init__()
        self.network = network
        self._loss = (loss,)  # no module of this one
        self.parts: Sharded | None = None  # where the network is in parts
        self.spare = nn.Parameter(
            torch.zeros(1)
        )  # takes no part: where every weight does, torch would warn at the first step

    def forward(self, tensors: Any, expected: Any) -> Tensor:
        """Return the loss of a part of a batch, one number."""
        value: Tensor = self._loss[0](self.network(tensors), expected)
        return value if self.parts is None else value + self.parts.touched()


class Shared:
    """One training loop of a crew: gradients are averaged over the processes, decisions are the leading one's."""

    def __init__(self, member: Member, device: str) -> None:
        self.rank, self.size, self.own_rows = member.rank, member.size, member.own_rows
        self.leads = member.rank == 0
        self.accelerator = member.accelerator(device)
        self._device = device
        self._member = member

    def wrapped(self, network: nn.Module, loss: Any, optimizers: list[Any], step: int) -> tuple[nn.Module, int]:
        """Return the network with its loss under Accelerate, and the step that a resumed fit stands at: all begin with the weights,
        optimisers and step of the process that leads."""
        accelerator = self.accelerator
        whole: nn.Module = accelerator.prepare_model(Whole(network, loss))
        return whole, self.begun(optimizers, step)

    def sharded(
        self, network: nn.Module, loss: Any, optimizers: list[Any], average: MovingAverage | None, step: int
    ) -> tuple[nn.Module, Sharded, int]:
        """Return the network with its loss in parts on all processes, what puts it together, and the step as `wrapped` does."""
        whole = Whole(network, loss)
        self.send([t for t in whole.state_dict().values() if t.numel()])
        begun = self.begun(optimizers, step)
        if begun and average is not None:
            self.send([t for t in average.shadow.values() if t.numel()])
        whole.parts = parts = Sharded(whole, network, optimizers, average)
        return whole, parts, begun

    def as_told(self) -> Any:
        """Return a context in which a library that makes an Accelerator of its own finds itself among the same processes."""
        return self._member.as_told(not self._device.startswith("cuda"))

    def begun(self, optimizers: list[Any], step: int) -> int:
        """Return the step at which the process that leads begins, with what its optimisers know in all processes."""
        begun = int(self.agree([float(step)])[0])
        if begun:
            self._send_optimizers(optimizers)
        return begun

    def quiet(self, whole: nn.Module) -> Any:
        """Return a context in which gradients are gathered in this process only."""
        return self.accelerator.no_sync(whole)

    def agree(self, values: list[float]) -> list[float]:
        """Return the leading process's values in all processes."""
        from accelerate.utils import broadcast

        told = torch.tensor(values, dtype=torch.float64, device=self._device)
        return [float(v) for v in broadcast(told).tolist()]

    def send(self, tensors: list[Tensor]) -> None:
        """Give tensors of any shape the leading process's values in all processes, in place."""
        from accelerate.utils import broadcast

        with torch.no_grad():
            for dtype in sorted({str(t.dtype) for t in tensors}):
                own = [t for t in tensors if str(t.dtype) == dtype]
                flat = broadcast(torch.cat([t.detach().reshape(-1).to(self._device) for t in own]))
                at = 0
                for t in own:
                    t.copy_(flat[at : at + t.numel()].reshape(t.shape))
                    at += t.numel()

    def _send_optimizers(self, optimizers: list[Any]) -> None:
        from accelerate.utils import broadcast_object_list

        found = {k: v.clone() for k, v in optimizer_tensors(optimizers).items()} if self.leads else {}
        told = [[(k, list(v.shape), str(v.dtype).split(".")[1]) for k, v in found.items()]]
        shapes = broadcast_object_list(told)[0]
        if not self.leads:
            found = {k: torch.empty(shape, dtype=getattr(torch, dtype)) for k, shape, dtype in shapes}
        self.send(list(found.values()))
        if not self.leads:
            restore_optimizers(optimizers, found)
