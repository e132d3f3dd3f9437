"""Which role each route needs. Shut by default: a route that is not named here is for admins alone.

Routes of faces (`serve/faces/`) answer by the model and need a predictor, unless the face names others in `ROLES`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

OPEN = frozenset({"/healthz", "/readyz"})
FORMS = frozenset({"/", "/login"})  # these answer 401 with the login form by themselves
NEEDS: Mapping[str, str] = {
    "/": "viewer",
    "/login": "viewer",
    "/docs": "viewer",
    "/openapi.json": "viewer",
    "/schema": "viewer",
    "/metrics": "viewer",
    "/predict": "predictor",
    "/explain": "predictor",
    "/keys": "admin",
    "/keys/{name}": "admin",
}


class Rules:
    """The role that each path needs, by the patterns of an app's routes."""

    def __init__(self, routes: Any, faces: Mapping[str, str]) -> None:
        self._exact: dict[str, str] = {}
        self._patterns: list[tuple[re.Pattern[str], str]] = []
        for route in routes:
            role = NEEDS.get(route.path) or faces.get(route.path) or "admin"
            if "{" in route.path:
                self._patterns.append((route.path_regex, role))
            else:
                self._exact[route.path] = role

    def needs(self, path: str) -> str:
        """Return the role for a path; `admin` for one that leads nowhere."""
        found = self._exact.get(path)
        if found is None:
            found = next((role for pattern, role in self._patterns if pattern.match(path)), "admin")
        return found
