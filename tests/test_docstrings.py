"""Functions and methods on arrays say which shapes they take and give: a reader of a name alone cannot tell rows from columns."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

_SOURCES = Path(__file__).resolve().parent.parent / "src" / "modelwright"
_ARRAY = re.compile(r"\b(ndarray|Tensor|csr_matrix)\b")
# [N, K], [B, T, 2 H], "in its shape", "element by element", or "one number" of a loss
_SHAPE = re.compile(r"\[[^\]\n]{1,40}\]|\bshapes?\b|element by element|\bone number\b")


_AS = re.compile(r"As `?[A-Z]\w+\.\w+")  # what another method says of shapes holds here


def _on_arrays(node: ast.stmt) -> bool:
    if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
        return False
    told = [a.annotation for a in (*node.args.args, *node.args.kwonlyargs)] + [node.returns]
    return any(_ARRAY.search(ast.unparse(t)) for t in told if t is not None)


def _unshaped(text: str) -> Iterator[str]:
    """Yield the public functions of a module's source that work on arrays and say no shape."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef) and _on_arrays(node) and not _SHAPE.search(ast.get_docstring(node) or ""):
            yield node.name


def _unshaped_methods(text: str) -> Iterator[str]:
    """Yield the public methods of public classes that work on arrays and say no shape; one without a docstring does what its base says."""
    for kind in ast.parse(text).body:
        if not isinstance(kind, ast.ClassDef) or kind.name.startswith("_"):
            continue
        for node in kind.body:
            said = ast.get_docstring(node) if isinstance(node, ast.FunctionDef) and _on_arrays(node) else None
            if said is not None and not _SHAPE.search(said) and not _AS.match(said):
                yield f"{kind.name}.{node.name}"  # type: ignore[attr-defined]


def test_functions_on_arrays_say_their_shapes():
    found = [
        f"{p.relative_to(_SOURCES)}: {n}" for p in sorted(_SOURCES.rglob("*.py")) for n in _unshaped(p.read_text())
    ]
    assert not found, "say the shapes of arrays in the docstrings of " + ", ".join(found)


def test_methods_on_arrays_say_their_shapes():
    found = [
        f"{p.relative_to(_SOURCES)}: {n}"
        for p in sorted(_SOURCES.rglob("*.py"))
        for n in _unshaped_methods(p.read_text())
    ]
    assert not found, "say the shapes of arrays in the docstrings of " + ", ".join(found)


@pytest.mark.parametrize(
    ("doc", "unshaped"),
    [
        ("Return what each row costs.", ["cost"]),
        ("Return what each row costs [N].", []),
        ("Return them in their shape.", []),
    ],
)
def test_a_function_without_shapes_is_found(doc, unshaped):
    text = f'def cost(x: np.ndarray) -> float:\n    """{doc}"""\n\ndef _own(x: Tensor) -> None:\n    pass\n'
    assert list(_unshaped(text)) == unshaped


@pytest.mark.parametrize(
    ("doc", "unshaped"),
    [
        ("Return what each row costs.", ["Codec.cost"]), ("Return what each row costs [N].", []), ("As TargetCodec.cost, but dearer.", []), ("", []),
    ],
)  # fmt: skip
def test_a_method_without_shapes_is_found(doc, unshaped):
    said = f'        """{doc}"""\n' if doc else ""
    one = f"    def cost(self, x: np.ndarray) -> float:\n{said}        return 0\n    def _own(self, x: Tensor):\n        pass\n"
    assert list(_unshaped_methods(f"class Codec:\n{one}\n\nclass _Own:\n{one}")) == unshaped
