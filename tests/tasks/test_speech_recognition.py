"""Recordings with transcripts that cannot be learnt from: named by row, the rest read."""

import csv

import pytest

from modelwright.core.config import make_config
from modelwright.core.errors import DataError
from modelwright.core.events import EventStream, Note, Warned
from modelwright.features.shared.sample_speech import spoken_tones
from modelwright.pipeline.intake import get_data


def read_with(path, texts, recordings=(), task="automatic-speech-recognition", target="text"):
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
    config = make_config(data=str(path / "asr.csv"), target=target, task=task)
    return get_data(config, str(path / "asr.csv"), events).table, " ".join(told)


def test_transcripts_without_a_word_are_named_and_left_out(tmp_path):
    table, told = read_with(tmp_path, {4: "", 9: "!!!", 11: "low " * 300})
    assert len(table) == 21
    assert "1 row of" in told
    assert "has no target and is left out: row 5." in told
    assert "whose `text` holds no word are left out (1): 10." in told
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
