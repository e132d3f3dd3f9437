"""Which version answers a unit (a user, a session, a device): always the same one, on every host and after every restart."""

from __future__ import annotations

import hashlib
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import cookie_parser

from modelwright.release.registry.traffic import Traffic
from modelwright.serve.guard import COOKIE, given_key
from modelwright.serve.keys import KeyRing, ServiceKey

UNIT = "X-Modelwright-Unit"  # the request header that names the unit; without it the key's name is the unit
RELEASE = "X-Modelwright-Release"  # the header of an answer that says which release answered
# what a model answers; everything else (pages, metrics, keys, feedback) is the champion's
_ANSWERS = ("/predict", "/explain", "/answer", "/search", "/v1/")


def bucket(name: str, version: int, unit: str) -> float:
    """Return where in [0, 1) a unit stands for the trial of a version of a name.

    The version counts as well, so that it is not the same units who meet every trial of a name first.
    """
    digest = hashlib.sha256(f"{name}\n{version}\n{unit}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:7]) / 2**56


def assigned(split: Traffic | None, champion: int, unit: str) -> int:
    """Return the version that answers a unit while a canary runs; a share that grows keeps the units that it had."""
    if split is None or not split.canary or bucket(split.name, split.version, unit) >= split.share:
        return champion
    return split.version


def unit_of(headers: Headers, key: ServiceKey) -> str:
    """Return the unit of a request."""
    return headers.get(UNIT) or key.name


def meets(split: Traffic, keys: KeyRing, scope: Any) -> bool:
    """Whether a request is answered by the canary: never one without a live key, or whose key is not for that version."""
    if not scope["path"].startswith(_ANSWERS):
        return False
    headers = Headers(scope=scope)
    given = given_key(headers)
    key = keys.key(given) if given else keys.session(cookie_parser(headers.get("cookie", "")).get(COOKIE))
    if key is None or not key.covers(split.name, str(split.version)):
        return False
    return assigned(split, split.before, unit_of(headers, key)) == split.version
