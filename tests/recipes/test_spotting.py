"""Keywords in sound that goes on: found once each, silence and other words are none, false alarms are counted by the hour."""

import json

import numpy as np
import pyarrow as pa
import pytest
from starlette.testclient import TestClient

from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.data.coerce import coerce
from modelwright.data.infer import infer_schema
from modelwright.data.wav import as_wav
from modelwright.recipes.shared.spotting import RATE, Found, Spotter, alarms, is_keyword, scores_of
from modelwright.release.bundle import Predictor
from modelwright.serve.app import create_app
from modelwright.serve.keys import KeyRing
from modelwright.testing import context
from served_made import KEY

LABELS = ["yes", "no", "_silence_", "unknown"]


def one_of(samples):
    """Tell by loudness: loud is yes, softer no, else silence."""
    loud = float(np.abs(samples).max())
    return np.array(
        [0.95, 0.02, 0.02, 0.01] if loud > 0.5 else [0.02, 0.95, 0.02, 0.01] if loud > 0.2 else [0.01, 0.02, 0.9, 0.07]
    )


def stream(*parts):
    return np.concatenate([np.full(int(s * RATE), v, np.float32) for v, s in parts])


def test_each_keyword_is_found_once_and_the_rest_is_none():
    sound = stream((0.01, 2), (0.8, 0.8), (0.01, 2), (0.3, 0.8), (0.01, 2))
    spotter = Spotter(one_of, LABELS, RATE)
    found = [f for block in np.array_split(sound, 37) for f in spotter.feed(block)]
    assert [f.label for f in found] == ["yes", "no"]
    told = alarms(found, [("yes", 2.0, 2.8), ("no", 4.8, 5.6)], len(sound) / RATE)
    assert told["missed"] == 0
    assert told["false_alarms"] == 0
    assert len(spotter.held) <= RATE
    assert Spotter(one_of, LABELS, RATE).feed(np.zeros(5 * RATE, np.float32)) == []


def test_alarms_are_counted():
    found = [Found("yes", 0.9, 3.0), Found("yes", 0.9, 100.0), Found("no", 0.9, 200.0)]
    told = alarms(found, [("yes", 2.0, 2.5), ("no", 50.0, 50.5)], 1800.0)
    assert told == {"missed": 0.5, "said": 2, "false_alarms": 2, "false_alarms_an_hour": 4.0}


@pytest.mark.parametrize(
    ("label", "wanted"), [("yes", True), ("_Silence_", False), ("Unknown", False), ("未知", False), ("开灯", True)]
)
def test_labels_of_nothing_are_known(label, wanted):
    assert is_keyword(label) is wanted


@pytest.fixture(scope="module")
def predictor():
    rng = np.random.default_rng(0)
    sounds, labels = [], []
    for i in range(60):
        label = ["yes", "no", "unknown"][i % 3]
        time = np.arange(RATE) / RATE
        tone = 0.3 * np.sin(
            2 * np.pi * {"yes": 400, "no": 1500, "unknown": 3500}[label] * time
        ) + 0.01 * rng.standard_normal(RATE)
        sounds.append(as_wav(tone, RATE))
        labels.append(label)
    raw = pa.table({"sound": pa.array(sounds, pa.large_binary()), "label": labels})
    task, recipe = get_task("classification"), get_recipe("linear")
    table, _ = coerce(raw, infer_schema(raw, target="label", overrides={"sound": "audio"}))
    target = task.fit_target(table.column("label"), table.schema["label"])
    options = recipe.variants(table.schema, target, len(table))[0]
    model = recipe.fit(table, table.take(np.arange(30)), options, context(task, target))
    return Predictor(task, table.schema, target, [(1.0, model)], name="words")


def test_a_microphone_is_told_keywords(predictor):
    assert scores_of(predictor) is not None
    time = np.arange(2 * RATE) / RATE
    tone = (32767 * 0.3 * np.sin(2 * np.pi * 1500 * time)).astype("<i2").tobytes()
    head = {"Authorization": f"Bearer {KEY}"}
    with TestClient(create_app(predictor, keys=KeyRing.of({"test": KEY}))) as client:
        with client.websocket_connect(f"/v1/audio/keywords?rate={RATE}&threshold=0.5", headers=head) as socket:
            assert sorted(socket.receive_json()["keywords"]) == ["no", "yes"]
            socket.send_bytes(tone)
            socket.send_text(json.dumps({"type": "end"}))
            events = [socket.receive_json()]
            while events[-1]["type"] != "done":
                events.append(socket.receive_json())
            assert events[0]["label"] == "no"
        for query, says in (("threshold=2", "Expected a threshold"), ("rate=1", "Expected a rate")):
            with client.websocket_connect(f"/v1/audio/keywords?{query}", headers=head) as socket:
                assert says in socket.receive_json()["message"]
