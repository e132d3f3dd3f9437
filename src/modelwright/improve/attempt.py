"""One attempt to improve a name from its feedback, in order:

read the old rows again -> join corrections -> train -> judge on old test rows and fresh feedback -> release -> promote, or wait
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from modelwright.core.errors import ColumnError, DataError, ModelwrightError, OptionError, RegistryError
from modelwright.core.words import Words, some_of
from modelwright.improve.judge import Beside, Decision, beside, decide
from modelwright.improve.record import Improvement, alone, improvements, keep, origin_of
from modelwright.improve.rows import Gathered, fresh_table, gather, notes, weighed
from modelwright.improve.source import Correction, Reads, Source, Trains
from modelwright.privacy import ledger
from modelwright.release.registry.store import CHALLENGER, Registry, Release

if TYPE_CHECKING:
    from modelwright.release.bundle import Predictor

Promote = Literal["never", "if-better"]
Start = Literal["warm", "whole", "auto"]
_MOST_TIMES = 100
_WARM = 0.5  # of the run's own budget: below, only the recipes of the champion are trained again


@dataclass(frozen=True)
class Asked:
    """How a name is to be improved."""

    budget: str | None = None  # as that of the run before if not given
    start: Start = "auto"  # warm: the champion's recipes alone; whole: all recipes; auto: by the budget
    promote: Promote = "never"
    source: str | None = None  # where the source of the run stands now, if it was moved
    anyway: bool = False  # train on what there is where old rows are gone or changed
    new_columns: bool = False
    in_spite: str | None = None  # a reason to release although something stands against it
    least: int = 0  # corrections since the last attempt, below which nothing is done
    weigh: float = 1.0  # old rows that a correction counts as


@dataclass(frozen=True)
class Parts:
    """What an attempt needs of others: feedback, reading again, training; `say` hears of each step."""

    labelled: Callable[[Callable[[Any], Any]], Sequence[Correction]]  # by what tells answers apart (`TargetCodec.gist`)
    read: Reads
    train: Trains
    say: Callable[[Words], None] = field(default=lambda words: None)


def improve(registry: Registry, name: str, parts: Parts, asked: Asked | None = None) -> Improvement:
    """Make a challenger of a name's champion from feedback, judge it, and promote it where that was asked for and it is better.

    Every step is entered into the ledger. Raises RegistryError for a name without a champion or one that is being improved
    already, DataError where there is no feedback yet or old rows are gone, BudgetTooSmall where no model came to stand: the
    champion goes on then.
    """
    asked = asked or Asked()
    champion = registry.get(name)
    with alone(registry, name):
        ledger.ready()
        try:
            return _attempt(registry, champion, parts, asked)
        except ModelwrightError as e:
            ledger.record(None, "improve failed", name=name, champion=champion.version, why=type(e).__name__)
            raise


def _attempt(registry: Registry, champion: Release, parts: Parts, asked: Asked) -> Improvement:
    from modelwright.release.bundle import load

    name, say = champion.name, parts.say
    before = improvements(registry, name)
    since = before[0].until if before else 0.0
    until = time.time()
    old = load(registry.folder(champion))
    labelled = [one for one in parts.labelled(old.target.gist) if one.told_at <= until]
    _enough(name, labelled, since, asked.least)
    run = origin_of(registry, name, champion.version) or champion.facts.get("run")
    if run is None:
        raise DataError(
            f"{champion.words.en} was released from a bundle without its run, so nobody knows which rows it was made from. Release a run.",
            f"{champion.words.zh} 由不含运行记录的模型包发布，无从得知其训练数据。请从运行发布。",
        )
    ledger.record(None, "improve start", name=name, champion=champion.version, corrections=len(labelled))
    source = parts.read(Path(run), asked.source)
    _usable(name, source, asked)
    _weighable(old.target.weighs_rows, asked.weigh)
    labels = list(old.target.labels) if old.target.kind in ("classes", "label_sets") else None
    # what the champion has not learnt from judges, however many attempts came in between: it grows until it is enough
    unseen = next((i.until for i in before if i.version == champion.version), 0.0)
    found = gather(
        source,
        labelled,
        labels,
        since=unseen,
        new_columns=asked.new_columns,
        gist=old.target.gist,
        repeats=old.task.repeats,
    )
    told = notes(found, source)
    say(_rows_words(found))
    for words in told:
        say(words)
    folder = _trained(source, found, parts.train, asked, name)
    ledger.record(None, "improve trained", name=name, run=folder.name, rows=found.rows.num_rows, learnt=found.learnt)
    new = load(folder / "bundle")
    say(Words("judging the challenger", "正在评判 challenger"))
    on_old, on_fresh = _judged(old, new, source, found)
    release = registry.release(folder, name, in_spite=asked.in_spite)
    decision = decide(on_old, on_fresh, release.gate_met)
    facts: dict[str, Any] = {
        "origin": str(run), "run": str(folder), "rows": found.to_json(), "notes": [list(n) for n in told],
        "old": on_old and on_old.to_json(), "fresh": on_fresh and on_fresh.to_json(),
        "reasons": [list(r) for r in decision.reasons], "state": source.state,
    }  # fmt: skip
    return _settle(registry, champion, release, decision, asked, until, facts)


def _enough(name: str, labelled: Sequence[Correction], since: float, least: int) -> None:
    """Raise DataError where there is too little feedback to learn from, OptionError for a number below 0."""
    if least < 0:
        raise OptionError(
            f"--least is a number of corrections from 0 on, received {least}.",
            f"--least 应为不小于 0 的更正数，收到 {least}。",
        )
    fresh = sum(one.told_at > since for one in labelled)
    if not labelled:
        raise DataError(
            f"There is no feedback with its row for `{name}` yet. It comes by POST /feedback with the row, by serve --keep-requests, or: modelwright feedback {name} FILE",
            f"`{name}` 尚无附带数据行的反馈。可通过 POST /feedback（附带该行）、serve --keep-requests，或 modelwright feedback {name} 文件 获得。",
        )
    if fresh < least:
        raise DataError(
            f"Since the last attempt {fresh} corrections have come for `{name}`, and at least {least} are needed.",
            f"自上次改进以来，`{name}` 收到 {fresh} 条更正，至少需要 {least} 条。",
        )


def _usable(name: str, source: Source, asked: Asked) -> None:
    """Raise DataError where old rows are gone or changed and nobody said to go on, or under differential privacy."""
    if source.epsilon is not None and not (asked.in_spite or "").strip():
        raise DataError(
            f"`{name}` was trained under differential privacy (epsilon {source.epsilon:g}); training again on the same rows spends "
            'as much again. To do so, say why with --in-spite "REASON".',
            f'`{name}` 在差分隐私下训练（epsilon {source.epsilon:g}）；用相同数据再次训练会再消耗同样的预算。如仍要进行，请用 --in-spite "理由" 说明。',
        )
    _has_columns(source)
    if source.state == "same" or asked.anyway or source.why is None:
        return
    en, zh = source.why.en.rstrip("."), source.why.zh.rstrip("。")
    raise DataError(
        f"The rows that the model was made from cannot be used as they were: {en}{'' if en.endswith('?') else '.'} Name their file with --source FILE, or "
        "train on what there is with --anyway; what is forgotten then cannot be measured.",
        f"无法按原样使用训练该模型的数据：{zh}{'' if zh.endswith('？') else '。'}请用 --source 文件 指定，或用 --anyway 以现有数据训练；届时无法衡量遗忘了什么。",
    )


def _has_columns(source: Source) -> None:
    """Raise ColumnError where a column that the model reads or answers is gone from the old rows, as where it was renamed: nothing can be
    learnt from them then, `--anyway` or not."""
    if source.rows is None:
        return
    known = source.rows.column_names
    lost = [c for c in dict.fromkeys((*source.modalities, source.target)) if c not in known]
    if not lost:
        return
    new = [c for c in known if c not in source.modalities and c != source.target]
    names = Words(", ".join(f"`{c}`" for c in lost), "、".join(f"`{c}`" for c in lost))
    now = some_of(new or known)
    raise ColumnError(
        f"The rows that the model was made from no longer have {names.en}, which it was trained on; instead they have {now.en}. "
        "Give the column its name back, or name a file that has it with --source FILE.",
        f"训练该模型的数据中已没有 {names.zh}，而模型用到了它；现有 {now.zh}。请改回列名，或用 --source 文件 指定含有该列的文件。",
    )


def _weighable(weighs: bool, times: float) -> None:
    """Raise OptionError where corrections cannot count as so many rows."""
    if not 0 < times <= _MOST_TIMES:
        raise OptionError(
            f"--weigh is a number above 0 and at most {_MOST_TIMES}, received {times:g}.",
            f"--weigh 应为大于 0 且不超过 {_MOST_TIMES} 的数，收到 {times:g}。",
        )
    if times != 1.0 and not weighs:
        raise OptionError(
            "--weigh is for answers of one label or one number; here corrections count as any other row.",
            "--weigh 仅用于每行一个标签或一个数值的答案；此处更正与其他行同等计算。",
        )


def _rows_words(found: Gathered) -> Words:
    old = found.rows.num_rows - found.learnt
    return Words(
        f"{found.learnt:,} corrections join {old:,} old rows; {len(found.fresh):,} of the latest are held out to judge",
        f"{found.learnt:,} 条更正加入 {old:,} 行旧数据；最近的 {len(found.fresh):,} 条留作评判",
    )


def _trained(source: Source, found: Gathered, train: Trains, asked: Asked, name: str) -> Path:
    from modelwright.core.budget import parse_duration

    budget = asked.budget or source.budget
    short = parse_duration(budget) < _WARM * parse_duration(source.budget)
    warm = asked.start == "warm" or (asked.start == "auto" and short)
    test = source.test if source.test is not None and source.test.num_rows else None
    rows, weight = weighed(found, source, asked.weigh)
    recipes = source.recipes if warm else ()
    return train(source, rows, test, budget=budget, recipes=recipes, name=f"{name}-improved", weight=weight)


def _judged(old: Predictor, new: Predictor, source: Source, found: Gathered) -> tuple[Beside | None, Beside | None]:
    metric = new.task.metric(str(new.card.get("metric") or new.task.metrics[0].name))
    test = source.test if source.test is not None and source.test.num_rows else None
    told: dict[str, Any] = {"target": source.target, "metric": metric, "sensitive": source.sensitive}
    on_old = None if test is None else beside(old, new, test, **told)
    on_fresh = beside(old, new, fresh_table(found.fresh, source), **told) if found.fresh else None
    return on_old, on_fresh


def _settle(
    registry: Registry, champion: Release, release: Release, decision: Decision, asked: Asked, until: float,
    facts: dict[str, Any],
) -> Improvement:  # fmt: skip
    """Make the release challenger or champion, and keep what was decided."""
    name, verdict = release.name, decision.verdict
    promote = asked.promote == "if-better" and verdict == "better"
    if promote and registry.get(name).version != champion.version:  # somebody promoted another one meanwhile
        promote = False
        facts["notes"].append(["The champion changed meanwhile.", "其间 champion 已改变。"])
    ledger.record(None, "improve judged", name=name, version=release.version, verdict=verdict, promote=promote)
    try:
        registry.promote(name, release.version, *(() if promote else (CHALLENGER,)))
    except RegistryError as e:  # a canary of another version runs: this one waits under its number
        facts["notes"].append(list(e.words))
        promote = False
    decided = "promoted" if promote else verdict
    return keep(registry, Improvement(name, 0, champion.version, release.version, until, decided, facts))


def check_start(text: str) -> Start:
    """Return a way to start. Raises OptionError for others."""
    if text not in ("warm", "whole", "auto"):
        raise OptionError(
            f"--start is warm, whole or auto, received `{text}`.", f"--start 可为 warm、whole 或 auto，收到 `{text}`。"
        )
    return "warm" if text == "warm" else "whole" if text == "whole" else "auto"


def check_promote(text: str) -> Promote:
    """Return a rule of promotion. Raises OptionError for others."""
    if text not in ("never", "if-better"):
        raise OptionError(
            f"--promote is never or if-better, received `{text}`.",
            f"--promote 可为 never 或 if-better，收到 `{text}`。",
        )
    return "if-better" if text == "if-better" else "never"
