"""What a score means in plain words is counted from the rows themselves."""

from __future__ import annotations

import numpy as np
import pytest

from evaluate.made import of_classes, of_values
from modelwright.evaluate.report.plain import guessing, plainly, rounded, share


@pytest.mark.parametrize(
    ("value", "text"), [(32_641.0, "32,600"), (4.0812, "4.08"), (0.01234, "0.0123"), (0.0, "0"), (1_234_567.0, "1,230,000"), (float("nan"), "–")]
)  # fmt: skip
def test_three_figures_count(value, text):
    assert rounded(value) == text


@pytest.mark.parametrize(("part", "whole", "text"), [(148, 168, "88"), (999, 1000, "99.9"), (1, 3000, "0.1"), (0, 9, "0"), (9, 9, "100"), (9999, 10000, "99.9")])  # fmt: skip
def test_all_and_none_are_said_only_where_they_are(part, whole, text):
    assert share(part, whole) == text


def test_values_are_told_by_their_typical_error():
    judged = of_values(300)
    off = np.abs(judged.scores[:, 0] - judged.truth)
    words = plainly(judged)
    assert words.en.startswith(f"typically off by {rounded(float(np.median(off)))} on 300 unseen rows")
    assert "误差通常约为" in words.zh
    assert guessing(judged).en.startswith("Always answering the median would typically be off by ")


def test_labels_are_told_by_the_rows_that_are_right():
    judged = of_classes(200)
    right = int((judged.chosen == judged.truth).sum())
    assert plainly(judged).en == f"right on {right} of 200 unseen rows ({share(right, 200)} %)"
    most = int(np.bincount(judged.truth).max())
    assert guessing(judged).zh == f"若一律回答最常见的标签，正确率为 {share(most, 200)}%。"
