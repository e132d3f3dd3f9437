"""Several processes train one network: the weights of one process, resumed on any number of them."""

import numpy as np
import pytest
import torch

from crew_made import fit, train_with
from modelwright.train.steps import part_of, rows_of


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
