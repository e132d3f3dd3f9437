"""Layouts of recordings with transcripts, and parts of recordings."""

import json

import numpy as np
import pytest

from modelwright.core.errors import DataError
from modelwright.core.events import EventStream, Warned
from modelwright.core.reading import Reading
from modelwright.core.schema import Column
from modelwright.data.kinds.audio import blocks, decode, facts, name_part
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
        DataError, match=r"talk\.srt, line 6: the part ends at 3\.6 s, and the recording talk\.wav at 3 s"
    ):
        rows(tmp_path)
    cues.write_text("1\n00:00:09,000 --> 00:00:10,000\nfar\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"talk\.srt, line 2: the part ends at 10 s"):
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


def test_espnet(tmp_path):
    keep(tmp_path / "a.wav")
    said = {"output": [{"name": "target1", "text": "six"}], "utt2spk": "ann"}
    place = tmp_path / "data.json"
    place.write_text(json.dumps({"utts": {"u1": {"input": [{"feat": "a.wav"}], **said}}}), encoding="utf-8")
    assert rows(place) == [{"recording": str((tmp_path / "a.wav").resolve()), "text": "six", "speaker": "ann"}]
    for feat, says in (
        ("dump/feats.1.ark:12", r"`u2`: expected a recording .*feats\.1\.ark:12.*wav\.scp"),
        ("b.wav", r"`u2`: there is no recording b\.wav"),
        (None, r"`u2`: expected a recording"),
    ):
        utts = {"u1": {"input": [{"feat": "a.wav"}], **said}, "u2": {"input": [{"feat": feat}], **said}}
        place.write_text(json.dumps({"utts": utts}), encoding="utf-8")
        with pytest.raises(DataError, match=says):
            rows(place)


def test_kaldi_segments_run_to_the_end_and_not_backwards(tmp_path):
    keep(tmp_path / "data" / "train" / "a.wav", tone(2.0))
    folder = tmp_path / "data" / "train"
    (folder / "wav.scp").write_text("rec data/train/a.wav\n", encoding="utf-8")  # from where the recipe was run
    (folder / "segments").write_text("u1 rec 0.5 -1\n", encoding="utf-8")
    (folder / "text").write_text("u1 hello there\n", encoding="utf-8")
    assert rows(folder)[0]["recording"] == f"{(folder / 'a.wav').resolve()}#t=0.5,2"
    for times, says in (
        ("1.5 0.5", "segments: `u1` ends at 0.5 s, and begins at 1.5 s"),
        ("0.5 9", r"segments: `u1`: the part ends at 9 s, and the recording a\.wav at 2 s"),
    ):
        (folder / "segments").write_text(f"u1 rec {times}\n", encoding="utf-8")
        with pytest.raises(DataError, match=says):
            rows(folder)
    (folder / "segments").write_text("u2 rec 0.5 1\n", encoding="utf-8")
    with pytest.raises(DataError, match="`u1` is not in segments"):
        rows(folder)


def test_parts_of_long_recordings_keep_their_milliseconds(tmp_path):
    place = name_part("talk.mp3", 12345.678, 12346.5)
    assert place == "talk.mp3#t=12345.678,12346.5"
    assert name_part("talk.mp3", 0.00001, 2.0) == "talk.mp3#t=0,2"  # no exponent


def test_the_transcript_of_a_recording_is_the_one_of_its_own_name(tmp_path):
    for name in ("a", "a.b"):
        keep(tmp_path / f"{name}.wav", tone(3.0))
        (tmp_path / f"{name}.srt").write_text(f"1\n00:00:00,500 --> 00:00:01,500\nof {name}\n", encoding="utf-8")
    assert [r["text"] for r in rows(tmp_path)] == ["of a.b", "of a"]
    (tmp_path / "a.srt").rename(tmp_path / "a.en.srt")
    assert [r["text"] for r in rows(tmp_path)] == ["of a.b", "of a"]
    (tmp_path / "a.de.srt").write_text("1\n00:00:00,500 --> 00:00:01,500\nvon a\n", encoding="utf-8")
    with pytest.raises(
        DataError, match=r"several transcripts \(a\.de\.srt, a\.en\.srt\): call the one to learn from a\.srt"
    ):
        rows(tmp_path)


def test_labels_with_times_are_no_transcript(tmp_path):
    keep(tmp_path / "a.wav", tone(3.0))
    (tmp_path / "a.txt").write_text("0.250000\t0.750000\tone\n\\\t100.0\t200.0\n1.0\t1.5\ttwo\n", encoding="utf-8")
    assert [(r["recording"].rsplit("#", 1)[1], r["text"]) for r in rows(tmp_path)] == [
        ("t=0.25,0.75", "one"), ("t=1,1.5", "two"),
    ]  # fmt: skip
    (tmp_path / "a.txt").write_text("1.0\t0.5\tone\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"a\.txt, line 1: the cue ends at 0\.5 s, and begins at 1 s"):
        rows(tmp_path)
    (tmp_path / "a.txt").unlink()
    (tmp_path / "a.lab").write_text("0 2500000 sil\n2500000 7500000 one\n7500000 9000000 two\n", encoding="utf-8")
    assert [(r["recording"].rsplit("#", 1)[1], r["text"]) for r in rows(tmp_path)] == [("t=0.25,0.9", "one two")]
    (tmp_path / "a.lab").write_text("2 of 3\n", encoding="utf-8")
    assert rows(tmp_path)[0]["text"].strip() == "2 of 3"


def test_a_manifest_whose_rows_are_parts_of_recordings(tmp_path):
    keep(tmp_path / "long.wav", tone(3.0))
    lines = [
        {"audio_filepath": "long.wav", "offset": o, "duration": 0.5, "text": t} for o, t in ((0.25, "one"), (1, "two"))
    ]
    manifest = tmp_path / "train.json"
    manifest.write_text("\n".join(map(json.dumps, lines)) + "\n", encoding="utf-8")
    place = tmp_path / "long.wav"
    assert rows(manifest) == [
        {"audio_filepath": f"{place}#t=0.25,0.75", "text": "one"}, {"audio_filepath": f"{place}#t=1,1.5", "text": "two"},
    ]  # fmt: skip
    table = tmp_path / "t.csv"
    table.write_text("recording,text,start_ms,end_ms\nlong.wav,one,250,750\nlong.wav,all,,\n", encoding="utf-8")
    assert [r["recording"] for r in rows(table)] == [f"{place}#t=0.25,0.75", str(place)]
    table.write_text("recording,text,start,end\nlong.wav,one,0:01,0:02.5\nlong.wav,two,2,1\n", encoding="utf-8")
    with pytest.raises(
        DataError,
        match="row 2: expected times in `start` and `end` that tell a part of the recording, received 2 and 1",
    ):
        rows(table)
    for other in ("2024-05-01,2024-05-02", "1714550000,1714550009"):  # days and moments cut nothing
        table.write_text(f"recording,text,start,end\nlong.wav,one,{other}\n", encoding="utf-8")
        assert read_transcripts(table, Reading()) is None


def test_label_studio_in_its_short_form(tmp_path):
    keep(tmp_path / "call.wav", tone(3.0))
    regions = [{"start": 0.2, "end": 1.0, "labels": ["Agent"]}, {"start": 1.5, "end": 2, "labels": ["Caller"]}]
    task = {"audio": "/data/upload/3/0a1b2c3d-call.wav", "id": 1, "labels": regions, "transcription": ["good", "day"],
            "annotator": 1, "annotation_id": 1, "created_at": "2024-05-01T10:00:00Z"}  # fmt: skip
    export = tmp_path / "export.json"
    export.write_text(json.dumps([task]), encoding="utf-8")
    place = (tmp_path / "call.wav").resolve()
    assert rows(export) == [
        {"recording": f"{place}#t=0.2,1", "text": "good", "speaker": "Agent"},
        {"recording": f"{place}#t=1.5,2", "text": "day", "speaker": "Caller"},
    ]
    export.write_text(json.dumps([{k: v for k, v in task.items() if k != "labels"}]), encoding="utf-8")
    assert rows(export) == [{"recording": str(place), "text": "good day"}]
    export.write_text(json.dumps([task | {"transcription": "good"}]), encoding="utf-8")
    with pytest.raises(DataError, match="task 1: 2 regions and 1 texts"):
        rows(export)
    export.write_text(
        json.dumps([task | {"labels": [{"start": 2, "end": 1}], "transcription": "good"}]), encoding="utf-8"
    )
    with pytest.raises(DataError, match="task 1: a region begins at 2 s and ends at 1 s"):
        rows(export)


def test_cues_in_which_two_speak_are_left_out_and_told(tmp_path):
    keep(tmp_path / "call.wav", tone(10.0))
    lines = [
        "call A 0.0 2.0 hello",
        "call A 5.0 2.0 well",
        "call B 3.0 1.0 yes",
        "call B 6.0 2.0 no",
        "call B 9.0 0.5 bye",
    ]
    (tmp_path / "call.ctm").write_text("\n".join(lines), encoding="utf-8")
    events, heard = EventStream(), []
    events.listen(heard.append)
    table, _ = read_transcripts(tmp_path, Reading(), events)
    assert table.column("text").to_pylist() == ["hello", "yes", "bye"]
    assert table.column("speaker").to_pylist() == ["call A", "call B", "call B"]
    told = [e.words.en for e in heard if isinstance(e, Warned)]
    assert any("2 of 5 cues" in t and "line 2" in t and "at the same time" in t for t in told), told
