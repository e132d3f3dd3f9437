"""Speaker verification: speakers are held out whole, voices told apart, a threshold of the asked rate, and sentences for what does not fit."""

import io
import wave

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.config import make_config
from modelwright.core.errors import ColumnError, DataError, OptionError
from modelwright.core.recipe import get_recipe
from modelwright.core.schema import Table
from modelwright.core.task import get_task
from modelwright.evaluate.metrics.voices import BINS, counted, equal_error, least_cost, rates, speakers_of
from modelwright.features.shared.sample_speech import sung
from modelwright.release.bundle import Predictor, save
from modelwright.release.needs import Needs
from modelwright.release.predict_file import predict_file
from modelwright.testing import context, judged, sample_table

TASK = get_task("speaker-verification")


@pytest.fixture(scope="module")
def data():
    return sample_table(TASK, 90)


@pytest.fixture(scope="module")
def fitted(data):
    table, target = data
    who = speakers_of(table)
    train, valid = table.take(np.flatnonzero(who < 4)), table.take(np.flatnonzero(who >= 4))
    recipe = get_recipe("voice-statistics")
    return recipe.fit(train, valid, recipe.options(), context(TASK, target)), valid, target


def test_no_speaker_stands_on_both_sides_of_a_split(data):
    table, _ = data
    who = speakers_of(table)
    config = make_config(data="memory", target="speaker", task=TASK.name)
    split = TASK.split(table, config, official=False)
    parts = [split.test, split.develop]
    assert not set(who[parts[0]]) & set(who[parts[1]])
    assert len(set(who[split.test])) == 2
    assert len(split.windows) == 1  # vectors of two models would be compared otherwise
    for train, valid in split.windows:
        assert not set(who[train]) & set(who[valid])
        assert len(set(who[valid])) >= 2


def test_voices_are_told_apart_that_were_never_heard(fitted):
    model, valid, target = fitted
    found = judged(valid, target, model.scores(valid), TASK.metrics)
    assert TASK.metrics[0](found) < 0.15
    none = get_recipe("voice-none").fit(valid, None, None, context(TASK, target))
    assert TASK.metrics[0](judged(valid, target, none.scores(valid), TASK.metrics)) == pytest.approx(0.5)


def test_the_threshold_accepts_the_asked_share_of_others(fitted):
    model, valid, _ = fitted
    vectors = np.array([s["voice"] for s in model.scores(valid)[:, 0]])
    who = speakers_of(valid)
    a, b = np.triu_indices(len(who), 1)
    others = np.einsum("pd,pd->p", vectors[a], vectors[b])[who[a] != who[b]]
    assert (others >= model.threshold).mean() <= 0.01


def test_two_recordings_are_compared_and_silence_is_nobody(fitted):
    model, valid, target = fitted
    who = speakers_of(valid)
    cells = valid.column("recording").to_pylist()
    first, same, other = cells[0], cells[np.flatnonzero(who == who[0])[1]], cells[np.flatnonzero(who != who[0])[0]]
    schema = TASK.served(valid.schema)
    rows = pa.table({"recording": pa.array([first] * 3, valid.data.schema.field("recording").type),
                     "other": pa.array([same, other, None], valid.data.schema.field("recording").type)})  # fmt: skip
    scores = model.scores(Table(rows, schema, np.arange(3)))
    answers = target.decode(scores)
    assert answers.predictions[1:] == ["different", None]
    assert scores[0, 0]["score"] > scores[1, 0]["score"]
    assert model.compared(np.zeros(4), np.ones(4)) == {"score": None, "probability": 0.0, "same": False}


def test_errors_of_trials():
    same, other = counted(np.array([0.9, 0.8, 0.2])), counted(np.array([0.1, 0.0, 0.3, -0.2]))
    assert len(same) == BINS
    assert equal_error(*rates(same, other)) == pytest.approx(0.29, abs=0.05)
    assert equal_error(*rates(counted(np.array([0.9])), counted(np.array([0.1])))) == 0.0
    assert least_cost(*rates(counted(np.array([0.9])), counted(np.array([0.1])))) == 0.0
    assert least_cost(*rates(same, same)) == pytest.approx(1.0)


def few(speakers):
    recordings = [b""] * len(speakers)
    raw = pa.table({"recording": pa.array(recordings, pa.large_binary()), "speaker": speakers})
    table, _ = sample_table(TASK, 16)
    return Table(raw, table.schema, np.arange(len(speakers)))


@pytest.mark.parametrize(
    ("speakers", "says"),
    [
        (["a", "a", "b", "b"], "of 2 speakers; at least 6"),
        (list("abcdefgh"), "Every speaker has one recording"),
    ],
)
def test_too_few_speakers_are_one_sentence(speakers, says):
    with pytest.raises(DataError, match=says) as found:
        TASK.split(few(speakers), make_config(data="memory", target="speaker", task=TASK.name), official=False)
    assert any("一" <= c <= "鿿" for c in found.value.words.zh)


def test_what_does_not_fit_is_named():
    table, _ = sample_table(TASK, 16)
    config = make_config(data="memory", target="speaker", task=TASK.name, false_accepts="70%")
    with pytest.raises(OptionError, match="--false-accepts is a share of the other speakers"):
        TASK.typed(table.schema, config)
    with pytest.raises(ColumnError, match="one column of recordings"):
        TASK.typed(table.schema.with_column("recording", modality="text"))


def test_rows_without_a_recording_to_compare_with_are_not_answered(fitted, tmp_path):
    model, valid, target = fitted
    schema = TASK.served(valid.schema)
    predictor = Predictor(TASK, schema, target, [(1.0, model)], needs=Needs(TASK.rests_on(schema)))
    sounds = sung(4, 3)[0]
    for i, sound in enumerate(sounds):
        (tmp_path / f"{i}.wav").write_bytes(sound)
    save(predictor, tmp_path / "bundle")
    (tmp_path / "asked.csv").write_text("recording\n0.wav\n", encoding="utf-8")
    with pytest.raises(ColumnError, match="the column `other` is absent"):
        predict_file(str(tmp_path / "bundle"), str(tmp_path / "asked.csv"), tmp_path / "said.csv")
    assert not (tmp_path / "said.csv").exists()
    (tmp_path / "asked.csv").write_text("recording,other\n0.wav,1.wav\n2.wav,\n", encoding="utf-8")
    told = []
    done = predict_file(str(tmp_path / "bundle"), str(tmp_path / "asked.csv"), tmp_path / "said.csv", say=told.append)
    assert (done["answered"], done["bad"]) == (1, 1)
    assert any("row 2, column `other`: expected a recording" in words.en for words in told)
    silence = io.BytesIO()
    with wave.open(silence, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(bytes(32_000))
    (tmp_path / "silence.wav").write_bytes(silence.getvalue())
    (tmp_path / "asked.csv").write_text(
        "recording,other\n0.wav,silence.wav\nsilence.wav,1.wav\n0.wav,1.wav\n", encoding="utf-8"
    )
    told = []
    done = predict_file(str(tmp_path / "bundle"), str(tmp_path / "asked.csv"), tmp_path / "said.csv", say=told.append)
    assert (done["answered"], done["bad"]) == (1, 2)
    assert any("row 1, column `other`: nobody speaks in it" in words.en for words in told)
    assert any("row 2, column `recording`: nobody speaks" in words.en for words in told)
