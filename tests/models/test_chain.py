"""Chains over tags against all sequences written out."""

import itertools

import numpy as np
import pytest

from modelwright.models.chain import Chain, counts, expect, score, viterbi


@pytest.fixture
def case():
    rng = np.random.default_rng(0)
    emissions = rng.normal(size=(3, 5, 3)).astype(np.float32) * 3
    lengths = np.array([5, 1, 3])
    chain = Chain(*(rng.normal(size=s).astype(np.float32) for s in ((3, 3), 3, 3)))
    allowed = (np.array([[1, 1, 1], [0, 1, 1], [1, 0, 1]], bool), np.array([1, 1, 0], bool), np.array([1, 1, 1], bool))
    return emissions, lengths, chain.barred(allowed)


def every(emissions, length, chain):
    for tags in itertools.product(range(3), repeat=int(length)):
        value = chain.first[tags[0]] + chain.last[tags[-1]] + sum(emissions[i, t] for i, t in enumerate(tags))
        yield tags, value + sum(chain.moves[a, b] for a, b in itertools.pairwise(tags))


def test_sum_marginals_and_best_are_those_of_all_sequences(case):
    emissions, lengths, chain = case
    due, best = expect(emissions, lengths, chain), viterbi(emissions, lengths, chain)
    moves = np.zeros((3, 3))
    for row, length in enumerate(lengths):
        found = list(every(emissions[row], length, chain))
        values = np.array([v for _, v in found], float)
        total = np.logaddexp.reduce(values)
        assert due.total[row] == pytest.approx(total, rel=1e-4)
        assert tuple(best[row, :length]) == max(found, key=lambda f: f[1])[0]
        assert (best[row, length:] == 0).all()
        chances = np.exp(values - total)
        for i in range(length):
            for k in range(3):
                share = sum(c for (tags, _), c in zip(found, chances) if tags[i] == k)
                assert due.tags[row, i, k] == pytest.approx(share, abs=1e-4)
        for (tags, _), c in zip(found, chances):
            for a, b in itertools.pairwise(tags):
                moves[a, b] += c
        tags = np.zeros((1, 5), np.int64)
        tags[0, :length] = found[-1][0] if length > 1 else [1]
        want = dict(found)[tuple(tags[0, :length])]
        assert score(emissions[row : row + 1], tags, lengths[row : row + 1], chain)[0] == pytest.approx(want, rel=1e-4)
    assert np.allclose(due.moves, moves, atol=1e-4)


def test_counts_end_at_each_length():
    moves, first, last = counts(np.array([[0, 1, 2], [2, 9 % 3, 1]]), np.array([3, 1]), 3)
    assert moves.tolist() == [[0, 1, 0], [0, 0, 1], [0, 0, 0]]
    assert first.tolist() == [1, 0, 1]
    assert last.tolist() == [0, 0, 2]


def test_the_gradient_of_the_network_loss_is_right(case):
    torch = pytest.importorskip("torch")
    from modelwright.models.tagger import Tagged, likelihood

    emissions, lengths, _ = case
    free = [
        torch.zeros(3, 3, dtype=torch.float64),
        torch.zeros(3, dtype=torch.float64),
        torch.zeros(3, dtype=torch.float64),
    ]
    leaves = [torch.tensor(emissions, dtype=torch.float64), *free]
    for leaf in leaves:
        leaf.requires_grad_(True)
    tags = torch.tensor([[0, 1, 2, 1, 0], [2, 0, 0, 0, 0], [1, 1, 2, 0, 0]])

    def loss(*values):
        return likelihood(Tagged(values[0], torch.tensor(lengths), *values[1:]), tags)

    loss(*leaves).backward()
    for leaf in leaves:
        for at in [tuple(i) for i in np.argwhere(np.ones(leaf.shape))][::3]:
            moved = [v.detach().clone() for v in leaves]
            which = next(i for i, v in enumerate(leaves) if v is leaf)
            ends = []
            for step in (0.05, -0.05):
                moved[which] = leaf.detach().clone()
                moved[which][at] += step
                ends.append(float(loss(*moved)))
            assert float(leaf.grad[at]) == pytest.approx((ends[0] - ends[1]) / 0.1, abs=2e-3)
