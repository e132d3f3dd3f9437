"""Things followed from frame to frame."""

import csv

import numpy as np
import pytest

from modelwright.core.errors import DataError, OptionError
from modelwright.release.track_video import track_file
from modelwright.release.tracking import follow


def box(x, y=0.0, label="car", score=0.9, sure=True):
    return {"box": [x, y, x + 20, y + 20], "label": label, "score": score, "sure": sure}


def tracks(frames):
    """Return the tracks of each frame, and what the last one counts."""
    told = list(follow((i, i / 10, boxes) for i, boxes in enumerate(frames)))
    return [[b["track"] for b in t["boxes"]] for t in told], told[-1]["so_far"]


def test_a_thing_keeps_its_number_while_it_moves():
    found, counts = tracks([[box(6 * i), box(100 - 6 * i, 60)] for i in range(9)])
    assert found == [[1, 2]] * 9
    assert counts == {"car": 2}


def test_a_thing_that_is_not_seen_for_some_frames_goes_on():
    frames = [[box(8 * i)] if i not in (4, 5, 6) else [] for i in range(12)]
    found, counts = tracks(frames)
    assert {n for f in found for n in f} == {1}
    assert counts == {"car": 1}


def test_a_box_that_is_less_sure_continues_a_track_but_begins_none():
    found, counts = tracks(
        [[box(0)], [box(3)], [box(6, score=0.2, sure=False)], [box(9)], [box(200, score=0.2, sure=False)]]
    )
    assert found == [[1], [1], [1], [1], []]
    assert counts == {"car": 1}


def test_things_that_cross_stay_who_they_are():
    frames = [[box(10 * i, 0), box(100 - 10 * i, 12)] for i in range(11)]
    found, _ = tracks(frames)
    assert found[0] == [1, 2]
    told = list(follow((i, 0.0, b) for i, b in enumerate(frames)))
    last = {b["track"]: b["box"][0] for b in told[-1]["boxes"]}
    assert last == {1: 100, 2: 0}


def test_labels_are_not_mixed_and_what_is_seen_once_is_not_counted():
    found, counts = tracks([[box(0)], [box(0, label="bus")], [box(0)], [box(0)]])
    assert len({n for f in found for n in f}) == 2
    assert counts == {"car": 1}


def test_what_is_gone_for_long_is_another_one():
    found, _ = tracks([[box(0)], [box(0)], *([[]] * 20), [box(0)]])
    assert found[0] != found[-1]


class Finder:
    """A detector that finds the white square of a frame."""

    def of_pixels(self, pixels):
        return None

    def boxes_in(self, pixels):
        y, x = np.nonzero(pixels[..., 0] > 200)
        return (
            [
                {
                    "box": [float(x.min()), float(y.min()), float(x.max()), float(y.max())],
                    "label": "square",
                    "score": 0.9,
                    "sure": True,
                }
            ]
            if len(x)
            else []
        )


class Made:
    name = "made"

    def __init__(self, member):
        self.members = [(1.0, member)]


def clip(path, frames=12):
    av = pytest.importorskip("av")
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for i in range(frames):
            pixels = np.zeros((64, 96, 3), np.uint8)
            pixels[20:40, 5 + 4 * i : 25 + 4 * i] = 255
            for packet in stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")):
                out.mux(packet)
        for packet in stream.encode():
            out.mux(packet)
    return path


def test_a_clip_is_followed_and_written(tmp_path):
    told = track_file(Made(Finder()), clip(tmp_path / "a.mp4"), tmp_path / "a.csv", every=2)
    assert told == {
        "frames": 6,
        "things": {"square": 1},
        "most_at_once": {"square": 1},
        "file": str(tmp_path / "a.csv"),
    }
    rows = list(csv.DictReader((tmp_path / "a.csv").read_text().splitlines()))
    assert [r["frame"] for r in rows] == ["0", "2", "4", "6", "8", "10"]
    assert float(rows[-1]["second"]) == pytest.approx(1.0)
    assert float(rows[1]["left"]) == pytest.approx(13, abs=2)


def test_what_is_no_clip_is_refused_and_leaves_nothing(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"no clip")
    with pytest.raises(DataError, match=r"a\.mp4"):
        track_file(Made(Finder()), tmp_path / "a.mp4", tmp_path / "a.csv")
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]
    with pytest.raises(OptionError, match="finds no boxes"):
        track_file(Made(object()), tmp_path / "a.mp4", None)
