"""Further models of the winners under other seeds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from clock_made import own_time
from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.answers.objects import ObjectsCodec
from modelwright.core.budget import Deadline
from modelwright.tune import twins
from modelwright.tune.candidate import Candidate
from tune.made import rows, some


@pytest.fixture(autouse=True)
def _own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """How busy the machine is changes nothing."""
    own_time(monkeypatch)


@pytest.mark.parametrize(("made", "models"), [(False, 4), (True, 1)])
def test_answers_that_are_made_get_no_twins(monkeypatch: Any, made: bool, models: int) -> None:
    recipe = type("Seeded", (type(some("some")),), {"seeded": True})(0.8, 0.0, None, None, 0)
    target = ObjectsCodec("some") if made else ClassesCodec(["a", "b"], [2, 2])
    scores = np.full((4, 1), "text", object) if made else np.full((4, 2), 0.5)
    winner = Candidate("some", "some", {}, [object()], scores, 0.5, 0.1, 0.1, 0, refitted=True)  # type: ignore[list-item]
    monkeypatch.setattr(twins, "get_recipe", {"some": recipe}.__getitem__)
    monkeypatch.setattr(twins, "on_torch", lambda r: False)
    monkeypatch.setattr(twins, "refit", lambda c, *a, **k: Candidate(**{**c.__dict__, "models": [object()]}))
    twins.add_twins(
        [(1.0, winner)], rows(), target, lambda *a, **k: None, Deadline.after(60), None, lambda ms: 0.1, {"some": 0.0}
    )  # type: ignore[arg-type,return-value]
    assert len(winner.models) == models
