"""The routes `/drift` and `/drift/state`: whether what is asked and answered is still like the training data."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from fastapi import FastAPI, Request, Response
from prometheus_client import Gauge

from modelwright.core.errors import ModelwrightError
from modelwright.core.words import Words
from modelwright.evaluate.drift.reference import Reference
from modelwright.improve.drift.page import STYLE, page
from modelwright.improve.drift.state import DriftState, labels_words, performance_words, summary
from modelwright.serve.guard import answer_json
from modelwright.serve.limits import Refused
from modelwright.serve.page import lang_of, login_page, page_of

ROLES = {"/drift": "viewer", "/drift/state": "viewer"}
NO_REFERENCE = Words(
    "The bundle has no reference of its training data. Make one from a table that is like it: modelwright drift NAME FILE --make-reference",
    "模型包中没有训练数据的参照。请用与训练数据同类的表格生成：modelwright drift 名称 文件 --make-reference",
)
log = logging.getLogger("modelwright")


def add(app: FastAPI, service: Any) -> None:
    """Add the routes, and watch what is answered where the bundle, or the service's home, has a reference."""
    store = _store(service)
    reference = _reference(service, store)
    watched = None if reference is None else _watch(app, service, store, reference)
    app.state.forms = {*getattr(app.state, "forms", ()), "/drift"}

    async def facts() -> dict[str, Any]:
        about = {"name": service.predictor.name, "version": service.predictor.version}
        if watched is None:
            return {**about, "reference": False, "why": NO_REFERENCE._asdict()}
        try:
            return about | await asyncio.to_thread(_facts, watched, store)
        except ModelwrightError as e:
            raise Refused(503, "away", e.words, retry=5) from e

    @app.get("/drift/state", summary="What has drifted, as JSON")
    async def state() -> Response:
        return answer_json(await facts())

    @app.get("/drift", include_in_schema=False)
    async def drift(request: Request) -> Response:
        lang = lang_of(request, "en")
        if request.scope["key"] is None:
            return login_page(lang, wrong=False)
        return page_of(page(await facts(), lang), lang, more_style=STYLE)


def _store(service: Any) -> Any:
    """Return where drift is kept; None where the service has no home, or the extra for databases is missing."""
    if service.home is None:
        return None
    try:
        from modelwright.improve.drift.store import DriftStore
    except ModelwrightError:
        return None
    return DriftStore(service.home.url, service.home.name)


def _reference(service: Any, store: Any) -> Reference | None:
    """Return the reference of the bundle, else one that was made later."""
    held = service.predictor.reference
    try:
        if held is not None:
            return Reference.from_json(held)
        from pathlib import Path

        from modelwright.release.registry.places import file_of

        # no database is made just to find nothing in it
        place = file_of(service.home.url) if store is not None else Path()
        if store is None or (place is not None and not place.is_file()):
            return None
        found: Reference | None = store.reference(service.home.version)
        return found
    except (KeyError, ValueError, TypeError) as e:
        log.warning("the reference of drift cannot be read (%s) 无法读取漂移参照", e)
    except ModelwrightError as e:
        log.warning("%s %s", e.words.en, e.words.zh)
    return None


def _watch(app: FastAPI, service: Any, store: Any, reference: Reference) -> Any:
    """Return the monitor of a release, which hears of all answers from now on."""
    from modelwright.improve.drift.monitor import Monitor

    target = teller = None
    if store is not None:
        from modelwright.improve.drift.webhook import Teller, target_of

        target = target_of()
    monitor = Monitor(reference, service.predictor.version, store, tell=target is not None)
    if getattr(service, "keep", None) is not None and getattr(service, "feedback", None) is not None:
        monitor.mark = service.feedback.mark  # the page for review lists the strangest of the requests that are kept
    ends = [monitor.stop]
    if target is not None:
        teller = Teller(store, target)
        monitor.began.append(lambda alarm: teller.wake())
        ends.append(teller.stop)
    effects = service.counted.also(
        Gauge, "modelwright_drift_effect", "Change of a column against training, 0 to 1", "column"
    )
    standing = service.counted.also(Gauge, "modelwright_drift_alarm", "Whether a column has drifted", "column")
    rows = service.counted.also(Gauge, "modelwright_drift_rows", "Rows looked at for drift")
    accuracy = service.counted.also(
        Gauge, "modelwright_expected_accuracy", "Share of right answers to expect, without labels"
    )

    def tell(state: DriftState) -> None:
        for v in state.verdicts():
            name = v.name if v.role == "input" else f"answer:{v.name}"
            effects.labels(name).set(v.effect)
            standing.labels(name).set(v.state == "drifted")
        rows.labels().set(state.watch.rows)
        found = state.performance()
        accuracy.labels().set(found.accuracy if found is not None and found.known else float("nan"))

    monitor.seen.append(tell)
    service.observers.append(monitor.observe)
    app.state.at_end = [*getattr(app.state, "at_end", ()), *ends]
    return monitor


def _facts(monitor: Any, store: Any) -> dict[str, Any]:
    state = monitor.state()
    performance, labels = state.performance(), state.labels()
    told = labels_words(labels) if labels is not None else None
    return {
        "reference": True,
        "rows": state.watch.rows,
        "skipped": state.skipped,
        **summary(state.verdicts(), performance, labels),
        "performance_words": performance_words(performance)._asdict() if performance is not None else None,
        "labels_words": told._asdict() if told is not None else None,
        "alarms": [a.to_json() for a in store.alarms(monitor.version)] if store is not None else [],
    }
