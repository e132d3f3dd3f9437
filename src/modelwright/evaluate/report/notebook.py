"""What notebooks show of a run, a leaderboard and a model; and the progress of a run that is under way."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from modelwright.core.budget import duration_words
from modelwright.core.errors import MissingExtra
from modelwright.core.events import CandidateDone, Done, Event, Step, Warned, Working
from modelwright.core.facts.candidates import CandidateRow
from modelwright.core.facts.run import Facts
from modelwright.core.words import Words
from modelwright.evaluate.report.html import Html, join, said, tag

_REDRAW = 0.5  # seconds between two drawings of the progress
_NUMBERS = "text-align:right;font-variant-numeric:tabular-nums"


class Leaderboard(list[CandidateRow]):
    """The rows of a leaderboard, best first: a list of mappings that notebooks show as a table."""

    def frame(self) -> Any:
        """Return the leaderboard as a pandas DataFrame. Raises MissingExtra where pandas is not installed."""
        try:
            import pandas
        except ImportError as e:
            raise MissingExtra(
                "A data frame needs pandas: pip install pandas", "生成数据框需要 pandas：pip install pandas"
            ) from e
        hidden = {"options", "folds"}
        return pandas.DataFrame([{k: v for k, v in row.items() if k not in hidden} for row in self])

    def _repr_html_(self) -> str:
        return str(leaderboard_html(self, "en"))


def leaderboard_html(rows: Sequence[CandidateRow], lang: str) -> Html:
    """Return the candidates that stand, as a table; the winner is marked."""
    heads = (
        Words("model", "模型"),
        Words("validation", "验证"),
        Words("95 %", "95% 区间"),
        Words("ms a row", "毫秒/行"),
        Words("seconds", "用时（秒）"),
    )
    body = []
    for row in rows:
        if row.get("status", "ok") != "ok" or row.get("value") is None:
            continue
        weight = "600" if row.get("winner") else "400"
        cells = [
            _figure(row["value"]),
            f"{_figure(row['low'])} – {_figure(row['high'])}",
            _figure(row.get("ms_per_row"), 1),
            _figure(row.get("seconds"), 1),
        ]
        body.append(
            tag(
                "tr",
                tag("td", row["name"], style="text-align:left"),
                *(tag("td", c, style=_NUMBERS) for c in cells),
                style=f"font-weight:{weight}",
            )
        )
    head = tag("tr", *(tag("th", h.to(lang)) for h in heads))
    return tag("table", tag("thead", head), tag("tbody", *body))


def run_html(facts: Facts, report: str, lang: str) -> Html:
    """Return a run as notebooks show it: the verdict, the test score with its interval, the leaderboard, the report's place."""
    verdict = said(facts.get("verdict"), lang)
    ends = f"{_figure(facts['low'])} – {_figure(facts['high'])}"
    score = (
        f"{said(facts['metric_title'], lang)} {_figure(facts['value'])}{Words(f' ({ends})', f'（{ends}）').to(lang)}"
    )
    place = Words("report: ", "报告：").to(lang)
    return tag(
        "div",
        tag("p", tag("b", facts["name"]), " · ", score),
        tag("p", verdict) if verdict else "",
        leaderboard_html(facts["leaderboard"], lang),
        tag("p", place, tag("code", report)),
    )


def model_html(name: str, task: str, target: Sequence[str], columns: Sequence[tuple[str, str]], lang: str) -> Html:
    """Return a loaded model as notebooks show it: what it answers, and which columns it reads."""
    more = len(target) > 12
    labels = Words(", ", "、").to(lang).join(target[:12]) + (Words(" …", "……").to(lang) if more else "")
    rows = [tag("tr", tag("td", n, style="text-align:left"), tag("td", m)) for n, m in columns[:40]]
    answers = tag("p", Words("answers: ", "答案：").to(lang), labels) if labels else ""
    return tag("div", tag("p", tag("b", name), " · ", task), answers, tag("table", tag("tbody", *rows)))


class NotebookDisplay:
    """Listens to a run and redraws its progress in the cell that started it. `until` is the monotonic end of the budget."""

    def __init__(self, lang: str, until: float) -> None:
        self.lang, self.until = lang, until
        self.rows: list[CandidateRow] = []
        self.doing = ""
        self._handle: Any = None
        self._drawn = 0.0

    def __call__(self, event: Event) -> None:
        if isinstance(event, Working):
            fold = f" {event.fold}/{event.folds}" if event.folds > 1 else ""
            self.doing = f"{event.who}{fold}"
        elif isinstance(event, Step):
            total = f"/{event.total}" if event.total else ""
            self.doing = f"{event.who}  {event.done}{total}"
        elif isinstance(event, CandidateDone):
            self.rows.append({**event.row, "status": "ok"})
        elif isinstance(event, Warned):
            self.doing = event.words.to(self.lang)
        elif isinstance(event, Done):
            self.doing = Words("done", "完成").to(self.lang)
        else:
            return
        now = time.monotonic()
        if isinstance(event, (CandidateDone, Done)) or now - self._drawn >= _REDRAW:
            self._drawn = now
            self._draw()

    def html(self) -> Html:
        """Return the progress as it stands."""
        left = duration_words(max(0.0, self.until - time.monotonic()))
        remains = Words(f"{left.en} left", f"剩余 {left.zh}").to(self.lang)
        return join([tag("p", tag("b", self.doing), " · ", remains), leaderboard_html(self.rows, self.lang)])

    def _draw(self) -> None:
        from IPython.display import HTML, display

        shown = HTML(str(self.html()))
        if self._handle is None:
            self._handle = display(shown, display_id=True)
        else:
            self._handle.update(shown)


def in_notebook() -> bool:
    """Return whether the code runs in a notebook's kernel, without importing IPython where nobody has."""
    import sys

    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and hasattr(shell, "kernel")


def _figure(value: float | None, digits: int = 3) -> str:
    if value is None:
        return ""
    return f"{value:.{digits}f}" if abs(value) < 100 else f"{value:,.0f}"
