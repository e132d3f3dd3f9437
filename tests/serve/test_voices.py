"""Enrolment and verification over HTTP: with consent, encrypted, erased; what does not fit is refused in one sentence."""

import base64

import numpy as np
import pytest
from starlette.testclient import TestClient

from modelwright.core.keyref import Key, write_keys
from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.evaluate.metrics.voices import speakers_of
from modelwright.features.shared.sample_speech import as_wav, sung
from modelwright.release.bundle import Predictor
from modelwright.serve.app import create_app
from modelwright.serve.feedback.erase import forget
from modelwright.serve.keys import KeyRing
from modelwright.serve.stores import home_of_folder
from modelwright.testing import context, sample_table
from served_made import KEY

HEAD = {"Authorization": f"Bearer {KEY}"}


def url(sound):
    return "data:audio/wav;base64," + base64.b64encode(sound).decode()


@pytest.fixture(scope="module")
def predictor():
    task, recipe = get_task("speaker-verification"), get_recipe("voice-statistics")
    table, target = sample_table(task, 60)
    who = speakers_of(table)
    train, valid = table.take(np.flatnonzero(who < 4)), table.take(np.flatnonzero(who >= 4))
    model = recipe.fit(train, valid, recipe.options(), context(task, target))
    return Predictor(task, task.served(table.schema), target, [(1.0, model)], name="voices")


@pytest.fixture(scope="module")
def sounds():
    recordings, speakers = sung(60, 5)
    return {name: [url(r) for r, s in zip(recordings, speakers, strict=True) if s == name] for name in set(speakers)}


@pytest.fixture
def vault(tmp_path, monkeypatch):
    write_keys(str(tmp_path / "vault.key"), [Key.new()], new=True)
    monkeypatch.setenv("MODELWRIGHT_VAULT", str(tmp_path / "vault.key"))
    monkeypatch.setenv("MODELWRIGHT_LEDGER", str(tmp_path / "ledger.jsonl"))


@pytest.fixture
def client(predictor, tmp_path):
    home = home_of_folder("voices", "1", tmp_path / "runs" / "voices" / "serve" / "keys.json")
    home.folder.mkdir(parents=True)
    with TestClient(
        create_app(predictor, keys=KeyRing.of({"test": KEY}), home=home), raise_server_exceptions=False
    ) as c:
        yield c


def test_a_voice_is_enrolled_verified_and_erased(client, sounds, vault, tmp_path):
    mine, other = sounds["singer 1"], sounds["singer 4"]
    body = {"subject": "Ada Lovelace", "recordings": mine[:3], "consent": True, "purpose": "door"}
    made = client.post("/enrol", json=body, headers=HEAD)
    assert made.status_code == 200, made.text
    assert made.json()["recordings"] == 3
    right = client.post("/verify", json={"subject": "Ada Lovelace", "recording": mine[4]}, headers=HEAD).json()
    wrong = client.post("/verify", json={"subject": "Ada Lovelace", "recording": other[0]}, headers=HEAD).json()
    assert wrong["prediction"] == "different"
    assert right["score"] > wrong["score"]
    held = b"".join(p.read_bytes() for p in tmp_path.rglob("records.db*"))
    assert b"Lovelace" not in held
    assert b'"voice"' not in held
    assert "voice enrolled" in (tmp_path / "ledger.jsonl").read_text()
    assert "Lovelace" not in (tmp_path / "ledger.jsonl").read_text()
    again = client.post("/enrol", json=body | {"recordings": mine[:1]}, headers=HEAD)
    assert again.json()["recordings"] == 1
    assert client.delete("/enrol/Ada Lovelace", headers=HEAD).json() == {"erased": 1}
    gone = client.post("/verify", json={"subject": "Ada Lovelace", "recording": mine[4]}, headers=HEAD)
    assert gone.status_code == 404


def test_erasing_a_subject_reaches_the_voice(client, sounds, vault, tmp_path):
    body = {"subject": "s-7", "recordings": sounds["singer 2"][:2], "consent": True}
    assert client.post("/enrol", json=body, headers=HEAD).status_code == 200
    assert sum(forget(tmp_path / "runs", "s-7", erase=True).rows.values()) == 1
    assert (
        client.post("/verify", json={"subject": "s-7", "recording": sounds["singer 2"][3]}, headers=HEAD).status_code
        == 404
    )


@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        ({"consent": False}, 403, "only with its speaker's consent"),
        ({"consent": "yes"}, 422, "`consent`: expected true or false"),
        ({"recordings": []}, 422, "`recordings`: expected at least 1 entries"),
        ({"recordings": [url(as_wav(np.zeros(8000), 8000))]}, 422, "Recording 1 holds no speech"),
        ({"recordings": [url(b"no sound")]}, 422, "Recording 1 cannot be read"),
        ({"recordings": ["/etc/passwd"]}, 422, "Recording 1 cannot be read"),
        ({"name": "x"}, 422, "a field that is not known"),
    ],
)
def test_what_does_not_fit_is_refused(client, sounds, vault, change, status, says):
    body = {"subject": "a", "recordings": sounds["singer 0"][:1], "consent": True} | change
    answer = client.post("/enrol", json=body, headers=HEAD)
    assert answer.status_code == status
    assert says in answer.text


def test_two_voices_are_not_enrolled_as_one(client, sounds, vault):
    mixed = [*sounds["singer 0"][:3], sounds["singer 5"][0]]
    answer = client.post("/enrol", json={"subject": "a", "recordings": mixed, "consent": True}, headers=HEAD)
    assert answer.status_code == 422
    assert "Recording 4 sounds like another voice" in answer.text


def test_without_a_vault_nothing_is_kept(client, sounds, monkeypatch):
    monkeypatch.delenv("MODELWRIGHT_VAULT", raising=False)
    answer = client.post(
        "/enrol", json={"subject": "a", "recordings": sounds["singer 0"][:1], "consent": True}, headers=HEAD
    )
    assert answer.status_code == 503
    assert "vault init" in answer.text


def test_pairs_are_compared_by_predict_and_the_page_opens(client, sounds):
    row = {"recording": sounds["singer 0"][0], "other": sounds["singer 3"][0]}
    answer = client.post("/predict", json=row, headers=HEAD).json()
    assert answer["prediction"] == "different"
    assert "voice" not in answer
    assert 'class="hear voices"' in client.get("/voices", headers=HEAD).text


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (
            {"subject": "A", "recordings": "x", "consent": True},
            "`recordings`: expected a list; each recording is a data URL",
        ),
        ({"subject": "A", "recordings": [], "consent": True}, "at least 1 entries"),
        ({"subject": "A", "recordings": [7], "consent": True}, "`recordings`[0]: expected text"),
        ({"subject": "A", "recordings": ["x"], "consent": "yes"}, "`consent`: expected true or false"),
        ({"subject": "A", "recordings": ["x"], "consent": True, "days": -1}, "`days`: expected more than 0"),
        ({"subject": "A", "recordings": ["x"], "agreed": True}, "There is a field that is not known"),
        ([1], "must be an object with the fields subject, recordings"),
    ],
)
def test_what_does_not_fit_is_told_with_what_would(client, vault, body, says):
    refused = client.post("/enrol", json=body, headers=HEAD)
    assert refused.status_code == 422
    assert says in refused.json()["error"]["message"]
