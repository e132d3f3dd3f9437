"""The product page: what it shows in both languages, its buttons, and what to do next."""

from __future__ import annotations

import time
from typing import Any

import pytest
from starlette.testclient import TestClient

from modelwright.core.words import Words
from modelwright.improve.experiments import Experiments
from modelwright.improve.feedback_source import feedback_of
from modelwright.improve.product import Facts, next_actions, unsure_below
from modelwright.improve.record import Improvement, keep
from modelwright.release.registry import places
from modelwright.serve.app import create_app
from modelwright.serve.feedback.store import Told
from modelwright.serve.keys import KeyRing, add_key
from modelwright.serve.stores import home_of_release


def told(version: str, count: int, correct: bool, kind: Any = "answer") -> list[Told]:
    return [
        Told(
            f"{version}.{correct}{kind}{i}",
            kind,
            correct if kind == "thumb" else "a",
            "tester",
            version,
            time.time(),
            correct=correct,
            row={"text": f"t{i}"},
        )
        for i in range(count)
    ]


@pytest.fixture
def desk(registry, predictor, tmp_path):
    """A service of `desk` 1, a client for each role, and its registry."""
    state = places.state_of(registry.url, "desk")
    ring, admin = KeyRing.open(state / "keys.json")
    viewer = add_key(state / "keys.json", "eve", role="viewer")
    ring.reload()
    predictor.name, predictor.version = "desk", "1"
    home = home_of_release("desk", "1", registry.url, state)
    feedback_of(registry, "desk").add([*told("1", 40, True), *told("1", 60, False)])
    with TestClient(create_app(predictor, keys=ring, home=home), follow_redirects=False) as client:

        def ask(method: str, path: str, key: str | None = admin, **more: Any) -> Any:
            headers = {**({} if key is None else {"Authorization": f"Bearer {key}"}), **more.pop("headers", {})}
            return client.request(method, path, headers=headers, **more)

        yield ask, registry, viewer, client, admin


def test_the_page_says_how_releases_do_and_what_to_do_next(desk):
    ask, registry, _, _, _ = desk
    facts = {"reasons": [["it is better", "更好"]], "old": None, "fresh": None, "rows": {"learnt": 9}}
    registry.promote("desk", 2, "challenger")
    keep(registry, Improvement("desk", 0, 1, 2, 0.0, "better", facts))
    answer = ask("GET", "/product?lang=en&price=0.1")
    assert answer.status_code == 200
    text = answer.text
    for part in (
        "What to do next",
        "Promote version 2: it is better.",
        "modelwright improve desk",
        "100 corrections",
        "Let 2 answer",
    ):
        assert part in text, part
    chinese = ask("GET", "/product?lang=zh").text
    for part in ("下一步", "让版本 2 上线：更好。", "重新训练"):
        assert part in chinese, part
    assert 'lang="zh-CN"' in chinese
    assert "<script" not in text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    shown = ask("GET", "/product/facts").json()
    assert [r["version"] for r in shown["releases"]] == ["2", "1"]
    assert (shown["releases"][1]["right"], shown["releases"][1]["wrong"]) == (40, 60)
    assert shown["waiting"] == 100


def test_buttons_are_for_admins_and_from_its_own_page(desk):
    ask, registry, viewer, client, admin = desk
    assert "Let 2 answer" not in ask("GET", "/product", viewer).text
    assert ask("POST", "/product/promote", viewer, data={"version": "2"}).status_code == 403
    assert ask("GET", "/product", None).status_code == 401  # the login form
    client.post("/login", data={"key": admin})
    cookie = client.cookies
    assert cookie
    foreign = ask("POST", "/product/promote", None, data={"version": "2"}, headers={"Origin": "https://evil.example"})
    assert foreign.status_code == 403
    assert registry.get("desk").version == 1
    own = ask("POST", "/product/promote?lang=zh", None, data={"version": "2"}, headers={"Origin": "http://testserver"})
    assert (own.status_code, own.headers["location"]) == (303, "../product?lang=zh")
    assert registry.get("desk").version == 2
    assert "Back to 1" in ask("GET", "/product?lang=en").text
    assert ask("POST", "/product/rollback").status_code == 303
    assert registry.get("desk").version == 1


@pytest.mark.parametrize(("version", "status"), [("x", 422), ("", 422), ("9", 409)])
def test_what_cannot_be_promoted_is_one_sentence(desk, version, status):
    ask, registry, _, _, _ = desk
    answer = ask("POST", "/product/promote", data={"version": version})
    assert answer.status_code == status
    assert answer.json()["error"]["message"]
    assert registry.get("desk").version == 1


def test_an_experiment_and_what_it_says_stand_on_the_page(desk):
    ask, registry, _, _, _ = desk
    Experiments(registry).start("desk", 2)
    feedback_of(registry, "desk").add([*told("1", 80, False, "thumb"), *told("2", 80, True, "thumb")])
    assert "desk 2 is better" in ask("GET", "/product?lang=en").text


def release(version: str, *aliases: str, **more: Any) -> dict[str, Any]:
    return {
        "version": version,
        "aliases": list(aliases),
        "right": 0,
        "wrong": 0,
        "up": 0,
        "down": 0,
        "outcomes": 0,
        **more,
    }


def test_actions_come_from_what_is_known():
    facts = Facts("desk", [release("2", "champion", right=50, wrong=50), release("1", "previous", right=95, wrong=5)])
    facts.corrections = [("bills", "cards", 9), ("bills", "loans", 8), ("bills", "taxes", 7), ("fees", "cards", 6)]
    facts.new_labels, facts.unsure, facts.waiting = {"refunds": 3}, (0.4, 30, 50), 80
    found = next_actions(facts, [Words("Texts are longer.", "文本变长。")])
    assert [a.code for a in found] == ["rollback", "drift", "retrain", "collect", "split", "collect", "threshold"]
    assert found[0].button == ("rollback", 1)
    assert "`refunds` (3)" in found[3].words.en
    assert "Split `bills`" in found[4].words.en
    assert all(a.words.zh for a in found)
    calm = Facts("desk", [release("2", "champion", right=95, wrong=5)])
    assert [a.code for a in next_actions(calm)] == ["nothing"]
    assert [a.code for a in next_actions(Facts("desk", [release("1", "champion")]))] == ["feedback"]


def test_the_threshold_is_where_half_are_wrong():
    told = [(0.3, False)] * 25 + [(0.4, True)] * 15 + [(0.9, True)] * 60
    bound = unsure_below(told)
    assert bound is not None
    assert bound[0] == 0.4
    assert unsure_below([(0.9, True)] * 100) is None
    assert unsure_below([]) is None


def test_drift_stands_among_what_to_do_next(desk):
    import sqlalchemy as sa

    from modelwright.improve.feedback_source import alarms_of
    from modelwright.release.registry.drift_tables import alarms

    ask, registry, _, _, _ = desk
    url = feedback_of(registry, "desk").url
    assert alarms_of(url, "desk") == []
    facts = {"version": "1", "column": "amount", "role": "input", "facts": {}, "tries": 0, "due": None, "name": "desk"}
    with sa.create_engine(url).begin() as connection:
        connection.execute(alarms.insert().values(number=1, began=10.0, ended=None, **facts))
        connection.execute(alarms.insert().values(number=2, began=20.0, ended=30.0, **facts))
    assert [a.number for a in alarms_of(url, "desk")] == [1]
    assert alarms_of(url, "desk", since=15.0) == []
    assert "Look at drift in amount" in ask("GET", "/product?lang=en").text
