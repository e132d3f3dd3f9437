"""Batches of pairs: every row once an epoch, about so many tokens, always the same number of batches."""

import numpy as np
import torch

from modelwright.features.base import Ragged
from modelwright.features.shared.subwords import BEGIN, END
from modelwright.train.pairs import PairFeed


def ragged(sizes):
    return Ragged(np.arange(int(np.sum(sizes))) + 3, np.cumsum([0, *sizes]))


def test_an_epoch_holds_every_row_and_batches_are_even():
    rng = np.random.default_rng(0)
    feed = PairFeed(ragged(rng.integers(1, 30, 500)), ragged(rng.integers(0, 30, 500)), 600)
    epochs = [feed.epoch(np.random.default_rng(i)) for i in range(4)]
    assert {len(e) for e in epochs} == {feed.batches}
    for e in epochs:
        assert sorted(np.concatenate(e).tolist()) == list(range(500))
        assert max(map(feed.size, e)) < 800
    assert sum(map(feed.size, epochs[0])) == feed.total
    assert any(not np.array_equal(np.sort(a), np.sort(b)) for a, b in zip(*epochs[:2]))


def test_few_rows_are_gone_through_several_times():
    feed = PairFeed(ragged([3, 4]), ragged([2, 5]), 1000, least=7)
    assert len(feed.epoch(np.random.default_rng(0))) == 7
    assert feed.total == 7 * (3 + 4 + 2 + 5 + 2)


def test_what_is_given_and_what_is_expected():
    feed = PairFeed(ragged([2, 1]), Ragged(np.array([7, 8, 9]), np.array([0, 3, 3])), 100)
    inputs, expected = feed.load(np.array([0, 1]), "cpu")
    assert inputs["source"].tolist() == [[3, 4], [5, 0]]
    assert inputs["before"].tolist() == [[BEGIN, 7, 8, 9], [BEGIN, 0, 0, 0]]
    assert inputs["keep"].tolist() == [[True] * 4, [True, False, False, False]]
    assert torch.equal(expected, torch.tensor([7, 8, 9, END, END]))
