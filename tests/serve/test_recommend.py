"""The route `/recommend`: users known and unknown, histories, exclusions, reasons, and requests that do not fit."""

import pytest
from starlette.testclient import TestClient

from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.release.bundle import Predictor
from modelwright.serve.app import create_app
from modelwright.testing import context, sample_table


@pytest.fixture(scope="module")
def predictor():
    task = get_task("recommendation")
    table, target = sample_table(task, 200)
    recipe = get_recipe("ease")
    options = recipe.variants(table.schema, target, len(table))[0]
    model = recipe.fit(table, None, options, context(task, target))
    return Predictor(task, task.served(table.schema), target, [(1.0, model)], name="shop")


@pytest.fixture
def client(predictor, key_and_ring):
    key, ring = key_and_ring
    with TestClient(create_app(predictor, keys=ring)) as c:
        c.headers["Authorization"] = f"Bearer {key}"
        yield c


def test_a_known_user_gets_what_is_new_to_them(client, predictor):
    model = predictor.members[0][1]
    had = {model.target.items[i] for i in model.had("u3")}
    found = client.post("/recommend", json={"user": "u3", "k": 4, "reasons": True}).json()
    items = [hit["item"] for hit in found["items"]]
    assert found["known"]
    assert len(items) == 4
    assert not had & set(items)
    assert all(set(hit["because"]) <= had for hit in found["items"])
    assert any(hit["because"] for hit in found["items"])
    again = client.post("/recommend", json={"user": "u3", "k": 18, "seen": True}).json()
    assert had & {hit["item"] for hit in again["items"]}


def test_exclusions_and_histories_count(client):
    first = client.post("/recommend", json={"history": ["i1", "i2"], "k": 3}).json()["items"]
    gone = first[0]["item"]
    second = client.post("/recommend", json={"history": ["i1", "i2"], "k": 3, "exclude": [gone]}).json()["items"]
    assert gone not in [hit["item"] for hit in second]
    assert [hit["item"] for hit in second[:2]] == [hit["item"] for hit in first[1:]]


def test_unknown_users_and_items_are_told(client):
    found = client.post("/recommend", json={"user": "nobody", "history": ["what"], "k": 50}).json()
    assert not found["known"]
    assert [w["code"] for w in found["warnings"]] == ["items", "unknown-user", "few"]
    assert found["items"][0]["item"] == "i1" or len(found["items"]) == 20
    told = " ".join(w["message"] for w in found["warnings"])
    assert "1 item of the history is not" in told
    assert "no history was sent" not in told


def test_an_item_twice_counts_once_and_a_strange_exclusion_is_told(client):
    once = client.post("/recommend", json={"history": ["i1", "i2"], "k": 3, "exclude": ["i5"]}).json()
    twice = client.post(
        "/recommend", json={"history": ["i1", "i2", "i2"], "k": 3, "exclude": ["i5", "i5", "zz"]}
    ).json()
    assert [hit["item"] for hit in twice["items"]] == [hit["item"] for hit in once["items"]]
    (warned,) = twice["warnings"]
    assert warned["code"] == "exclude"
    assert "`zz`" in warned["message"]
    assert "`zz`" in warned["message_zh"]


def test_where_nothing_is_left_that_is_said(client):
    catalogue = [hit["item"] for hit in client.post("/recommend", json={"k": 1000, "seen": True}).json()["items"]]
    found = client.post("/recommend", json={"user": "u3", "k": 5, "exclude": catalogue}).json()
    assert found["items"] == []
    assert "No item is left" in found["warnings"][-1]["message"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"k": 0}, "k"), ({"k": True}, "k"), ({"user": ["a"]}, "user"), ({"history": "i1"}, "history"),
        ({"exclude": [1.5]}, "exclude"), ({"seen": "yes"}, "seen"), ({"users": "u1"}, "fields"), ([], "fields"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_in_one_sentence(client, body, code):
    answer = client.post("/recommend", json=body)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == code
    assert answer.json()["error"]["message_zh"]


def test_the_usual_route_answers_lists(client):
    found = client.post("/predict", json={"rows": [{"user": "u3"}, {"history": ["i1"]}]}).json()["answers"]
    assert len(found) == 2
    assert found[0]["prediction"][0]["item"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"where": "price<3"}, "where"), ({"where": ["price<3"]}, "columns"), ({"cap": {"kind": 0}}, "cap"), ({"cap": {"kind": 2}}, "columns"),
        ({"boost": [{"where": "a=b"}]}, "boost"), ({"boost": [{"where": "a=b", "by": 1000}]}, "boost"), ({"diverse": 2}, "diverse"),
        ({"like": ["shoes"]}, "like"), ({"like": {"kind": "shoes"}}, "columns"), ({"about": {"age": [1]}}, "about"),
    ],
)  # fmt: skip
def test_rules_that_do_not_fit_are_refused(client, body, code):
    answer = client.post("/recommend", json=body)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == code
    assert answer.json()["error"]["message_zh"]


def test_an_event_counts_from_the_next_request_on(client):
    assert not client.post("/recommend", json={"user": "visitor"}).json()["known"]
    told = client.post(
        "/events", json={"events": [{"user": "visitor", "item": "i13"}, {"user": "visitor", "item": "zzz"}]}
    ).json()
    assert told["taken"] == 2
    assert not told["kept"]
    assert told["warnings"][0]["code"] == "items"
    found = client.post("/recommend", json={"user": "visitor", "k": 3}).json()
    assert found["known"]
    assert "i13" not in [hit["item"] for hit in found["items"]]


@pytest.mark.parametrize(
    "body", [{"user": "a"}, {"user": "a", "item": 1.5}, {"events": 3}, {"user": "a", "item": "b", "time": "soon"}, {"user": "a", "item": "b", "time": "2199-01-01"}, {"user": " ", "item": "b"}, []],
)  # fmt: skip
def test_events_that_do_not_fit_are_refused(client, body):
    assert client.post("/events", json=body).status_code == 422


def test_the_page_and_what_it_asks_for(client):
    page = client.get("/browse?lang=zh")
    assert page.status_code == 200
    assert 'data-lang="zh" data-pictures="0"' in page.text
    found = client.get("/items?q=i13").json()
    assert found["items"] == [{"item": "i13", "title": "i13"}]
    assert found["columns"] == []
    assert client.get("/items/picture?id=i13").status_code == 404
    del client.headers["Authorization"]
    assert client.get("/items?q=i13").status_code == 401
