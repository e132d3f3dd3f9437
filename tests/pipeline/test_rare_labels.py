"""Labels beyond what time and memory allow: the commonest are learnt, the others are left out and told."""

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.config import make_config
from modelwright.core.events import EventStream
from modelwright.core.run import RunFolder
from modelwright.pipeline.concerns.order import Concerns
from modelwright.pipeline.intake import get_data

COMMON, RARE = 20, 2000


def table() -> pa.Table:
    """Labels of two rows each, and behind them some of twelve."""
    labels = np.concatenate([np.repeat(np.arange(RARE), 2), np.repeat(np.arange(RARE, RARE + COMMON), 12)])
    x = np.random.default_rng(0).normal(size=len(labels))
    return pa.table({"x": x, "z": x**2, "y": [f"label {i}" for i in labels]})


def read(began: RunFolder | None = None, **asked):
    config = make_config(data="x", target="y", **{"budget": "10s", **asked})
    events = EventStream()
    concerns = Concerns(config, events, began)
    return get_data(config, table(), events, concerns), concerns


def told(data) -> list[str]:
    return [f.words.en for f in data.findings if f.code == "rare-labels"]


def test_the_commonest_labels_are_learnt_and_the_rest_is_told():
    data, _ = read()
    held = set(data.table.column("y").to_pylist())
    assert {f"label {i}" for i in range(RARE, RARE + COMMON)} <= held
    assert 1000 <= len(held) < RARE
    gone = RARE * 2 + COMMON * 12 - len(data.table)
    assert told(data) == [
        f"`y` has {RARE + COMMON:,} labels, more than can be learnt with this budget and memory: the commonest {len(held):,} are learnt and tested, "
        f"and {gone:,} of {RARE * 2 + COMMON * 12:,} rows with other labels are left out."
    ]


def test_more_time_keeps_more_labels_and_enough_keeps_all():
    assert len(read(budget="20s")[0].table) > len(read()[0].table)
    whole, _ = read(budget="10m")
    assert told(whole) == []
    assert len(whole.table) == RARE * 2 + COMMON * 12


def test_little_memory_leaves_labels_out_too(monkeypatch):
    monkeypatch.setattr("modelwright.pipeline.concerns.rare_labels.free_memory", lambda: 80 << 20)
    data, _ = read(budget="10m")
    assert told(data)


@pytest.mark.parametrize("budget", ["20s", "10m"])
def test_a_run_that_goes_on_keeps_the_labels_that_it_began_with(tmp_path, budget):
    first, concerns = read()
    folder = RunFolder(tmp_path)
    folder.data.mkdir(parents=True)
    rare = next(c for c in concerns.each if c.name == "rare_labels")
    rare.folder_made(type("State", (), {"folder": folder})())
    again, _ = read(began=folder, budget=budget)
    assert again.table.rows.tolist() == first.table.rows.tolist()


def test_numbers_are_no_labels():
    config = make_config(data="x", target="x", budget="10s")
    data = get_data(config, table().drop_columns(["y"]), EventStream(), Concerns(config, EventStream()))
    assert told(data) == []
    assert len(data.table) == RARE * 2 + COMMON * 12
