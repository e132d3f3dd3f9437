"""The keys of `report.json`: programs of others read them, so they stay what they are.

`report_keys.json` holds those of three small runs: labels, numbers, spans. Keys that are names (of columns, options, models)
stand there as `*`.
"""

import json
import types
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints, is_typeddict

import pytest

import modelwright as mw
from modelwright.core.facts.run import Facts
from modelwright.core.task import get_task

STORED = Path(__file__).with_name("report_keys.json")
FAST = {"recipes": ["constant", "linear", "crf"], "search": "none", "budget": "12s"}
NAMED = frozenset({"config", "environment", "inputs", "models", "options", "pictures", "scores", "stages"})
# absent where time is short, and where nothing is to be said
SOMETIMES = frozenset({"explanation", "pictures", "reason", "fault"})


def keys(value: Any, name: str = "") -> Any:
    """Return the keys of a JSON value, recursively: of a list those of all its members together, None of what has no keys."""
    if isinstance(value, list):
        found: Any = None
        for member in value:
            found = together(found, keys(member, name))
        return found
    if not isinstance(value, dict):
        return None
    if name in NAMED:
        return {"*": keys(list(value.values()), name)} if value else None
    return {k: keys(v, k) for k, v in sorted(value.items()) if k not in SOMETIMES}


def together(a: Any, b: Any) -> Any:
    """Return the keys of two values of one kind."""
    if a is None or b is None:
        return b if a is None else a
    return {k: together(a.get(k), b.get(k)) for k in sorted(a.keys() | b.keys())}


def differing(a: Any, b: Any, at: str = "") -> list[str]:
    """Return where keys differ; where one has none (nothing was found there this time), there is nothing to compare."""
    if a is None or b is None:
        return []
    own = [f"{at}.{k}" for k in a.keys() ^ b.keys()]
    return own + [d for k in a.keys() & b.keys() for d in differing(a[k], b[k], f"{at}.{k}")]


def undeclared(value: Any, kind: Any, at: str = "") -> list[str]:
    """Return where a JSON value has keys that its type does not declare."""
    if get_origin(kind) in (Union, types.UnionType):
        kind = next((k for k in get_args(kind) if k is not type(None)), None)
    if is_typeddict(kind):
        if value is None:
            return []
        hints = get_type_hints(kind)
        wrong = [f"{at}.{k}" for k in value.keys() - hints.keys()]
        return wrong + [d for k in value.keys() & hints.keys() for d in undeclared(value[k], hints[k], f"{at}.{k}")]
    inner = get_args(kind)
    if get_origin(kind) is list and value is not None:
        return [d for v in value for d in undeclared(v, inner[0], f"{at}[]")]
    if get_origin(kind) is dict and value is not None:
        return [d for v in value.values() for d in undeclared(v, inner[1], f"{at}.*")]
    return []


@pytest.mark.parametrize("task", ["classification", "regression", "token-classification"])
def test_the_keys_of_a_report_stay(task, tmp_path):
    table, target = get_task(task).sample(240, 1)
    run = mw.fit(table, target, task=task, out=tmp_path, **FAST)
    report = json.loads((run.folder / "report.json").read_text(encoding="utf-8"))
    assert differing(json.loads(STORED.read_text(encoding="utf-8"))[task], keys(report)) == []
    assert undeclared(report, Facts) == []


def test_a_key_more_and_a_key_less_are_seen():
    stored = keys({"rows": {"read": 1}, "slices": []})
    assert differing(stored, keys({"rows": {"reed": 1}, "slices": []})) != []
    assert differing(stored, keys({"rows": {"read": 1}})) == [".slices"]
    assert undeclared({"metrics": [{"name": "mae", "titel": []}], "nane": 1}, Facts) == [".nane", ".metrics[].titel"]
