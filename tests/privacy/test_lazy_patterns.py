"""Patterns are compiled at their first search, not when a class or a module holds them."""

import re
from abc import ABC

import pytest

from modelwright.privacy.lazy_patterns import later
from modelwright.privacy.recognisers import told
from modelwright.privacy.recognisers.base import compiled


def test_a_pattern_is_compiled_when_it_is_first_used(monkeypatch):
    made = []
    real = re.compile
    monkeypatch.setattr(re, "compile", lambda *a: made.append(a) or real(*a))
    pattern = later(r"(?P<n>\d+)x", re.IGNORECASE)

    class Holds(ABC):  # noqa: B024
        held = pattern

    assert not made
    assert pattern.pattern == r"(?P<n>\d+)x"
    assert pattern.flags & re.IGNORECASE
    assert Holds.held.search("a12X")["n"] == "12"
    assert pattern.fullmatch("1x")
    assert pattern.groups == 1
    assert len(made) == 1
    with pytest.raises(AttributeError):
        pattern.nothing


def test_the_great_patterns_wait():
    again = type(told.Told)("Again", (told.Told,), dict(vars(told.Told)))
    assert again._keyed is told.Told._keyed
    assert compiled("zz+", "top")._made is None
