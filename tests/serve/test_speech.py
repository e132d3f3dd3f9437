"""OpenAI's transcriptions with the official client, the microphone's WebSocket, the page; what does not fit is refused by name."""

import io
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import openai
import pytest
from starlette.datastructures import FormData
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.features.shared.sample_speech import as_wav, spoken_tones
from modelwright.release.bundle import Predictor
from modelwright.serve.app import create_app
from modelwright.serve.keys import KeyRing
from modelwright.serve.limits import Refused
from modelwright.serve.transcripts import read_asked, segments, stamp, subtitles
from modelwright.testing import context, sample_table
from served_made import KEY, running

RATE = 8000
HEAD = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture(scope="module")
def predictor():
    task, recipe = get_task("automatic-speech-recognition"), get_recipe("dtw")
    table, target = sample_table(task, 60)
    table = table.take(np.array([i for i, t in enumerate(table.column("text").to_pylist()) if " " not in t]))
    model = recipe.fit(table, None, recipe.variants(table.schema, target, len(table))[0], context(task, target))
    return Predictor(task, table.schema, target, [(1.0, model)], name="tones")


@pytest.fixture(scope="module")
def recordings():
    sounds, texts, _ = spoken_tones(40, 7)
    return [(s, t) for s, t in zip(sounds, texts, strict=True) if " " not in t]


@pytest.fixture
def client(predictor):
    with TestClient(create_app(predictor, keys=KeyRing.of({"test": KEY})), raise_server_exceptions=False) as c:
        yield c


def test_the_official_client(predictor, recordings, tmp_path):
    sound, text = recordings[0]
    with running(predictor, tmp_path) as service:
        client = openai.OpenAI(base_url=f"{service.url}/v1", api_key=KEY, max_retries=0)
        ask = client.audio.transcriptions.create
        assert ask(model="whisper-1", file=("a.wav", sound)).text == text
        told = ask(
            model="tones",
            file=("a.wav", sound),
            response_format="verbose_json",
            timestamp_granularities=["word", "segment"],
        )
        assert told.text == text
        assert told.words[0].word == text
        assert 0 <= told.words[0].start < told.words[0].end <= told.duration + 0.02
        assert told.segments[0].text == text
        assert ask(model="tones", file=("a.wav", sound), response_format="text").strip() == text
        assert ask(model="tones", file=("a.wav", sound), response_format="srt").startswith("1\n00:00:0")
        assert ask(model="tones", file=("a.wav", sound), response_format="vtt").startswith("WEBVTT")
        events = list(ask(model="tones", file=("a.wav", sound), stream=True))
        assert [e.type for e in events] == ["transcript.text.delta", "transcript.text.done"]
        assert events[-1].text == text
        with pytest.raises(openai.BadRequestError, match="o readable sound"):
            ask(model="tones", file=("a.wav", b"not a sound at all"))
        assert ask(model="gpt-4o-mini-transcribe", file=("a.wav", sound), language="fi").text == text
        assert [m.id for m in client.models.list()] == ["tones"]
        assert client.models.retrieve("tones").owned_by == "modelwright"
        with pytest.raises(openai.NotFoundError, match="no such model"):
            client.models.retrieve("other")
        with pytest.raises(openai.NotFoundError, match="no such model"):
            ask(model="other", file=("a.wav", sound))
        with pytest.raises(openai.AuthenticationError):
            openai.OpenAI(base_url=f"{service.url}/v1", api_key="wrong", max_retries=0).audio.transcriptions.create(
                model="tones", file=("a.wav", sound)
            )
        silence = as_wav(np.zeros(RATE), RATE)
        assert ask(model="tones", file=("a.wav", silence)).text == ""
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda r: ask(model="tones", file=("a.wav", r[0])).text, recordings[:8]))
        assert found == [t for _, t in recordings[:8]]
        client.close()


@pytest.mark.parametrize(
    ("fields", "status", "param"),
    [
        ({"response_format": "xml"}, 400, "response_format"),
        ({"stream": "perhaps"}, 400, "stream"),
        ({"stream": "true", "response_format": "srt"}, 400, "stream"),
        ({"timestamp_granularities[]": "word"}, 400, "timestamp_granularities"),
        ({"temperature": "hot"}, 400, "temperature"),
        ({"unheard_of": "1"}, 400, None),
        ({"language": "en or so"}, 400, "language"),
        ({"include[]": "logprobs"}, 400, "include"),
    ],
)
def test_fields_that_do_not_fit_are_named(client, recordings, fields, status, param):
    found = client.post(
        "/v1/audio/transcriptions", files={"file": ("a.wav", recordings[0][0])}, data=fields, headers=HEAD
    )
    assert found.status_code == status
    assert found.json()["error"]["param"] == param


@pytest.mark.parametrize(
    ("asked", "known", "fits"),
    [
        ("", "en", True),
        ("en", "en", True),
        ("English", "en", True),
        ("en-GB", "en", True),
        ("zh", "zh", True),
        ("fr", "", True),  # what a model hears is not always known
        ("fr", "en", False),
        ("chinese", "en", False),
    ],
)
def test_another_language_than_the_models_is_refused(asked, known, fits):
    form = FormData({"language": asked})
    if fits:
        assert read_asked(form, "tones", known).shape == "json"
        return
    with pytest.raises(Refused) as found:
        read_asked(form, "tones", known)
    assert (found.value.more["param"], found.value.status) == ("language", 400)
    assert "hears en" in found.value.words.en


def test_forms_that_do_not_fit_are_refused(client):
    assert client.post("/v1/audio/transcriptions", data={"model": "tones"}, headers=HEAD).status_code == 400
    assert client.post("/v1/audio/transcriptions", content=b"x", headers=HEAD).status_code == 400
    assert client.post("/v1/audio/transcriptions", content=b"x").status_code == 401


def pcm(sound):
    return sound[44:]


def test_a_microphone(client, recordings):
    sound, text = recordings[0]
    quiet = bytes(2 * RATE)
    with client.websocket_connect(f"/v1/audio/stream?rate={RATE}", headers=HEAD) as socket:
        assert socket.receive_json()["type"] == "ready"
        data = quiet + pcm(sound) + quiet
        for k in range(0, len(data), 1601):  # odd sizes: samples are put together again
            socket.send_bytes(data[k : k + 1601])
        socket.send_text(json.dumps({"type": "end"}))
        events = []
        while not events or events[-1]["type"] != "done":
            events.append(socket.receive_json())
    assert " ".join(e["text"] for e in events if e["type"] == "final") == text
    assert events[-1]["seconds"] == pytest.approx(len(data) / 2 / RATE, abs=0.01)


def test_a_microphone_without_a_key_or_with_a_wrong_message(client):
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/v1/audio/stream"):
        pass
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect("/v1/audio/stream", headers={"Authorization": "Bearer no"}),
    ):
        pass
    with client.websocket_connect("/v1/audio/stream?rate=8000", headers=HEAD) as socket:
        socket.receive_json()
        socket.send_text("hello")
        assert socket.receive_json()["type"] == "error"
    with client.websocket_connect("/v1/audio/stream?rate=5", headers=HEAD) as socket:
        assert "rate" in socket.receive_json()["message"]


def test_another_pages_cookie_opens_no_microphone(predictor):
    ring = KeyRing.of({"test": KEY})
    with TestClient(create_app(predictor, keys=ring)) as client:
        client.cookies.set("modelwright_session", ring.begin("test"))
        with (
            pytest.raises(WebSocketDisconnect),
            client.websocket_connect("/v1/audio/stream", headers={"Origin": "https://elsewhere.example"}),
        ):
            pass
        with client.websocket_connect("/v1/audio/stream?rate=8000", headers={"Origin": "http://testserver"}) as socket:
            assert socket.receive_json()["type"] == "ready"


def test_the_page(client):
    assert client.get("/transcribe").status_code == 401
    found = client.get("/transcribe", headers=HEAD)
    assert found.status_code == 200
    assert "getUserMedia" in found.text


def test_subtitles():
    words = [
        {"word": w, "start": s, "end": s + 0.4, "confidence": 0.9} for w, s in (("a", 0.1), ("b", 0.6), ("c", 3661.5))
    ]
    assert [len(p) for p in segments(words)] == [2, 1]
    assert subtitles(words, "srt") == "1\n00:00:00,100 --> 00:00:01,000\na b\n\n2\n01:01:01,500 --> 01:01:01,900\nc\n"
    assert subtitles([], "vtt") == "WEBVTT\n\n"
    assert stamp(59.9996, ".") == "00:01:00.000"


def test_predict_answers_the_same(client, recordings):
    import base64

    sound, text = recordings[0]
    url = f"data:audio/wav;base64,{base64.b64encode(sound).decode()}"
    found = client.post("/predict", json={"recording": url, "scores": True}, headers=HEAD).json()
    assert found["prediction"] == text
    assert found["scores"]["words"][0]["word"] == text
    assert io.BytesIO(sound).read(4) == b"RIFF"
