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
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
import pyarrow as pa

_SIZE = struct.Struct("<q")


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
        self._send(json.dumps(asdict(work)).encode())

    def all(self, cells: pa.Array) -> np.ndarray:
        """Do the work for cells [N]: there, or here where the process is gone."""
        try:
            sink = pa.BufferOutputStream()
            batch = pa.record_batch([cells], names=["cell"])
            with pa.ipc.new_stream(sink, batch.schema) as stream:
                stream.write_batch(batch)
            self._send(sink.getvalue())
            assert self._process.stdout is not None
            found = np.frombuffer(_received(self._process.stdout), self._work.kind)
            return found.reshape(len(cells), *self._work.shape)
        except (OSError, EOFError, ValueError):
            return self._work.all(cells)

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
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            with pa.ipc.open_stream(_received(sys.stdin.buffer)) as stream:
                cells = stream.read_all()["cell"].combine_chunks()
            made = np.ascontiguousarray(work.all(cells))
            answers.write(_SIZE.pack(made.nbytes))
            answers.write(made.tobytes())
            answers.flush()


if __name__ == "__main__":
    main()
