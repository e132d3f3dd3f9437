"""Where the time went: every second belongs to one stage, and to the model that was worked on, failed ones too."""

from __future__ import annotations

import pytest

from modelwright.core import clock
from modelwright.core.events import CandidateFailed, Probing, StageStarted, Working
from modelwright.core.words import Words


def test_seconds_go_to_stage_and_model(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(clock.time, "monotonic", lambda: now[0])
    watch = clock.Clock()

    def after(seconds, event):
        now[0] += seconds
        watch(event)

    after(2, StageStarted("train"))
    after(1, Probing("trees", "trees"))
    after(3, Working("trees", "trees", "fit", 1, 5))
    after(4, CandidateFailed("trees", Words("time ran out", "时间已用尽")))
    after(5, StageStarted("evaluate"))
    now[0] += 6
    found = watch.to_json()
    assert found["stages"] == pytest.approx({"data": 2, "train": 13, "evaluate": 6})
    assert found["models"] == {"trees": {"probe": 3.0, "fit": 4.0}}
