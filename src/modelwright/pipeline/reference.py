"""What the bundle keeps of a run's data, so that other data is noticed once the model serves."""

from __future__ import annotations

from typing import Any

from modelwright.core.budget import parse_duration
from modelwright.core.judged import Judged
from modelwright.pipeline.state import State

_SECONDS, _SHARE = 4.0, 0.02  # at most this long, and this share of the budget
_BRIEF = 0.1  # seconds after a stop


def reference_of(state: State) -> dict[str, Any] | None:
    """Return the reference of the development rows, and of the answers to the test rows, as JSON; None where rows may not serve again.

    The test rows were read already, after the choice: what is counted here chooses nothing.
    """
    if not state.reuses_rows:  # under differential privacy all that is kept of rows is accounted for
        return None
    from modelwright.evaluate.drift.reference import make_reference

    seconds = min(_SECONDS, _SHARE * parse_duration(state.config.budget))
    if state.deadline.stopped:  # whoever ended the run is waiting
        seconds = min(seconds, _BRIEF)
    answers = answers_of(state.judged)
    made = make_reference(state.parts.develop, state.predictor.schema, answers, seed=state.config.seed, seconds=seconds)
    return made.to_json()


def answers_of(judged: Judged) -> Any:
    """Return the reader of answers from judged rows that the model was not trained on."""
    from modelwright.evaluate.drift.answers import fit_answers

    said = judged.answers
    answers: list[dict[str, Any]] = [{"prediction": p} for p in said.predictions]
    if said.confidence is not None:
        for answer, sure in zip(answers, said.confidence.tolist()):
            answer["confidence"] = sure
    target = judged.target
    if not target.one_label:
        return fit_answers(answers)
    return fit_answers(answers, target.labels, [target.labels[t] for t in judged.truth.tolist()])
