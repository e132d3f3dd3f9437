"""Recordings with transcripts that cannot be learnt from: named by row, the rest read."""

import csv
import re

import pyarrow as pa
import pytest

from modelwright.core.config import make_config
from modelwright.core.errors import DataError, OptionError
from modelwright.core.events import EventStream, Note, Warned
from modelwright.core.schema import Column
from modelwright.core.task import get_task
from modelwright.features.shared.sample_speech import spoken_tones
from modelwright.pipeline.intake import get_data


def read_with(path, texts, recordings=(), task="automatic-speech-recognition", target="text", **options):
    """Read a table of recordings in which some cells are replaced; return the rows and what was said."""
    sounds, said, _ = spoken_tones(24, 3)
    with (path / "asr.csv").open("w", newline="", encoding="utf-8") as f:
        rows = csv.writer(f)
        rows.writerow(["recording", "text", "speaker"])
        for i, (sound, text) in enumerate(zip(sounds, said, strict=True)):
            (path / f"a{i}.wav").write_bytes(sound)
            rows.writerow([dict(recordings).get(i, f"a{i}.wav"), texts.get(i, text), "ann"])
    told = []
    events = EventStream()
    events.listen(lambda e: told.append(e.words.en) if isinstance(e, (Note, Warned)) else None)
    config = make_config(data=str(path / "asr.csv"), target=target, task=task, **options)
    return get_data(config, str(path / "asr.csv"), events).table, " ".join(told)


def test_transcripts_without_a_word_are_named_and_left_out(tmp_path):
    table, told = read_with(tmp_path, {4: "", 9: "!!!", 11: "low " * 300})
    assert len(table) == 21
    assert "1 row of" in told
    assert "has no target and is left out: row 5." in told
    assert "whose `text` holds no word are left out (1): 10." in told
    assert "and left out: 1 transcript of" in told
    assert "row (characters / seconds) 12 (" in told


def test_no_transcript_at_all_is_one_sentence(tmp_path):
    with pytest.raises(DataError, match=r"`text` is empty in all of them\. Fill it in"):
        read_with(tmp_path, dict.fromkeys(range(24), ""))


@pytest.mark.parametrize("task", ["automatic-speech-recognition", "speaker-verification"])
def test_where_no_recording_is_there_the_first_is_named(tmp_path, task):
    gone = [(i, f"gone/{i}.wav") for i in range(24)]
    target = "text" if task == "automatic-speech-recognition" else "speaker"
    with pytest.raises(
        DataError, match=r"24 values of `recording` in .* cannot be read \(row 1: there is no file gone/0\.wav\)"
    ):
        read_with(tmp_path, {}, gone, task, target)


@pytest.mark.parametrize(
    ("text", "en"),
    [
        ("\n  \n", r"lm\.txt for --lm holds no word\. Give a text, a sentence a line, or an ARPA file\."),
        ("\\data\\\nngram 1=3\n\n\\1-grams:\nxx\n", r"--lm: .*lm\.txt, line 5: expected a log probability, 1 word and"),
    ],
)
def test_a_language_model_that_cannot_be_read_is_refused_before_training(tmp_path, text, en):
    (tmp_path / "lm.txt").write_text(text)
    column = Column("text", "text", "target", options={"lm": str(tmp_path / "lm.txt")})
    with pytest.raises(OptionError, match=en) as e:
        get_task("automatic-speech-recognition").fit_target(pa.array(["one two", "three"]), column)
    assert "--lm" in e.value.words.zh


def test_a_text_as_a_language_model_is_taken(tmp_path):
    (tmp_path / "lm.txt").write_text("one two\n")
    column = Column("text", "text", "target", options={"lm": str(tmp_path / "lm.txt")})
    assert get_task("automatic-speech-recognition").fit_target(pa.array(["one two", "three"]), column)


def test_transcripts_of_two_digits_stay_words(tmp_path):
    texts = {i: ("0 1 1 0" if i % 2 else "1 0 0 1") for i in range(24)}
    table, _ = read_with(tmp_path, texts)
    assert table.schema["text"].modality == "text"
    assert set(table.column("text").to_pylist()) == {"0 1 1 0", "1 0 0 1"}


_GERMAN = {i: f"wir sehen uns um {i} Uhr" for i in range(24)}


@pytest.mark.parametrize(
    ("texts", "options", "says"),
    [
        (
            _GERMAN,
            {},
            r"24 of 24 transcripts in `text` hold digits, and their language cannot be told: they stay digits",
        ),
        (_GERMAN, {"language": "de"}, None),
        (_GERMAN, {"numbers": "keep"}, None),
        (
            _GERMAN,
            {"language": "hi"},
            r"numbers of the language `hi` cannot be written in words here: they stay digits",
        ),
        ({i: f"this is the number {i} of it" for i in range(24)}, {}, None),
        (dict.fromkeys(range(24), "0 1 1 0"), {}, None),
    ],
)
def test_digits_that_stay_digits_are_told(tmp_path, texts, options, says):
    _, told = read_with(tmp_path, texts, **options)
    assert re.search(says, told) if says else "transcripts in `text` hold" not in told


def test_numbers_of_a_language_that_is_named_are_words_in_truth_and_answer():
    column = Column("text", "text", "target", options={"rules": {"language": "de"}})
    codec = get_task("automatic-speech-recognition").fit_target(pa.array(["um 7 Uhr", "am 3.5.2024"]), column)
    assert codec.encode(pa.array(["um 7 Uhr"])).tolist() == ["um sieben uhr"]
    assert codec.gist("Um 7 Uhr") == "um sieben uhr"
