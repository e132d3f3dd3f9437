"""Counters of what is told and kept, beside those of a service; each made once, however many versions come and go."""

from __future__ import annotations

from typing import Any

from prometheus_client import Counter

from modelwright.serve.counters import Labelled


def counter(service: Any, name: str, text: str, *labels: str) -> Labelled:
    """Return a counter of a service's release; `labels` are those behind the release."""
    counted = service.counted
    made = counted.all.__dict__.setdefault("_told", {})
    if name not in made:
        first = ["release"] if counted.release else []
        made[name] = Counter(name, text, [*first, *labels], registry=counted.all.registry)
    return Labelled(made[name], *counted.release)
