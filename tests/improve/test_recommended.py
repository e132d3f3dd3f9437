"""Events that a service of recommendations is told become events of the next version, end to end: run, release, serve, tell, improve."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pytest
from starlette.testclient import TestClient

import modelwright as mw
from modelwright.improve.attempt import Asked, Parts, improve
from modelwright.improve.feedback_source import feedback_of
from modelwright.pipeline.rerun import read_again, trainer
from modelwright.release.registry import places
from modelwright.release.registry.store import Registry
from modelwright.serve.app import create_app
from modelwright.serve.keys import KeyRing
from modelwright.serve.stores import home_of_release

SINCE, DAY = 1_767_225_600, 86_400  # 2026-01-01, seconds


def bought(timed: bool) -> pa.Table:
    """Return 900 events of 90 users who each keep to one of three kinds of items."""
    rng = np.random.default_rng(0)
    user = rng.integers(0, 90, 900)
    item = user % 3 * 8 + rng.integers(0, 8, 900)
    when = pa.array(SINCE + rng.integers(0, 100 * DAY, 900), pa.timestamp("s"))
    columns = {"user": [f"u{u}" for u in user], "item": [f"i{i}" for i in item]}
    return pa.table({**columns, "time": when} if timed else columns)


@pytest.fixture(params=[True, False], ids=["with times", "without"])
def shop(request, tmp_path):
    """A released run, a client of its service, and its registry."""
    csv.write_csv(bought(request.param), tmp_path / "events.csv")
    options = {"time": "time"} if request.param else {}
    run = mw.fit(
        str(tmp_path / "events.csv"), task="recommendation", target="item", user="user", recipes=["popular-items", "item-knn"],
        search="none", budget="40s", out=tmp_path / "runs", progress=False, **options,
    )  # fmt: skip
    registry = Registry(tmp_path / "registry.db")
    registry.release(run.folder, "shop")
    state = places.state_of(registry.url, "shop")
    ring, admin = KeyRing.open(state / "keys.json")
    predictor = mw.load(run.folder)
    predictor.name, predictor.version = "shop", "1"
    with TestClient(create_app(predictor, keys=ring, home=home_of_release("shop", "1", registry.url, state))) as client:
        client.headers["Authorization"] = f"Bearer {admin}"
        yield client, registry, request.param


def test_what_users_did_is_learnt_by_the_next_version(shop):
    client, registry, timed = shop
    events = []
    for n in range(40):  # people who are new, and an item that is new among the first kind
        for day, item in enumerate(("i0", "new lamp", "i1", "i2")):
            events.append({"user": f"visitor {n}", "item": item, "time": f"2026-05-{1 + day + n // 2:02d}T08:00:00Z"})
    done = client.post("/events", json={"events": events}).json()
    assert (done["taken"], done["kept"]) == (160, True)
    assert "40 events" in done["warnings"][0]["message"]
    answer = client.post("/recommend", json={"user": "u3", "k": 3}).json()
    said = client.post("/feedback", json={"id": answer["id"], "answer": "new lamp", "row": {"user": "u3"}, "new": True})
    assert said.status_code == 200, said.text

    feedback = feedback_of(registry, "shop")
    parts = Parts(lambda gist: feedback.labelled(gist=gist), read_again, trainer(None, lang="en"))
    made = improve(registry, "shop", parts, Asked(start="warm"))
    assert made.version == 2
    rows = made.facts["rows"]
    assert rows["source"] + rows["tested"] <= 900
    assert rows["learnt"] + rows["fresh"] == 161, "each event once, feedback among them"
    assert rows["learnt"] >= 100
    second = mw.load(registry.folder(registry.get("shop", 2)))
    model = second.members[0][1]
    assert "new lamp" in model.target.places
    assert any(len(model.had(f"visitor {n}")) == 4 for n in range(40))
    found = second.predict([{"user": "u3"}])[0]["prediction"]
    assert any(hit["item"] == "new lamp" for hit in found), "u3 keeps to that kind"
    if timed:
        assert made.facts["old"] is not None, "the same test events judge both"
