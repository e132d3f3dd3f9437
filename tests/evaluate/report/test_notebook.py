"""What notebooks show says what the run found, and runs nothing that the data holds."""

import re
import sys
import time
from types import ModuleType, SimpleNamespace

import pytest

from modelwright.core.errors import MissingExtra
from modelwright.core.events import CandidateDone, Done, Working
from modelwright.evaluate.report.notebook import Leaderboard, NotebookDisplay, in_notebook, model_html, run_html

ROW = {"name": "<b>linear</b>", "recipe": "linear", "metric": "macro_f1", "value": 0.8712, "low": 0.8, "high": 0.9, "ms_per_row": 0.42, "seconds": 3.0,
       "status": "ok", "winner": True, "options": {"a": 1}, "folds": []}  # fmt: skip
FAILED = {"name": "vit", "recipe": "vit", "status": "failed", "reason": ["no pictures", "没有图片"]}


def test_a_leaderboard_is_a_list_a_table_and_a_frame():
    board = Leaderboard([ROW, FAILED])
    assert board[0]["value"] == 0.8712
    html = board._repr_html_()
    assert "0.871" in html
    assert "<b>linear" not in html
    assert "vit" not in html
    frame = board.frame()
    assert frame["name"].tolist() == ["<b>linear</b>", "vit"]
    assert "options" not in frame


def test_a_frame_without_pandas_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtra, match="pip install pandas"):
        Leaderboard([ROW]).frame()


def test_a_run_and_a_model_in_both_languages():
    facts = {"name": "tickets", "metric_title": ["macro F1", "宏平均 F1"], "value": 0.88, "low": 0.83, "high": 0.93, "verdict": ["Good.", "不错。"],
             "leaderboard": [ROW]}  # fmt: skip
    assert "0.880 (0.830 – 0.930)" in run_html(facts, "runs/x/report.html", "en")
    assert "不错" in run_html(facts, "r", "zh")
    assert "answers: " in model_html("m", "classification", ("a", "<i>"), [("text", "text")], "en")
    assert "<i>" not in model_html("m", "t", ("<i>",), [], "zh")


def test_progress_is_drawn_in_one_place(monkeypatch):
    drawn = []

    class Handle:
        def update(self, html):
            drawn.append(html)

    def display(html, display_id):
        drawn.append(html)
        return Handle()

    ipython = ModuleType("IPython")
    ipython.get_ipython = lambda: SimpleNamespace(kernel=1)
    shown = ModuleType("IPython.display")
    shown.HTML, shown.display = str, display
    assert not in_notebook()
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", shown)
    assert in_notebook()
    told = NotebookDisplay("zh", time.monotonic() + 30)
    told(Working("linear", "linear", "fit", 2, 5))
    told(CandidateDone("linear", ROW))
    told(Done({}))
    assert "linear 2/5" in drawn[0]
    assert re.search(r"剩余 \d+(\.\d)? 秒", drawn[0])
    assert "完成" in drawn[-1]
    assert "0.871" in drawn[-1]
