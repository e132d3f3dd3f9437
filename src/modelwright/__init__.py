"""Modelwright: from your data to a model that serves inside your product.

    import modelwright as mw

    model = mw.fit("tickets.csv", target="queue", budget="5m")
    model.predict([{"text": "where is my parcel?"}])
    model = mw.load("runs/tickets")

Names are resolved when first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelwright.core.version import VERSION

__version__ = VERSION
__all__ = [
    "AsyncClient",
    "Client",
    "ModelwrightError",
    "Predictor",
    "Registry",
    "Run",
    "ServiceError",
    "__version__",
    "fit",
    "inspect",
    "load",
]

if TYPE_CHECKING:
    from modelwright.api import Run, fit, inspect, load
    from modelwright.client.asynchronous import AsyncClient
    from modelwright.client.errors import ServiceError
    from modelwright.client.sync import Client
    from modelwright.core.errors import ModelwrightError
    from modelwright.release.bundle import Predictor
    from modelwright.release.registry.store import Registry

_PLACES = {
    "AsyncClient": "modelwright.client.asynchronous",
    "Client": "modelwright.client.sync",
    "ModelwrightError": "modelwright.core.errors",
    "Predictor": "modelwright.release.bundle",
    "Registry": "modelwright.release.registry.store",
    "Run": "modelwright.api",
    "ServiceError": "modelwright.client.errors",
    "fit": "modelwright.api",
    "inspect": "modelwright.api",
    "load": "modelwright.api",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
