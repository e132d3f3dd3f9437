"""Rows picked for a label: uncertain ones, unlike each other, and better than random ones at equal labels."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy.sparse import csr_matrix

from modelwright.core.schema import Column, Schema, Table
from modelwright.improve.choose.pick import pick, uncertainty
from modelwright.improve.choose.vectors import vectors_of


def test_uncertain_is_what_has_a_near_second() -> None:
    found = uncertainty([[0.5, 0.5, 0.0], [0.9, 0.1, 0.0], [0.4, 0.35, 0.25]])
    assert found.tolist() == pytest.approx([1.0, 0.2, 0.95])
    assert uncertainty([[0.9, 0.9], [0.5, 1.0]]).tolist() == pytest.approx([0.2, 1.0]), (
        "labels that stand by themselves"
    )


def test_from_each_place_one() -> None:
    rng = np.random.default_rng(0)
    centres = np.eye(5)
    where = np.repeat(np.arange(5), 40)
    vectors = centres[where] + 0.01 * rng.normal(size=(200, 5))
    scores = np.tile([0.55, 0.45], (200, 1))
    picked = pick(scores, vectors, 5)
    assert sorted(where[picked]) == [0, 1, 2, 3, 4]
    assert sorted(where[pick(scores, csr_matrix(vectors), 5)]) == [0, 1, 2, 3, 4]
    assert np.array_equal(picked, pick(scores, vectors, 5)), "the same for the same seed"


def test_certain_rows_are_left() -> None:
    scores = np.tile([0.99, 0.01], (1000, 1))
    scores[:50] = [0.52, 0.48]
    vectors = np.random.default_rng(1).normal(size=(1000, 4))
    assert set(pick(scores, vectors, 5)) <= set(range(50))


def test_what_has_a_label_is_not_picked_and_all_is_all_there_is() -> None:
    scores, vectors = np.tile([0.5, 0.5], (10, 1)), np.ones((10, 2))
    assert set(pick(scores, vectors, 20, taken=[1, 2])) == {0, 3, 4, 5, 6, 7, 8, 9}
    assert len(set(pick(scores, vectors, 3).tolist())) == 3, "equal rows too"
    assert len(pick(scores, vectors, 0)) == len(pick(scores, vectors, 3, taken=range(10))) == 0


def test_better_than_random_at_equal_labels() -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(3)
    centres = 3 * rng.normal(size=(12, 8))
    share = np.array([0.4, 0.3, *[0.03] * 10])
    labels = rng.choice(12, 1500, p=share)
    x = centres[labels] + rng.normal(size=(1500, 8))
    test = rng.choice(12, 1200)  # all alike frequent
    x_test = centres[test] + rng.normal(size=(1200, 8))
    first = rng.choice(1500, 24, replace=False)

    def score(rows: np.ndarray) -> float:
        return float(LogisticRegression(max_iter=100).fit(x[rows], labels[rows]).score(x_test, test))

    def scores_of(rows: np.ndarray) -> np.ndarray:
        model = LogisticRegression(max_iter=100).fit(x[rows], labels[rows])
        out = np.zeros((1500, 12))
        out[:, model.classes_] = model.predict_proba(x)
        return out

    chosen = first
    for _ in range(4):
        chosen = np.concatenate([chosen, pick(scores_of(chosen), x, 15, taken=chosen)])
    others = np.setdiff1d(np.arange(1500), first)
    by_chance = [
        score(np.concatenate([first, np.random.default_rng(s).choice(others, 60, replace=False)])) for s in range(5)
    ]
    assert score(chosen) > np.mean(by_chance) + 0.03


def test_rows_alike_have_vectors_that_are_near() -> None:
    texts = [
        "my card was stolen",
        "my card got stolen yesterday",
        "我要退款",
        "请给我退款",
        "exchange rate for euros",
        None,
    ]
    columns = (Column("text", "text"), Column("amount", "number"), Column("photo", "image"))
    data = pa.table({"text": pa.array(texts, pa.string()), "amount": pa.array([1.0, 1.1, 5.0, 5.2, 9.0, None])})
    found = vectors_of(Table.of(data, Schema(columns)))
    near = found @ found.T
    assert near[0, 1] > near[0, 4]
    assert near[2, 3] > near[2, 0]
    assert np.isfinite(found).all()
    empty = Table.of(data.slice(0, 0), Schema(columns))
    assert vectors_of(empty).shape[0] == 0
