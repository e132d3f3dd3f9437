"""Time that the end of a climb sets aside."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from .made import planner, some


@pytest.mark.parametrize(("left", "expected"), [(100.0, {"quick", "slow"}), (21.0, {"quick", "slow"}), (15.0, {"quick"}), (0.5, set())])  # fmt: skip
def test_no_time_is_set_aside_for_a_refit_that_would_not_be_begun(
    monkeypatch: Any, left: float, expected: set[str]
) -> None:
    plan, _ = planner(monkeypatch, [some("quick"), some("slow")])
    monkeypatch.setattr(type(plan), "left", lambda self: left)
    seconds = {"quick": 2.0, "slow": 20.0}
    members = [SimpleNamespace(name=n, recipe=n, fit_seconds=s, models=[]) for n, s in seconds.items()]
    winner: Any = [(0.5, m) for m in reversed(members)]
    once = {m.name: plan.end._once(m) for m in members}  # type: ignore[arg-type]
    assert once["quick"] < 4
    assert once["slow"] > 25
    assert plan.end.refit_seconds(winner) == pytest.approx(sum(once[n] for n in expected))


@pytest.mark.parametrize(("recipe", "left", "again"), [("long", 30.0, True), ("long", 22.0, True), ("long", 15.0, False), ("usual", 20.0, True), ("usual", 10.0, False)])  # fmt: skip
def test_a_long_fit_is_repeated_only_where_most_of_one_has_time(
    monkeypatch: Any, recipe: str, left: float, again: bool
) -> None:
    plan, _ = planner(monkeypatch, [some("long"), some("usual")])
    monkeypatch.setattr(type(plan), "left", lambda self: left)
    monkeypatch.setattr("modelwright.tune.finish.get_recipe", lambda name: some(name))
    done = SimpleNamespace(name="done", seconds=0.0)
    monkeypatch.setattr("modelwright.tune.finish.refit", lambda *args: done)
    plan.end.kept.add("long")
    first: Any = SimpleNamespace(name=recipe, recipe=recipe, fit_seconds=20.0, seconds=20.0, models=[])
    assert 20.0 < plan.end._once(first) < 30.0
    assert (plan.end._refit(first) is done) == again


@pytest.mark.parametrize(("best", "share"), [(90, 0.9), (20, 0.7), (100, 1.0)])
def test_a_refit_is_reckoned_with_the_epochs_that_it_takes(monkeypatch: Any, best: int, share: float) -> None:
    plan, _ = planner(monkeypatch, [some("long")])

    def fitted(models: list[Any]) -> Any:
        return SimpleNamespace(name="long", recipe="long", fit_seconds=1000.0, models=models)

    model = SimpleNamespace(extent={"epochs": best}, history=[{}] * 100, borrowed=0.0)
    whole = plan.end._once(fitted([]))
    assert plan.end._once(fitted([model])) == pytest.approx(share * whole, rel=1e-3)
    trees = SimpleNamespace(extent={"rounds": [best]}, history=[{}] * 100, borrowed=0.0)
    assert plan.end._once(fitted([trees])) == whole
