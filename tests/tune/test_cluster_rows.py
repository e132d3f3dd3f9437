"""Rows that no worker holds by itself: read by row groups, and one forest grown on all of them."""

import json
import os
import signal

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modelwright import fit
from modelwright.core.events import Note, Step, Warned
from modelwright.data import collect, sources
from modelwright.tune import cluster

ROWS = 400_000


@pytest.fixture
def source(tmp_path):
    pytest.importorskip("ray")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, 6))
    yes = x[:, 0] + x[:, 1] * x[:, 2] + np.sin(3 * x[:, 3]) + rng.normal(size=ROWS) > 0
    made = {**{f"x{i}": x[:, i] for i in range(6)}, "y": np.array(["no", "yes"])[yes.astype(int)]}
    pq.write_table(pa.table(made), tmp_path / "d.parquet", row_group_size=8000)
    return f"file://{tmp_path}/d.parquet"


@pytest.fixture(autouse=True)
def _few_rows(monkeypatch):
    for module in (collect, sources):
        monkeypatch.setattr(module, "room", lambda _: 3 << 20)
    monkeypatch.setattr(cluster, "_PLACES", 1)
    monkeypatch.setattr(cluster.os, "cpu_count", lambda: 2)


def workers():
    found = psutil.Process().children(recursive=True)
    return [p for p in found if p.name().startswith("ray::") and "fit" in p.name()]


def walked(source, out, kill=False):
    notes, warned, killed = [], [], []

    def listen(event):
        if isinstance(event, Note):
            notes.append(event.words.en)
        if isinstance(event, Warned):
            warned.append(event.words.en)
        if kill and not killed and isinstance(event, Step) and len(found := workers()) == 2:
            killed.append(found[1].pid)
            os.kill(found[1].pid, signal.SIGKILL)

    run = fit(
        source, "y", out=out, budget="120s", recipes=["trees"], folds=1, search="none", refit=False, ensemble=False,
        progress=False, listeners=[listen], cluster="local", memory="1g",
    )  # fmt: skip
    return run, notes, warned, killed


@pytest.mark.slow
@pytest.mark.parametrize("kill", [False, True])
# Ray leaves files of its own open
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_two_workers_grow_trees_on_rows_that_they_read_themselves(tmp_path, source, kill):
    run, notes, warned, killed = walked(source, tmp_path / "a", kill)
    assert bool(killed) == kill
    assert any("of 400,000 rows" in n or "holds 400,000 rows" in n for n in notes)
    (said,) = [n for n in notes if "in 2 workers" in n][-1:]
    count = int(said.split("learns from ")[1].split(" rows")[0].replace(",", ""))
    assert count > 0.9 * ROWS
    assert [w for w in warned if "begin anew" in w] if kill else not [w for w in warned if "begin anew" in w]
    memory = json.loads((run.folder / "report.json").read_text())["memory"]
    assert 0 < memory["worker"] < memory["granted"] == 1 << 30
    assert not [p for p in psutil.Process().children(recursive=True) if "ray" in p.name()]
