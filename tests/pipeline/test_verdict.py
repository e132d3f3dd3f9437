"""What a report says where nothing is clearly better than what every model must beat."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from modelwright.core.task import get_task
from modelwright.pipeline.report.verdict import verdict_words
from modelwright.pipeline.state import Beaten, Judgement


@pytest.mark.parametrize(
    ("task", "recipe", "en", "zh"),
    [
        ("classification", "constant", "guessing: check whether these columns", "猜测：请检查这些列"),
        ("object-detection", "mean-boxes", "guessing: give more time (--budget) or more rows", "猜测：请增加时间"),
        ("style-transfer", "style-none", "the picture as it came: give more time (--budget), or a pretrained", "原样返回的图片：请增加时间"),
        ("image-to-image", "bicubic", "the picture as it came: give more time (--budget) or more pictures", "原样返回的图片：请增加时间"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("asked", [False, True])
def test_what_must_be_beaten_is_named_by_the_task(task: str, recipe: str, en: str, zh: str, asked: bool) -> None:
    facts: Any = {"conclusive": True, "winner": [recipe], "value": 0.5, "low": 0.4, "high": 0.6, "plain": None,
                  "rows": {"test": 100}, "budget": "60s", "findings": []}  # fmt: skip
    beaten: Any = [SimpleNamespace(name=recipe, low=0.0)]
    found = get_task(task)
    facts["higher"] = found.metrics[0].higher
    words, advice = verdict_words(
        facts, Judgement([], beaten, asked, False if asked else None), found.metrics[0], found, None  # type: ignore[arg-type]
    )  # fmt: skip
    assert advice[0].en.startswith(f"Nothing is clearly better than {en}")
    assert advice[0].zh.startswith(f"没有模型明显优于{zh}")
    if asked:
        assert f"not clearly better than {found.least.en}" in words.en
        assert f"并不明显优于{found.least.zh}" in words.zh


@pytest.mark.parametrize(
    ("beaten", "rows", "winner", "better"),
    [
        ([("bicubic", 2.0, 1.5, 2.5), ("lanczos", 1.0, -1.0, 3.0)], 5, "espcn", True),
        ([("bicubic", 2.0, -0.5, 2.5)], 5, "espcn", False),
        ([("bicubic", 2.0, 2.0, 2.0)], 5, "espcn", False),
        ([("bicubic", 2.0, float("nan"), float("nan"))], 5, "espcn", False),
        ([("bicubic", 2.0, 1.5, 2.5)], 4, "espcn", False),
        ([("bicubic", 2.0, 1.5, 2.5)], 5, "bicubic", False),
        ([], 5, "espcn", False),
    ],
)
def test_few_test_rows_tell_what_a_comparison_row_by_row_tells(
    beaten: list[tuple[str, float, float, float]], rows: int, winner: str, better: bool
) -> None:
    facts: Any = {"conclusive": False, "winner": [winner], "value": 36.7, "low": 33.0, "high": 40.0, "higher": True,
                  "rows": {"test": rows, "folds": 1}, "validated": {"value": float("nan"), "rows": 0}}  # fmt: skip
    task = get_task("image-to-image")
    held = [Beaten(*b, p=0.01) for b in beaten]
    words, advice = verdict_words(facts, Judgement([], held, False, None), task.metrics[0], task, None)  # type: ignore[arg-type]
    assert ("better than bicubic (by 2" in words.en, "优于 bicubic" in words.zh) == (better, better)
    assert words.en.startswith("How good it is cannot" if better else "Nothing can be concluded")
    assert advice == [task.unit.more], "more rows are wanted in any case"
