"""Experiments are kept in the registry, one at a time, and compare by feedback of their own time."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from modelwright.core.errors import OptionError, RegistryError
from modelwright.improve.experiments import Experiments, result_json, verdict_words


@dataclass
class Told:
    id: str
    kind: str
    value: Any
    version: str
    answered_at: float | None
    told_at: float = 0.0
    correct: bool | None = None
    error: float | None = None
    subject: str | None = None


def thumbs(began: float, rates: tuple[float, float], count: int = 400) -> list[Told]:
    rng = np.random.default_rng(1)
    return [
        Told(f"{v}.{i}", "thumb", bool(rng.random() < rate), str(v), began + i + 1)
        for v, rate in zip((1, 2), rates, strict=True)
        for i in range(count)
    ]


def test_an_experiment_is_started_compared_and_ended(registry):
    experiments = Experiments(registry)
    assert experiments.all("desk") == []
    made = experiments.start("desk", 2)
    assert experiments.running("desk") == made
    assert (made.first, made.second, made.effect) == (1, 2, 0.05)
    found = made.compared(thumbs(made.began, (0.5, 0.9)))
    assert found.verdict == "better"
    assert "desk 2 is better" in verdict_words(made, result_json(found)).en
    before = registry.revision()
    ended = experiments.end("desk", found, "clear")
    assert registry.revision() > before
    assert ended.result is not None
    assert ended.result["verdict"] == "better"
    assert experiments.running("desk") is None
    assert experiments.all("desk") == [ended]
    json.dumps(ended.result, allow_nan=False)
    assert experiments.start("desk", 2).number == 2


def test_feedback_of_another_time_kind_or_version_does_not_count(registry):
    made = Experiments(registry).start("desk", 2)
    told = thumbs(made.began - 10_000, (0.1, 0.9))
    told += [Told("x", "answer", "a", "1", made.began + 5, correct=True), Told("y", "thumb", True, "7", made.began + 5)]
    found = made.compared(told)
    assert (found.first.values, found.second.values, found.verdict) == (0, 0, "early")
    assert "Too early" in verdict_words(made, result_json(found)).en


def test_of_several_about_one_answer_the_latest_counts_and_subjects_are_units(registry):
    made = Experiments(registry).start("desk", 2)
    at = made.began + 1
    told = [Told("a", "thumb", True, "1", at), Told("a", "thumb", False, "1", at)]
    told += [Told(f"b{i}", "thumb", True, "2", at, subject="anna") for i in range(5)]
    found = made.compared(told)
    assert (found.first.units, found.first.mean) == (1, 0.0)
    assert (found.second.units, found.second.values) == (1, 5)


def test_of_errors_less_is_better(registry):
    made = Experiments(registry).start("desk", 2, metric="error", effect=1.0)
    rng = np.random.default_rng(0)
    told = [
        Told(f"{v}.{i}", "answer", 1.0, str(v), made.began + 1, error=float(rng.normal(0, 9 if v == 1 else 1)))
        for v in (1, 2)
        for i in range(300)
    ]
    found = made.compared(told)
    assert found.verdict == "worse"
    assert verdict_words(made, result_json(found)).en.startswith("desk 2 is better")


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        (("desk", 1), RegistryError, "is the champion"),
        (("desk", 9), RegistryError, "no version 9"),
        (("dusk", 2), RegistryError, "dusk"),
        (("desk", 2, {"metric": "thumb"}), OptionError, "thumbs"),
        (("desk", 2, {"metric": "outcome"}), OptionError, "--effect"),
        (("desk", 2, {"effect": 1.5}), OptionError, "less than 1"),
        (("desk", 2, {"alpha": 0.0}), OptionError, "--alpha"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(registry, arguments, error, said):
    *given, options = arguments if isinstance(arguments[-1], dict) else (*arguments, {})
    with pytest.raises(error, match=said) as caught:
        Experiments(registry).start(*given, **options)
    assert caught.value.words.zh
    assert Experiments(registry).all("desk") == []


def test_one_at_a_time_and_none_to_end(registry):
    experiments = Experiments(registry)
    with pytest.raises(RegistryError, match="No experiment"):
        experiments.end("desk", None)
    experiments.start("desk", 2)
    with pytest.raises(RegistryError, match="runs already"):
        experiments.start("desk", 2)
