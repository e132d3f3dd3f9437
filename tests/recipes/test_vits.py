"""A pretrained voice: spoken as it came, faster, higher, with pauses; saved whole; what it cannot read is said."""

import json

import numpy as np
import pyarrow as pa
import pytest

from hub_speech_made import tiny_vits
from modelwright.core.bases import BaseModels
from modelwright.core.errors import OptionError
from modelwright.core.pretrained import find
from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.features.shared.aloud.reader import Sound
from modelwright.features.shared.hub_voice import VitsText
from modelwright.recipes.shared.synthesis import Asked
from modelwright.testing import context, sample_table
from modelwright.tune.bases import bases_for

TASK = get_task("text-to-speech")


@pytest.fixture(scope="module")
def data():
    return sample_table(TASK, 12)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return str(tiny_vits(tmp_path_factory.mktemp("vits") / "voice"))


def fitted(folder, data):
    table, target = data
    recipe = get_recipe("vits")
    recipe.bases = BaseModels(text2speech=(folder,))
    options = recipe.variants(table.schema, target, len(table))[0]
    return recipe.fit(table, None, options, context(TASK, target))


def sound(model, text, **asked):
    return np.concatenate([p.samples for p in model.speak(text, Asked(**asked))])


def test_it_speaks_as_it_came_and_is_saved_whole(folder, data, tmp_path):
    table, target = data
    model = fitted(folder, data)
    made = sound(model, "hello big world")
    assert len(made) > 500
    np.testing.assert_array_equal(made, sound(model, "hello big world"))  # the same again, though it draws by chance
    model.save(tmp_path)
    assert not [p for p in tmp_path.rglob("*") if folder.encode() in p.read_bytes()]
    again = get_recipe("vits").model.load(tmp_path, target)
    np.testing.assert_allclose(sound(again, "hello big world"), made, atol=1e-6)
    assert again.origins[0]["kind"] == "vits"
    told = again.scores(table)[:, 0]
    assert all(t["type"] == "audio/wav" for t in told)


def test_speed_pitch_and_pauses_are_heeded(folder, data):
    model = fitted(folder, data)
    usual = len(sound(model, "hello big world"))
    assert len(sound(model, "hello big world", speed=2.0)) < 0.75 * usual
    assert 0.7 * usual < len(sound(model, "hello big world", pitch=7.0)) < 1.4 * usual
    quiet = sound(model, '<speak>hello <break time="2s"/> world</speak>')
    assert len(quiet) > 2 * model.rate
    assert [p.unsaid for p in model.speak("hello ☃")] == [("☃",)]


def test_speakers_go_by_their_numbers(data, tmp_path):
    model = fitted(str(tiny_vits(tmp_path / "two", speakers=2)), data)
    assert model.voice.speakers == ("0", "1")
    assert len(sound(model, "hello", voice="1"))
    with pytest.raises(OptionError, match="no voice"):
        sound(model, "hello", voice="7")


def test_sounds_become_tokens(folder, tmp_path):
    text = VitsText.fit(find(str(tiny_vits(tmp_path / "ipa", sounds=True))))
    sounds = [
        Sound("^"),
        Sound("h", first=True),
        Sound("ə"),
        Sound("l"),
        Sound("oʊ", "ˈ"),
        Sound("b", first=True),
        Sound("."),
        Sound("@x"),
    ]
    tokens, unknown = text.encode(sounds)
    signs = {i: s for s, i in text.ids.items()}
    assert "".join(signs[t] for t in tokens[1::2]) == "həlˈoʊ b."
    assert set(tokens[::2]) == {text.state["blank"]}
    assert unknown == ["x"]  # of pinyin nothing is said


@pytest.mark.parametrize(
    ("change", "says"),
    [({"is_uroman": True}, "uroman"), (None, "holds no vocab.json")],
)
def test_folders_that_do_not_fit(data, tmp_path, change, says):
    place = tiny_vits(tmp_path / says.replace(" ", "-"))
    if change is None:
        (place / "vocab.json").unlink()
    else:
        (place / "tokenizer_config.json").write_text(json.dumps(change), encoding="utf-8")
    with pytest.raises(OptionError, match=says):
        fitted(str(place), data)


def test_a_voice_of_other_letters_is_refused(folder, data):
    table, target = data
    texts = pa.array(["你好"] * len(table))
    other = table.with_data(table.data.set_column(table.data.column_names.index("text"), "text", texts))
    with pytest.raises(OptionError, match="another language"):
        fitted(folder, (other, target))


def test_a_voice_is_for_speech_alone(folder, data):
    from modelwright.core.config import make_config

    with pytest.raises(OptionError, match="text-to-speech"):
        bases_for(make_config(data="x", task="classification", pretrained=[folder]), data[0])
    assert bases_for(make_config(data="x", task="text-to-speech", pretrained=[folder]), data[0]).text2speech == (
        folder,
    )
