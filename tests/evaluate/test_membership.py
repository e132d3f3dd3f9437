"""The attack on membership: finds what a model has by heart, and nothing where there is nothing."""

from __future__ import annotations

import numpy as np
import pytest

from modelwright.core.answers.base import Answers
from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.answers.label_sets import LabelSetsCodec
from modelwright.core.answers.value import ValueCodec
from modelwright.core.judged import Judged
from modelwright.evaluate.membership import attack, losses
from modelwright.evaluate.privacy import attack_words


def test_what_is_known_by_heart_is_found():
    rng = np.random.default_rng(0)
    found = attack(rng.exponential(0.2, 900), rng.exponential(0.8, 700))
    assert found.auc_low > 0.7
    assert found.tpr_low > 0.01
    assert found.auc_low <= found.auc <= found.auc_high
    words = attack_words(found.to_json(), private=False)
    assert "clearly" in words.en
    assert "--epsilon" in words.zh


def test_nothing_is_found_where_there_is_nothing():
    rng = np.random.default_rng(1)
    found = attack(rng.exponential(0.5, 2000), rng.exponential(0.5, 2000))
    assert found.auc_low < 0.5 < found.auc_high
    assert found.tpr == pytest.approx(0.01, abs=0.01)
    assert "says nothing about stronger" in attack_words(found.to_json(), private=True).en


def test_ties_count_half_and_equal_losses_are_a_guess():
    found = attack(np.zeros(50), np.zeros(50))
    assert found.auc == 0.5
    assert found.tpr == 0.0


def test_few_rows_are_no_attack():
    assert attack(np.zeros(5), np.zeros(500)) is None
    assert attack(np.full(50, np.nan), np.zeros(500)) is None


def judged(target, truth, scores):
    return Judged(target, np.array(truth), np.array(scores, float), Answers([], None), np.array(truth), np.arange(len(truth)))  # fmt: skip


def test_losses_of_each_kind_of_answer():
    classes = judged(ClassesCodec(["a", "b"], [1, 1]), [0, 1], [[0.5, 0.5], [0.9, 0.1]])
    assert losses(classes) == pytest.approx([0.6931, 2.3026], abs=1e-4)
    labels = judged(LabelSetsCodec(["a", "b"], [1, 1]), [[1.0, 0.0]], [[0.5, 0.5]])
    assert losses(labels) == pytest.approx([1.3863], abs=1e-4)
    assert losses(judged(ValueCodec(0, 1, -1, 1), [1.0], [[3.0]])) == pytest.approx([4.0])
