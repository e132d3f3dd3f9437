"""Sound: every format is read, and every wrong file is named within bounds of memory and time."""

import base64
import io
import struct
import tracemalloc
import wave

import numpy as np
import pyarrow as pa
import pytest
import soundfile

from modelwright.core.schema import Column
from modelwright.data.kinds.audio import KIND, blocks, decode, facts
from modelwright.data.kinds.base import Unreadable, recognise

COLUMN = Column("sound", "audio")


def tone(seconds: float = 0.5, rate: int = 16000, hertz: float = 440.0, channels: int = 1) -> np.ndarray:
    x = 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)
    return np.stack([x] * channels, axis=1).astype(np.float32)


def written(samples: np.ndarray, rate: int = 16000, form: str = "WAV", subtype: str | None = None) -> bytes:
    held = io.BytesIO()
    soundfile.write(held, samples, rate, format=form, subtype=subtype)
    return held.getvalue()


def lying(seconds: int, kept: int = 1000, rate: int = 16000) -> bytes:
    """Return a WAV whose header promises so many seconds and that holds `kept` bytes."""
    size = min(seconds * rate * 2, 0xFFFFFF00)
    head = (
        b"RIFF" + struct.pack("<I", size + 36) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16)
    )
    return head + b"data" + struct.pack("<I", size) + b"\1\2" * (kept // 2)


def refused(data: bytes) -> str:
    with pytest.raises(Unreadable) as e:
        KIND().read(data, COLUMN, None)
    assert e.value.words.zh
    assert e.value.words.zh != e.value.words.en
    return e.value.words.en


@pytest.mark.parametrize(
    ("form", "subtype"),
    [("WAV", "PCM_16"), ("WAV", "FLOAT"), ("WAV", "PCM_U8"), ("FLAC", None), ("OGG", None), ("OGG", "OPUS"),
     ("MP3", None), ("AIFF", None), ("CAF", None), ("AU", None)],
)  # fmt: skip
def test_formats_give_the_same_sound(form, subtype):
    cell = KIND().read(written(tone(1.0, 48000, channels=2), 48000, form, subtype), COLUMN, None)
    found = decode(cell, 16000)
    assert found.dtype == np.float32
    assert abs(len(found) - 16000) < 1200  # coders pad
    spectrum = np.abs(np.fft.rfft(found[2000:10000]))
    assert spectrum.argmax() * 2 == pytest.approx(440, abs=4)
    assert 0.3 < np.abs(found[2000:10000]).max() < 0.7


def test_resampling_keeps_pitch_and_length():
    cell = KIND().read(written(tone(1.0, 44100), 44100), COLUMN, None)
    assert facts(cell) == (44100, 1.0)
    for rate in (8000, 16000, 44100):
        found = decode(cell, rate)
        assert len(found) == pytest.approx(rate, abs=2)
        assert np.abs(np.fft.rfft(found)).argmax() == pytest.approx(440, abs=2)


def test_only_the_start_is_read_where_asked():
    cell = KIND().read(written(tone(3.0)), COLUMN, None)
    assert len(decode(cell, 16000, 0.5)) == 8000


def test_paths_bytes_and_urls_are_one(tmp_path):
    data = written(tone())
    (tmp_path / "a.wav").write_bytes(data)
    url = "data:audio/wav;base64," + base64.b64encode(data).decode()
    cells = [KIND().read(v, COLUMN, tmp_path) for v in ("a.wav", data, url, {"bytes": data}, {"path": "a.wav"})]
    assert len({c["digest"] for c in cells}) == 1
    assert all(np.array_equal(decode(c, 16000), decode(cells[0], 16000)) for c in cells)
    assert KIND().read("", COLUMN, tmp_path) is None
    with pytest.raises(Unreadable, match="no file"):
        KIND().read("b.wav", COLUMN, tmp_path)


def test_the_content_counts_not_the_ending(tmp_path):
    (tmp_path / "a.wav").write_bytes(written(tone(), form="FLAC"))
    assert len(decode(KIND().read("a.wav", COLUMN, tmp_path), 16000)) == 8000
    (tmp_path / "b.mp3").write_text("this is no sound, however it is called")
    with pytest.raises(Unreadable, match="WAV, FLAC, MP3 or OGG"):
        KIND().read("b.mp3", COLUMN, tmp_path)


@pytest.mark.parametrize("form", ["FLAC", "MP3"])
def test_blocks_and_parts_are_those_of_the_whole(form, tmp_path):
    rate, seconds = 48000, 5
    t = np.arange(seconds * rate) / rate
    knocks = (0.5 * np.sin(2 * np.pi * 440 * t) * (np.sin(2 * np.pi * 3 * t) > 0)).astype(np.float32)
    (tmp_path / "a").write_bytes(written(knocks, rate, form))
    whole = soundfile.read(tmp_path / "a", dtype="float32")[0]  # at once: nothing is sought within
    assert np.abs(decode(KIND().read("a", COLUMN, tmp_path), rate) - whole).max() < 1e-4
    for start in np.linspace(0.5, 4.5, 30).round(3):
        part = decode(KIND().read(f"a#t={start},{start + 0.1:.3f}", COLUMN, tmp_path), rate)
        first = int(start * rate)
        assert np.abs(part - whole[first : first + len(part)]).max() < 1e-4, start


@pytest.mark.parametrize(
    ("form", "subtype"),
    [("WAV", None), ("FLAC", None), ("AIFF", None), ("MP3", None), ("OGG", "VORBIS"), ("OGG", "OPUS")],
)
def test_files_cut_short_are_named(form, subtype):
    noise = np.random.default_rng(0).normal(0, 0.1, (64_000, 1)).astype(np.float32)
    data = written(noise, form=form, subtype=subtype)
    KIND().read(data, COLUMN, None)
    list(blocks({"path": None, "bytes": data, "digest": "", "how": None}, 16000))
    for share in (0.5, 0.9):
        part = data[: int(share * len(data))]
        assert refused(part)
        with pytest.raises(Unreadable):  # read part by part, as the service does
            list(blocks({"path": None, "bytes": part, "digest": "", "how": None}, 16000))
    assert refused(data[:20])


def test_a_long_file_cut_near_its_end_is_named():
    data = written(tone(40.0, 8000), 8000, "FLAC")
    KIND().read(data, COLUMN, None)
    assert refused(data[: int(0.9 * len(data))])


def test_headers_that_lie_cost_no_memory():
    tracemalloc.start()
    assert "cut short" in refused(lying(36_000))
    assert "cut short" in refused(lying(60))
    flac = bytearray(written(tone(0.1), form="FLAC"))
    flac[21:26] = bytes([flac[21] | 0x0F, 0xFF, 0xFF, 0xFF, 0xFF])  # the most samples a FLAC header can claim
    assert "hour" in refused(bytes(flac))
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()


def test_streams_without_a_length_are_read():
    data = lying(1, 8000).replace(struct.pack("<I", 32000), struct.pack("<I", 0xFFFFFFFF))
    assert len(decode(KIND().read(data, COLUMN, None), 16000)) == 4000


def test_more_than_an_hour_is_refused_before_it_is_read():
    held = io.BytesIO()
    with wave.open(held, "wb") as f:
        f.setnchannels(1)
        f.setsampwidth(1)
        f.setframerate(1000)
        f.writeframes(b"\x80" * 3_700_000)
    assert "hour" in refused(held.getvalue())


@pytest.mark.parametrize(
    ("data", "said"),
    [(b"", "empty"), (b"RIFF", "no readable"), (b"\0" * 500, "no readable"), (b"ID3" + b"x" * 99, "no readable"),
     (b"\x89PNG\r\n\x1a\n" + b"x" * 99, "no readable"), (b"\0\0\0\x18ftypM4A " + b"x" * 99, "no readable")],
)  # fmt: skip
def test_what_is_no_sound_is_named(data, said):
    assert said in refused(data)


def test_a_file_without_samples_is_named():
    assert "no sound" in refused(written(tone(0)))


def test_impossible_rates_are_named():
    data = bytearray(written(tone()))
    data[24:28] = struct.pack("<I", 2_000_000_000)
    assert "samples a second" in refused(bytes(data))


def test_values_that_are_no_numbers_become_silence():
    x = tone()[:, 0]
    x[100:200] = np.nan
    x[300] = np.inf
    found = decode(KIND().read(written(x, subtype="FLOAT"), COLUMN, None), 16000)
    assert np.isfinite(found).all()
    assert (found[100:200] == 0).all()


def test_columns_of_sound_are_recognised():
    paths = pa.chunked_array([[f"clips/{i}.WAV" for i in range(9)] + ["x.ogg"]])
    assert recognise("sound", paths) == ("audio", {})
    assert recognise("sound", pa.chunked_array([KIND().sample([0, 1, 2], 0)])) == ("audio", {})
    assert recognise("name", pa.chunked_array([["waves", "flac", "a.wav b"]])) is None
