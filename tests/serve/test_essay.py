"""The route `/essay` and its page: marks with places, corrections by feedback, requests that do not fit."""

import pytest
from starlette.testclient import TestClient

from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.release.bundle import Predictor
from modelwright.serve.app import create_app
from modelwright.testing import context, sample_table


@pytest.fixture(scope="module")
def predictor():
    task = get_task("essay-scoring")
    table, target = sample_table(task, 80)
    recipe = get_recipe("rubric-ridge")
    options = recipe.variants(table.schema, target, len(table))[0]
    return Predictor(
        task, table.schema, target, [(1.0, recipe.fit(table, None, options, context(task, target)))], name="marks"
    )


@pytest.fixture
def client(predictor, key_and_ring):
    key, ring = key_and_ring
    with TestClient(create_app(predictor, keys=ring)) as c:
        c.headers["Authorization"] = f"Bearer {key}"
        yield c


def test_each_criterion_has_a_mark_a_sentence_and_places(client):
    row = {"essay": "many facts, reasons, 例子 and 证据. bad bad words."}
    found = client.post("/essay", json={"row": row}).json()
    assert found["texts"] == row
    marks = client.post("/predict", json=row).json()["prediction"]
    for name, one in found["criteria"].items():
        assert one["mark"] == marks[name]
        assert str(one["mark"]) in one["scale"]
        assert one["feedback"].startswith(f"{one['mark']} of ")
        assert one["feedback_zh"].startswith(f"{one['mark']} 分")
        for place in one["places"]:
            if place["start"] is not None:
                assert row["essay"][place["start"] : place["end"]] == place["text"]
    assert any(p["weight"] < 0 and "bad" in p["text"] for p in found["criteria"]["style"]["places"])


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ("{", 400, "no JSON"),
        ({"essay": "x"}, 422, "columns of: essay"),
        ({"row": {"text": "x"}}, 422, "columns of: essay"),
        ({"row": {}}, 422, "columns of: essay"),
        ({"row": {"essay": "x" * 2_000_000}}, 422, "longer"),
    ],
)
def test_what_does_not_fit_is_refused(client, body, status, words):
    sent = {"content": body} if isinstance(body, str) else {"json": body}
    answer = client.post("/essay", **sent)
    assert answer.status_code == status
    assert words in answer.json()["error"]["message"]


def test_the_page_is_there_with_a_key_and_asks_for_it_without(client):
    assert 'class="essay"' in client.get("/essay").text
    assert 'name="key"' in client.get("/essay", headers={"Authorization": ""}).text
