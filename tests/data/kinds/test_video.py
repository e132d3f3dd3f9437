"""Video: every container is read, frames are spread over the clip, and every wrong file is named."""

import base64
import io
import struct
import tracemalloc

import av
import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.schema import Column
from modelwright.data.kinds.audio import KIND as AUDIO
from modelwright.data.kinds.base import Unreadable, recognise
from modelwright.data.kinds.video import KIND, decode, facts, written

COLUMN = Column("clip", "video")
KINDS = [
    ("mp4", "mpeg4"),
    ("mov", "mpeg4"),
    ("matroska", "mpeg4"),
    ("avi", "mpeg4"),
    ("webm", "libvpx"),
    ("gif", "gif"),
]


def brightening(count: int = 40, height: int = 48, width: int = 64) -> np.ndarray:
    """Return frames that go from black to white."""
    shades = np.linspace(0, 255, count).astype(np.uint8)
    return np.broadcast_to(shades[:, None, None, None], (count, height, width, 3)).copy()


def refused(data: bytes) -> str:
    with pytest.raises(Unreadable) as e:
        KIND().read(data, COLUMN, None)
    assert e.value.words.zh
    assert e.value.words.zh != e.value.words.en
    return e.value.words.en


@pytest.mark.parametrize(("container", "codec"), KINDS)
def test_frames_are_spread_over_the_clip(container, codec):
    cell = KIND().read(written(brightening(), 8, container, codec), COLUMN, None)
    found = decode(cell, 8, 32)
    assert found.shape == (8, 32, 32, 3)
    assert found.dtype == np.uint8
    expected = (np.arange(8) + 0.5) / 8 * 255
    assert np.abs(found.mean((1, 2, 3)) - expected).max() < 14
    assert facts(cell).frames == 40
    assert facts(cell).seconds == pytest.approx(4.9, abs=0.15)


def test_short_clips_repeat_their_frames():
    for count in (1, 2, 3):
        found = decode(KIND().read(written(brightening(count)), COLUMN, None), 8, 32)
        assert found.shape == (8, 32, 32, 3)
        shades = found.mean((1, 2, 3))
        assert len(set(shades.round())) == count
        assert (np.diff(shades) > -3).all()


def test_long_clips_are_read_around_places():
    cell = KIND().read(written(brightening(700, 32, 32), 25), COLUMN, None)
    found = decode(cell, 8, 32).mean((1, 2, 3))
    assert np.abs(found - (np.arange(8) + 0.5) / 8 * 255).max() < 14


def test_places_keep_their_side():
    clip = np.zeros((9, 48, 64, 3), np.uint8)
    clip[:, :24, :32, 0] = 240  # red at the top left
    found = decode(KIND().read(written(clip), COLUMN, None), 4, 32).astype(int)
    assert found[:, 4:12, 4:12, 0].min() > 170
    assert found[:, 20:, 20:].max() < 60


def test_paths_bytes_and_urls_are_one(tmp_path):
    data = written(brightening(9))
    (tmp_path / "a.mp4").write_bytes(data)
    url = "data:video/mp4;base64," + base64.b64encode(data).decode()
    cells = [KIND().read(v, COLUMN, tmp_path) for v in ("a.mp4", data, url, {"bytes": data})]
    assert len({c["digest"] for c in cells}) == 1
    assert all(np.array_equal(decode(c, 4, 32), decode(cells[0], 4, 32)) for c in cells)
    assert KIND().read(None, COLUMN, tmp_path) is None


@pytest.mark.parametrize(("container", "codec"), KINDS)
@pytest.mark.parametrize("share", [0.5, 0.1])
def test_clips_cut_short_are_named(container, codec, share):
    noisy = np.random.default_rng(0).integers(0, 255, (40, 48, 64, 3)).astype(np.uint8)
    data = written(noisy, 8, container, codec)
    KIND().read(data, COLUMN, None)
    assert refused(data[: int(share * len(data))])


@pytest.mark.parametrize(
    ("data", "said"),
    [(b"", "empty"), (b"x" * 500, "known container"), (b"\0" * 500, "known container"),
     (b"\0\0\0\x18ftypisom" + b"\0" * 400, "not a complete clip"), (b"\x1aE\xdf\xa3" + b"\1" * 400, "not a complete clip"),
     (b"GIF89a" + b"\0" * 40, "cut short")],
)  # fmt: skip
def test_what_is_no_clip_is_named(data, said):
    assert said in refused(data)


def test_playlists_that_would_open_other_files_are_no_clips(tmp_path):
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(written(brightening(9)))
    for text in (f"#EXTM3U\n#EXTINF:1,\n{secret}\n", f"ffconcat version 1.0\nfile '{secret}'\n"):
        assert "known container" in refused(text.encode())
        (tmp_path / "list.mp4").write_text(text)
        with pytest.raises(Unreadable, match="known container"):
            KIND().read("list.mp4", COLUMN, tmp_path)


def test_a_file_of_sound_alone_holds_no_picture():
    held = io.BytesIO()
    with av.open(held, "w", format="mp4") as file:
        stream = file.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16000
        file.mux(stream.encode(frame))
        file.mux(stream.encode())
    assert "no moving picture" in refused(held.getvalue())


def test_frames_beyond_all_bounds_are_refused_before_they_are_made():
    data = bytearray(written(brightening(9), 8, "gif", "gif"))
    assert struct.unpack("<HH", data[6:10]) == (64, 48)
    data[6:10] = struct.pack("<HH", 12000, 12000)
    tracemalloc.start()
    assert "12000 x 12000" in refused(bytes(data))
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()


def test_columns_of_clips_are_recognised():
    assert recognise("clip", pa.chunked_array([[f"{i}.mp4" for i in range(9)]])) == ("video", {})
    assert recognise("clip", pa.chunked_array([KIND().sample([0, 1], 0)])) == ("video", {})
    assert recognise("clip", pa.chunked_array([AUDIO().sample([0, 1], 0)])) == ("audio", {})
    gifs = recognise("clip", pa.chunked_array([[f"{i}.gif" for i in range(9)]]))
    assert gifs is not None
    assert gifs[0] == "image"  # by name alone; `data/_gifs.py` looks into the files
