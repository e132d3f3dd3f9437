"""A conversation by voice: heard, answered with citations, spoken, with the time of each stage; who speaks in between is heard."""

import json

import numpy as np
import pytest
from starlette.testclient import TestClient

from modelwright.core.errors import OptionError
from modelwright.serve.app import create_app
from modelwright.serve.keys import KeyRing
from modelwright.serve.voice_front import Companions, roles_of
from served_made import KEY
from talk_made import RATE, Fake, Speaks, answering, hearing, said

HEAD = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture(scope="module")
def hears():
    return hearing()


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    return answering(tmp_path_factory.mktemp("docs"))


def talk(client, send, until="done", rate=RATE):
    """Send what `send` yields and return events, and the bytes of sound."""
    events, sound = [], b""
    with client.websocket_connect(f"/v1/voice?rate={rate}", headers=HEAD) as socket:
        for data in send:
            socket.send_bytes(data) if isinstance(data, bytes) else socket.send_text(json.dumps(data))
        while True:
            message = socket.receive()
            if message["type"] == "websocket.close":
                break
            if message.get("bytes"):
                sound += message["bytes"]
                continue
            events.append(json.loads(message["text"]))
            if events[-1]["type"] in (until, "error"):
                break
    return events, sound


def served(answers, hears, mouth):
    companions = Companions(hears, Fake(mouth) if mouth is not None else None)
    return TestClient(create_app(answers, keys=KeyRing.of({"test": KEY}), companions=companions))


def pieces(data, size=2400):
    return [data[i : i + size] for i in range(0, len(data), size)]


def test_a_question_is_heard_answered_with_citations_and_spoken(answers, hears):
    mouth = Speaks()
    with served(answers, hears, mouth) as client:
        events, sound = talk(client, [*pieces(said("low")), {"type": "end"}])
    kinds = [e["type"] for e in events]
    assert kinds[0] == "ready"
    assert kinds[-1] == "done"
    answer = next(e for e in events if e["type"] == "answer")
    assert answer["question"] == "low"
    assert "opens the door" in answer["text"]
    assert answer["citations"][0]["document"] == "tones.csv"
    assert mouth.said == [answer["text"]]
    assert len(sound) == 16000
    stages = next(e for e in events if e["type"] == "latency")
    assert all(stages[k] >= 0 for k in ("heard", "answered", "spoken"))
    assert stages["pause"] == 500


def test_who_speaks_in_between_is_heard(answers, hears):
    with served(answers, hears, Speaks(20)) as client:
        data = pieces(said("low", 1.2)) + pieces(said("high", 1.0))
        events, _ = talk(client, [*data, {"type": "end"}])
    kinds = [e["type"] for e in events]
    assert "interrupted" in kinds
    assert [e["question"] for e in events if e["type"] == "answer"][-1] == "high", " ".join(
        e["type"] + str(e.get("text") or e.get("message") or "") for e in events
    )
    assert kinds[-1] == "done"


def test_stop_hushes(answers, hears):
    with (
        served(answers, hears, Speaks(5)) as client,
        client.websocket_connect(f"/v1/voice?rate={RATE}", headers=HEAD) as socket,
    ):
        for piece in pieces(said("low")):
            socket.send_bytes(piece)
        kinds = []
        while "speech" not in kinds:
            message = socket.receive()
            kinds += [json.loads(message["text"])["type"]] if message.get("text") else []
        socket.send_text('{"type": "stop"}')
        while "interrupted" not in kinds:
            message = socket.receive()
            kinds += [json.loads(message["text"])["type"]] if message.get("text") else []
        assert kinds.index("speech") < kinds.index("interrupted")
        socket.send_text('{"type": "end"}')


def test_without_a_voice_the_answer_stands_written(answers, hears):
    with served(answers, hears, None) as client:
        events, sound = talk(client, [*pieces(said("high")), {"type": "end"}])
        assert 'class="hear talk"' in client.get("/talk", headers=HEAD).text
    assert events[0]["speaks"] is False
    assert any(e["type"] == "answer" for e in events)
    assert sound == b""


def test_silence_is_not_answered(answers, hears):
    with served(answers, hears, Speaks()) as client:
        events, sound = talk(client, [*pieces(np.zeros(2 * RATE, "<i2").tobytes()), {"type": "end"}])
    assert [e["type"] for e in events] == ["ready", "done"]
    assert sound == b""


@pytest.mark.parametrize(
    ("rate", "send", "says"),
    [
        (3, [], "Expected a rate"),
        (RATE, [{"type": "sing"}], "Expected sound as bytes"),
        (RATE, [b"0" * ((1 << 20) + 1)], "A message may hold"),
    ],
)
def test_what_does_not_fit_is_one_sentence(answers, hears, rate, send, says):
    with served(answers, hears, None) as client:
        events, _ = talk(client, send, rate=rate)
    assert says in events[-1]["message"]
    assert events[-1]["message_zh"]


def test_models_that_do_not_go_together_are_named(answers, hears):
    found, companions = roles_of([hears, answers])
    assert found is answers
    assert companions.hears is hears
    for wrong in ([hears], [hears, hears, answers], [answers, answers]):
        with pytest.raises(OptionError, match="--voice takes a model of automatic-speech-recognition"):
            roles_of(wrong)
