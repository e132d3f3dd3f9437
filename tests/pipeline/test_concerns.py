"""The concerns of a run: their order, that every hook reaches each of them, and the shape of the folder."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any

import pytest

import modelwright.pipeline as pipeline
from modelwright.core.config import make_config
from modelwright.core.events import EventStream
from modelwright.pipeline.concerns import order
from modelwright.pipeline.concerns.base import Concern
from modelwright.pipeline.concerns.order import ORDER, Concerns

FOLDER = Path(pipeline.__path__[0])
HOOKS = [name for name, f in vars(Concern).items() if inspect.isfunction(f) and not name.startswith("_")]


def test_the_order_is_fixed():
    assert [c.name for c in ORDER] == [
        "consent", "opened_files", "personal_data", "weights", "costs", "fairness", "differential_privacy", "teacher",
        "rare_labels", "heard", "looked_at",
    ]  # fmt: skip
    files = {p.stem for p in (FOLDER / "concerns").glob("*.py")} - {"__init__", "base", "order"}
    assert files == {c.name for c in ORDER}


class Spy(Concern):
    """Writes down who was called with what; hands on what it is given, or knows a metric if it is the last."""

    calls: list[tuple[str, str]] = []

    def __getattribute__(self, name: str) -> Any:
        if name in HOOKS:

            def note(*given: Any) -> Any:
                Spy.calls.append((type(self).__name__, name))
                return getattr(Concern, name)(self, *given)

            return note
        return super().__getattribute__(name)


class First(Spy):
    pass


class Second(Spy):
    pass


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_reaches_every_concern_in_order(hook, monkeypatch):
    monkeypatch.setattr(order, "ORDER", (First, Second))
    Spy.calls = []
    concerns = Concerns(make_config(data="x", target="y"), EventStream())
    given = [f"<{p}>" for p in list(inspect.signature(getattr(Concern, hook)).parameters)[1:]]
    back = getattr(concerns, hook)(*([["<names>"]] if hook == "columns_ignored" else given))
    assert Spy.calls == [("First", hook), ("Second", hook)]
    plain = getattr(Concern, hook)(concerns, *([["<names>"]] if hook == "columns_ignored" else given))
    assert back == plain


def test_the_walk_fits_one_screen_and_asks_for_no_task_option_or_plan():
    text = (FOLDER / "walk.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 130
    asked = [ast.unparse(n.test) for n in ast.walk(ast.parse(text)) if isinstance(n, (ast.If, ast.IfExp))]
    assert [a for a in asked if any(word in a for word in ("task", "config", "plan"))] == []


def test_no_file_of_the_path_leads_back_to_itself():
    """Lazy imports and those for type checking count."""
    root = FOLDER.parent.parent
    files = {".".join(p.relative_to(root).with_suffix("").parts): p for p in FOLDER.rglob("*.py")}
    leads = {}
    for name, path in files.items():
        found = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                found |= {node.module, *(f"{node.module}.{a.name}" for a in node.names)}
            if isinstance(node, ast.Import):
                found |= {a.name for a in node.names}
        leads[name] = found & set(files) - {name}

    def reach(name: str, seen: set[str]) -> set[str]:
        for other in leads[name] - seen:
            seen |= {other} | reach(other, seen | {other})
        return seen

    assert [name for name in leads if name in reach(name, set())] == []
