"""Several processes train one network: the weights of one process, resumed on any number of them."""

import numpy as np
import pytest
import torch

from crew_made import fit, train_with
from modelwright.core.words import Words
from modelwright.train.steps import part_of, rows_of
from ports_made import nobody


def far(a, b):
    """The largest difference of two networks' weights."""
    return max(
        float((x - y).abs().max()) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    )


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_two_processes_take_the_steps_of_one(optimizer):
    told = {"epochs": 1, "optimizer": optimizer, "lr": 0.001 if optimizer == "muon" else 0.01}
    alone, _ = fit(None, told)
    network, trained = train_with(2, told)
    assert far(alone, network) < 1e-6
    assert trained.steps == 5


@pytest.mark.parametrize(
    "more",
    [
        {"accumulate": 3, "recompute": True},
        pytest.param({"optimizer": "adamw"}, marks=pytest.mark.slow),
        pytest.param({"optimizer": "muon", "lr": 0.001}, marks=pytest.mark.slow),
    ],
)
def test_two_processes_with_parts_of_the_weights_take_the_steps_of_one(more):
    told = {"blocks": True, "epochs": 1, "weight_decay": 0.0, **more}
    alone, _ = fit(None, {k: v for k, v in told.items() if k != "recompute"})
    network, trained = train_with(2, {**told, "shard": True})
    assert far(alone, network) < 1e-6
    assert trained.steps == 5
    assert type(network).__name__ == "Blocks"  # it is as it was: no part of it waits for other processes
    assert all(type(m).__name__ in ("Linear", "Tanh", "Sequential") for b in network.blocks for m in b.modules())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())
    assert network({"0.x": torch.ones(2, 6), "0.id": torch.tensor([1, 10])}).shape == (2, 3)


def test_a_network_that_cannot_be_cut_is_trained_whole_and_that_is_said():
    heard = []
    alone, _ = fit(None, {"epochs": 1})
    network, _ = train_with(2, {"epochs": 1, "shard": True}, heard=heard.append)
    assert far(alone, network) < 1e-6
    (said,) = [e.words for e in heard if "cannot be sharded" in getattr(e, "words", Words("", "")).en]
    assert "embeddings" in said.en
    assert "无法分片" in said.zh


@pytest.mark.slow
def test_a_sharded_fit_goes_on_with_one_process_and_one_of_one_process_with_parts(tmp_path):
    told = {"blocks": True, "epochs": 4, "weight_decay": 0.0}
    whole, _ = fit(None, told)
    train_with(2, {**told, "early": 2, "shard": True}, tmp_path / "a")
    assert (tmp_path / "a" / "checkpoint.json").is_file()
    network, trained = train_with(1, told, tmp_path / "a")
    assert far(whole, network) < 1e-5
    assert [h["epoch"] for h in trained.history] == [1, 2, 3, 4]
    train_with(1, {**told, "early": 2}, tmp_path / "b")
    network, trained = train_with(2, {**told, "shard": True}, tmp_path / "b")
    assert far(whole, network) < 1e-5
    assert [h["epoch"] for h in trained.history] == [1, 2, 3, 4]


@pytest.mark.slow
def test_four_processes_go_on_with_the_parts_of_two(tmp_path):
    told = {"blocks": True, "epochs": 4, "weight_decay": 0.0, "optimizer": "muon", "lr": 0.001, "exact": True}
    whole, _ = fit(None, told)
    train_with(2, {**told, "early": 2, "shard": True}, tmp_path)
    network, _ = train_with(4, {**told, "shard": True}, tmp_path)
    assert far(whole, network) < 1e-6


@pytest.mark.slow
def test_activations_are_computed_again_in_every_process():
    told = {"blocks": True, "epochs": 1, "weight_decay": 0.0}
    alone, _ = fit(None, told)
    network, _ = train_with(2, {**told, "recompute": True})
    assert far(alone, network) < 1e-6


def test_what_a_fit_by_itself_left_behind_is_not_taken_over():
    accelerate = pytest.importorskip("accelerate")
    accelerate.Accelerator(cpu=True)  # as a tuning of a language model makes one, which Accelerate keeps
    alone, _ = fit(None, {"epochs": 1})
    network, trained = train_with(2, {"epochs": 1})
    assert far(alone, network) < 1e-6
    assert trained.steps == 5


def test_parts_of_a_batch_one_after_the_other_take_the_same_step():
    alone, _ = fit(None, {"epochs": 1})
    parted, _ = fit(None, {"epochs": 1, "accumulate": 3})
    assert far(alone, parted) < 1e-6
    both, _ = train_with(2, {"epochs": 1, "accumulate": 3})
    assert far(alone, both) < 1e-6
    assert not torch.distributed.is_initialized()  # nothing of it stays behind


@pytest.mark.parametrize("sizes", [(1, 2), pytest.param((2, 1, 4), marks=pytest.mark.slow)])
def test_a_fit_goes_on_with_another_number_of_processes(sizes, tmp_path):
    whole, _ = fit(None, {"epochs": 4})
    for size in sizes[:-1]:
        train_with(size, {"epochs": 4, "early": 2}, tmp_path)  # stopped at its second look
        assert (tmp_path / "checkpoint.json").is_file()
    network, trained = train_with(sizes[-1], {"epochs": 4}, tmp_path)
    assert far(whole, network) < 1e-5
    assert [h["epoch"] for h in trained.history] == [1, 2, 3, 4]


def test_a_batch_comes_apart_and_loses_no_row():
    batch = np.arange(11)
    assert sorted(np.concatenate([part_of(batch, i, 4) for i in range(4)])) == list(range(11))
    assert [rows_of(part_of((batch, 7), i, 3)) for i in range(3)] == [4, 4, 3]
    assert part_of((batch, 7), 0, 3)[1] == 7
    assert part_of(list("abcde"), 1, 2) == ["b", "d"]


def test_a_port_in_use_and_nobody_there_are_told():
    import socket

    from modelwright.core.errors import ModelwrightError
    from modelwright.train.crew import store_at

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        with pytest.raises(ModelwrightError, match="is in use"):
            store_at("127.0.0.1", taken.getsockname()[1], leads=True)


def test_nobody_there_is_told_in_its_time_and_without_a_trace(monkeypatch, capfd):
    import time

    from modelwright.core.errors import ModelwrightError
    from modelwright.train import crew

    monkeypatch.setattr(crew, "_PATIENT", 0.5)
    began = time.monotonic()
    with nobody() as port, pytest.raises(ModelwrightError, match=f"Nobody answers at 127.0.0.1:{port}"):
        crew.store_at("127.0.0.1", port, leads=False)
    assert time.monotonic() - began < 5
    assert capfd.readouterr().err == ""
