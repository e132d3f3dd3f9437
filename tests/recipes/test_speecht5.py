"""A SpeechT5 voice: spoken with its vocoder and the vector of a speaker, faster, higher; saved whole; served; what does not fit is refused first."""

import io
import json

import numpy as np
import pyarrow as pa
import pytest
import soundfile
import torch
from starlette.testclient import TestClient

from hub_speech_made import tiny_speech_t5, tiny_vits, tiny_vocoder
from modelwright.core.bases import BaseModels
from modelwright.core.config import make_config
from modelwright.core.errors import OptionError
from modelwright.core.pretrained import find
from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.data.provenance import mark_of
from modelwright.features.shared.aloud.reader import Sound
from modelwright.features.shared.hub_voice import SpeechT5Text
from modelwright.recipes.shared.synthesis import Asked
from modelwright.release.bundle import Predictor
from modelwright.serve.app import create_app
from modelwright.serve.keys import KeyRing
from modelwright.testing import context, sample_table
from modelwright.tune.bases import bases_for
from served_made import KEY

TASK = get_task("text-to-speech")


@pytest.fixture(scope="module")
def data():
    return sample_table(TASK, 12)


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    place = tmp_path_factory.mktemp("speecht5")
    (place / "speakers").mkdir()
    for name, seed in (("amy", 1), ("bob", 2)):
        np.save(place / "speakers" / f"{name}.npy", np.random.default_rng(seed).standard_normal((1, 8)))
    return str(tiny_speech_t5(place / "voice")), str(tiny_vocoder(place / "vocoder")), str(place / "speakers")


def fitted(parts, data):
    table, target = data
    recipe = get_recipe("speecht5")
    recipe.bases = BaseModels(text2speech=parts[:1], vocoders=parts[1:2], voice_vectors=parts[2])
    assert recipe.refuses(table.schema, target, len(table)) is None
    options = recipe.variants(table.schema, target, len(table))[0]
    return recipe.fit(table, None, options, context(TASK, target))


def sound(model, text, **asked):
    return np.concatenate([p.samples for p in model.speak(text, Asked(**asked))])


def config(*names, vectors=None, task="text-to-speech"):
    return make_config(data="x", task=task, pretrained=list(names), voice_vectors=vectors)


def test_it_speaks_as_transformers_does(parts, data):
    import transformers

    model = fitted(parts, data)
    network = transformers.SpeechT5ForTextToSpeech.from_pretrained(parts[0])
    vocoder = transformers.SpeechT5HifiGan.from_pretrained(parts[1])
    signs = "   ▁abcdefghijklmnopqrstuvwxyz'.,?"
    ids = [signs.index(c) + 1 for c in "▁hello▁world."]
    vector = torch.tensor(np.load(f"{parts[2]}/bob.npy"), dtype=torch.float32)
    torch.manual_seed(0)
    wanted = network.generate_speech(torch.tensor([[*ids, 2]]), vector, vocoder=vocoder).numpy()
    made = sound(model, "Hello world.", voice="bob")
    assert len(wanted) > 5000
    np.testing.assert_allclose(made[: len(wanted)], wanted, atol=1e-5)
    assert not made[len(wanted) :].any()  # a pause after the sentence


def test_it_is_saved_whole(parts, data, tmp_path):
    table, target = data
    model = fitted(parts, data)
    made = sound(model, "hello big world")
    np.testing.assert_array_equal(made, sound(model, "hello big world"))
    assert not np.array_equal(made, sound(model, "hello big world", voice="bob"))
    model.save(tmp_path)
    assert not [p for p in tmp_path.rglob("*") if any(place.encode() in p.read_bytes() for place in parts)]
    again = get_recipe("speecht5").model.load(tmp_path, target)
    np.testing.assert_allclose(sound(again, "hello big world", voice="bob"), sound(model, "hello big world", voice="bob"), atol=1e-6)  # fmt: skip
    assert [o["kind"] for o in again.origins] == ["speecht5", "speecht5_hifigan"]
    assert all(t["type"] == "audio/wav" for t in again.scores(table)[:, 0])
    with pytest.raises(OptionError, match="amy"):
        sound(again, "hello", voice="emy")


def test_speed_pitch_and_pauses_are_heeded(parts, data):
    model = fitted(parts, data)
    usual = len(sound(model, "hello big world"))
    assert 0.45 * usual < len(sound(model, "hello big world", speed=2.0)) < 0.65 * usual
    assert 1.8 * usual < len(sound(model, "hello big world", speed=0.5)) + model.rate // 4
    assert 0.9 * usual < len(sound(model, "hello big world", pitch=7.0)) < 1.1 * usual
    assert len(sound(model, '<speak>hello <break time="2s"/> world</speak>')) > 2 * model.rate
    assert [p.unsaid for p in model.speak("hello ☃ né")] == [("☃", "é")]


def test_it_is_served(parts, data, tmp_path):
    table, target = data
    made = Predictor(TASK, table.schema, target, [(1.0, fitted(parts, data))], name="five")
    app = create_app(made, keys=KeyRing.of({"test": KEY}))
    with TestClient(app, raise_server_exceptions=False) as client:

        def ask(**fields):
            asked = {"model": "tts-1", "input": "hello big world", "voice": "bob", "response_format": "wav", **fields}
            return client.post("/v1/audio/speech", json=asked, headers={"Authorization": f"Bearer {KEY}"})

        told = ask()
        assert told.status_code == 200, told.text
        samples, rate = soundfile.read(io.BytesIO(told.content), dtype="float32")
        wanted = sound(made.members[0][1], "hello big world", voice="bob")
        assert rate == made.members[0][1].rate
        np.testing.assert_allclose(samples, wanted, atol=2e-4)
        assert mark_of(told.content)["recipe"] == "speecht5"
        assert not np.array_equal(soundfile.read(io.BytesIO(ask(voice="amy").content), dtype="float32")[0], samples)
        assert len(soundfile.read(io.BytesIO(ask(speed=2.0).content))[0]) < 0.65 * len(samples)
        for fields, status, says in (
            ({"voice": "emy"}, 400, "amy"),
            ({"input": ""}, 400, "input"),
            ({"input": "<speak>hello"}, 400, "SSML"),
        ):
            refused = ask(**fields)
            assert refused.status_code == status, (fields, refused.text)
            assert says in refused.json()["error"]["message"], (fields, refused.text)


def test_long_texts_are_read_in_parts(parts):
    text = SpeechT5Text.fit(find(parts[0]))
    most = text.state["most"]
    assert most == 29
    parts_of, unknown = text.encode([Sound("^"), *(Sound(w) for w in ["hello"] * 9), Sound("x" * 70), Sound("@b")])
    assert all(len(p) <= most and p[-1] == 2 for p in parts_of)
    assert sum(len(p) - 1 for p in parts_of) == 9 * 6 + 71
    assert unknown == ["b"]


def test_one_vector_needs_no_name(parts, data):
    model = fitted((*parts[:2], f"{parts[2]}/amy.npy"), data)
    assert model.voice.speakers == ()
    assert len(sound(model, "hello"))


def test_what_belongs_together_is_asked_for_before_anything_is_trained(parts, data, tmp_path):
    table = data[0]
    voice, vocoder, vectors = parts
    found = bases_for(config(voice, vocoder, vectors=vectors), table)
    assert (found.text2speech, found.vocoders, found.voice_vectors) == ((voice,), (vocoder,), vectors)
    other = str(tiny_vocoder(tmp_path / "other", bands=20))
    vits = str(tiny_vits(tmp_path / "vits"))
    np.save(tmp_path / "short.npy", np.ones(5))
    np.save(tmp_path / "none.npy", np.zeros(8))
    np.save(tmp_path / "objects.npy", np.array([{}]), allow_pickle=True)
    (tmp_path / "text.npy").write_text("0.1 0.2", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    heard = tiny_speech_t5(tmp_path / "asr")
    told = json.loads((heard / "config.json").read_text(encoding="utf-8"))
    (heard / "config.json").write_text(
        json.dumps(told | {"architectures": ["SpeechT5ForSpeechToText"]}), encoding="utf-8"
    )
    for asked, says in (
        (config(voice, vectors=vectors), "got 0"),
        (config(voice, vocoder, other, vectors=vectors), "got 2"),
        (config(voice, other, vectors=vectors), "16 bands"),
        (config(voice, vocoder), "--voice-vectors"),
        (config(vocoder), "none was named"),
        (config(vits, vectors=vectors), "none was named"),
        (config(str(heard), vocoder, vectors=vectors), "SpeechT5ForSpeechToText"),
        (config(vocoder, task="classification"), "text-to-speech"),
        (config(voice, vocoder, vectors=str(tmp_path / "short.npy")), "holds 5 numbers"),
        (config(voice, vocoder, vectors=str(tmp_path / "none.npy")), "not all 0"),
        (config(voice, vocoder, vectors=str(tmp_path / "objects.npy")), "cannot be read as numbers"),
        (config(voice, vocoder, vectors=str(tmp_path / "text.npy")), "cannot be read as numbers"),
        (config(voice, vocoder, vectors=str(tmp_path / "empty")), "no .npy file"),
        (config(voice, vocoder, vectors=str(tmp_path / "nowhere.npy")), "no .npy file"),
    ):
        with pytest.raises(OptionError, match=says):
            bases_for(asked, table)


def test_folders_that_are_not_whole(parts, data, tmp_path):
    from safetensors.torch import load_file, save_file

    bare = tiny_speech_t5(tmp_path / "bare")
    (bare / "spm_char.model").unlink()
    with pytest.raises(OptionError, match=r"holds no spm_char\.model"):
        fitted((str(bare), *parts[1:]), data)
    broken = tiny_speech_t5(tmp_path / "broken")
    (broken / "spm_char.model").write_bytes(b"\x0a\xff\xff")
    with pytest.raises(OptionError, match="not a SentencePiece model"):
        fitted((str(broken), *parts[1:]), data)
    half = tiny_speech_t5(tmp_path / "half")
    weights = load_file(half / "model.safetensors")
    save_file({k: v for k, v in weights.items() if "postnet" not in k}, half / "model.safetensors")
    with pytest.raises(OptionError, match="cannot be read"):
        fitted((str(half), *parts[1:]), data)


def test_a_voice_of_other_letters_is_refused(parts, data):
    table, target = data
    texts = pa.array(["你好"] * len(table))
    other = table.with_data(table.data.set_column(table.data.column_names.index("text"), "text", texts))
    with pytest.raises(OptionError, match="another language"):
        fitted(parts, (other, target))
