"""What to try next: Optuna over a recipe's search space (grid, random, or TPE), with Hyperband for what learns in steps."""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelwright.core.budget import Deadline
from modelwright.core.errors import ModelwrightError
from modelwright.core.events import Event, Step
from modelwright.core.recipe import Axis, Choice, Options


@dataclass
class Proposal:
    """Options to try; `trial` is Optuna's handle."""

    options: Options
    trial: Any


class Search:
    """Proposes options for one recipe and learns from what they scored. Needs the extra `tune`.

    With `together` several proposals are under way at once: those that nothing is known of yet count as bad, so that they lie apart.
    """

    def __init__(
        self, base: Options, space: Mapping[str, Axis], method: str, seed: int, *, together: bool = False
    ) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._base, self._space = base, dict(space)
        samplers = {
            "tpe": lambda: optuna.samplers.TPESampler(seed=seed, n_startup_trials=6, constant_liar=together),
            "random": lambda: optuna.samplers.RandomSampler(seed=seed),
            "grid": lambda: optuna.samplers.GridSampler({k: _points(a) for k, a in space.items()}, seed=seed),
        }
        self._study = optuna.create_study(
            direction="maximize",
            sampler=samplers[method](),
            pruner=optuna.pruners.HyperbandPruner(min_resource=2, max_resource=64),
        )
        self._tried: set[str] = set()
        self._grid_left = None if method != "grid" else _product([len(_points(a)) for a in space.values()])

    def known(self, options: Mapping[str, Any], value: float) -> None:
        """Tell the search of a candidate that was trained outside it."""
        import optuna

        params = {k: options[k] for k in self._space if k in options}
        try:
            trial = optuna.trial.create_trial(
                params=params, distributions={k: _distribution(self._space[k]) for k in params}, value=value
            )
        except ValueError:  # outside the space: nothing to learn from
            return
        self._study.add_trial(trial)
        self._tried.add(str(sorted(params.items())))

    def ask(self) -> Proposal | None:
        """Return options not tried yet; None once the space is used up."""
        for _ in range(20):
            if self._grid_left == 0:
                return None
            if self._grid_left is not None:
                self._grid_left -= 1
            trial = self._study.ask()
            chosen = {name: _suggest(trial, name, axis) for name, axis in self._space.items()}
            key = str(sorted(chosen.items()))
            if key in self._tried:
                self._study.tell(trial, state=_pruned())
                continue
            self._tried.add(key)
            return Proposal(type(self._base)(**{**self._base.model_dump(), **chosen}), trial)
        return None

    def tell(self, proposal: Proposal, value: float | None) -> None:
        """Report what the options scored (more is better); None where the fit failed or was cut short."""
        if value is None:
            self._study.tell(proposal.trial, state=_pruned())
        else:
            self._study.tell(proposal.trial, value)

    def watch(self, proposal: Proposal, name: str, deadline: Deadline) -> Pruner:
        """Return a listener that stops the fit's own deadline once Hyperband gives the trial up."""
        return Pruner(proposal.trial, name, deadline)


class Pruner:
    """Listens to a fit's epochs (Step events with a `valid` score, more is better) and cuts it short."""

    def __init__(self, trial: Any, name: str, deadline: Deadline) -> None:
        self.trial, self.name, self.deadline, self.pruned = trial, name, deadline, False
        self._epoch = 0

    def __call__(self, event: Event) -> None:
        if isinstance(event, Step) and event.who == self.name and "valid" in event.scores and not self.pruned:
            self._epoch += 1
            self.trial.report(event.scores["valid"], self._epoch)
            if self.trial.should_prune():
                self.pruned = True
                self.deadline.stop()


def available() -> bool:
    """Whether the extra `tune` is installed."""
    return importlib.util.find_spec("optuna") is not None


def _pruned() -> Any:
    from optuna.trial import TrialState

    return TrialState.PRUNED


def _suggest(trial: Any, name: str, axis: Axis) -> Any:
    if isinstance(axis, Choice):
        return trial.suggest_categorical(name, list(axis.values))
    if axis.whole:
        return trial.suggest_int(name, int(axis.low), int(axis.high), log=axis.log)
    return trial.suggest_float(name, axis.low, axis.high, log=axis.log)


def _distribution(axis: Axis) -> Any:
    from optuna import distributions

    if isinstance(axis, Choice):
        return distributions.CategoricalDistribution(list(axis.values))
    if axis.whole:
        return distributions.IntDistribution(int(axis.low), int(axis.high), log=axis.log)
    return distributions.FloatDistribution(axis.low, axis.high, log=axis.log)


def _points(axis: Axis, count: int = 3) -> list[Any]:
    """Return the grid's points on an axis: all values, or the ends and the middle."""
    if isinstance(axis, Choice):
        return list(axis.values)
    if axis.log:
        points = [axis.low * (axis.high / axis.low) ** (i / (count - 1)) for i in range(count)]
    else:
        points = [axis.low + (axis.high - axis.low) * i / (count - 1) for i in range(count)]
    points[0], points[-1] = axis.low, axis.high
    return sorted({round(p) for p in points}) if axis.whole else points


def _product(sizes: list[int]) -> int:
    out = 1
    for s in sizes:
        out *= s
    return out


def pick_recipe(values: Mapping[str, float], seconds: Mapping[str, float], turn: random.Random) -> str:
    """Return which recipe to tune next: mostly the best one, at times the runners-up.

    `values` are the best scores by recipe (more is better). Raises ModelwrightError where there is none.
    """
    if not values:
        raise ModelwrightError("No recipe to tune.", "没有可调优的方案。")
    order = sorted(values, key=lambda n: values[n], reverse=True)
    draw = turn.random()
    return order[0] if draw < 0.55 or len(order) == 1 else order[1] if draw < 0.85 or len(order) == 2 else order[2]
