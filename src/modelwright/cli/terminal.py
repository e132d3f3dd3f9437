"""What the terminal shows: people's words and a growing leaderboard, all from the one event stream."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from modelwright.core.budget import duration_words
from modelwright.core.events import (
    CandidateDone,
    CandidateFailed,
    Event,
    Note,
    Probing,
    StageStarted,
    Step,
    Warned,
    Working,
)
from modelwright.core.facts.candidates import CandidateRow
from modelwright.core.facts.run import Facts
from modelwright.core.figures import shown_score
from modelwright.core.words import Words, counted

if TYPE_CHECKING:
    from rich.console import Console

STAGES = {
    "data": Words("reading the data", "读取数据"),
    "train": Words("training", "训练"),
    "tune": Words("tuning", "调优"),
    "ensemble": Words("combining", "组合模型"),
    "student": Words("one model learns what the blend answers", "单模型学习组合的回答"),
    "evaluate": Words("testing", "测试"),
    "bundle": Words("writing the bundle", "写出模型包"),
    "report": Words("writing the report", "生成报告"),
}
_WORK = {
    "fit": Words("training", "训练"),
    "score": Words("scoring", "评分"),
    "refit": Words("training again on all rows:", "用全部数据重新训练"),
    "twin": Words("training once more with another seed:", "换种子再训练"),
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
    """Listens to a run: prints each candidate as a line, and below it what is being done now, ticking every second.

    Where the output is no terminal, what is done now is a plain line, at most one every ten seconds.
    """

    NAME = 18
    EVERY = 10.0  # seconds between plain lines

    def __init__(self, lang: str, until: float, quiet: bool = False) -> None:
        self.lang, self.until, self.quiet = lang, until, quiet
        self.console = console()
        self.name = self.NAME  # cells of the names
        self._live: Any = None
        self._head = False
        self._doing = Words("starting", "启动中")
        self._step = ""
        self._printed = time.monotonic()

    def __enter__(self) -> Display:
        if not self.quiet and self.console.is_terminal:
            from rich.live import Live
            from rich.spinner import Spinner

            spinner = Spinner("dots")

            def now() -> Any:
                spinner.update(text=self.line())
                return spinner

            self._live = Live(console=self.console, get_renderable=now, refresh_per_second=4, transient=True)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()
            self._live = None

    def __call__(self, event: Event) -> None:
        if self.quiet:
            return
        if isinstance(event, StageStarted):
            self._do(STAGES.get(event.stage, Words(event.stage, event.stage)))
        elif isinstance(event, Probing):
            self._do(Words(f"trying out {event.who}", f"试跑 {event.who}"))
        elif isinstance(event, Working):
            what = _WORK.get(event.what, _WORK["fit"])
            fold = Words("", "")
            if event.fold and event.folds > 1:
                fold = Words(f", fold {event.fold} of {event.folds}", f"，第 {event.fold}/{event.folds} 折")
            self._do(Words(f"{what.en} {event.who}{fold.en}", f"{what.zh} {event.who}{fold.zh}"))
        elif isinstance(event, Step):
            self._stepped(event)
        elif isinstance(event, CandidateDone):
            self._candidate(event)
        elif isinstance(event, CandidateFailed):
            self._hang(f"  {pad(event.name, self.name)}   ", event.reason.to(self.lang), style="dim")
        elif isinstance(event, Note):
            self.say("", event.words)
        elif isinstance(event, Warned):
            self._hang("! ", event.words.to(self.lang), style="yellow")

    def say(self, head: str, words: Words) -> None:
        """Print one line of people's words; what does not fit goes on below its beginning."""
        if not self.quiet:
            for line in words.to(self.lang).split("\n"):
                self._hang(pad(head, 10) if head else "", line, head_style="bold")
                head = " " * 10 if head else ""

    def line(self) -> Any:
        """Return what is being done now, with the time left, cut to the terminal's width."""
        from rich.text import Text

        left = duration_words(float(int(max(0.0, self.until - time.monotonic()))))
        if self.until < time.monotonic():
            rest = Words("finishing", "收尾中")
        else:
            rest = Words(f"{left.en.replace('.0s', 's')} left", f"剩余 {left.zh.replace('.0 秒', ' 秒')}")
        step = f"   {self._step}" if self._step else ""
        room = self.console.width - 4 - width(rest.to(self.lang)) - 3
        text = Text(f"{self._doing.to(self.lang)}{step}", no_wrap=True, style="dim")
        text.truncate(max(8, room), overflow="ellipsis")
        return text.append(f"   {rest.to(self.lang)}", style="dim")

    def _do(self, words: Words) -> None:
        self._doing, self._step = words, ""
        if self._live is None and time.monotonic() - self._printed >= self.EVERY:
            self._printed = time.monotonic()
            self.console.print(f"  ... {self.line().plain}", markup=False)

    def _stepped(self, event: Step) -> None:
        scores = "  ".join(f"{k} {v + 0.0:.4g}" for k, v in event.scores.items())  # + 0.0: a zero has no sign
        share = f"{min(100, 100 * event.done // event.total)} %" if event.total else f"{event.done}"
        self._step = f"{share}  {scores}".strip()
        if self._live is None and time.monotonic() - self._printed >= self.EVERY:
            self._printed = time.monotonic()
            self.console.print(f"  ... {self.line().plain}", markup=False)

    def _hang(self, head: str, text: str, style: str = "", head_style: str = "") -> None:
        """Print a text behind a head, its further lines below its beginning; wide characters count as two cells."""
        from rich.text import Text

        start = width(head)
        if not self.console.is_terminal or self.console.width < start + 20:
            self.console.print(Text(head, head_style or style).append(text, style), soft_wrap=True)
            return
        lines = Text(text, style).wrap(self.console, self.console.width - start - 1)
        for i, line in enumerate(lines):
            line.rstrip()
            front = Text(head, head_style or style) if i == 0 else Text(" " * start)
            self.console.print(front.append_text(line), no_wrap=True, overflow="ignore", crop=False)

    def _candidate(self, event: CandidateDone) -> None:
        row = event.row
        metric = Words(*row["metric_title"]).to(self.lang) if row.get("metric_title") else row["metric"]
        narrow = self.console.is_terminal and self.console.width < 76
        score = max(12, width(metric) + 2)
        if not self._head:
            self._head = True
            names = (
                Words("model", "模型"),
                Words("95 % interval", "95% 区间"),
                Words("ms/row", "毫秒/行"),
                Words("seconds", "用时（秒）"),
            )
            model, range_, ms, seconds = (w.to(self.lang) for w in names)
            head = f"  {pad(model, self.name)}{pad(metric, score, True)}{pad(range_, 18, True)}"
            more = "" if narrow else f"{pad(ms, 10, True)}{pad(seconds, 10, True)}"
            self._row(f"{head}{more}", "bold")
        span = f"{shown_score(row['low'])} - {shown_score(row['high'])}"
        more = "" if narrow else f"{row['ms_per_row']:>10.1f}{row['seconds']:>10.1f}"
        self._row(
            f"  {pad(row['name'], self.name)}{pad(shown_score(row['value']), score, True)}{pad(span, 18, True)}{more}"
        )
        if row.get("learnt") is not None:
            learnt = Words(
                f"learnt from {row['learnt']:,} of {row['learnt_of']:,} rows",
                f"从 {row['learnt_of']:,} 行中的 {row['learnt']:,} 行学习",
            )
            self._hang(" " * (2 + self.name), learnt.to(self.lang), style="dim")

    def _row(self, text: str, style: str = "") -> None:
        self.console.print(text, style=style or None, markup=False, no_wrap=True, overflow="ignore", crop=False)


def print_leaderboard(facts: Facts, lang: str) -> None:
    """Print the leaderboard of a finished run."""
    display = Display(lang, 0.0)
    display.console = console(stderr=False)
    names = [width(row["name"]) for row in facts["leaderboard"] if row.get("status") != "unfit"]
    display.name = max([display.NAME, *(n + 1 for n in names)])
    rows = sorted(facts["leaderboard"], key=_place)
    for row in rows:
        if row.get("status") == "ok":
            display(CandidateDone(row["name"], row))
        else:
            display(CandidateFailed(row["name"], Words(*row["reason"])))


def _place(row: CandidateRow) -> int:
    """Return where a row of the leaderboard stands: trained, failed, not tried, made for other data."""
    status = row.get("status")
    if status == "failed":
        return 1 if row.get("fault") else 2
    return {"ok": 0, "untried": 3}.get(str(status), 4)


def print_inspection(found: dict[str, Any], lang: str) -> None:
    """Print columns and findings."""
    from rich.markup import escape

    from modelwright.core.schema import MODALITY_WORDS, ROLE_WORDS
    from modelwright.core.unit import unit_of

    out = console(stderr=False)
    many = unit_of(found).counted(found["rows"])
    rows = Words(f"{many.en}, {counted(len(found['columns']), 'column')}", f"{many.zh}，{len(found['columns'])} 列")
    out.print(f"[bold]{rows.to(lang)}[/bold]")
    if found.get("reading"):
        out.print("  " + Words(*found["reading"]).to(lang), markup=False)
    longest = min(30, max([width(c["name"]) for c in found["columns"]] + [8]))
    for c in found["columns"]:
        role = "" if c["role"] == "input" else ROLE_WORDS[c["role"]].to(lang)
        kind = Words(c["modality"], f"{MODALITY_WORDS[c['modality']].zh} {c['modality']}").to(lang)
        why = Words(*c["reason"]).to(lang) if c.get("reason") else ""
        reason = Words(f"({why})", f"（{why}）").to(lang) if why else ""
        out.print(f"  {pad(c['name'], longest)}  {pad(kind, 10 if lang == 'en' else 18)} {role} {reason}", markup=False)
    for words in found["told"]:
        out.print(f"[yellow]![/yellow] {escape(Words(*words).to(lang))}")
    if not found["findings"]:
        out.print(Words("No findings.", "没有发现问题。").to(lang))
    for f in found["findings"]:
        mark = {"error": "[red]×[/red]", "warning": "[yellow]![/yellow]"}.get(f["severity"], "[dim]·[/dim]")
        gap = "" if lang == "zh" else " "
        out.print(f"{mark} {escape(Words(*f['words']).to(lang))}{gap}[dim]{escape(Words(*f['advice']).to(lang))}[/dim]")
    print_private(found["private"], lang)


def print_private(private: dict[str, Any], lang: str) -> None:
    """Print what is private by column and type, with masked examples and what a run would do."""
    out = console(stderr=False)
    if not private["columns"]:
        out.print(Words("No personal data was found.", "没有发现个人数据。").to(lang))
        return
    out.print(f"[bold]{Words('Personal data', '个人数据').to(lang)}[/bold]")
    for c in private["columns"]:
        for f in c["found"]:
            n = Words(
                f"{counted(f['rows'], 'row')}, {counted(f['values'], 'value')}",
                f"{f['rows']:,} 行，{f['values']:,} 个取值",
            ).to(lang)
            done = (
                Words(*c["done_words"]).to(lang)
                if c["done"] != "replaced" or f["action"] != "keep"
                else Words("kept", "保留").to(lang)
            )
            why = Words(*f["why"]).to(lang)
            head = f"  {pad(c['column'], 18)}  {pad(Words(*f['title']).to(lang), 24)}  {pad(n, 24)}  {done}"
            out.print(head, markup=False)
            out.print(f"      {f['confidence']:.2f}  {why}    {'  '.join(f['examples'])}", style="dim", markup=False)
            _print_shown(out, f)
        for f in c.get("unsure", []):
            title = Words(*f["title"]).to(lang)
            n = Words(f"perhaps {f['values']:,}", f"可能有 {f['values']:,} 个").to(lang)
            done = Words("kept, as it is not sure enough", "置信度不足，予以保留").to(lang)
            out.print(f"  {pad(c['column'], 18)}  {pad(title, 24)}  {pad(n, 24)}  {done}", markup=False)
            out.print(f"      {f['confidence']:.2f}  {'  '.join(f['examples'])}", style="dim", markup=False)
            _print_shown(out, f)
    if private["sampled"]:
        out.print(Words(*private["sampled"]).to(lang), markup=False)


def _print_shown(out: Any, found: dict[str, Any]) -> None:
    """Print the values of a find, where they were asked for."""
    if found.get("shown"):
        out.print("      " + " | ".join(found["shown"]), markup=False)
