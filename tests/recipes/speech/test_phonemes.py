"""Recognisers of phonemes: words of a lexicon, also those that nobody said in training; hot words; saved and loaded; without espeak-ng refused."""

import itertools
import os
import subprocess

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.config import make_config
from modelwright.core.errors import DataError
from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.data.infer import infer_schema
from modelwright.features.shared.aloud import phonemes
from modelwright.features.shared.aloud.phonemes import has_program
from modelwright.features.shared.edit_distance import errors
from modelwright.features.shared.pronunciations import Pronunciations
from modelwright.features.shared.speech_units import Units, suited
from modelwright.recipes.speech._decoding import Decoder
from modelwright.testing import coerce, context

TASK = get_task("automatic-speech-recognition")
SAID = [
    f"{who} {does} the {size} {what}"
    for who, does, size, what in itertools.product(
        ["we", "they", "my sister"], ["can see", "sold", "want"], ["big", "old", "green"], ["boat", "fish", "letter"]
    )
]
UNHEARD = ["my old sister sold the ship", "they want to see the big sea", "we see them"]
pytestmark = pytest.mark.skipif(
    not has_program() and os.environ.get("MODELWRIGHT_NEED_ESPEAK") != "1", reason="espeak-ng is not installed"
)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    place = tmp_path_factory.mktemp("said")
    order = np.random.default_rng(0).permutation(len(SAID))
    rows = [SAID[i] for i in order[:60]]
    lm = place / "lm.txt"
    lm.write_text("\n".join([*SAID, *UNHEARD * 5]) + "\n", encoding="utf-8")
    raw = pa.table({"recording": [str(spoken(place / f"{i}.wav", t, i)) for i, t in enumerate(rows)], "text": rows})
    config = make_config(data="memory", target="text", task=TASK.name, lm=str(lm))
    table, bad = coerce(raw, TASK.typed(infer_schema(raw, target="text"), config), folder=place)
    assert not bad
    target = TASK.fit_codec(table)
    recipe = get_recipe("hybrid")
    options = recipe.options(
        units="phonemes", width=96, step=2, epochs=12, seconds=8.0, noise=0.1
    )  # laid anew after a quarter of them
    return recipe.fit(table, table.take(np.arange(12)), options, context(TASK, target, seconds=90)), target, place


def spoken(path, text, number=0):
    how = ["-p", str(35 + number * 7 % 30), "-s", str(140 + number * 11 % 40)]
    subprocess.run(["espeak-ng", "-v", "en-us", *how, "-w", str(path), text], check=True)
    return path


def heard(model, path):
    from modelwright.features.shared.speech import samples_of

    return model.transcribe([samples_of({"path": str(path)}, model.front.rate, 30)])[0]


def test_sentences_and_words_that_nobody_said_in_training(model):
    made, _, place = model
    assert made.units.kind == "phonemes"
    texts = [SAID[i] for i in np.random.default_rng(0).permutation(len(SAID))[60:72]] + UNHEARD
    wrong = sum(
        errors(t.split(), heard(made, spoken(place / "x.wav", t, k))["text"].split()) for k, t in enumerate(texts)
    )
    assert wrong <= 0.15 * sum(len(t.split()) for t in texts)


def test_words_have_times_inside_the_recording_in_order(model):
    made, _, place = model
    found = heard(made, spoken(place / "y.wav", "they sold the old boat"))
    ends = [t for w in found["words"] for t in (w["start"], w["end"])]
    assert found["words"]
    assert all(a <= b for a, b in itertools.pairwise(ends))
    assert 0 <= ends[0] < ends[-1] <= found["seconds"]
    assert all(0 <= w["confidence"] <= 1 for w in found["words"])


def test_it_is_saved_whole(model, tmp_path):
    made, target, place = model
    made.save(tmp_path)
    again = type(made).load(tmp_path, target)
    path = spoken(place / "z.wav", "we want the green letter")
    assert heard(again, path) == heard(made, path)


@pytest.mark.parametrize("word", ["fig", "sofa", "tent"])  # none that differs from a heard word in one consonant
def test_a_word_that_no_text_had_is_written_where_it_is_hoped_for(model, word):
    made, _, place = model
    path = spoken(place / f"{word}.wav", f"they sold the {word}")
    assert word not in heard(made, path)["text"].split()
    assert word in heard(made.hoping([word]), path)["text"].split()


def test_words_are_said_as_in_sentences_and_by_themselves():
    found = Pronunciations.of(["i saw a cat", "a dog sat on a mat", "read"], "en")
    assert found.said["cat"] == (("k", "æ", "t"),)
    assert ("ə",) in found.said["a"]
    assert Units.fit(["a cat"], "phonemes", language="en").encode(["cat a"]).lengths.tolist() == [4]


def test_units_are_phonemes_where_somebody_says_how_words_sound(monkeypatch):
    texts = [f"the word{i} said{i % 20}" for i in range(100)]
    assert suited(texts, "en", phonemes=True)[0] == "phonemes"
    assert suited(texts, "en")[0] == "characters"
    assert suited([f"word{i} said{i}" for i in range(60)], "en", phonemes=True)[0] == "characters"
    assert suited(texts, "", phonemes=True)[0] == "characters"
    monkeypatch.setattr(phonemes, "voices", frozenset)
    assert suited(texts, "en", phonemes=True)[0] == "characters"
    with pytest.raises(DataError, match="espeak-ng"):
        Units.fit(texts, "phonemes", language="en")


def test_phonemes_without_a_word_that_comes_twice_are_refused():
    texts = ["a cat", "the dog"]
    with pytest.raises(DataError, match="--lm"):
        Decoder.fit(Units.fit(texts, "phonemes", language="en"), texts)


def test_what_came_once_is_no_part_of_a_model():
    texts = ["mister smith sees a cat", "a cat sees a dog"]
    kept = Decoder.fit(Units.fit(texts, "phonemes", language="en"), texts).units
    assert sorted(kept.said.said) == ["a", "cat", "sees"]
    assert "smith" not in str(kept.state())
