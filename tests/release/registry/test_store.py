"""Releases get versions, aliases mean one release each, and what may not be released needs a reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modelwright.core.errors import BundleError, LedgerError, OptionError, RegistryError
from modelwright.release.registry.store import Registry


def held(registry: Registry, name: str = "desk") -> dict[str, int]:
    return {alias: r.version for r in registry.releases(name) for alias in r.aliases}


def entries(place: Path = Path("runs/ledger.jsonl")) -> list[dict]:
    return [json.loads(line) for line in place.read_text().splitlines()] if place.exists() else []


def test_nothing_is_made_before_the_first_release(tmp_path):
    registry = Registry(tmp_path / "sub" / "registry.db")
    assert registry.releases() == []
    assert registry.names() == []
    assert registry.revision() == 0
    with pytest.raises(RegistryError):
        registry.get("desk")
    assert not (tmp_path / "sub").exists()


def test_a_release_says_what_it_is(registry, make_run):
    run = make_run("first", asked=True, met=True, gate=[{"condition": "macro_f1>=0.5", "met": True}])
    made = registry.release(run, "desk")
    assert (made.name, made.version, made.aliases, made.gate_met, made.data) == ("desk", 1, ("champion",), True, "f00d")
    assert made.facts["scores"][0]["value"] == 0.9
    assert {"name": "message", "modality": "text"} in made.facts["columns"]
    assert made.facts["card"]["name"] == "first"
    assert "@" in made.released_by
    assert registry.get("desk") == made
    assert registry.get("desk", 1) == registry.get("desk", "1") == registry.get("desk", "champion")
    assert (registry.folder(made) / "card.md").read_text() == "# first\n"
    assert registry.folder(made) != run / "bundle"
    assert entries()[-1] | {"did": "release", "name": "desk", "version": 1, "met": True} == entries()[-1]


def test_versions_count_by_name_and_later_ones_wait(registry, make_run):
    run = make_run()
    versions = [registry.release(run, n).version for n in ("desk", "desk", "客服", "desk")]
    assert versions == [1, 2, 1, 3]
    assert held(registry) == {"champion": 1}
    assert [(r.name, r.version) for r in registry.releases()] == [("desk", 3), ("desk", 2), ("desk", 1), ("客服", 1)]
    assert registry.names() == ["desk", "客服"]


def test_promotions_are_a_stack_that_rollback_goes_down(registry, make_run):
    run = make_run()
    for _ in range(3):
        registry.release(run, "desk")
    change = registry.promote("desk", 2)
    assert (change.release.version, change.before.version, change.changed) == (2, 1, True)
    assert held(registry) == {"champion": 2, "previous": 1}
    registry.promote("desk", 3)
    assert held(registry) == {"champion": 3, "previous": 2}
    assert registry.rollback("desk", "errors").release.version == 2
    assert held(registry) == {"champion": 2, "previous": 1}, "never forward to what was rolled back"
    assert registry.rollback("desk").release.version == 1
    with pytest.raises(RegistryError, match="no earlier champion"):
        registry.rollback("desk")
    assert held(registry) == {"champion": 1}
    did = [(h["did"], h["version"], h["before"], h["reason"]) for h in registry.history("desk")]
    assert did[:3] == [("rollback", 1, 2, None), ("rollback", 2, 3, "errors"), ("promote", 3, 2, None)]
    assert [e["did"] for e in entries()] == ["release"] * 3 + ["promote"] * 2 + ["rollback"] * 2


def test_a_challenger_that_is_promoted_is_none_any_more(registry, make_run):
    run = make_run()
    for _ in range(3):
        registry.release(run, "desk")
    registry.promote("desk", 2, "challenger")
    registry.promote("desk", 3, "challenger")
    assert held(registry) == {"champion": 1, "challenger": 3}
    registry.promote("desk", 2)
    assert held(registry) == {"champion": 2, "challenger": 3, "previous": 1}, "another's promotion leaves it"
    registry.promote("desk", "challenger")
    assert held(registry) == {"champion": 3, "previous": 2}
    with pytest.raises(RegistryError, match="is the champion"):
        registry.promote("desk", 3, "challenger")


def test_a_promotion_that_changes_nothing_leaves_no_trace(registry, make_run):
    registry.release(make_run(), "desk")
    revision, told = registry.revision(), len(entries())
    assert registry.promote("desk", 1).changed is False
    assert registry.revision() == revision == 1
    assert len(entries()) == told


def test_unknown_names_versions_and_aliases_are_refused(registry, make_run):
    registry.release(make_run(), "desk")
    for call, error, said in (
        (lambda: registry.get("dsk"), RegistryError, "Did you mean `desk`"),
        (lambda: registry.promote("desk", 7), RegistryError, "has no version 7; it has: 1"),
        (lambda: registry.promote("desk", "newest"), OptionError, "such as 1"),
        (lambda: registry.promote("desk", 1, "previous"), OptionError, "previous"),
        (lambda: registry.get("desk", "challenger"), RegistryError, "has no challenger"),
        (lambda: registry.release("runs/first", "a/b"), OptionError, "a-b"),
        (lambda: registry.release("runs/first", ""), OptionError, "no name"),
        (lambda: registry.release("runs/first", "x" * 65), OptionError, "64"),
        (lambda: registry.release("runs/absent", "desk"), BundleError, "no run"),
    ):
        with pytest.raises(error, match=said):
            call()
    assert registry.revision() == 1


_MISSED = {"asked": True, "met": False, "gate": [{"condition": "macro_f1>=0.99", "met": False}]}
_FOUND = [{"type": "email", "title": ["e-mail addresses", "电子邮箱"], "action": "keep"}]
_KEPT = {"private": {"public": False, "columns": [{"column": "message", "done": "kept", "found": _FOUND}]}}


@pytest.mark.parametrize(
    ("card", "code", "said"), [(_MISSED, "gate", "macro_f1>=0.99"), (_KEPT, "consent", "`message`")]
)
def test_what_stands_against_a_release_needs_a_reason(registry, make_run, card, code, said):
    run = make_run("first", **card)
    for reason in (None, "", "  "):
        with pytest.raises(RegistryError, match=said) as caught:
            registry.release(run, "desk", in_spite=reason)
        assert "--in-spite" in caught.value.words.zh
    assert not registry.names()
    assert not Path("bundles").exists(), "refused before anything was put anywhere"
    made = registry.release(run, "desk", in_spite="a demo for two colleagues")
    assert made.in_spite == "a demo for two colleagues"
    assert [o["code"] for o in registry.get("desk").facts["objections"]] == [code]
    entry = entries()[-1]
    assert (entry["in_spite"], entry["objections"]) == ("a demo for two colleagues", [code])
    assert registry.history("desk")[0]["reason"] == "a demo for two colleagues"


def test_kept_personal_data_is_fine_with_consent_or_where_public(registry, make_run):
    run = make_run("consented", **_KEPT)
    (run / "data" / "consent.json").write_text(json.dumps({"purpose": "support"}))
    assert registry.release(run, "desk").in_spite is None
    public = {"private": {**_KEPT["private"], "public": True}}
    assert registry.release(make_run("public", **public), "desk").in_spite is None
    unread = {"private": {"columns": [{"column": "other", "done": "kept", "found": _FOUND}]}}
    assert registry.release(make_run("unread", **unread), "desk").in_spite is None
    (run / "due.json").write_text(json.dumps({"due": [{"why": "withdrawn"}]}))
    with pytest.raises(RegistryError, match="withdrawn"):
        registry.release(run, "desk")


def test_a_reason_that_was_not_needed_is_not_kept(registry, make_run):
    assert registry.release(make_run(), "desk", in_spite="just because").in_spite is None


def _another_column(about):
    about["schema"] = [c for c in about["schema"] if c["name"] != "channel"]
    next(c for c in about["schema"] if c["name"] == "amount")["modality"] = "category"
    about["schema"].insert(0, {"name": "country", "modality": "category", "role": "input"})
    about["target"]["values"][0] = "renamed"


def test_other_columns_and_labels_are_told(registry, make_run):
    registry.release(make_run("first"), "desk")
    registry.release(make_run("second", change=_another_column), "desk")
    told = " ".join(n.en for n in registry.promote("desk", 2).notes)
    for part in ("also reads the columns country", "no longer reads channel", "amount (number -> category)", "renamed"):
        assert part in told
    back = " ".join(n.zh for n in registry.rollback("desk").notes)
    assert "新增读取的列：channel" in back
    registry.release(make_run("third"), "desk")
    assert registry.promote("desk", 3).notes == ()


def test_where_the_ledger_refuses_nothing_changes(registry, make_run, monkeypatch):
    run = make_run()
    registry.release(run, "desk")
    registry.release(run, "desk")

    def refuse(*_, **__):
        raise LedgerError("Cannot write the ledger.", "无法写入。")

    monkeypatch.setattr("modelwright.privacy.ledger.append", refuse)
    for change in (lambda: registry.release(run, "desk"), lambda: registry.promote("desk", 2)):
        with pytest.raises(LedgerError):
            change()
    assert registry.revision() == 2
    assert held(registry) == {"champion": 1}
    monkeypatch.undo()
    assert len(registry.releases("desk")) == 2
