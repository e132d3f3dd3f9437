"""Canaries, shadows and watches in the registry: begun, changed, ended, taken back once, and refused where they make no sense."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from modelwright.core.errors import OptionError, RegistryError
from modelwright.core.words import Words
from modelwright.release.registry.limits import DEFAULT, Limits, limits_of, parse_share
from modelwright.release.registry.store import Registry

WHY = Words("errors 5% of 200 requests, above 1%", "错误率 5%（200 个请求），高于 1%")


@pytest.fixture
def three(registry: Registry, make_run) -> Registry:
    """A registry with three versions of `desk`, the first its champion."""
    for i in range(3):
        registry.release(make_run(f"run{i}"), "desk")
    return registry


def champion(registry: Registry) -> int:
    return registry.get("desk").version


def test_a_canary_begins_changes_and_is_promoted(three):
    change, made = three.canary("desk", 2, 0.1, limits=Limits(errors=0.05))
    assert (change.alias, change.release.version) == ("challenger", 2)
    assert three.traffic("desk") == made
    assert (made.version, made.before, made.share, made.shadow, made.limits.errors) == (2, 1, 0.1, False, 0.05)
    standing = three.standing("desk")
    assert (standing.champion.version, standing.other.version) == (1, 2)
    _, wider = three.canary("desk", "challenger", 0.5, shadow=True)
    assert (wider.began, wider.share, wider.shadow, wider.limits.errors) == (made.began, 0.5, True, 0.05)
    three.promote("desk", 2)
    watch = three.traffic("desk")
    assert (watch.kind, watch.version, watch.before, watch.limits.errors) == ("watch", 2, 1, 0.05)
    assert 590 < watch.lasts <= 600
    assert three.standing("desk").other.version == 1
    did = [(e["did"], e["version"]) for e in three.history("desk")][:3]
    assert did == [("promote", 2), ("canary", 2), ("canary", 2)]


def test_a_canary_is_ended_without_a_promotion(three):
    three.canary("desk", 3, shadow=True)
    change = three.end_canary("desk", "too slow")
    assert (change.release.version, change.before.version) == (1, 3)
    assert three.traffic("desk") is None
    assert champion(three) == 1
    assert three.went_back("desk")["desk", 3]["reason"] == "too slow"
    with pytest.raises(RegistryError, match="no canary"):
        three.end_canary("desk")
    three.canary("desk", 3, 0.2)  # once more
    assert three.went_back("desk") == {}


def test_what_makes_no_sense_is_refused_and_changes_nothing(three):
    before = three.revision()
    for share in (0.0, -0.1, 1.0, 1.5):
        with pytest.raises(OptionError, match="0 %"):
            three.canary("desk", 2, share)
    with pytest.raises(RegistryError, match="is the champion"):
        three.canary("desk", 1, 0.1)
    with pytest.raises(RegistryError, match="no version 9"):
        three.canary("desk", 9, 0.1)
    with pytest.raises(RegistryError, match="desk2"):
        three.canary("desk2", 2, 0.1)
    assert three.revision() == before
    three.canary("desk", 2, 0.1)
    before = three.revision()
    for call in (
        lambda: three.canary("desk", 3, 0.1),
        lambda: three.promote("desk", 3),
        lambda: three.promote("desk", 3, "challenger"),
    ):
        with pytest.raises(RegistryError, match=r"Version 2 of `desk` is on trial \(canary 10%\).*--canary") as caught:
            call()
        assert "试运行" in caught.value.words.zh
    assert three.revision() == before
    assert champion(three) == 1


def test_a_rollback_by_hand_ends_the_canary_that_was_compared_with_the_champion(three):
    three.promote("desk", 2)
    three.canary("desk", 3, 0.1)
    three.rollback("desk")
    assert three.traffic("desk") is None
    assert champion(three) == 1


def test_other_columns_or_labels_need_a_reason(registry, make_run):
    def less(about):
        next(c for c in about["schema"] if c["name"] == "amount")["role"] = "ignored"

    registry.release(make_run(), "desk")
    registry.release(make_run("other", change=less), "desk")
    with pytest.raises(RegistryError, match=r"cannot stand in.*no longer reads amount.*--in-spite"):
        registry.canary("desk", 2, 0.1)
    assert registry.traffic("desk") is None
    change, _ = registry.canary("desk", 2, 0.1, in_spite="clients send both")
    assert len(change.notes) == 1
    assert "in spite: clients send both" in registry.history("desk")[0]["reason"]


def test_a_trial_is_taken_back_once_by_however_many_services(three, monkeypatch):
    monkeypatch.setenv("MODELWRIGHT_LEDGER", "off")
    _, made = three.canary("desk", 2, 0.1)
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: three.take_back(made, WHY), range(4)))
    assert [c.before.version for c in done if c is not None] == [2]
    assert three.went_back("desk")["desk", 2]["reason"] == WHY.en
    assert three.traffic("desk") is None
    three.canary("desk", 2, 0.1)
    assert three.take_back(made, WHY) is None, "another trial of the same version is not the one that was judged"
    three.end_canary("desk")
    three.promote("desk", 2)
    change = three.take_back(three.traffic("desk"), WHY)
    assert (change.release.version, change.before.version) == (1, 2)
    assert champion(three) == 1
    assert three.history("desk")[0]["did"] == "automatic rollback"


def test_a_watch_is_over_by_itself_and_may_be_left_out(three):
    three.promote("desk", 2, limits=Limits(watch=0.0))
    assert three.traffic("desk") is None
    three.promote("desk", 3, limits=Limits(watch=0.001))
    assert three.traffic("desk") is None
    assert three.standing("desk").other is None


@pytest.mark.parametrize(("text", "value"), [("10%", 0.1), ("0.1", 0.1), (" 2.5 % ", 0.025), ("10％", 0.1)])
def test_shares(text, value):
    assert parse_share(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "ten", "0%", "150%", "100%", "-1%", "nan", "inf%", "10%%"])
def test_what_is_no_share(text):
    with pytest.raises(OptionError) as caught:
        parse_share(text)
    assert caught.value.words.zh != caught.value.words.en


def test_limits_as_text():
    assert limits_of() is None
    assert limits_of("1m", "2%", "50ms", "off") == Limits(60.0, 0.02, 0.05, None, None)
    assert limits_of(latency="3x") == Limits(slower=3.0)
    assert limits_of(watch="off").watch == 0
    assert Limits.of({**DEFAULT.to_json(), "newer": 1}) == DEFAULT
    for bad in ({"errors": "2"}, {"latency": "50"}, {"latency": "-1ms"}, {"watch": "x"}, {"drift": "0%"}):
        with pytest.raises(OptionError):
            limits_of(**bad)
