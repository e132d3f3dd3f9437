"""Recognisers: what is learnt from a language of tones, times of words, silence, long recordings, listening while somebody speaks."""

import time

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.recipe import get_recipe
from modelwright.core.schema import Table
from modelwright.core.task import get_task
from modelwright.features.shared.edit_distance import errors
from modelwright.features.shared.sample_speech import as_wav
from modelwright.features.shared.speech import Front
from modelwright.features.shared.speech_units import Units
from modelwright.models import ctc
from modelwright.recipes.shared.listening import Listener, in_turn
from modelwright.recipes.speech._ctc_recipe import Watched, to_train
from modelwright.recipes.speech._decoding import Decoder
from modelwright.recipes.speech._frames import Emitted, FrameModel, FrameOptions, brief_of
from modelwright.recipes.speech._speech import transcribed
from modelwright.recipes.speech._states import heights, tones_of
from modelwright.testing import context, sample_table

TASK = get_task("automatic-speech-recognition")
RATE = 8000


def said(words, rng, pause=0.15):
    """Return samples of words and the seconds at which each begins and ends."""
    hertz = {"low": (250.0, 500.0), "mid": (700.0, 1400.0), "high": (1900.0, 2800.0)}
    parts, times, at = [], [], 0
    for word in words:
        gap = int(pause * RATE)
        time = np.arange(int(0.16 * RATE)) / RATE
        parts += [
            np.zeros(gap),
            0.25 * sum(np.sin(2 * np.pi * f * time) for f in hertz[word]) * np.hanning(len(time)) ** 0.3,
        ]
        times.append(((at + gap) / RATE, (at + gap + len(time)) / RATE))
        at += gap + len(time)
    samples = np.concatenate([*parts, np.zeros(int(pause * RATE))])
    return (samples + 0.003 * rng.standard_normal(len(samples))).astype(np.float32), times


@pytest.fixture(scope="module", params=["ctc", "hybrid"])
def model(request):
    table, target = sample_table(TASK, 60)
    recipe = get_recipe(request.param)
    small = {"width": 48, "layers": 4, "epochs": 3, "seconds": 6.0, "join": 0.3}
    if request.param == "ctc":
        small = {
            "width": 48,
            "hidden": 32,
            "layers": 1,
            "channels": 8,
            "epochs": 8,
            "lr": 8e-3,
            "seconds": 12.0,
            "noise": 0.4,
            "join": 0.3,
        }
    options = recipe.variants(table.schema, target, len(table))[0].model_copy(update=small)
    return recipe.fit(table, table.take(np.arange(20)), options, context(TASK, target, seconds=300))


def test_words_with_times(model):
    rng = np.random.default_rng(5)
    words = ["low", "high", "mid", "mid", "low", "high"]
    samples, times = said(words, rng)
    found = model.transcribe([samples])[0]
    assert found["text"] == " ".join(words)
    apart = [abs(w["start"] - a) + abs(w["end"] - b) for w, (a, b) in zip(found["words"], times, strict=True)]
    assert np.median(apart) < 0.15
    assert all(0 <= w["confidence"] <= 1 for w in found["words"])


@pytest.mark.parametrize(("seconds", "rows"), [(300.0, 20), (0.0, 16)])
def test_words_are_searched_in_validation_rows_for_as_long_as_there_is_time(model, monkeypatch, seconds, rows):
    table, target = sample_table(TASK, 60)
    ctx = context(TASK, target, seconds=seconds)
    held, texts = transcribed(table.take(np.arange(20)), ctx)
    looked = Watched(model, held, texts, ctx, None)
    decoder, sureness, read = model.decoder, model.sureness, []
    monkeypatch.setattr(Decoder, "tuned", lambda self, *args: self)
    monkeypatch.setattr(Decoder, "read", lambda self, logs: read.append(1) or (ctc.greedy(logs), []))
    looked.settle(ctx)
    model.decoder, model.sureness = decoder, sureness
    assert len(read) == rows


def test_a_network_leaves_time_to_search_words_in_validation_rows(model):
    table, target = sample_table(TASK, 20)
    ctx = context(TASK, target, seconds=100.0)
    held, texts = transcribed(table, ctx)
    assert to_train(ctx, None) is ctx
    assert 80 < to_train(ctx, Watched(model, held, texts, ctx, None)).deadline.remaining() < 90


def test_an_estimate_tells_how_long_words_are_searched_for_in_a_row(monkeypatch):
    table, target = sample_table(TASK, 40)
    recipe = get_recipe("ctc")
    options = recipe.variants(table.schema, target, len(table))[0].model_copy(
        update={"width": 16, "hidden": 16, "layers": 1}
    )
    read, rows = Decoder.read, []
    monkeypatch.setattr(Decoder, "read", lambda self, logs: rows.append(logs) or read(self, logs))
    quick = recipe.estimate(table, options, context(TASK, target))
    assert 0 < quick.row < 0.5
    assert rows
    assert all(np.allclose(np.exp(logs).sum(axis=1), 1) for logs in rows)

    def slow(self, logs):
        until = time.process_time() + 0.2
        while time.process_time() < until:
            pass
        return read(self, logs)

    monkeypatch.setattr(Decoder, "read", slow)
    assert recipe.estimate(table, options, context(TASK, target)).row > quick.row + 0.15


def test_silence_and_noise_have_no_text(model):
    rng = np.random.default_rng(0)
    for samples in (np.zeros(RATE), 0.02 * rng.standard_normal(2 * RATE), np.zeros(10), np.zeros(0)):
        assert model.transcribe([samples.astype(np.float32)])[0]["text"] == ""


def test_a_long_recording_is_read_in_parts(model):
    rng = np.random.default_rng(1)
    words = [str(w) for w in rng.choice(["low", "mid", "high"], 90)]
    samples, times = said(words, rng, 0.3)
    assert len(samples) > 40 * RATE
    whole = model.transcribe([samples])[0]
    assert errors(words, whole["text"].split()) <= 3
    assert abs(whole["words"][-1]["end"] - times[-1][1]) < 0.15
    blocks = np.array_split(samples, 50)
    told = [
        (w["word"], round(w["start"] + at, 2)) for at, part in in_turn(model, blocks) for w in model.hear([part])[0]
    ]
    assert errors(words, [w for w, _ in told]) <= 3


def test_one_word_is_read_where_speech_is_as_brief_as_single_words_are():
    """Half a unit here and half a unit there make two words, or none, unless it is known that one is said."""
    units = Units.fit(["low", "mid", "high"], "words")
    model = FrameModel(Front(RATE, 40), units, None, FrameOptions(step=4))
    told = np.full((12, 4), 0.01)
    told[:, 0] = 0.9
    told[4], told[5], told[6] = [0.3, 0.1, 0.5, 0.1], [0.1, 0.35, 0.45, 0.1], [0.2, 0.5, 0.25, 0.05]
    logs = np.log(told / told.sum(axis=1, keepdims=True))
    speech = np.zeros(12)
    speech[3:8] = 0.9
    written = {tuple(units.encode([w]).values.tolist()): w for w in ("low", "mid", "high")}
    assert [w["word"] for w in model.read(Emitted(logs, speech))] == [written[(2,)], written[(1,)]]
    model.brief = brief_of(units, [1, 1, 1], [np.pad(np.ones(n, bool), (4, 9)) for n in (10, 20, 30)])
    assert 0.2 < model.brief <= 0.3
    found = model.read(Emitted(logs, speech))
    assert [w["word"] for w in found] == [written[(2,)]]
    assert 0.1 < found[0]["end"] - found[0]["start"] < 0.4
    faint = np.log(np.tile([0.9, 0.02, 0.02, 0.06], (12, 1)))
    assert [w["word"] for w in model.read(Emitted(faint, speech))] == [written[(3,)]]
    silent = np.log(np.tile([0.997, 0.0005, 0.0005, 0.002], (12, 1)))
    assert model.read(Emitted(silent, speech)) == []  # a hum in which somebody seems to speak, and no word
    assert model.read(Emitted(logs, np.zeros(12))) == []
    speech[:] = 0.9  # longer than single words are: as many as are heard
    assert len(model.read(Emitted(logs, speech))) == 2
    assert brief_of(units, [1, 2, 1], [np.ones(10, bool)] * 3) == 0.0
    assert brief_of(Units.fit(["low"], "characters"), [1], [np.ones(10, bool)]) == 0.0


@pytest.mark.parametrize("name", ["ctc", "hybrid"])
def test_a_model_of_single_words_answers_alike_when_it_is_loaded(name, tmp_path):
    rng = np.random.default_rng(3)
    words = ["low", "mid", "high"] * 20
    cells = [{"bytes": as_wav(said([w], rng)[0], RATE), "path": None} for w in words]
    table, target = sample_table(TASK, 60)
    column, text = table.schema.inputs[0].name, table.schema.target.name
    data = table.data.set_column(
        table.data.column_names.index(column), column, pa.array(cells, table.data.schema.field(column).type)
    )
    data = data.set_column(data.column_names.index(text), text, pa.array(words))
    table = Table(data, table.schema, table.rows)
    recipe = get_recipe(name)
    small = {"width": 32, "epochs": 3, "seconds": 6.0, "layers": 2} | ({"hidden": 16} if name == "ctc" else {})
    options = recipe.variants(table.schema, target, 60)[0].model_copy(update=small)
    model = recipe.fit(table, None, options, context(TASK, target, seconds=120))
    assert 0.1 < model.brief < 0.3
    model.save(tmp_path)
    loaded = type(model).load(tmp_path, target)
    assert loaded.brief == model.brief
    parts = [said([w], rng)[0] for w in words[:6]]
    told = [a["text"] for a in model.transcribe(parts)]
    assert told == [a["text"] for a in loaded.transcribe(parts)]
    assert all(len(t.split()) <= 1 for t in told)
    listener = Listener(loaded)
    events = [e for block in np.array_split(parts[0], 8) for e in listener.feed(block)] + listener.finish()
    assert all(len(e["text"].split()) == 1 for e in events if e["type"] == "final")


def test_listening_tells_words_as_they_come(model):
    rng = np.random.default_rng(2)
    first, _ = said(["low", "mid", "high"], rng)
    second, _ = said(["high", "low"], rng)
    quiet = (0.003 * rng.standard_normal(RATE)).astype(np.float32)
    stream = np.concatenate([quiet, first, quiet, second, quiet])
    listener = Listener(model)
    events = [e for block in np.array_split(stream, 60) for e in listener.feed(block)] + listener.finish()
    finals = [e for e in events if e["type"] == "final"]
    assert [e["text"] for e in finals] == ["low mid high", "high low"]
    assert any(e["type"] == "partial" for e in events)
    assert finals[1]["words"][0]["start"] > finals[0]["words"][-1]["end"]
    assert len(listener.held) < 2 * RATE
    for _ in range(40):  # a microphone that stays silent holds no memory
        assert listener.feed(quiet) == []
    assert len(listener.held) < 2 * RATE


def test_templates_match(tmp_path):
    table, target = sample_table(TASK, 60)
    one = [i for i, t in enumerate(table.column("text").to_pylist()) if " " not in t]
    table = table.take(np.array(one))
    recipe = get_recipe("dtw")
    model = recipe.fit(table, None, recipe.variants(table.schema, target, len(table))[0], context(TASK, target))
    rng = np.random.default_rng(3)
    for word in ("low", "mid", "high"):
        assert model.transcribe([said([word], rng)[0]])[0]["text"] == word
    for samples in (np.zeros(RATE), 0.05 * rng.standard_normal(2 * RATE), np.sin(0.3 * np.arange(2 * RATE))):
        assert model.transcribe([samples.astype(np.float32)])[0]["text"] == ""


def test_frames_are_told_tones():
    """A final in a tone that was never heard is known by its sound and its tone."""
    units = Units.fit(["ma1 mi3", "mi1 ma3"], "finals")
    tones, sounds = tones_of(units), units.sounds()
    by = {s: (int(sounds[i]), int(tones[i])) for s, i in units.ids.items()}
    assert by["a1"][0] == by["a3"][0] != by["i1"][0]
    assert (by["a1"][1], by["a3"][1], by["m"][1]) == (1, 3, 0)
    front = Front(RATE, 40, 1)
    time = np.arange(RATE) / RATE
    rising = np.sin(2 * np.pi * np.cumsum(120 + 80 * time) / RATE)
    voice = sum(np.sin(k * np.arcsin(rising)) / k for k in (1, 2, 3)).astype(np.float32) * 0.2
    found = heights(voice, front, front.count(len(voice)), True)
    assert found[5:-5, 1].mean() > 0.8
    assert found[-20:-5, 0].mean() > found[5:20, 0].mean() + 1
    assert not heights(voice, front, front.count(len(voice)), False).any()


@pytest.mark.parametrize("name", ["ctc", "hybrid"])
def test_recordings_too_short_for_their_text_are_told(name):
    table, target = sample_table(TASK, 20)
    texts = ["low " * 400, *table.column("text").to_pylist()[1:]]
    data = table.data.set_column(table.data.column_names.index("text"), "text", pa.array(texts))
    notes = []
    ctx = context(TASK, target, seconds=30)
    ctx.events.listen(lambda e: notes.append(getattr(getattr(e, "words", None), "en", "")))
    recipe = get_recipe(name)
    tiny = {"width": 16, "layers": 1, "epochs": 1, "seconds": 4.0, "units": "characters"}
    if name == "ctc":
        tiny |= {"hidden": 16, "channels": 4}
    options = recipe.variants(table.schema, target, 20)[0].model_copy(update=tiny)
    recipe.fit(Table(data, table.schema, table.rows), None, options, ctx)
    assert any("1 of 20 recordings are not learnt from" in n for n in notes)


def test_a_wav_of_samples_comes_back():
    assert as_wav(np.zeros(10), RATE)[:4] == b"RIFF"


def test_a_long_recording_of_a_table_is_never_held_as_a_whole(model, tmp_path, monkeypatch):
    from modelwright.recipes.speech import _speech

    rng = np.random.default_rng(3)
    words = [("low", "mid", "high")[i % 3] for i in rng.integers(0, 3, 150)]
    long, _ = said(words, rng, pause=0.75)
    short, _ = said(["low", "high"], rng)
    table, _ = sample_table(TASK, 2)
    cells = [{"path": None, "bytes": as_wav(s, RATE), "digest": "", "how": None} for s in (short, long)]
    column = pa.array(cells, table.data.schema.field("recording").type)
    table = table.with_data(table.data.set_column(table.data.column_names.index("recording"), "recording", column))
    held = []
    monkeypatch.setattr(_speech, "samples_of", lambda cell, *more: held.append(cell) or short)
    found = model.scores(table)[:, 0]
    assert len(held) == 1  # the short one alone
    assert found[0]["text"] == "low high"
    assert found[1]["seconds"] == pytest.approx(len(long) / RATE, abs=0.01)
    assert found[1]["seconds"] > _speech._LONG
    assert errors(words, found[1]["text"].split()) < 0.1 * len(words)
    starts = [w["start"] for w in found[1]["words"]]
    assert starts == sorted(starts)


@pytest.mark.parametrize(
    ("texts", "epochs"), [(["one", "two"] * 30, 4), ([f"word{i} and" for i in range(60)], 24), (["yes"], 24)]
)
def test_few_words_that_come_often_are_left_to_ctc(monkeypatch, texts, epochs):
    from modelwright.recipes.speech import hybrid

    monkeypatch.setattr(hybrid, "transcribed", lambda table, ctx: (table, texts))
    assert hybrid._epochs(None, hybrid.HybridOptions(epochs=24), None) == epochs
