"""Batches: every row once, like lengths together, padded with zeros; inference does not depend on the batch."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from modelwright.features.base import Ragged
from modelwright.train.batches import RowFeed, ahead, collate, lengths, order
from modelwright.train.inference import predict


def ragged(rows: list[list[int]]) -> Ragged:
    return Ragged(np.array([v for row in rows for v in row], np.int64), np.cumsum([0] + [len(r) for r in rows]))


def test_ragged_rows_are_padded_with_zeros():
    arrays = {"0.ids": ragged([[1, 2, 3], [4], [5, 6]]), "1.x": np.arange(6.0).reshape(3, 2)}
    batch = collate(arrays, np.array([2, 0]))
    assert batch["0.ids"].tolist() == [[5, 6, 0], [1, 2, 3]]
    assert batch["1.x"].tolist() == [[4.0, 5.0], [0.0, 1.0]]
    assert lengths(arrays, 3).tolist() == [3, 1, 2]
    assert lengths({"1.x": arrays["1.x"]}, 3).tolist() == [1, 1, 1]


@given(st.lists(st.integers(1, 30), min_size=1, max_size=300), st.integers(1, 64), st.integers(0, 5))
def test_an_epoch_holds_every_row_once(sizes, batch, seed):
    batches = order(np.array(sizes), batch, np.random.default_rng(seed))
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(sizes)))
    assert max(len(b) for b in batches) <= batch + batch // 4


def test_rows_of_like_length_stand_together():
    sizes = np.random.default_rng(0).integers(1, 100, 2000)
    spread = np.mean([np.ptp(sizes[b]) for b in order(sizes, 20, np.random.default_rng(1))])
    assert spread < 10


def test_batches_come_in_order_and_an_error_in_the_thread_is_raised():
    arrays, truth = {"0.x": np.arange(40.0)[:, None]}, torch.arange(40)
    batches = [np.arange(i, i + 5) for i in range(0, 40, 5)]
    seen = [(x["0.x"][:, 0].tolist(), y.tolist()) for x, y in ahead(RowFeed(arrays, truth, 4), batches, "cpu")]
    assert seen == [(b.tolist(), b.tolist()) for b in batches]
    with pytest.raises(IndexError):
        list(ahead(RowFeed(arrays, truth, 4), [*batches, np.array([99])], "cpu"))


def test_leaving_early_ends_the_thread():
    import threading

    before = threading.active_count()
    arrays = {"0.x": np.arange(400.0)[:, None]}
    for _ in ahead(RowFeed(arrays, torch.arange(400), 4), [np.arange(4)] * 90, "cpu"):
        break
    assert threading.active_count() == before


def test_scores_do_not_depend_on_the_other_rows():
    rng = np.random.default_rng(0)
    arrays = {"0.ids": ragged([rng.integers(1, 9, n).tolist() for n in rng.integers(1, 40, 60)])}
    table = torch.nn.Embedding(10, 3, padding_idx=0)

    class Sum(torch.nn.Module):
        def forward(self, tensors):
            return table(tensors["0.ids"]).sum(1)

    many = predict(Sum(), arrays, 60, "classes", 0, 1, "cpu")
    for i in (0, 7, 59):
        start, end = arrays["0.ids"].offsets[i : i + 2]
        alone = {"0.ids": Ragged(arrays["0.ids"].values[start:end], np.array([0, end - start]))}
        assert np.allclose(predict(Sum(), alone, 1, "classes", 0, 1, "cpu")[0], many[i], atol=1e-6)


def test_every_row_is_turned_in_every_second_epoch():
    feed = RowFeed({"0.x": np.arange(90.0)[:, None]}, torch.arange(90), 16, turns=True)
    seen = []
    for number in (0, 1, 2):
        turned = np.zeros(90, bool)
        for batch in feed.epoch(np.random.default_rng(number), number):
            tensors, truth = feed.load(batch, "cpu")
            turned[truth.numpy()] = tensors["turn"].numpy()
        seen.append(turned)
    assert 20 < seen[0].sum() < 70
    assert np.array_equal(seen[0], ~seen[1])
    assert np.array_equal(seen[0], seen[2])
    plain = RowFeed({"0.x": np.arange(90.0)[:, None]}, torch.arange(90), 16)
    assert "turn" not in plain.load(np.arange(3), "cpu")[0]
