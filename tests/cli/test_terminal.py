"""What the terminal shows: the work in hand with the time left, and columns that line up in Chinese at any width."""

from __future__ import annotations

import io
import time

import pytest
from rich.console import Console

from modelwright.cli.terminal import Display, width
from modelwright.core.events import CandidateDone, CandidateFailed, Probing, StageStarted, Step, Working
from modelwright.core.words import Words

ROW = {
    "metric": "macro_f1",
    "metric_title": ["macro F1", "宏平均 F1"],
    "value": 0.84,
    "low": 0.8,
    "high": 0.9,
    "ms_per_row": 1.2,
    "seconds": 3.0,
}


def shown(lang: str, columns: int, *, terminal: bool = True, seconds: float = 65.4) -> tuple[Display, io.StringIO]:
    out = io.StringIO()
    display = Display(lang, time.monotonic() + seconds)
    display.console = Console(file=out, width=columns, force_terminal=terminal, color_system=None, highlight=False)
    return display, out


@pytest.mark.parametrize("columns", [50, 80, 120])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_columns_line_up_by_display_cells(lang, columns):
    display, out = shown(lang, columns)
    for name in ("linear", "线性模型"):
        display(CandidateDone(name, {**ROW, "name": name}))
    head, *rows = out.getvalue().splitlines()
    assert len(rows) == 2
    assert len({width(line) for line in (head, *rows)}) == 1, "every line ends at the same cell"
    assert width(head) <= max(columns, 52)
    assert ("seconds" in head or "用时" in head) == (columns >= 76)


def test_a_long_reason_goes_on_below_its_beginning():
    display, out = shown("zh", 60)
    display(
        CandidateFailed(
            "catboost", Words("too slow", "约需 42 秒，而剩余时间只有 8 秒，因此没有尝试；增加预算后会再次尝试这个方案")
        )
    )
    first, *rest = out.getvalue().splitlines()
    start = width("  catboost") + (18 - len("catboost")) + 3
    assert rest
    assert all(line.startswith(" " * start) for line in rest)
    assert all(width(line) <= 60 for line in (first, *rest))


@pytest.mark.parametrize(
    ("lang", "fold", "left"), [("en", "fold 2 of 5", "1m05s left"), ("zh", "第 2/5 折", "剩余 1 分 05 秒")]
)
def test_the_line_says_recipe_fold_step_and_time_left(lang, fold, left):
    display, _ = shown(lang, 100)
    display(StageStarted("train"))
    display(Probing("tabm", "tabm"))
    assert "tabm" in display.line().plain
    display(Working("textcnn", "textcnn", "fit", 2, 5))
    display(Step("textcnn", 30, 120, {"loss": 0.25}))
    line = display.line().plain
    for part in ("textcnn", fold, "25 %", "loss 0.25", left):
        assert part in line
    display(Step("textcnn", 60, 120, {"loss": 0.25, "valid": -0.0}))
    assert "valid 0" in display.line().plain
    display, _ = shown(lang, 40)
    display(Working("a-recipe-with-a-long-name-indeed", "r", "refit", 2, 5))
    assert width(display.line().plain) <= 40
    assert left in display.line().plain


def test_it_ticks_without_events():
    display, _ = shown("en", 100, seconds=30.9)
    before = display.line().plain
    display.until -= 1.0
    assert display.line().plain != before
    display.until -= 60
    assert "finishing" in display.line().plain


def test_without_a_terminal_lines_are_plain_and_few(monkeypatch):
    display, out = shown("en", 100, terminal=False)
    with display:
        for fold in range(1, 6):
            display(Working("trees", "trees", "fit", fold, 5))
        assert out.getvalue() == ""
        monkeypatch.setattr(Display, "EVERY", 0.0)
        display(Step("trees", 10, 100, {}))
    assert out.getvalue().startswith("  ... training trees, fold 5 of 5   10 %   ")
    assert "\x1b" not in out.getvalue()


def test_the_leaderboard_shows_what_failed_above_what_was_not_tried_and_what_is_unfit(capsys):
    from modelwright.cli.terminal import print_leaderboard

    ok = {"name": "linear", "status": "ok", "metric": "f1", "value": 0.9, "low": 0.8, "high": 1.0, "ms_per_row": 0.1, "seconds": 1.0}  # fmt: skip
    rest = [
        ("resnet", "unfit", False),
        ("gru", "untried", False),
        ("lstm", "failed", False),
        ("catboost", "failed", True),
    ]
    rows = [{"name": n, "status": s, "fault": f, "reason": [f"why {n}", n]} for n, s, f in rest]
    print_leaderboard({"leaderboard": [*rows, ok]}, "en")
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]]
    assert names == ["linear", "catboost", "lstm", "gru", "resnet"]


@pytest.mark.parametrize(
    ("lang", "said"), [("en", "learnt from 50,000 of 950,000 rows"), ("zh", "从 950,000 行中的 50,000 行学习")]
)
def test_a_candidate_that_learnt_from_some_rows_says_so_below_its_score(lang, said):
    display, out = shown(lang, 80)
    display(CandidateDone("trees", {**ROW, "name": "trees"}))
    assert said not in out.getvalue()
    display(CandidateDone("linear", {**ROW, "name": "linear", "learnt": 50_000, "learnt_of": 950_000}))
    assert out.getvalue().splitlines()[-1].strip() == said
