"""Differential privacy: a budget for what a model may tell of any one training row, and an attack tried on the model.

What is trained under a budget, and how the winner is chosen, is `tune/private.py`. The attack (membership inference) is tried
on every model, with a budget or without.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from modelwright.core.errors import ColumnError, OptionError
from modelwright.core.facts.run import Facts
from modelwright.core.judged import Judged, Metric, judge
from modelwright.core.privacy_budget import Look, epsilon_of
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.evaluate import membership
from modelwright.pipeline.concerns.base import Concern
from modelwright.pipeline.state import Data, State
from modelwright.release.bundle import Predictor
from modelwright.tune.private import PrivatePlan, check_private, plan_privately, private_facts, private_target

_CHUNK = 256  # rows scored between two looks at the clock


class DifferentialPrivacy(Concern):
    """The privacy budget of a run, where there is one, and what its training rows can be told by."""

    name = "differential_privacy"
    plan: PrivatePlan | None = None  # None where no budget was given

    def options_checked(self) -> None:
        check_private(self.config)

    def schema_inferred(self, schema: Schema) -> Schema:
        """Write bounds at their columns. Raises ColumnError for columns without numbers, OptionError for bounds that cannot be
        read."""
        changes: dict[str, dict[str, Any]] = {}
        for name, text in self.config.bounds.items():
            low, high = _bounds(name, text)
            if schema[name].modality != "number":
                raise ColumnError(
                    f"--bounds are for numbers; `{name}` is of modality {schema[name].modality}.",
                    f"--bounds 仅用于数值列；`{name}` 的模态为 {schema[name].modality}。",
                )
            changes[name] = {"options": {**schema[name].options, "bounds": [low, high]}}
        return schema.with_columns(changes)

    def knows_metric(self, name: str) -> bool:
        return name == "epsilon"

    def data_checked(self, data: Data) -> None:
        """Keep no values for forms: they are counted without noise."""
        if self.config.epsilon is not None:
            bare = {
                c.name: {"options": {k: v for k, v in c.options.items() if k != "choices"}}
                for c in data.table.schema.inputs
            }
            data.table = data.table.with_schema(data.table.schema.with_columns(bare))

    def target_fitted(self, state: State) -> None:
        """Plan what the budget is spent on, and count answers with noise. Raises OptionError where the task or rows do not fit."""
        ledger = state.folder.data / "epsilon.json"
        train, target = state.validation.parts[0][0], state.parts.target
        plan = state.plan = self.plan = plan_privately(self.config, state.task, train, target, ledger, state.resume)
        if plan is not None:
            state.reuses_rows = False
            state.parts.target = state.validation.target = private_target(target, train, plan)

    def metric(self, name: str) -> Metric | None:
        """Return the metric `epsilon`. Raises OptionError where there is no budget."""
        if name != "epsilon":
            return None
        plan = self.plan
        if plan is None:
            raise OptionError(
                "A gate on epsilon needs a privacy budget: --epsilon 3",
                "关于 epsilon 的条件需要隐私预算：--epsilon 3",
            )
        title = Words("epsilon spent", "已用的 epsilon")
        return Metric("epsilon", title, False, lambda judged: plan.spending.spent, high=np.inf)

    def folder_made(self, state: State) -> None:
        if self.plan is not None:
            self.plan.begin()

    def predictor_made(self, state: State) -> None:
        """Keep what groups are made of out of a private bundle."""
        if self.plan is None:
            return
        schema = state.predictor.schema
        bare: dict[str, dict[str, Any]] = {
            n: {"options": {}} for n in self.config.sensitive if schema[n].role == "sensitive"
        }
        state.predictor.schema = schema.with_columns(bare)

    def facts_told(self, state: State, facts: Facts) -> None:
        """Tell what was spent, by candidate and in all."""
        if self.plan is None:
            return
        told = private_facts(self.plan)
        if told is not None:
            facts["privacy"] = told
        spent = {c.name: c.models[0].extent.get("private") for c in state.outcome.candidates}
        for row in facts["leaderboard"]:
            look = spent.get(row["name"])
            if row.get("status") == "ok":
                row["epsilon"] = epsilon_of([Look(**look)], self.plan.spending.delta) if look else 0.0

    def report_deepened(self, state: State, facts: Facts) -> None:
        """Try the attack on membership, where each row has a loss of its own."""
        if state.deadline.stopped or not state.parts.target.compares_groups:
            return
        whole = facts["refitted"] or len(state.validation.splits) > 1
        members = state.parts.develop if whole else state.validation.parts[0][0]
        found = _attacked(state.predictor, membership.members_of(members), state.judged, self._apart(state))
        if found is not None:
            facts["membership"] = found.to_json()

    def _apart(self, state: State) -> bool:
        """Whether test rows differ from training rows by more than chance."""
        c = self.config
        return bool(state.parts.official or c.group or c.time or c.split != "random")


def _bounds(name: str, text: str) -> tuple[float, float]:
    low, dots, high = str(text).partition("..")
    try:
        found = float(low), float(high)
    except ValueError:
        dots = ""
    if not dots or not found[0] < found[1]:
        raise OptionError(
            f"Expected --bounds {name}=LOW..HIGH, such as {name}=0..100, received `{text}`.",
            f"应写作 `--bounds {name}=下限..上限`，例如 {name}=0..100，收到的是 `{text}`。",
        )
    return found


def _attacked(predictor: Predictor, members: Table, judged: Judged, apart: bool) -> membership.Membership | None:
    """Return what the attack on membership finds on as many training rows as can be answered in two seconds."""
    if not membership.attackable(predictor.target):
        return None
    shuffled = members.take(np.random.default_rng(0).permutation(len(members)))
    until = time.monotonic() + 2.0
    parts: list[np.ndarray] = []
    for start in range(0, len(shuffled), _CHUNK):
        if parts and time.monotonic() > until:
            break
        some = shuffled.take(np.arange(start, min(start + _CHUNK, len(shuffled))))
        column = some.schema.target
        truth = some.column(column.name if column else "")
        parts.append(membership.losses(judge(predictor.target, truth, predictor.scores(some), some.rows)))
    return membership.attack(np.concatenate(parts), membership.losses(judged), apart=apart) if parts else None
