"""The path from data to a bundle, readable as code.

    get data -> split -> settle -> train, tune, combine -> decide -> test once -> facts -> bundle -> report

Each stage is a function in `intake`, `split`, `choose`, `decide` or `report/`, and `tune/ladder.py` climbs. What a run owes
beside a good model (consent, personal data, fairness, differential privacy, a teacher) is asked for at hooks: see `concerns/`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from modelwright.core.budget import Deadline, watched
from modelwright.core.clock import Clock
from modelwright.core.config import RunConfig
from modelwright.core.encrypted_files import unlocked
from modelwright.core.events import Done, EventStream, Listener, StageStarted, log_to
from modelwright.core.facts.run import Facts
from modelwright.core.memory_pages import return_pages
from modelwright.core.run import RunFolder
from modelwright.pipeline.choose import check_names, climb, settle
from modelwright.pipeline.concerns.order import Concerns
from modelwright.pipeline.decide import decide, test_once
from modelwright.pipeline.folder import alone, begin, give_up
from modelwright.pipeline.intake import data_note, get_data
from modelwright.pipeline.report import records
from modelwright.pipeline.report.deepen import deepen
from modelwright.pipeline.report.facts import facts_of
from modelwright.pipeline.report.write import summary, write_bundle, write_page
from modelwright.pipeline.split import split
from modelwright.pipeline.state import Judgement, State
from modelwright.privacy.ledger import ready
from modelwright.release.bundle import Predictor


@dataclass
class RunResult:
    """What a run leaves: its folder, the predictor that stands in its bundle, and the judgement."""

    folder: RunFolder
    predictor: Predictor
    judgement: Judgement
    facts: Facts


def run(
    config: RunConfig,
    source: Any,
    events: EventStream,
    *,
    folder: RunFolder,
    deadline: Deadline,
    resume: bool = False,
    lang: str = "en",
    look: float = 5.0,
    held: Any = None,
) -> RunResult:
    """Walk the whole path inside `deadline`; the report follows it, with explanations and figures of at most `look` seconds.

    `held` are official test rows in memory, for a run whose `config.test` names none.

    Raises a ModelwrightError for bad input before anything is written, LedgerError where no entry could be, BudgetTooSmall or Stopped where no model
    came to stand.
    """
    ready(folder.path, run=True)
    folder.claim()
    state = State(config, events, folder, deadline, resume)
    try:
        with alone(folder), unlocked(config.vault):
            facts = _walk(state, source, lang, look, held)
    except BaseException as e:
        give_up(state, e)
        raise
    records.enter(facts, folder)
    return RunResult(folder, state.predictor, state.judgement, facts)


def _walk(state: State, source: Any, lang: str, look: float, held: Any) -> Facts:
    """Walk the path and return the facts of the report."""
    config, events, folder = state.config, state.events, state.folder
    clock = Clock()
    with _heard(events, clock):
        concerns = Concerns(config, events, folder if state.resume else None)
        events.emit(StageStarted("data"))
        check_names(config)
        concerns.options_checked()
        with watched(state.deadline):
            state.data = get_data(config, source, events, concerns, held)
        split(state, concerns)
        settle(state, concerns)
        events.emit(data_note(state.data))
        begin(state, concerns)
        with folder.events.open("a", encoding="utf-8") as log, _heard(events, log_to(log)):
            climb(state)
            return_pages()  # what fits have freed is still with the process
            events.emit(StageStarted("evaluate"))
            decide(state, concerns)
            test_once(state, concerns)
            facts = facts_of(state, concerns)
            events.emit(StageStarted("bundle"))
            write_bundle(state.predictor, folder, facts)
            facts["seconds"]["bundle"] = time.monotonic() - state.started
            events.emit(StageStarted("report"))
            return_pages()  # figures come with a library of their own
            if state.deadline.stopped:
                events.note(
                    "You ended the run: the report has the scores, without figures and explanations.",
                    "运行由你终止：报告只有得分，不含图表与解释。",
                )
            facts = records.keep_facts(folder, deepen(state, facts, concerns, clock, seconds=look))
            write_page(folder, lang)
            events.emit(Done(summary(facts, folder)))
    return facts


@contextmanager
def _heard(events: EventStream, listener: Listener) -> Iterator[None]:
    """Let a listener hear the events of a block."""
    events.listen(listener)
    try:
        yield
    finally:
        events.forget(listener)
