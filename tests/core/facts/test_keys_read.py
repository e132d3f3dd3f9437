"""Keys read with `.get` and `in`: mypy refuses a misspelt `facts["..."]`, yet takes any text there."""

import ast
import importlib
from pathlib import Path
from typing import is_typeddict

import pytest

from modelwright.core.facts.run import Facts

SOURCE = Path(__file__).parents[3] / "src" / "modelwright"
FILES = [
    *SOURCE.glob("pipeline/report/*.py"),
    *SOURCE.glob("pipeline/concerns/*.py"),
    *SOURCE.glob("evaluate/report/*.py"),
    SOURCE / "evaluate" / "privacy.py",
    SOURCE / "cli" / "terminal.py",
    SOURCE / "cli" / "verbs" / "run.py",
    SOURCE / "cli" / "verbs" / "compare.py",
]


PARTS = frozenset(
    {"column", "f", "fair", "m", "mistake", "origin", "p", "r", "row", "rows"}
)  # names of locals that hold parts


def declared() -> set[str]:
    """Return the keys of all facts."""
    modules = (importlib.import_module(f"modelwright.core.facts.{p.stem}") for p in SOURCE.glob("core/facts/[a-z]*.py"))
    return {k for m in modules for kind in vars(m).values() if is_typeddict(kind) for k in kind.__annotations__}


def asked(tree: ast.AST) -> list[tuple[str, str, int]]:
    """Return what is asked by `x.get("key")` and `"key" in x`: the name of x (empty for none), the key, the line."""
    found = []
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "get"
            and node.args
        ):
            of, key = node.func.value, node.args[0]
        elif isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.In, ast.NotIn)):
            of, key = node.comparators[0], node.left
        else:
            continue
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            found.append((of.id if isinstance(of, ast.Name) else "", key.value, node.lineno))
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_only_keys_that_there_are_are_asked_for(path):
    known = declared()
    own = set(Facts.__annotations__)
    for name, key, line in asked(ast.parse(path.read_text(encoding="utf-8"))):
        where = f"{path.name}:{line} asks `{name}` for `{key}`"
        assert key in own or name != "facts", where
        assert key in known or name not in PARTS, where


def test_a_misspelt_key_is_seen():
    assert asked(ast.parse('facts.get("metrcs"); "verdikt" in facts')) == [
        ("facts", "metrcs", 1),
        ("facts", "verdikt", 1),
    ]
    assert "metrcs" not in declared()
    assert {"metrics", "heat", "epsilon"} <= declared()
