"""A recogniser judges what a trained voice says: beside the recordings, in the report; what is no recogniser is refused at once."""

import csv
from functools import partialmethod
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

import modelwright
from hub_speech_made import tiny_whisper
from modelwright.core.errors import ModelwrightError
from modelwright.core.schema import Column, Schema, Table
from modelwright.core.task import get_task
from modelwright.evaluate.report.spoken import whose
from modelwright.features.shared.sample_speech import as_wav, spoken_tones
from modelwright.models.spoken_likeness import distance, traits
from modelwright.testing import sample_table


def table(path, rows=40):
    sounds, texts, _ = spoken_tones(rows, 3)
    path.mkdir()
    with (path / "voice.csv").open("w", newline="", encoding="utf-8") as f:
        out = csv.writer(f)
        out.writerow(["recording", "text"])
        for i, (sound, text) in enumerate(zip(sounds, texts, strict=True)):
            (path / f"{i}.wav").write_bytes(sound)
            out.writerow([f"{i}.wav", text])
    return str(path / "voice.csv")


def fit(data, out, **more):
    return modelwright.fit(data, out=out, budget="60s", search="none", progress=False, folds=1, **more)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return the data and an own recogniser of it."""
    place = tmp_path_factory.mktemp("heard")
    data = table(place / "data")
    ear = fit(data, place / "runs", task="automatic-speech-recognition", name="ear", recipes=["dtw", "same-transcript"])
    return place, data, ear


def test_an_own_recogniser_judges_the_voice_beside_its_recordings(made):
    place, data, ear = made
    run = fit(
        data, place / "runs", task="text-to-speech", name="voice", voice_consent="synthetic", recipes=["unit-selection"],
        hears=str(ear.folder),
    )  # fmt: skip
    found = {s["name"]: s for s in run.facts["sections"]}
    assert "word error rate" in found["heard"]["says"][0]
    assert "录音" in found["heard"]["says"][1]
    ranked = next(m for m in run.facts["metrics"] if m["name"] == "heard")
    assert f"word error rate {ranked['value']:.3f} of the voice" in found["heard"]["says"][0]
    assert run.facts["leaderboard"][0]["value"] <= 1.5
    assert found["heard"]["private"]
    assert found["heard"]["rows"]
    assert str(place) not in str(found["heard"])


def test_what_is_heard_best_leads_though_its_spectra_are_farther(made, monkeypatch):
    """Mean sounds are made to be heard, and recorded ones are not. (Who wins in the end is another matter: mean sounds are what is to be beaten.)"""
    place, data, ear = made
    from modelwright.pipeline.concerns import heard

    def ears(judge):
        return lambda samples, rate, text: (0 if len(samples) % 2 else 1, 1)

    def parity(odd):
        def said(self, plan, own=None):
            made = own(self, plan)
            return made[: len(made) - (len(made) % 2 != odd)]

        return said

    from modelwright.recipes.synthesis.mean_sounds import MeanModel
    from modelwright.recipes.synthesis.unit_selection import UnitModel

    for kind, odd in ((MeanModel, 1), (UnitModel, 0)):
        monkeypatch.setattr(kind, "sound", partialmethod(parity(odd), own=kind.sound))
    monkeypatch.setattr(heard, "_ear", ears)
    more = {"task": "text-to-speech", "voice_consent": "synthetic", "recipes": ["mean-sounds", "unit-selection"]}
    run = fit(data, place / "best", name="heard", hears=str(ear.folder), **more)
    assert run.facts["leaderboard"][0]["recipe"] == "mean-sounds"
    deaf = fit(data, place / "best", name="deaf", **more)  # nobody hears: spectra decide again
    assert deaf.facts["leaderboard"][0]["recipe"] == "unit-selection"
    assert "heard" not in {m["name"] for m in deaf.facts["metrics"]}


@pytest.mark.parametrize("more", [{"metric": "heard"}, {"gate": "heard<=0.1"}])
def test_how_it_is_heard_needs_somebody_who_hears(made, more):
    place, data, _ = made
    with pytest.raises(ModelwrightError, match="--hears MODEL"):
        fit(data, place / "more", task="text-to-speech", name="y", voice_consent="synthetic", **more)


@pytest.mark.parametrize("hears", ["nothing-there", "voice"])
def test_what_is_no_recogniser_is_refused_before_training(made, hears, monkeypatch):
    place, data, _ = made
    monkeypatch.chdir(place)
    with pytest.raises(ModelwrightError, match=r"nothing-there|no run|is a model of task|There is no"):
        fit(data, place / "more", task="text-to-speech", name="x", voice_consent="synthetic", hears=hears)
    assert not (place / "more" / "x" / "bundle").exists()


def test_whisper_may_judge(made, tmp_path):
    place, data, _ = made
    folder = tiny_whisper(tmp_path / "whisper")
    run = fit(
        data, place / "whisper", task="text-to-speech", name="voice", voice_consent="synthetic", recipes=["mean-sounds"],
        hears=str(folder),
    )  # fmt: skip
    assert "`whisper` wrote down" in next(s for s in run.facts["sections"] if s["name"] == "heard")["says"][0]


RATE = 16_000


def voice(hertz, tilt, rng):
    """Return a second of harmonics that come and go."""
    t = np.arange(RATE) / RATE
    on = np.clip(np.sin(2 * np.pi * 3 * t), 0, 1)
    waves = sum(np.sin(2 * np.pi * hertz * k * t + rng.uniform(0, 6)) / k**tilt for k in range(1, 20))
    return (0.05 * on * waves + 1e-3 * rng.standard_normal(RATE)).astype(np.float32)


def test_a_voice_lies_nearer_to_itself_than_to_another():
    rng = np.random.default_rng(0)
    low = [traits(voice(110 + d, 1.0, rng), RATE) for d in range(5)]
    high = traits(voice(220, 0.5, rng), RATE)
    assert all(v is not None for v in low)
    assert distance(low[0], low[1:], low) < 0.5 * distance(high, low, low)
    assert traits(np.zeros(RATE, np.float32), RATE) is None


def test_the_report_tells_whose_voice_it_is():
    rng = np.random.default_rng(0)
    rows, _ = sample_table(get_task("text-to-speech"), 12)
    names = ["ann", "bob"] * 6
    sounds = [as_wav(voice((120 if n == "ann" else 210) + i, 1.0, rng), RATE) for i, n in enumerate(names)]
    at = rows.data.column_names.index("recording")
    cells = pa.array([{"bytes": b, "digest": str(i)} for i, b in enumerate(sounds)], rows.data.schema.field(at).type)
    data = rows.data.set_column(at, "recording", cells).append_column("speaker", pa.array(names))
    column = Column("speaker", "category", "input")
    some = Table(data, Schema((*rows.schema, column)), rows.rows, "made")
    made = [voice((120 if n == "ann" else 160) + i, 1.0, rng) for i, n in enumerate(names)]  # bob is missed by far
    model = SimpleNamespace(voice=SimpleNamespace(speaker="speaker", text="text"), rate=RATE, said=lambda t: iter(made))
    found = whose(model, some, 5.0)
    ann, bob = ([float(x) for x in row[2:]] for row in found.rows)
    assert [row[:2] for row in found.rows] == [["ann", "6"], ["bob", "6"]]
    assert ann[1] < ann[2]  # nearer to her than the other speaker is
    assert ann[1] < bob[1]
    assert whose(model, some.take(np.arange(2)), 5.0) is None
