"""Where the time of a run went, by stage and by model, read off its events; what failed counts too."""

from __future__ import annotations

import time

from modelwright.core.events import CandidateDone, CandidateFailed, Event, Probing, StageStarted, Working
from modelwright.core.facts.run import TimeFacts


class Clock:
    """A listener that adds up the seconds between events: to the stage, and to the model that was worked on."""

    def __init__(self, first: str = "data") -> None:
        self.stages: dict[str, float] = {}
        self.models: dict[str, dict[str, float]] = {}
        self._stage, self._since = first, time.monotonic()
        self._who, self._what, self._began = "", "", self._since

    def __call__(self, event: Event) -> None:
        if isinstance(event, StageStarted):
            self._turn()
            self._leave()
            self._stage = event.stage
        elif isinstance(event, Probing):
            self._leave()
            self._who, self._what = event.who, "probe"
        elif isinstance(event, Working):
            self._leave()
            self._who, self._what = event.who, event.what
        elif isinstance(event, (CandidateDone, CandidateFailed)):
            self._leave()

    def _turn(self) -> None:
        now = time.monotonic()
        self.stages[self._stage] = self.stages.get(self._stage, 0.0) + now - self._since
        self._since = now

    def _leave(self) -> None:
        now = time.monotonic()
        if self._who:
            spent = self.models.setdefault(self._who, {})
            spent[self._what] = spent.get(self._what, 0.0) + now - self._began
        self._who, self._what, self._began = "", "", now

    def to_json(self) -> TimeFacts:
        """Return seconds by stage, in their order, and by model and kind of work, up to now."""
        self._turn()
        self._leave()
        return {
            "stages": {k: round(v, 3) for k, v in self.stages.items()},
            "models": {k: {w: round(s, 3) for w, s in v.items()} for k, v in self.models.items()},
        }
