"""Work on cells in processes of its own, over pipes: threads wait for one another's interpreter where a cell is small.

A helper is told a function by module, name and JSON; cells reach it as Arrow's stream format, and arrays of one shape come back as bytes.
It ends with its input, so that none outlives the process that began it. Legend: N cells.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import struct
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import IO, Any, Self, TypeVar

import numpy as np
import pyarrow as pa

T = TypeVar("T")

_SIZE = struct.Struct("<q")
_UNDER_WAY = 2  # requests that a helper holds: it works on one while this process comes to read the other
_PIPE = (
    1 << 20
)  # bytes that a pipe should hold, so that an answer is written and read at once; the most that Linux gives to everyone


@dataclass(frozen=True)
class Work:
    """A function of a module, `function(cell, **told)`, that makes an array of `shape` and `kind` (a NumPy type's name) of a cell."""

    module: str
    function: str
    shape: tuple[int, ...]
    kind: str
    told: dict[str, Any] = field(default_factory=dict)

    def of(self, cell: Any) -> np.ndarray:
        """Do the work for one cell: an array in the shape that the work gives."""
        found: np.ndarray = getattr(importlib.import_module(self.module), self.function)(cell, **self.told)
        return found

    def all(self, cells: pa.Array) -> np.ndarray:
        """Do the work for cells, none of which is missing: [N, *shape]."""
        out = np.zeros((len(cells), *self.shape), self.kind)
        for i, cell in enumerate(cells.to_pylist()):
            out[i] = self.of(cell)
        return out


def path_for_children() -> str:
    """Return a PYTHONPATH by which a child process finds this package where this process has it."""
    place = str(Path(__file__).parent.parent.parent)
    return os.pathsep.join(dict.fromkeys([place, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]))


class Helper:
    """A process that does some work for this one."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._process = subprocess.Popen(
            [sys.executable, "-m", "modelwright.core.worker_processes"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, start_new_session=True, env={**os.environ, "PYTHONPATH": path_for_children(), "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        for pipe in (self._process.stdin, self._process.stdout):
            _widen(pipe)
        self._send(json.dumps(asdict(work)).encode())

    def all(self, cells: pa.Array) -> np.ndarray:
        """Do the work for cells [N]: there, or here where the process is gone. Returns [N, *shape]."""
        ((_, found),) = self.each([(None, cells)])
        return found

    def each(self, asked: Iterable[tuple[T, pa.Array]]) -> Iterator[tuple[T, np.ndarray]]:
        """Yield each key with the work done for its cells [N], as [N, *shape], in their order.

        The process has the next cells before those it works on are fetched, so that it waits for nobody. Where it is gone the
        work is done here.
        """
        under_way: deque[tuple[T, pa.Array]] = deque()
        for key, cells in asked:
            self._ask(cells)
            under_way.append((key, cells))
            if len(under_way) == _UNDER_WAY:
                yield self._answered(*under_way.popleft())
        while under_way:
            yield self._answered(*under_way.popleft())

    def _ask(self, cells: pa.Array) -> None:
        sink = pa.BufferOutputStream()
        batch = pa.record_batch([cells], names=["cell"])
        with pa.ipc.new_stream(sink, batch.schema) as stream:
            stream.write_batch(batch)
        with contextlib.suppress(OSError):  # who reads the answer will find that the process is gone
            self._send(sink.getvalue())

    def _answered(self, key: T, cells: pa.Array) -> tuple[T, np.ndarray]:
        try:
            assert self._process.stdout is not None
            found = np.frombuffer(_received(self._process.stdout), self._work.kind)
            return key, found.reshape(len(cells), *self._work.shape)
        except (OSError, EOFError, ValueError):
            return key, self._work.all(cells)

    def _send(self, data: Any) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(_SIZE.pack(len(data)))
            self._process.stdin.write(data)
            self._process.stdin.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def _widen(pipe: IO[bytes] | None) -> None:
    """Let a pipe hold more, where the system can."""
    with contextlib.suppress(
        ImportError, AttributeError, OSError
    ):  # Windows; macOS; the user's pipes hold as much as they may
        import fcntl

        assert pipe is not None
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE)


def _received(stream: IO[bytes]) -> bytes:
    """Return what was sent at once. Raises EOFError at the end."""
    head = stream.read(_SIZE.size)
    if len(head) < _SIZE.size:
        raise EOFError
    (size,) = _SIZE.unpack(head)
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


def main() -> None:
    """Do the work that the input tells, until it ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no answer
    told = json.loads(_received(sys.stdin.buffer))
    work = Work(**{**told, "shape": tuple(told["shape"])})
    waiting: SimpleQueue[bytes | None] = SimpleQueue()
    # read by a thread: who sends the next cells must never wait for one that waits for its answer to be read
    Thread(target=_take_in, args=(sys.stdin.buffer, waiting), daemon=True).start()
    with contextlib.suppress(BrokenPipeError):
        while (request := waiting.get()) is not None:
            with pa.ipc.open_stream(request) as stream:
                cells = stream.read_all()["cell"].combine_chunks()
            made = np.ascontiguousarray(work.all(cells))
            answers.write(_SIZE.pack(made.nbytes))
            answers.write(made.data)
            answers.flush()


def _take_in(stream: IO[bytes], waiting: SimpleQueue[bytes | None]) -> None:
    """Put what is sent into a queue, and None at its end."""
    with contextlib.suppress(EOFError, OSError):
        while True:
            waiting.put(_received(stream))
    waiting.put(None)


if __name__ == "__main__":
    main()
