"""What the terminal shows: people's words and a growing leaderboard, all from the one event stream."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from modelwright.core.budget import show_duration
from modelwright.core.events import CandidateDone, CandidateFailed, Event, Note, StageStarted, Step, Warned
from modelwright.core.words import Words

if TYPE_CHECKING:
    from rich.console import Console

STAGES = {
    "data": Words("reading the data", "读取数据"),
    "train": Words("training", "训练"),
    "tune": Words("tuning", "调优"),
    "ensemble": Words("combining", "组合模型"),
    "evaluate": Words("testing", "测试"),
    "bundle": Words("writing the bundle", "写出模型包"),
    "report": Words("writing the report", "生成报告"),
}


def console(stderr: bool = True) -> Console:
    """Return a console on standard error (or output)."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=not sys.stderr.isatty())


def width(text: str) -> int:
    """Return how many terminal cells a text takes; Han characters take two."""
    from rich.cells import cell_len

    return cell_len(text)


def pad(text: str, cells: int, right: bool = False) -> str:
    """Pad a text to a number of terminal cells."""
    gap = " " * max(0, cells - width(text))
    return gap + text if right else text + gap


class Display:
    """Listens to a run: prints each candidate as a line, and a live status line where the terminal can show one."""

    NAME = 18

    def __init__(self, lang: str, until: float, quiet: bool = False) -> None:
        self.lang, self.until, self.quiet = lang, until, quiet
        self.console = console()
        self._status: Any = None
        self._head = False
        self._stage = ""

    def __enter__(self) -> Display:
        if not self.quiet and self.console.is_terminal:
            self._status = self.console.status("", spinner="dots")
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status:
            self._status.stop()
            self._status = None

    def __call__(self, event: Event) -> None:
        if self.quiet:
            return
        if isinstance(event, StageStarted):
            self._stage = STAGES.get(event.stage, Words(event.stage, event.stage)).to(self.lang)
            self._show(self._stage)
        elif isinstance(event, Step):
            total = f"/{event.total}" if event.total else ""
            scores = "  ".join(f"{k} {v:.4g}" for k, v in event.scores.items())
            self._show(f"{self._stage}  {event.who}  {event.done}{total}  {scores}")
        elif isinstance(event, CandidateDone):
            self._candidate(event)
        elif isinstance(event, CandidateFailed):
            self.console.print(f"  [dim]{pad(event.name, self.NAME)}   {_plain(event.reason.to(self.lang))}[/dim]")
        elif isinstance(event, Note):
            self.say("", event.words)
        elif isinstance(event, Warned):
            self.console.print(f"[yellow]![/yellow] {_plain(event.words.to(self.lang))}")

    def say(self, head: str, words: Words) -> None:
        """Print one line of people's words."""
        if not self.quiet:
            self.console.print(
                f"[bold]{pad(head, 10)}[/bold]{_plain(words.to(self.lang))}" if head else _plain(words.to(self.lang))
            )

    def _show(self, text: str) -> None:
        if self._status:
            left = max(0.0, self.until - time.monotonic())
            word = Words("left", "剩余").to(self.lang)
            self._status.update(f"[dim]{_plain(text)}   {show_duration(left)} {word}[/dim]")

    def _candidate(self, event: CandidateDone) -> None:
        row = event.row
        if not self._head:
            self._head = True
            names = (
                Words("model", "模型"),
                Words("95 %", "95% 区间"),
                Words("ms/row", "毫秒/行"),
                Words("seconds", "用时(秒)"),
            )
            model, range_, ms, seconds = (w.to(self.lang) for w in names)
            head = f"  {pad(model, self.NAME)}{pad(row['metric'], 12, True)}{pad(range_, 18, True)}"
            self.console.print(f"[bold]{head}{pad(ms, 10, True)}{pad(seconds, 10, True)}[/bold]")
        span = f"{_number(row['low'])} - {_number(row['high'])}"
        self.console.print(
            f"  {pad(row['name'], self.NAME)}{pad(_number(row['value']), 12, True)}{pad(span, 18, True)}"
            f"{row['ms_per_row']:>10.1f}{row['seconds']:>10.1f}"
        )


def print_private(private: dict[str, Any], lang: str) -> None:
    """Print what is private by column and type, with masked examples and what a run would do."""
    out = console(stderr=False)
    if not private["columns"]:
        out.print(Words("No personal data was found.", "没有发现个人数据。").to(lang))
        return
    out.print(f"[bold]{Words('Personal data', '个人数据').to(lang)}[/bold]")
    for c in private["columns"]:
        for f in c["found"]:
            n = Words(f"{f['rows']:,} rows, {f['values']:,} values", f"{f['rows']:,} 行，{f['values']:,} 个取值").to(
                lang
            )
            done = (
                Words(*c["done_words"]).to(lang)
                if c["done"] != "replaced" or f["action"] != "keep"
                else Words("kept", "保留").to(lang)
            )
            why = Words(*f["why"]).to(lang)
            head = f"  {pad(c['column'], 18)}  {pad(Words(*f['title']).to(lang), 24)}  {pad(n, 24)}  {done}"
            out.print(head, markup=False)
            out.print(f"      {f['confidence']:.2f}  {why}    {'  '.join(f['examples'])}", style="dim", markup=False)
    if private["sampled"]:
        out.print(Words(*private["sampled"]).to(lang), markup=False)


def _number(value: float) -> str:
    """Return a score with three decimals, large values with none."""
    return f"{value:.3f}" if abs(value) < 100 else f"{value:,.0f}"


def _plain(text: str) -> str:
    """Return text with rich's markup characters made harmless."""
    from rich.markup import escape

    return escape(text)
