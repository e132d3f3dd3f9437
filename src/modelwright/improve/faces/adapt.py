"""The route `/adapt` and its metrics: what learning between retrainings does, where the service was started with --adapt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from fastapi import FastAPI, Response
from prometheus_client import Gauge

from modelwright.privacy.ledger import model_id
from modelwright.serve.guard import answer_json

ROLES = {"/adapt": "viewer"}
_METRICS = {
    "modelwright_adapt_used": "Whether the head that learns from feedback is used (1) or not (0)",
    "modelwright_adapt_updates": "Pieces of feedback that it has learnt from",
    "modelwright_adapt_falls": "Times that it did worse than the model alone and was emptied",
    "modelwright_adapt_gain": "Share right with the head less that of the model alone, over the last pieces of feedback",
}

_MADE: WeakKeyDictionary[Any, dict[str, Gauge]] = (
    WeakKeyDictionary()
)  # of the versions of a name, which share their counters


def add(app: FastAPI, service: Any) -> None:
    """Add the route, and let the model learn from feedback. Raises OptionError for a model that cannot be adapted."""
    if not getattr(service, "adapt", False) or service.home is None:
        return
    from modelwright.improve.adapting import Adapting
    from modelwright.improve.online import refuse
    from modelwright.serve.feedback.store import Feedback

    predictor, home = service.predictor, service.home
    private = bool((predictor.card or {}).get("privacy"))
    refuse(predictor.target, private, any(m.remote for _, m in predictor.members))
    folder = home.folder / "adapt" / str(home.version)
    model = "" if service.bundle is None else model_id(service.bundle) or ""
    service.adapting = adapting = Adapting(predictor, Feedback(home.url, home.name), folder, model)
    service.observers.append(adapting.observe)
    app.state.at_start = [*getattr(app.state, "at_start", ()), adapting.begin]
    app.state.at_end = [*getattr(app.state, "at_end", ()), adapting.end, _measure(service, adapting)]

    @app.get("/adapt", summary="What learning from feedback between retrainings does")
    async def adapt() -> Response:
        return answer_json({"release": f"{home.name}/{home.version}", **adapting.head.state.to_json()})


def _measure(service: Any, adapting: Any) -> Callable[[], None]:
    """Let `/metrics` tell how the head does; return what ends that, so that the model can be let go."""
    registry, release = service.counted.all.registry, service.counted.release

    def gain() -> float:
        state = adapting.head.state
        return float(state.adapted - state.alone) if state.compared else 0.0

    told: dict[str, Callable[[], float]] = {
        "modelwright_adapt_used": lambda: float(adapting.head.state.status == "used"),
        "modelwright_adapt_updates": lambda: float(adapting.head.state.updates),
        "modelwright_adapt_falls": lambda: float(adapting.head.state.falls),
        "modelwright_adapt_gain": gain,
    }
    names = ["release"] if release else []
    made = _MADE.setdefault(registry, {})
    for name, value in told.items():
        if name not in made:
            made[name] = Gauge(name, _METRICS[name], names, registry=registry)
        (made[name].labels(*release) if names else made[name]).set_function(value)

    def forget() -> None:
        for gauge in made.values() if names else ():
            gauge.remove(*release)

    return forget
