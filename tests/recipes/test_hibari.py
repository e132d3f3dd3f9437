"""The packaged English voice: refused in a sentence where it is missing or the texts are not English; where it is installed, it speaks."""

import importlib.util

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core import packaged
from modelwright.core.bases import BaseModels
from modelwright.core.errors import MissingExtra, OptionError
from modelwright.core.pretrained import find
from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.features.shared.aloud.reader import WORDS, Reader
from modelwright.recipes.shared.synthesis import Asked
from modelwright.testing import context, sample_table

TASK = get_task("text-to-speech")
installed = pytest.mark.skipif(not packaged.installed("hibari"), reason="the extra `hibari` is not installed")


@pytest.fixture(autouse=True)
def _fresh():
    find.cache_clear()
    yield
    find.cache_clear()


def data(text="This is the way that people say it"):
    table, target = sample_table(TASK, 12)
    texts = pa.array([text] * len(table))
    return table.with_data(table.data.set_column(table.data.column_names.index("text"), "text", texts)), target


def fitted(table, target):
    recipe = get_recipe("hibari")
    recipe.bases = BaseModels(text2speech=("hibari",))
    assert recipe.refuses(table.schema, target, len(table)) is None
    options = recipe.variants(table.schema, target, len(table))[0]
    return recipe.fit(table, None, options, context(TASK, target))


def sound(model, text, **asked):
    return np.concatenate([p.samples for p in model.speak(text, Asked(**asked))])


def test_words_stay_as_they_are_written():
    (sentence,) = Reader("en", WORDS).read("Don't ask Dr. Smith about 3 cats, please!")
    assert [s.base for s in sentence.sounds] == [
        "^", "Don't", "ask", "doctor", "Smith", "about", "three", "cats", ",", "please", "!",
    ]  # fmt: skip


def test_it_is_not_run_unless_named():
    table, target = data()
    recipe = get_recipe("hibari")
    recipe.bases = BaseModels()
    assert "--pretrained hibari" in recipe.refuses(table.schema, target, len(table)).en


def test_a_missing_package_is_one_line(monkeypatch):
    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda n, *a: None if n == "hibari" else there(n, *a))
    with pytest.raises(MissingExtra, match=r'pip install "modelwright\[hibari\]"'):
        find("hibari")


@installed
def test_another_version_of_the_voice_is_refused(monkeypatch):
    other = dict(packaged.PACKAGED["hibari"].__dict__) | {"sha256": "0" * 64}
    monkeypatch.setitem(packaged.PACKAGED, "hibari", packaged.Packaged(**other))
    with pytest.raises(OptionError, match="SHA-256"):
        find("hibari")


@installed
def test_texts_of_another_language_are_refused():
    with pytest.raises(OptionError, match="--language en"):
        fitted(*data("你好，我们今天去公园"))


@installed
def test_it_speaks_and_is_saved_by_name(tmp_path):
    table, target = data()
    model = fitted(table, target)
    usual = sound(model, "Hello, big world.")
    assert model.rate == 24_000
    assert len(usual) > 12_000
    np.testing.assert_array_equal(usual, sound(model, "Hello, big world."))
    assert len(sound(model, "Hello, big world.", speed=2.0)) < 0.75 * len(usual)
    assert 0.75 * len(usual) < len(sound(model, "Hello, big world.", pitch=5.0)) < 1.3 * len(usual)
    (part,) = model.speak("hello 你 ☃")
    assert len(part.samples)
    assert part.unsaid == ("☃", "n", "i")
    model.save(tmp_path)
    assert not list(tmp_path.rglob("*.onnx"))
    again = get_recipe("hibari").model.load(tmp_path, target)
    np.testing.assert_array_equal(sound(again, "Hello, big world."), usual)
    assert again.origins == [
        {"name": "hibari", "kind": "hibari", "sha256": packaged.PACKAGED["hibari"].sha256, "licence": "apache-2.0"}
    ]
