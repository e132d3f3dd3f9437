"""Recordings silenced: names and numbers by cues, by words, by a recogniser; what cannot be heard is not copied, and named."""

from collections import Counter

import numpy as np
import pytest
import soundfile

from modelwright.core.errors import DataError, OptionError
from modelwright.data.cues import Cue, read_words
from modelwright.privacy.policy import Policy
from modelwright.privacy.sound import _as_ctm, holds_sound, private_spans, silence_folder, write_silenced

RATE = 8000


def tone(path, seconds=4.0, channels=1, **how):
    samples = 0.3 * np.sin(np.arange(int(seconds * RATE)) / 3)
    soundfile.write(path, np.repeat(samples[:, None], channels, 1), RATE, **how)


def ctm(path, text, each=0.5):
    lines = [f"a 1 {i * each:.2f} {each - 0.1:.2f} {w}" for i, w in enumerate(text.split())]
    path.write_text("\n".join(lines), encoding="utf-8")


def test_words_with_names_and_numbers_fall_silent(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    tone(source / "a.wav", channels=2, subtype="PCM_16")
    ctm(source / "a.ctm", "my name is john smith thanks a lot")
    done = silence_folder(source, tmp_path / "out")
    assert done.found == {"person": 1}
    samples, rate = soundfile.read(tmp_path / "out" / "a.wav")
    assert rate == RATE
    assert samples.shape == (4 * RATE, 2)
    assert np.abs(samples[int(1.5 * RATE) : int(2.4 * RATE)]).max() == 0
    assert np.abs(samples[: int(1.3 * RATE)]).max() > 0.2
    assert np.abs(samples[int(2.6 * RATE) :]).max() > 0.2
    said = [c.text for c in read_words(tmp_path / "out" / "a.ctm")]
    assert said == ["my", "name", "is", "<person>", "<person>", "thanks", "a", "lot"]
    assert "john" not in " ".join(w.en for w in done.lines())


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("call five five five one two three four five six seven", {"digits", "phone"}),
        ("电话 一 三 八 一 二 三 四 五 六 七 八 谢谢", {"phone"}),
        ("at seven we open", set()),
    ],
)
def test_digits_said_one_by_one_are_numbers(text, kinds):
    words = [Cue(i, i + 0.8, w, i) for i, w in enumerate(text.split())]
    found = Counter()
    spans, kept = private_spans(words, Policy.parse([]), found)
    assert set(found) <= kinds
    assert bool(found) == bool(kinds)
    assert len(spans) == sum(c.text.startswith("<") for c in kept)


def test_what_is_kept_by_rule_stays(tmp_path):
    words = [Cue(i, i + 0.8, w, i) for i, w in enumerate("my name is john smith".split())]
    assert private_spans(words, Policy.parse(["keep:person"]), Counter())[0] == []


def test_cues_are_silenced_whole_and_a_recogniser_hears_the_rest(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    tone(source / "a.flac")
    (source / "a.srt").write_text(
        "1\n00:00:01,000 --> 00:00:02,000\nI am John Smith.\n\n2\n00:00:03,000 --> 00:00:03,500\nBye.\n"
    )
    tone(source / "b.wav")
    tone(source / "c.wav")
    (source / "notes.pdf").write_bytes(b"%PDF")
    assert holds_sound(source)
    done = silence_folder(source, tmp_path / "one")
    assert [name for name, _ in done.left] == ["b.wav", "c.wav", "notes.pdf"]
    assert "--hear" in done.left[0][1].en
    samples, _ = soundfile.read(tmp_path / "one" / "a.flac")
    assert np.abs(samples[RATE : 2 * RATE]).max() == 0
    heard = {"b": [Cue(0.5, 1.0, "hello", 1)], "c": [Cue(0.5, 1.0, "john", 1), Cue(1.0, 1.5, "smith", 2)]}
    done = silence_folder(source, tmp_path / "two", hear=lambda p: heard[p.stem])
    assert done.files == 3
    assert done.found["person"] == 2


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("a 1 2.0 -0.4 smith", "line 2: the word ends at 1.6 s, and begins at 2 s"),
        ("a 1 2.0 0 smith", "line 2: the word lasts 0 s, so that it could not be silenced"),
        ("a 1 9.0 0.5 smith", "line 2: the part ends at 9.5 s, and the recording a.wav at 4 s"),
    ],
)
def test_times_that_would_leave_a_name_audible_are_refused(tmp_path, line, says):
    source = tmp_path / "in"
    source.mkdir()
    tone(source / "a.wav")
    (source / "a.ctm").write_text(f"a 1 1.0 0.5 john\n{line}\n", encoding="utf-8")
    with pytest.raises(DataError, match=says):
        silence_folder(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_tier_of_words_is_silenced_by_words(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    tone(source / "a.wav")
    words = [(i * 0.5, i * 0.5 + 0.5, w) for i, w in enumerate("my name is john smith thanks".split())]
    values = "\n".join(f'{a}\n{b}\n"{w}"' for a, b, w in words)
    (source / "a.TextGrid").write_text(f'"IntervalTier"\n"words"\n0\n4\n{len(words)}\n{values}\n', encoding="utf-8")
    silence_folder(source, tmp_path / "out")
    samples, _ = soundfile.read(tmp_path / "out" / "a.wav")
    assert np.abs(samples[int(1.5 * RATE) : int(2.5 * RATE)]).max() == 0
    assert np.abs(samples[: int(1.3 * RATE)]).max() > 0.2
    assert np.abs(samples[int(2.7 * RATE) :]).max() > 0.2


def test_each_speaker_is_read_by_itself_and_not_named(tmp_path):
    said = [("Ann Lee", "my name is john smith"), ("Bob", "yes yes yes yes yes")]
    words = [
        Cue(i + 0.5 * k, i + 0.5 * k + 0.4, w, i, who)
        for k, (who, text) in enumerate(said)
        for i, w in enumerate(text.split())
    ]
    mixed = sorted(words, key=lambda c: c.start)  # "john yes smith"
    spans, kept = private_spans(mixed, Policy.parse([]), Counter())
    assert [round(a + 0.08, 2) for a, _ in spans] == [3.0, 4.0]
    made = _as_ctm(kept, "two calls")
    assert made.splitlines()[0] == "two_calls 1 0.000 0.400 my"
    assert "two_calls 2 0.500 0.400 yes" in made
    assert "Ann" not in made


def test_what_does_not_fit_is_one_sentence(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    (source / "a.wav").write_bytes(b"no sound")
    ctm(source / "a.ctm", "hello")
    with pytest.raises(DataError, match="no readable sound"):
        silence_folder(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(OptionError, match="lies inside"):
        silence_folder(source, source / "out")
    (tmp_path / "out").mkdir()
    with pytest.raises(OptionError, match="exists already"):
        silence_folder(source, tmp_path / "out")


def test_the_command(tmp_path, monkeypatch):
    from typer.testing import CliRunner

    from modelwright.cli.app import app

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELWRIGHT_LEDGER", "off")
    (tmp_path / "in").mkdir()
    tone(tmp_path / "in" / "a.wav")
    ctm(tmp_path / "in" / "a.ctm", "my name is john smith")
    done = CliRunner().invoke(app, ["anonymise", "in", "out", "--json"])
    assert done.exit_code == 0, done.output
    assert '"person": 1' in done.output
    assert (tmp_path / "out" / "a.wav").is_file()
    refused = CliRunner().invoke(app, ["anonymise", "in", "out2", "--key-file", "k"])
    assert refused.exit_code != 0


def test_metadata_is_left_out(tmp_path):
    with soundfile.SoundFile(tmp_path / "a.flac", "w", RATE, 1) as file:
        file.title, file.artist = "Call of John Smith", "John Smith"
        file.write(np.zeros(RATE))
    write_silenced(tmp_path / "a.flac", tmp_path / "b.flac", [])
    assert b"Smith" in (tmp_path / "a.flac").read_bytes()
    assert b"Smith" not in (tmp_path / "b.flac").read_bytes()


def test_what_is_not_silenced_stays_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr("modelwright.privacy.sound._BLOCK", 8192)  # as many leaps as a long recording has
    t = np.arange(4 * 48000) / 48000
    knocks = 0.5 * np.sin(2 * np.pi * 440 * t) * (np.sin(2 * np.pi * 3 * t) > 0)
    soundfile.write(tmp_path / "a.mp3", knocks, 48000)
    whole = soundfile.read(tmp_path / "a.mp3", dtype="float32")[0]
    write_silenced(tmp_path / "a.mp3", tmp_path / "b.mp3", [])
    again = soundfile.read(tmp_path / "b.mp3", dtype="float32")[0]
    assert np.abs(again - whole).max() < 0.1  # packed twice
