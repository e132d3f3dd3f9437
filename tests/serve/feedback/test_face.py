"""`POST /feedback`: what it takes, what it refuses and how, and that nothing is lost while the database is away."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.release.bundle import Predictor
from modelwright.serve.app import create_app
from modelwright.serve.keys import KeyRing, ServiceKey, digest_of
from modelwright.serve.limits import ServeLimits
from modelwright.serve.stores import Home
from modelwright.testing import context, sample_table

KEYS = {"app": "predictor", "phone": "predictor", "looker": "viewer", "boss": "admin"}
ROW = {"amount": 1.5, "channel": "mail", "member": True, "message": "我要退款 please"}


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    task = get_task("classification")
    table, target = sample_table(task, 120)
    recipe = get_recipe("linear")
    options = recipe.variants(table.schema, target, len(table))[0]
    model = recipe.fit(table, table.take(np.arange(40)), options, context(task, target))
    return Predictor(task, table.schema, target, [(1.0, model)], name="sample")


def ring() -> KeyRing:
    keys = {n: ServiceKey(n, digest_of(f"key-{n}"), role) for n, role in KEYS.items()}
    keys["elsewhere"] = ServiceKey("elsewhere", digest_of("key-elsewhere"), "admin", ("other",))
    return KeyRing(keys)


@dataclass
class Ask:
    """A client of a service around one predictor."""

    client: TestClient
    app: Any

    def __call__(self, body: Any, key: str = "app", path: str = "/feedback", **headers: str) -> tuple[int, Any]:
        found = self.client.post(path, json=body, headers={"Authorization": f"Bearer key-{key}", **headers})
        return found.status_code, found.json()

    def id(self, **row: Any) -> str:
        status, answer = self({**ROW, **row}, path="/predict")
        assert status == 200, answer
        return str(answer["id"])

    @property
    def store(self) -> Any:
        return self.app.state.service.feedback


@pytest.fixture
def ask(predictor: Predictor, feedback_url: str, tmp_path: Path) -> Iterator[Ask]:
    home = Home("desk", "3", feedback_url, tmp_path)
    app = create_app(predictor, keys=ring(), limits=ServeLimits(rows=20, cell=1000), home=home)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield Ask(client, app)


def test_the_right_answer_a_thumb_and_an_outcome(ask: Ask, predictor: Predictor) -> None:
    _, answer = ask({"rows": [ROW, ROW]}, path="/predict")
    first, second = answer["answers"]
    assert first["id"] != second["id"]
    assert first["id"].startswith("3.")
    other = next(v for v in predictor.target.labels if v != first["prediction"])
    assert ask({"id": first["id"], "answer": first["prediction"]}) == (200, {"id": first["id"], "state": "taken"})
    assert ask({"id": first["id"], "answer": other}, "phone")[1]["state"] == "taken"
    assert ask({"id": second["id"], "thumb": "down"})[1]["state"] == "taken"
    assert ask({"id": second["id"], "outcome": "2026-03-01"})[1]["state"] == "taken"
    told = {(t.kind, t.by): t for t in ask.store.told()}
    assert {k: (t.value, t.correct, t.version) for k, t in told.items()} == {
        ("answer", "app"): (first["prediction"], True, "3"),
        ("answer", "phone"): (other, False, "3"),
        ("thumb", "app"): (False, False, "3"),
        ("outcome", "app"): ("2026-03-01", None, "3"),
    }
    head = {"Authorization": "Bearer key-looker"}
    counts = ask.client.get("/feedback/summary", headers=head).json()["versions"]["3"]
    assert (counts["right"], counts["wrong"], counts["thumbs_down"], counts["outcomes"]) == (1, 1, 1, 1)
    metrics = ask.client.get("/metrics", headers=head).text
    assert 'modelwright_feedback_total{kind="answer",verdict="right"} 1.0' in metrics
    assert 'modelwright_feedback_total{kind="thumb",verdict="down"} 1.0' in metrics


def test_twice(ask: Ask, predictor: Predictor) -> None:
    id_, (a, b) = ask.id(), predictor.target.labels[:2]
    assert ask({"id": id_, "answer": a})[1]["state"] == "taken"
    assert ask({"id": id_, "answer": a}) == (200, {"id": id_, "state": "same"})
    status, said = ask({"id": id_, "answer": b})
    assert (status, said["error"]["code"]) == (409, "differs")
    assert "replace: true" in said["error"]["message"]
    assert ask({"id": id_, "answer": b, "replace": True}) == (200, {"id": id_, "state": "replaced"})
    assert [t.value for t in ask.store.told()] == [b]


def test_a_new_label(ask: Ask) -> None:
    id_ = ask.id()
    status, said = ask({"id": id_, "answer": "brand new"}, **{"Accept-Language": "zh-CN"})
    assert (status, said["error"]["code"]) == (422, "label")
    assert said["error"]["message"] == said["error"]["message_zh"]
    assert ask({"id": id_, "answer": "brand new", "new": True})[0] == 200
    (told,) = ask.store.told()
    assert (told.value, told.new, told.correct) == ("brand new", True, False)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"id": "3." + "A" * 32, "thumb": True}, 404, "id"),
        ({"id": 7, "thumb": True}, 404, "id"),
        ({"thumb": True}, 422, "id"),
        ({"id": "ID", "thumb": 1}, 422, "kind"),
        ({"id": "ID", "thumb": "sideways"}, 422, "kind"),
        ({"id": "ID", "answer": ["a"]}, 422, "kind"),
        ({"id": "ID", "answer": None}, 422, "kind"),
        ({"id": "ID", "outcome": "soon"}, 422, "kind"),
        ({"id": "ID", "outcome": "2026-13-01"}, 422, "kind"),
        ({"id": "ID", "outcome": True}, 422, "kind"),
        ({"id": "ID"}, 422, "fields"),
        ({"id": "ID", "thumb": True, "outcome": 3}, 422, "fields"),
        ({"id": "ID", "thumb": True, "why": "x"}, 422, "fields"),
        ({"id": "ID", "thumb": True, "new": "yes"}, 422, "fields"),
        ({"id": "ID", "thumb": True, "row": {"nothing": 1}}, 422, "columns"),
        ({"id": "ID", "thumb": True, "row": {**ROW, "amount": "a lot"}}, 422, "value"),
        ({"id": "ID", "thumb": True, "row": [1]}, 422, "row"),
        ({"feedback": []}, 422, "fields"),
        ({"feedback": [{}] * 21}, 413, "rows"),
        ({"feedback": [{}], "more": 1}, 422, "fields"),
        ([1], 422, "fields"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("feedback_url", ["sqlite"], indirect=True)
def test_what_does_not_fit(ask: Ask, body: Any, status: int, code: str) -> None:
    if isinstance(body, dict) and body.get("id") == "ID":
        body = {**body, "id": ask.id()}
    found, said = ask(body)
    assert (found, said["error"]["code"]) == (status, code), said
    assert said["error"]["message_zh"] != said["error"]["message"]
    assert list(ask.store.told()) == []


def test_no_json_and_keys_without_the_right(ask: Ask) -> None:
    id_ = ask.id()
    head = {"Authorization": "Bearer key-app"}
    assert ask.client.post("/feedback", content=b"{", headers=head).json()["error"]["code"] == "no_json"
    assert ask.client.post("/feedback", json={}).status_code == 401
    assert ask({"id": id_, "thumb": True}, "looker")[1]["error"]["code"] == "role"
    assert ask({"id": id_, "thumb": True}, "elsewhere")[1]["error"]["code"] == "scope"
    assert list(ask.store.told()) == []


def test_many_at_once_name_those_refused(ask: Ask, predictor: Predictor) -> None:
    id_, label = ask.id(), predictor.target.labels[0]
    items = [
        {"id": id_, "answer": label},
        {"id": "no", "thumb": True},
        {"row": {**ROW, "extra": "new"}, "answer": label},
    ]
    status, said = ask({"feedback": items})
    assert (status, said["taken"], said["refused"]) == (200, 2, 1)
    assert [s.get("state") or s["error"]["status"] for s in said["feedback"]] == ["taken", 404, "taken"]
    row = next(t for t in ask.store.told() if t.id.startswith("row-"))
    assert row.row == {**ROW, "extra": "new"}
    assert [r.row for r in ask.store.labelled()] == [{**ROW, "extra": "new"}]


def test_what_the_service_says_of_itself_knows_the_id(ask: Ask) -> None:
    head = {"Authorization": "Bearer key-boss"}
    assert "id" in ask.client.get("/schema", headers=head).json()["response"]["required"]
    said = ask.client.get("/openapi.json", headers=head).json()
    assert "/feedback" in said["paths"]
    bad = {**ROW, "amount": "a lot"}
    answers = ask({"rows": [ROW, bad]}, path="/predict")[1]["answers"]
    assert "id" not in answers[1]
    assert ask.client.get("/docs", headers=head).status_code == 200


def test_the_secret_stays_when_the_service_starts_again(
    predictor: Predictor, feedback_url: str, tmp_path: Path
) -> None:
    homes = [Home("desk", version, feedback_url, tmp_path) for version in ("3", "4")]
    with TestClient(create_app(predictor, keys=ring(), home=homes[0])) as client:
        id_ = Ask(client, client.app).id()
    with TestClient(create_app(predictor, keys=ring(), home=homes[1])) as client:
        assert Ask(client, client.app)({"id": id_, "thumb": True})[0] == 200


def test_many_clients_are_committed_together(ask: Ask) -> None:
    ids = [a["id"] for a in ask({"rows": [ROW] * 20}, path="/predict")[1]["answers"]]
    found: list[int] = []
    threads = [threading.Thread(target=lambda i=i: found.append(ask({"id": i, "thumb": True})[0])) for i in ids]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert found == [200] * 20
    assert len(list(ask.store.told())) == 20


def test_postgresql_away_is_503_and_comes_back(predictor: Predictor, postgres: Any, tmp_path: Path) -> None:
    from modelwright.release.registry.places import database_url

    url = database_url(str(postgres.database()))
    app = create_app(predictor, keys=ring(), home=Home("desk", "3", url, tmp_path))
    with TestClient(app, raise_server_exceptions=False) as client:
        ask = Ask(client, app)
        first, second = ask.id(), ask.id()
        assert ask({"id": first, "thumb": True})[0] == 200
        postgres.stop()
        try:
            found = client.post(
                "/feedback", json={"id": second, "thumb": True}, headers={"Authorization": "Bearer key-app"}
            )
            assert (found.status_code, found.headers["Retry-After"]) == (503, "5")
            assert found.json()["error"]["code"] == "feedback"
            assert ask.id(), "answers go on"
        finally:
            postgres.start()
        assert ask({"id": second, "thumb": True})[1]["state"] == "taken"
        assert {t.id for t in ask.store.told()} == {first, second}
