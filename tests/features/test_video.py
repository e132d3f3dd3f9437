"""Codecs of clips: what is chosen for which clips, shapes, missing values, and features that tell motion."""

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.schema import MEDIA, Column
from modelwright.data.kinds.video import KIND, written
from modelwright.features.video import WIDTH, VideoDense, VideoSparse, VideoTensor, look, motion_features
from modelwright.testing import check_codec

COLUMN = Column("clip", "video")


def cell(clip: np.ndarray, rate: int = 8):
    return KIND().read(written(clip, rate), COLUMN, None)


def moving(step: int, count: int = 9, height: int = 48, width: int = 64, colour: bool = False) -> np.ndarray:
    clip = np.full((count, height, width, 3), 20, np.uint8)
    for t in range(count):
        left = 24 + step * (t - count // 2)
        clip[t, 16:32, left : left + 16, : 1 if colour else 3] = 220
    return clip


def test_grey_short_clips_are_taken_small():
    assert look(pa.array([cell(moving(2)), None], MEDIA), 0) == (8, 48, 1)


def test_long_large_coloured_clips_get_more_frames_and_pixels():
    assert look(pa.array([cell(moving(0, 40, 112, 144, True))], MEDIA), 0) == (12, 112, 3)
    assert look(pa.array([cell(moving(0, 60, 112, 144, True))], MEDIA), 0) == (16, 112, 3)


def test_many_rows_bring_size_and_frames_down():
    values = pa.array([cell(moving(0, 60, 112, 144, True))] * 6000, MEDIA)
    assert look(values, 0) == (8, 64, 3)


@pytest.mark.parametrize("view", ["tensor", "dense", "sparse"])
def test_codecs_keep_the_contract(view):
    made = [KIND().read(c, COLUMN, None) for c in KIND().sample([0, 1, 2, 0], 0)]
    check_codec("video", view, pa.array([*made, None], MEDIA))


def test_the_tensor_view():
    values = pa.array([cell(moving(2)), None, cell(moving(-2))], MEDIA)
    out = VideoTensor.fit(values, COLUMN, None, 0).encode(values)
    assert out["frames"].shape == (3, 8, 48, 48, 1)
    assert out["frames"].dtype == np.uint8
    assert out["missing"].tolist() == [0, 1, 0]
    assert (out["frames"][1] == 0).all()
    own = VideoTensor.fit(values, Column("clip", "video", options={"frames": 4, "side": 32}), None, 0)
    assert own.encode(values)["frames"].shape == (3, 4, 32, 32, 1)


def test_motion_shows_in_the_plain_features():
    still, right, left = motion_features(pa.array([cell(moving(s)) for s in (0, 4, -4)], MEDIA))
    assert len(still) == WIDTH
    total = slice(256, 263)
    across = slice(270, 277)
    assert still[total].max() < 0.1 * right[total].min()
    assert np.diff(right[across]).min() > 0 > np.diff(left[across]).max()


def test_nothing_known_can_be_fitted():
    nothing = pa.nulls(2, MEDIA)
    for cls in (VideoTensor, VideoDense, VideoSparse):
        encoded = cls.fit(nothing, COLUMN, None, 0).encode(nothing)
        assert (len(encoded["frames"]) if isinstance(encoded, dict) else encoded.shape[0]) == 2


def test_a_file_that_has_gone_counts_as_blank(tmp_path):
    (tmp_path / "a.mp4").write_bytes(written(moving(3)))
    values = pa.array([KIND().read("a.mp4", COLUMN, tmp_path)], MEDIA)
    (tmp_path / "a.mp4").unlink()
    assert (VideoTensor(5, 32, 1, [0.5], [0.2]).encode(values)["frames"] == 0).all()
