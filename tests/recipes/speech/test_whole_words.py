"""Whole words beside frames: both opinions count in brief recordings, longer speech is the frames' own, other data has no second network."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.budget import Deadline
from modelwright.core.recipe import get_recipe
from modelwright.core.schema import Column, Schema, Table
from modelwright.core.task import get_task
from modelwright.data.coerce import coerce
from modelwright.features.shared.sample_speech import as_wav
from modelwright.recipes.speech import _whole_words
from modelwright.recipes.speech._whole_words import Cost, WholeWordNet, net_of, suits
from modelwright.testing import context

TASK = get_task("automatic-speech-recognition")
RATE = 8000
HERTZ = {"low": (250.0, 500.0), "mid": (700.0, 1400.0), "high": (1900.0, 2800.0)}


def word(name, rng):
    time = np.arange(int(rng.uniform(0.2, 0.3) * RATE)) / RATE
    pitch = rng.uniform(0.9, 1.1)
    return 0.25 * sum(np.sin(2 * np.pi * f * pitch * time) for f in HERTZ[name]) * np.hanning(len(time)) ** 0.3


def said(words, rng, pause=0.2):
    parts = [np.zeros(int(pause * RATE))]
    for name in words:
        parts += [word(name, rng), np.zeros(int(pause * RATE))]
    samples = np.concatenate(parts)
    return (samples + 0.002 * rng.standard_normal(len(samples))).astype(np.float32)


def recordings(folder, texts):
    rng = np.random.default_rng(0)
    folder.mkdir(exist_ok=True)
    paths = []
    for i, text in enumerate(texts):
        path = folder / f"{i}.wav"
        path.write_bytes(as_wav(said(text.split(), rng), RATE))
        paths.append(str(path))
    schema = Schema((Column("recording", "audio", "input"), Column("text", "text", "target")))
    table = coerce(pa.table({"recording": paths, "text": texts}), schema, folder=folder)[0]
    assert isinstance(table, Table)
    return table


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_whole_words, "_STEPS_WORTH", 60)
        yield made_of(tmp_path_factory)


def made_of(tmp_path_factory):
    table = recordings(tmp_path_factory.mktemp("words"), [name for name in HERTZ for _ in range(70)])
    target = TASK.fit_codec(table)
    recipe = get_recipe("hybrid")
    options = recipe.options(width=32, epochs=2, step=2)
    ctx = context(TASK, target)
    some = table.take(np.arange(0, 210, 5))
    return recipe.fit(table, some, options, ctx), recipe, options, ctx, table


def test_each_brief_recording_is_told_by_both(fitted):
    model, _, _, ctx, table = fitted
    found = [row["text"] for row in model.scores(table)[:, 0]]
    assert np.mean([a == b for a, b in zip(found, ctx.target.encode(table.column("text")), strict=True)]) > 0.9
    told = model.emissions([said(["mid"], np.random.default_rng(7))])[0]
    assert model.units.text([1 + int(told.word.argmax())]) == "mid"
    # what the second network is sure of counts
    low = int(model.units.encode(["low"]).values[0]) - 1
    sure = np.full(len(told.word), -50.0)
    sure[low] = 0.0
    kept, model.whole.weights = model.whole.weights, (0.01, 1.0)
    found = model.read(told._replace(word=sure))
    model.whole.weights = kept
    assert [w["word"] for w in found] == ["low"]


def test_longer_speech_is_the_frames_own(fitted):
    model = fitted[0]
    long = said(["low", "high", "mid", "low"], np.random.default_rng(5), 0.25)
    told = model.emissions([long])[0]
    assert told.word is None
    kept, model.whole = model.whole, None
    without = model.hear([long])
    model.whole = kept
    assert model.hear([long]) == without


def test_it_is_saved_whole(fitted, tmp_path):
    model, _, _, ctx, table = fitted
    model.save(tmp_path)
    again = type(model).load(tmp_path, ctx.target)
    some = table.take(np.arange(0, 210, 30))
    assert ctx.target.alike(model.scores(some), again.scores(some))
    assert again.whole.weights == model.whole.weights


def test_a_refit_repeats_it_and_a_fit_without_time_does_without(fitted, monkeypatch):
    model, recipe, options, ctx, table = fitted
    again = recipe.fit(table, None, options, replace(ctx, extent=model.extent))
    assert again.whole.weights == model.whole.weights
    assert again.extent["whole"] == model.extent["whole"]
    none = {**model.extent, "whole": None}
    assert recipe.fit(table, None, options, replace(ctx, extent=none)).whole is None
    assert recipe.fit(table, None, options.model_copy(update={"whole": False}), ctx).whole is None
    monkeypatch.setattr("modelwright.recipes.speech.hybrid.cost_of", lambda *_: Cost(1e9, 20, 0.0))
    assert recipe.fit(table, None, options, replace(ctx, deadline=Deadline.after(600.0))).whole is None


def test_it_is_for_recordings_of_one_word_of_few():
    assert suits(["low", "mid"] * 100, "words")
    assert not suits(["low", "mid"] * 99 + ["low mid"] * 2, "words")
    assert not suits(["low"] * 200, "words")
    assert not suits(["low", "mid"] * 99, "words")  # too few
    assert not suits(["low", "mid"] * 100, "phonemes")


def test_neither_opinion_drowns_the_other():
    """Frames lead by hundreds of nats, right or wrong: so they may decide where the whole is in doubt, and not where it is sure."""
    net = WholeWordNet(net_of(3))
    frames = np.array([-270.0, 0.0, -300.0])
    doubt, sure = np.log([0.4, 0.35, 0.25]), np.log([0.98, 0.01, 0.01])
    assert net.together(frames, doubt).argmax() == 1
    assert net.together(frames, sure).argmax() == 0
    assert np.allclose(np.exp(net.together(np.stack([frames] * 2), np.stack([doubt, sure]))).sum(axis=1), 1.0)


def test_processes_that_train_together_go_without_and_say_so(fitted):
    _, recipe, options, ctx, table = fitted
    notes = []
    crew = SimpleNamespace(rank=0, size=2, own_rows=False, enter=lambda device: None, lost=lambda: False)
    heard = SimpleNamespace(note=lambda en, zh: notes.append((en, zh)), emit=ctx.events.emit)
    assert recipe.fit(table, None, options, replace(ctx, crew=crew, events=heard)).whole is None
    assert any("several processes" in en and "多个进程" in zh for en, zh in notes)
