"""OpenAI's speech with the official client, formats and streams, the page; what does not fit is refused by name."""

import base64
import io
import json

import numpy as np
import openai
import pytest
import soundfile
from starlette.testclient import TestClient

from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.data.kinds.audio import decode
from modelwright.data.provenance import mark_of
from modelwright.data.sound_files import formats
from modelwright.release.bundle import Predictor
from modelwright.serve.app import create_app
from modelwright.serve.keys import KeyRing
from modelwright.testing import context, sample_table
from served_made import KEY, running

HEAD = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture(scope="module")
def predictor():
    task, recipe = get_task("text-to-speech"), get_recipe("mean-sounds")
    table, target = sample_table(task, 12)
    model = recipe.fit(table, None, recipe.variants(table.schema, target, len(table))[0], context(task, target))
    return Predictor(task, table.schema, target, [(1.0, model)], name="tones")


@pytest.fixture
def client(predictor):
    with TestClient(create_app(predictor, keys=KeyRing.of({"test": KEY})), raise_server_exceptions=False) as c:
        yield c


def ask(client, **fields):
    return client.post("/v1/audio/speech", json={"input": "low mid", "response_format": "wav", **fields}, headers=HEAD)


def test_the_official_client(predictor, tmp_path):
    with running(predictor, tmp_path) as service:
        client = openai.OpenAI(base_url=f"{service.url}/v1", api_key=KEY, max_retries=0)
        made = client.audio.speech.create(
            model="tts-1", voice="alloy", input="low mid high", response_format="wav"
        ).content
        samples, rate = soundfile.read(io.BytesIO(made))
        assert rate == 8000
        assert len(samples) > 800
        assert mark_of(made)["recipe"] == "mean-sounds"
        assert [m.id for m in client.models.list()] == ["tones"]
        with client.audio.speech.with_streaming_response.create(
            model="tones", voice="default", input="low mid. high low. mid."
        ) as stream:
            parts = list(stream.iter_bytes())
        assert len(parts) > 1
        assert soundfile.info(io.BytesIO(b"".join(parts))).duration > 0.2
        with pytest.raises(openai.NotFoundError, match="no such model"):
            client.audio.speech.create(model="other", voice="alloy", input="low")
        with pytest.raises(openai.BadRequestError, match="no such voice"):
            client.audio.speech.create(model="tones", voice="nova", input="low")


@pytest.mark.parametrize("format", [f for f in formats() if f != "pcm"])
@pytest.mark.parametrize("text", ["low mid", "low mid. high low. high."])
def test_every_format_can_be_read_again(client, format, text):
    answer = ask(client, input=text, response_format=format)
    assert answer.status_code == 200
    samples = decode({"path": None, "bytes": answer.content, "digest": "", "how": None}, 8000)
    assert len(samples) > 800
    assert np.abs(samples).max() > 0.01
    assert b"trainedAlgorithmicMedia" in answer.content


def test_sentences_come_as_events(client):
    answer = ask(client, input="low. mid. high.", stream_format="sse")
    events = [json.loads(line[6:]) for line in answer.text.splitlines() if line]
    assert [e["type"] for e in events[-2:]] == ["speech.audio.delta", "speech.audio.done"]
    sound = b"".join(base64.b64decode(e["audio"]) for e in events[:-1])
    assert sound[:4] == b"RIFF"
    assert len(events) == 4


def test_speed_and_what_cannot_be_said(client):
    usual, fast = (len(ask(client, speed=s).content) for s in (1.0, 2.0))
    assert fast < 0.75 * usual
    answer = ask(client, input="low 😀 mid")
    assert json.loads(answer.headers["x-unspoken"]) == ["😀"]
    answer = ask(client, input="low 你 mid")  # the voice has no sound for it
    assert (answer.status_code, json.loads(answer.headers["x-unspoken"])) == (200, ["n", "i"])
    assert ask(client, input="你好").json()["error"]["code"] == "nothing_to_say"


@pytest.mark.parametrize(
    ("fields", "param", "says"),
    [
        ({"input": ""}, "input", "empty"),
        ({"input": "😀"}, "input", "nothing in"),
        ({"input": "x" * 40_001}, "input", "at most 40000"),
        ({"input": "<speak>low"}, "input", "no complete XML"),
        ({"input": '<!DOCTYPE s [<!ENTITY a "b">]><speak>&a;</speak>'}, "input", "document type"),
        ({"speed": 9.0}, "speed", "4"),
        ({"voice": "nova"}, "voice", "no such voice"),
        ({"response_format": "aac"}, "response_format", "mp3"),
        ({"instructions": "cheerfully"}, "instructions", "instructions"),
        ({"sped": 2}, "sped", "speed"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(client, fields, param, says):
    answer = ask(client, **fields)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["param"] == param
    assert says in error["message"]
    assert error["message_zh"]


def test_the_page_and_the_voices(client):
    page = client.get("/speak", headers=HEAD)
    assert page.status_code == 200
    assert "Text to speech" in page.text
    assert client.get("/v1/audio/voices", headers=HEAD).json()["voices"] == [{"id": "default", "name": "default"}]
    assert client.post("/v1/audio/speech", json={"input": "low"}).status_code == 401


def test_rows_are_answered_as_files(client):
    answer = client.post("/predict", json={"text": "low mid"}, headers={**HEAD, "Accept": "audio/wav"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "audio/wav"
    assert mark_of(answer.content)["digital_source_type"].endswith("trainedAlgorithmicMedia")
