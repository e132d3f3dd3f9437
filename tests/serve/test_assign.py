"""A unit always meets the same version; a share that grows keeps those who were in it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from modelwright.release.registry.limits import DEFAULT
from modelwright.release.registry.traffic import CANARY, WATCH, Traffic
from modelwright.serve.assign import assigned, bucket


def split(share: float, kind: str = CANARY, version: int = 2) -> Traffic:
    return Traffic("desk", kind, version, 1, share, False, DEFAULT, 5, None, "me", "2026-03-01T12:00:00Z")


@given(st.text(), st.floats(0, 1), st.floats(0, 1))
def test_units_stay_as_the_share_grows(unit, one, two):
    low, high = sorted((one, two))
    assert 0 <= bucket("desk", 2, unit) < 1
    assert assigned(split(low), 1, unit) == assigned(split(low), 1, unit)
    if assigned(split(low), 1, unit) == 2:
        assert assigned(split(high), 1, unit) == 2


def test_shares_are_kept_and_trials_meet_different_units():
    units = [f"user-{i}" for i in range(4000)]
    first = {u for u in units if assigned(split(0.1), 1, u) == 2}
    assert 0.085 < len(first) / len(units) < 0.115
    second = {u for u in units if assigned(split(0.1, version=3), 1, u) == 3}
    assert len(first & second) < 0.2 * len(first)
    assert bucket("desk", 2, "user-1") == bucket("desk", 2, "user-1") != bucket("mail", 2, "user-1")


def test_without_a_canary_the_champion_answers():
    assert assigned(None, 1, "u") == 1
    assert assigned(split(1.0, WATCH), 1, "u") == 1
    assert assigned(split(0.0), 1, "u") == 1
