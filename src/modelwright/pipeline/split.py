"""From rows to parts: what trains and validates, what tests, and the splits that candidates are compared on."""

from __future__ import annotations

from modelwright.pipeline.concerns.base import Concern
from modelwright.pipeline.state import State
from modelwright.tune import resumed
from modelwright.tune.bases import bases_for
from modelwright.tune.candidate import Validation
from modelwright.tune.parts import split_data, told_of


def split(state: State, concerns: Concern) -> None:
    """Split the rows so that nothing leaks, or as they were split when a run that goes on began; and fit the target codec.

    Raises DataError where the rows are too few or not those that the run began with, OptionError for options that do not fit.
    """
    config, data = state.config, state.data
    state.bases = bases_for(config, data.table)
    began = None
    if state.resume:
        began = resumed.begun(state.folder, config, data.seen)
    else:
        resumed.check_fresh(state.folder)
    state.parts = split_data(config, data.table, data.test, data.aside, data.task, state.deadline.remaining(), began)
    data.findings[:0] = told_of(state.parts)
    concerns.parts_split(state)
    state.validation = Validation(state.parts.develop, state.parts.target, data.metric, state.parts.splits)
    concerns.target_fitted(state)
