"""Work in processes of its own: the arrays of this process, and these too where a helper dies."""

import os
import signal
import subprocess
import sys

import numpy as np
import psutil
import pyarrow as pa

from modelwright.core.worker_processes import Helper, Work

CELLS = pa.array([{"path": "ab", "n": 3}, {"path": "c", "n": 0}])
WORK = Work(__name__, "made", (2, 3), "float32", {"times": 2.0})


def made(cell, times):
    print("a library says something")
    return np.full((2, 3), len(cell["path"]) * times + cell["n"], np.float32)


def test_a_helper_makes_what_this_process_makes(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.path.dirname(__file__))
    with Helper(WORK) as helper:
        assert helper.all(CELLS).tolist() == WORK.all(CELLS).tolist() == [[[7.0] * 3] * 2, [[2.0] * 3] * 2]
        assert helper.all(CELLS[1:]).tolist() == [[[2.0] * 3] * 2]
        assert helper.all(CELLS[:0]).shape == (0, 2, 3)
        (process,) = [p for p in psutil.Process().children() if "modelwright.core.worker_processes" in p.cmdline()]
        os.kill(process.pid, signal.SIGKILL)
        assert helper.all(CELLS).tolist() == WORK.all(CELLS).tolist()
    assert not [p for p in psutil.Process().children() if "modelwright.core.worker_processes" in p.cmdline()]


def test_a_helper_that_cannot_do_the_work_is_done_without():
    with Helper(Work("json", "nothing", (1,), "float32")) as helper:
        helper._work = WORK
        assert helper.all(CELLS).shape == (2, 2, 3)


def waited(cell):
    return np.full((1 << 20,), len(cell["path"]) % 251, np.uint8)


def test_a_helper_has_the_next_cells_before_it_is_read_from(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.path.dirname(__file__))
    asked = []

    def requests():  # requests and answers are larger than what a pipe holds: neither side may wait for the other
        for n in range(5):
            asked.append(n)
            yield n, pa.array([{"path": "x" * (3_000_000 + n), "n": 0}, {"path": "y" * n, "n": 0}])

    with Helper(Work(__name__, "waited", (1 << 20,), "uint8")) as helper:
        answers = helper.each(requests())
        key, found = next(answers)
        assert (key, asked, found.shape) == (0, [0, 1], (2, 1 << 20))
        keys = [(key, int(found[1, 0])) for key, found in answers]
    assert keys == [(n, n) for n in range(1, 5)]


def test_what_a_helper_that_dies_had_under_way_is_done_here(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.path.dirname(__file__))
    with Helper(WORK) as helper:
        answers = helper.each((n, CELLS[n % 2 :]) for n in range(6))
        found = [next(answers)]
        (process,) = [p for p in psutil.Process().children() if "modelwright.core.worker_processes" in p.cmdline()]
        os.kill(process.pid, signal.SIGKILL)
        found.extend(answers)
    assert [(n, made.tolist()) for n, made in found] == [(n, WORK.all(CELLS[n % 2 :]).tolist()) for n in range(6)]


def test_a_helper_begins_without_what_it_does_not_need():
    told = "import sys, modelwright.core.worker_processes, modelwright.features.image; print('pyarrow.compute' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout == "False\n"
