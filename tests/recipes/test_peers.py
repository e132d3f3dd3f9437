"""Several processes grow one forest, each from row groups that it reads itself: the trees of one process that reads all."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import peers_made
from modelwright.core.errors import ModelwrightError, PeersLost
from modelwright.recipes.shared import boosting
from modelwright.recipes.shared.rows_not_held import check_equal
from ports_made import nobody


@pytest.fixture
def source(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40_000, 4))
    yes = x[:, 0] + x[:, 1] * x[:, 2] + rng.normal(0, 0.7, len(x)) > 0
    made = {**{f"x{i}": x[:, i] for i in range(4)}, "y": np.array(["no", "yes"])[yes.astype(int)]}
    pq.write_table(pa.table(made), tmp_path / "d.parquet", row_group_size=4000)
    return str(tmp_path / "d.parquet")


def together(source, folder, size=2, meanwhile=None, **more):
    """Fit in `size` processes; return their exit codes and what they told."""
    folder.mkdir()
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(Path(__file__).parent.parent)])}
    running = [
        subprocess.Popen(
            [sys.executable, peers_made.__file__, str(folder), source, str(r), str(size), json.dumps(more)], env=env,
            stdout=subprocess.DEVNULL,
        )
        for r in range(size)
    ]  # fmt: skip
    if meanwhile is not None:
        meanwhile(running)
    codes = [p.wait(120) for p in running]
    return codes, [json.loads(p.read_text()) for p in sorted(folder.glob("told-*.json"))]


def loss(scores, valid):
    truth = np.array([v == "yes" for v in valid.column("y").to_pylist()])
    p = np.clip(np.asarray(scores, float), 1e-7, 1 - 1e-7)
    return float(-np.where(truth, np.log(p), np.log(1 - p)).mean())


def test_two_processes_learn_what_one_learns_from_all_rows(source, tmp_path):
    codes, (first, second) = together(source, tmp_path / "a")
    assert codes == [0, 0]
    assert first["text"] == second["text"]  # each has the whole forest
    assert "127.0.0.1" not in first["text"]
    assert first["extent"]["further"] == 32_000
    assert any("learns from 38,400 rows in 2 workers" in n for n in first["notes"])
    model, _, alone, valid = peers_made.fitted(source)
    assert model.extent["further"] == 32_000
    assert abs(loss(first["scores"], valid) - loss(alone[:, 1], valid)) < 0.01
    held = peers_made.fitted(source, beyond=False)[2]
    assert loss(first["scores"], valid) < loss(held[:, 1], valid) - 0.005  # what the others read is learnt from


@pytest.mark.slow  # by the clock
def test_processes_whose_time_ends_end_in_the_same_round_with_the_same_rates(source, tmp_path):
    codes, (first, second) = together(source, tmp_path / "a", seconds=30.0, rounds=4000, learning_rate=0.06, falls=True)
    assert codes == [0, 0]
    assert first["text"] == second["text"]
    assert 20 < first["extent"]["rounds"][0] < 4000
    rates = {line for line in first["text"].splitlines() if line.startswith("shrinkage=")}
    assert len(rates) > 3


def test_a_network_learns_from_the_rows_of_both_processes(source, tmp_path):
    codes, (first, second) = together(source, tmp_path / "a", recipe="tabm")
    assert codes == [0, 0]
    assert first["text"] == second["text"]  # gradients are of all rows: weights are the same
    assert any("from 38,400 rows in 2 workers: 6,400 are held" in n for n in first["notes"])
    model, _, alone, valid = peers_made.fitted(source, recipe="tabm")
    assert loss(first["scores"], valid) < loss(alone[:, 1], valid)  # which learns from the rows that are held
    assert model.recipe == "tabm"


@pytest.mark.slow
def test_a_process_that_is_killed_ends_the_other_with_a_reason(source, tmp_path):
    def kill(running):
        until = time.monotonic() + 60
        while not (tmp_path / "a" / "a_late_from").exists() and time.monotonic() < until:
            time.sleep(0.1)  # said in the first round
        running[1].kill()

    codes, _ = together(source, tmp_path / "a", rounds=4000, meanwhile=kill)
    assert codes == [3, -9]
    assert "lost the others" in (tmp_path / "a" / "failed-0").read_text()


class Alone:
    """One of two processes whose other cannot be reached, or says something else."""

    rank, size, host = 1, 2, "127.0.0.1"

    def __init__(self, port=0, said=None):
        self.port, self.said = port, said

    def gather(self, what, value):
        return [("far", "127.0.0.1", self.port), value] if what == "tried" else [f"127.0.0.1:{self.port}", value]

    def agree(self, what, find):
        return self.said


def test_a_node_that_is_not_reached_is_named_with_its_port():
    told_of = "does not reach far at 127.0.0.1:{} .*open the ports"
    with nobody() as port, pytest.raises(ModelwrightError, match=told_of.format(port)) as told:
        boosting._met(Alone(port))
    assert "请开放" in told.value.words.zh


def test_rows_that_a_node_reads_otherwise_are_told():
    with pytest.raises(ModelwrightError, match="install the same versions"):
        check_equal([np.zeros((3, 2))], Alone(said="other"))


def test_a_port_in_use_is_told(source):
    import lightgbm as lgb

    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = taken.getsockname()[1]
        told = {
            "machines": f"127.0.0.1:{port},127.0.0.1:9",
            "num_machines": 2,
            "local_listen_port": port,
            "time_out": 1,
            "verbosity": -1,
        }
        data = lgb.Dataset(np.random.default_rng(0).normal(size=(99, 2)), np.arange(99) % 2)
        with pytest.raises(PeersLost, match=f"port {port} of the node .* is in use"):
            boosting._trained({**told, "objective": "binary"}, data, 3)
