"""Work in processes of its own: the arrays of this process, and these too where a helper dies."""

import os
import signal

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
