"""What `/metrics` answers: the counters of all workers of a service together, of one name or of several.

Counters and histograms are added up. A gauge is combined as its `multiprocess_mode` says ("sum", "min", "max"), by the
largest where it says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from fastapi import Response
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.metrics_core import Metric
from starlette.datastructures import Headers

from modelwright.core.words import Words
from modelwright.serve.guard import error_json, given_key
from modelwright.serve.limits import Refused

if TYPE_CHECKING:
    from modelwright.serve.workers.peers import Gathered, Peers

_TYPE = "text/plain; version=0.0.4"
_ADDED = ("sum", "livesum")
peers: Peers | None = None  # of a worker process: the other ones

Families = list[dict[str, Any]]


async def answer(service: Any) -> Response:
    """Return the counters of a service, those of its other workers added."""
    name = service.predictor.name if service.counted.release else ""
    others = await _others()
    parts = [read(service.counted.all.registry), *(told.get(name, []) for told in others.found), _of_workers(others)]
    return Response(text(parts), media_type=_TYPE)


async def answer_common(live: Any, headers: Headers) -> Response:
    """Return the counters of all names that a key may see, each series with its `name`."""
    given, known = given_key(headers), False
    mine = []
    for name, named in live.names.items():
        key = named.current.service.keys.key(given)
        known = known or key is not None
        if key is not None and key.covers(name, str(named.current.release.version)) and key.may("viewer"):
            mine.append(name)
    if not mine:
        if known:
            words = Words("This key is not for this release.", "此密钥不适用于该发布版本。")
            return error_json(headers, Refused(403, "scope", words))
        en = "A key is needed: send the header `Authorization: Bearer KEY`."
        return error_json(
            headers, Refused(401, "key", Words(en, "需要密钥：请发送请求头 `Authorization: Bearer KEY`。"))
        )
    others = await _others()
    own = registries(live)
    parts = [
        _labelled(families, name)
        for name in mine
        for families in (read(own[name]), *(told.get(name, []) for told in others.found))
    ]
    return Response(text([*parts, _of_workers(others)]), media_type=_TYPE)


def registries(service: Any) -> dict[str, CollectorRegistry]:
    """Return the counters of an application's service by name; by "" where a folder is served."""
    names = getattr(service, "names", None)
    if isinstance(names, Mapping):
        return {name: named.current.service.counted.all.registry for name, named in names.items()}
    counted = getattr(service, "counted", None)
    return {} if counted is None else {"": counted.all.registry}


def told(app: Any) -> dict[str, Families]:
    """Return all counters of this process as JSON values, by name."""
    return {name: read(registry) for name, registry in registries(getattr(app.state, "service", None)).items()}


def read(registry: CollectorRegistry) -> Families:
    """Return the families of a registry as JSON values; `how` says by what a gauge is combined with those of others."""
    # the library keeps no public way from a family to the metric that made it
    modes = {getattr(c, "_name", ""): getattr(c, "_multiprocess_mode", "") for c in registry._collector_to_names}
    return [
        {
            "name": family.name,
            "doc": family.documentation,
            "type": family.type,
            "how": modes.get(family.name, ""),
            "samples": [(s.name, s.labels, s.value) for s in family.samples],
        }
        for family in registry.collect()
    ]


def text(parts: Iterable[Families]) -> bytes:
    """Return families of several processes and names in Prometheus' text format, each series once."""
    families: dict[str, dict[str, Any]] = {}
    values: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]] = {}
    for family in (f for part in parts for f in part):
        families.setdefault(family["name"], family)
        found = values.setdefault(family["name"], {})
        for name, labels, value in family["samples"]:
            key = (name, tuple(labels.items()))
            found[key] = _combined(family, name, found[key], value) if key in found else value
    return generate_latest(_Page(families, values))


class _Page:
    """What the library writes out: something with `collect`."""

    def __init__(self, families: dict[str, dict[str, Any]], values: dict[str, dict[Any, float]]) -> None:
        self._families, self._values = families, values

    def collect(self) -> Iterable[Metric]:
        for name, family in self._families.items():
            metric = Metric(name, family["doc"], family["type"])
            for (sample, labels), value in self._values[name].items():
                metric.add_sample(sample, dict(labels), value)
            yield metric


def _combined(family: dict[str, Any], name: str, one: float, other: float) -> float:
    if name.endswith("_created"):
        return min(one, other)
    if family["type"] != "gauge" or family["how"] in _ADDED:
        return one + other
    return min(one, other) if family["how"] in ("min", "livemin") else max(one, other)


def _labelled(families: Families, name: str) -> Families:
    return [
        {**family, "samples": [(n, {"name": name, **labels}, value) for n, labels, value in family["samples"]]}
        for family in families
    ]


async def _others() -> Gathered:
    from modelwright.serve.workers.peers import Gathered

    return await peers.gather("metrics") if peers is not None else Gathered()


def _of_workers(others: Gathered) -> Families:
    """Return what is counted of the workers themselves; nothing where the service is one process."""
    if peers is None:
        return []
    registry = CollectorRegistry()
    Gauge("modelwright_workers", "Worker processes that answer", registry=registry).set(others.workers)
    Gauge("modelwright_worker_restarts", "Workers that ended and were replaced", registry=registry).set(others.restarts)
    return read(registry)
