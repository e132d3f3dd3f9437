"""The route `/trace` and its pages: learners with and without a past, classes, unknown skills, and requests that do not fit."""

import numpy as np
import pytest
from starlette.testclient import TestClient

from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.release.bundle import Predictor
from modelwright.serve.app import create_app
from modelwright.testing import context, sample_table


@pytest.fixture(scope="module")
def predictor():
    task = get_task("knowledge-tracing")
    table, target = sample_table(task, 240)
    made = []
    for name in ("bkt", "elo"):
        recipe = get_recipe(name)
        made.append((0.5, recipe.fit(table, None, recipe.options(), context(task, target))))
    return Predictor(task, task.served(table.schema), target, made, name="tutor")


@pytest.fixture
def client(predictor, key_and_ring):
    key, ring = key_and_ring
    with TestClient(create_app(predictor, keys=ring)) as c:
        c.headers["Authorization"] = f"Bearer {key}"
        yield c


def by_skill(found):
    return {s["skill"]: s for s in found["skills"]}


def test_right_answers_raise_mastery_and_chances(client):
    up = client.post("/trace", json={"history": [{"skill": "fractions", "right": 1}] * 4}).json()
    down = client.post("/trace", json={"history": [{"skill": "fractions", "right": False}] * 4}).json()
    high, low = by_skill(up)["fractions"], by_skill(down)["fractions"]
    assert high["mastery"] > low["mastery"]
    assert high["probability"] > low["probability"]
    assert (high["answers"], high["right"], low["right"]) == (4, 4, 0)
    assert by_skill(up)["decimals"]["answers"] == 0
    assert "warnings" not in up


def test_chances_are_those_of_predict(client):
    history = [{"skill": "fractions", "right": 1}, {"skill": "decimals", "right": 0}]
    found = by_skill(client.post("/trace", json={"history": history}).json())
    row = {"learner": "x", "skill": "decimals", "history": ["fractions=1", "decimals=0"]}
    told = client.post("/predict", json={"rows": [row], "scores": True}).json()["answers"][0]
    assert found["decimals"]["probability"] == pytest.approx(told["scores"]["true"], abs=1e-4)


def test_the_next_exercise_is_the_one_of_the_highest_gain(client):
    found = client.post("/trace", json={"history": [{"skill": "fractions", "right": 1}] * 30}).json()
    assert by_skill(found)["fractions"]["mastered"]
    gains = [n["gain"] for n in found["next"]]
    assert gains == sorted(gains, reverse=True)
    assert "fractions" not in [n["skill"] for n in found["next"]]
    drawn = {
        client.post("/trace", json={"choose": "thompson", "seed": i}).json()["next"][0]["skill"] for i in range(25)
    }
    assert len(drawn) > 1
    one, two = (client.post("/trace", json={"choose": "thompson", "seed": 7}).json() for _ in range(2))
    assert one == two


def test_a_learner_without_a_past_and_unknown_skills_are_told(client):
    new = client.post("/trace", json={"history": []}).json()
    assert [w["code"] for w in new["warnings"]] == ["no-history"]
    strange = client.post("/trace", json={"history": [{"skill": "数论", "right": 1}], "skills": ["数论"]}).json()
    assert [w["code"] for w in strange["warnings"]] == ["unknown-skill", "mastered"]
    assert strange["next"] == []
    assert 0 < strange["skills"][0]["probability"] < 1


def test_a_class_is_answered_at_once(client):
    learners = [{"learner": n, "history": [{"skill": "fractions", "right": r}]} for n, r in (("小明", 1), ("Ana", 0))]
    found = client.post("/trace", json={"learners": learners, "skills": ["fractions"]}).json()["learners"]
    assert [x["learner"] for x in found] == ["小明", "Ana"]
    assert found[0]["skills"][0]["mastery"] > found[1]["skills"][0]["mastery"]
    alone = client.post("/trace", json={**learners[1], "skills": ["fractions"]}).json()
    assert alone == found[1]


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ("{", 400, "no JSON"),
        ({"histories": []}, 422, "Expected an object with fields"),
        ({"history": [{"skill": "fractions", "right": 2}]}, 422, "`history[0].right` is 1 (right) or 0 (wrong), received 2."),
        ({"history": [{"skill": "fractions", "right": 0.5}]}, 422, "received 0.5"),
        ({"history": [{"skill": "fractions"}]}, 422, "`history[0]` has `skill` and `right`."),
        ({"history": [{"skill": None, "right": 1}]}, 422, "`history[0].skill` is a name"),
        ({"history": "fractions"}, 422, "is a list of at most 5,000 answers"),
        ({"learners": []}, 422, "1 to 200"),
        ({"learners": [{}], "history": []}, 422, "or the `history` of one"),
        ({"learners": [{"history": [{"skill": "a", "right": "1"}]}]}, 422, '`learners[0].history[0].right` is 1 (right) or 0 (wrong), received "1"'),
        ({"choose": "best"}, 422, "gain or thompson"),
        ({"seed": -1}, 422, "whole number"),
        ({"skills": []}, 422, "1 to 5,000"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_in_one_sentence(client, body, status, words):
    sent = {"content": body} if isinstance(body, str) else {"json": body}
    answer = client.post("/trace", **sent)
    assert answer.status_code == status
    assert words in answer.json()["error"]["message"]


def test_pages_are_there_with_a_key_and_ask_for_it_without(client):
    for path in ("/learn", "/class"):
        assert f'class="{path[1:]}"' in client.get(path).text
        assert 'name="key"' in client.get(path, headers={"Authorization": ""}).text


def test_other_models_have_no_such_route(key_and_ring):
    key, ring = key_and_ring
    task = get_task("classification")
    table, target = sample_table(task, 40)
    recipe = get_recipe("constant")
    model = recipe.fit(table, None, recipe.options(), context(task, target))
    with TestClient(create_app(Predictor(task, table.schema, target, [(1.0, model)]), keys=ring)) as c:
        assert c.post("/trace", json={}, headers={"Authorization": f"Bearer {key}"}).status_code == 404
    assert np.isfinite(model.scores(table)).all()
