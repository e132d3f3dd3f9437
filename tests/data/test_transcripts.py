"""Layouts of recordings with transcripts, and parts of recordings."""

import json

import numpy as np
import pytest

from modelwright.core.errors import DataError
from modelwright.core.reading import Reading
from modelwright.core.schema import Column
from modelwright.data.kinds.audio import blocks, decode, facts
from modelwright.data.kinds.base import Unreadable, kind_of
from modelwright.data.transcripts import read_transcripts
from modelwright.features.shared.sample_speech import as_wav

RATE = 8000


def tone(seconds=0.5, hertz=440.0):
    return 0.3 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)


def keep(place, samples=None):
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(as_wav(tone() if samples is None else samples, RATE))


def rows(source):
    found = read_transcripts(source, Reading())
    assert found is not None
    return found[0].to_pylist()


def test_ljspeech(tmp_path):
    keep(tmp_path / "wavs" / "LJ1.wav")
    (tmp_path / "metadata.csv").write_text("LJ1|In 1455|in fourteen fifty five\n", encoding="utf-8")
    assert rows(tmp_path) == [
        {"recording": str((tmp_path / "wavs" / "LJ1.wav").resolve()), "text": "in fourteen fifty five"}
    ]
    (tmp_path / "metadata.csv").write_text("LJ1|x|x\nLJ2|y|y\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"line 2: there is no recording wavs/LJ2.wav"):
        rows(tmp_path)


def test_recordings_of_ljspeech_may_lie_beside_their_list(tmp_path):
    keep(tmp_path / "LJ1.wav")
    (tmp_path / "metadata.csv").write_text("LJ1|In 1455|in fourteen fifty five\n", encoding="utf-8")
    assert rows(tmp_path)[0]["recording"] == str((tmp_path / "LJ1.wav").resolve())


def test_a_list_of_file_names(tmp_path):
    keep(tmp_path / "clips" / "a.wav")
    meta = tmp_path / "metadata.csv"
    meta.write_text("file_name,transcription,speaker_id\nclips/a.wav,hello there,7\n", encoding="utf-8")
    place = str((tmp_path / "clips" / "a.wav").resolve())
    assert rows(tmp_path) == [{"recording": place, "text": "hello there", "speaker": "7"}]
    meta.write_text("file_name,words\nclips/a.wav,hello\n", encoding="utf-8")
    with pytest.raises(DataError, match="expected a column text, transcription or sentence, found file_name, words"):
        rows(tmp_path)
    meta.write_text("file_name,text\nclips/b.wav,hello\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"line 2: there is no recording clips/b\.wav"):
        rows(tmp_path)


def test_kaldi(tmp_path):
    keep(tmp_path / "a.wav", tone(2.0))
    (tmp_path / "wav.scp").write_text("rec a.wav\n", encoding="utf-8")
    (tmp_path / "segments").write_text("u1 rec 0.5 1.25\n", encoding="utf-8")
    (tmp_path / "text").write_text("u1 hello there\n", encoding="utf-8")
    (tmp_path / "utt2spk").write_text("u1 ann\n", encoding="utf-8")
    place = (tmp_path / "a.wav").resolve()
    assert rows(tmp_path) == [{"recording": f"{place}#t=0.5,1.25", "text": "hello there", "speaker": "ann"}]
    (tmp_path / "wav.scp").write_text("rec sox a.wav -t wav - |\n", encoding="utf-8")
    with pytest.raises(DataError, match="commands are never run"):
        rows(tmp_path)


def test_common_voice(tmp_path):
    keep(tmp_path / "clips" / "c1.wav")
    (tmp_path / "validated.tsv").write_text("client_id\tpath\tsentence\nab\tc1.wav\tBonjour\n", encoding="utf-8")
    expected = [{"recording": str((tmp_path / "clips" / "c1.wav").resolve()), "text": "Bonjour", "speaker": "ab"}]
    assert rows(tmp_path) == expected
    assert rows(tmp_path / "validated.tsv") == expected


def test_recordings_with_cues_or_a_text_beside(tmp_path):
    keep(tmp_path / "talk.wav", tone(3.0))
    (tmp_path / "talk.srt").write_text("1\n00:00:00,500 --> 00:00:01,500\nfirst\n", encoding="utf-8")
    keep(tmp_path / "short.wav")
    (tmp_path / "short.txt").write_text("second\n", encoding="utf-8")
    keep(tmp_path / "none.wav")
    found = rows(tmp_path)
    assert [(r["recording"].rsplit("/", 1)[1], r["text"].strip()) for r in found] == [
        ("short.wav", "second"), ("talk.wav#t=0.5,1.5", "first"),
    ]  # fmt: skip
    assert rows(tmp_path / "talk.wav")[0]["text"] == "first"
    (tmp_path / "talk.srt").unlink()
    (tmp_path / "short.txt").unlink()
    with pytest.raises(DataError, match=r"No recording of .* has a transcript.*columns recording and text"):
        rows(tmp_path)


def test_a_cue_that_runs_past_the_end_of_its_recording_is_named(tmp_path):
    keep(tmp_path / "talk.wav", tone(3.0))
    cues = tmp_path / "talk.srt"
    first = "1\n00:00:00,500 --> 00:00:01,500\nfirst\n\n2\n00:00:02,000 --> 00:00:0"
    cues.write_text(first + "3,400\nsecond\n", encoding="utf-8")  # a little longer, as subtitles are
    assert [r["text"] for r in rows(tmp_path)] == ["first", "second"]
    cues.write_text(first + "3,600\nsecond\n", encoding="utf-8")
    with pytest.raises(
        DataError, match=r"talk\.srt, line 6: the cue ends at 3\.6 s, and the recording talk\.wav at 3 s"
    ):
        rows(tmp_path)
    cues.write_text("1\n00:00:09,000 --> 00:00:10,000\nfar\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"talk\.srt, line 2: the cue ends at 10 s"):
        rows(tmp_path / "talk.wav")


def test_label_studio(tmp_path):
    keep(tmp_path / "call.wav", tone(3.0))
    region = {
        "id": "r1",
        "from_name": "who",
        "type": "labels",
        "value": {"start": 0.2, "end": 1.0, "labels": ["Agent"]},
    }
    said = {
        "id": "r1",
        "from_name": "text",
        "type": "textarea",
        "value": {"start": 0.2, "end": 1.0, "text": ["good morning"]},
    }
    tasks = [{"data": {"audio": "/data/upload/3/0a1b2c3d-call.wav"}, "annotations": [{"result": [region, said]}]}]
    (tmp_path / "export.json").write_text(json.dumps(tasks), encoding="utf-8")
    place = (tmp_path / "call.wav").resolve()
    assert rows(tmp_path / "export.json") == [
        {"recording": f"{place}#t=0.2,1", "text": "good morning", "speaker": "Agent"}
    ]
    (tmp_path / "other.json").write_text('[{"recording": "x.wav", "text": "a"}]', encoding="utf-8")
    assert read_transcripts(tmp_path / "other.json", Reading()) is None


def test_a_part_of_a_recording(tmp_path):
    samples = np.concatenate([tone(1.0, 300), tone(1.0, 1200)])
    keep(tmp_path / "a.wav", samples)
    kind = kind_of("audio")
    whole = kind.read("a.wav", Column("x", "audio"), tmp_path)
    part = kind.read("a.wav#t=1.25,1.75", Column("x", "audio"), tmp_path)
    assert facts(part) == (RATE, 0.5)
    assert part["digest"] != whole["digest"]
    found = decode(part, RATE)
    assert len(found) == RATE // 2
    assert np.abs(found - decode(whole, RATE)[10_000:14_000]).max() < 1e-3
    assert np.abs(np.concatenate(list(blocks(whole, RATE))) - decode(whole, RATE)).max() < 1e-6
    for named, says in (("a.wav#t=2,1", "ends before it begins"), ("a.wav#t=5,6", "ends at 2 s"),
                        ("a.wav#t=1,2.6", r"ends at 2\.6 s, and the recording at 2 s")):  # fmt: skip
        with pytest.raises(Unreadable, match=says):
            kind.read(named, Column("x", "audio"), tmp_path)


def test_a_folder_may_be_named_as_a_url(tmp_path):
    keep(tmp_path / "talk.wav")
    (tmp_path / "talk.txt").write_text("hello there", encoding="utf-8")
    assert rows(f"file://{tmp_path}") == rows(tmp_path)
    assert read_transcripts("s3://bucket/folder", Reading()) is None
