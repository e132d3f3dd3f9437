"""Codecs of pictures: side and channels chosen, grid features, decoding into memory or onto disk."""

import io

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from modelwright.core.schema import MEDIA, Column
from modelwright.features import _decoded
from modelwright.features.image import ImageDense, ImageSparse, ImageTensor, grid_features, look, pixels

COLUMN = Column("x", "image")


def cells(*pictures):
    out = []
    for p in pictures:
        held = io.BytesIO()
        Image.fromarray(p).save(held, "PNG")
        out.append({"path": None, "bytes": held.getvalue(), "digest": ""})
    return pa.array([*out, None], MEDIA)


def noise(h, w, c=3, seed=0):
    shape = (h, w, c) if c > 1 else (h, w)
    return np.random.default_rng(seed).integers(0, 255, shape).astype(np.uint8)


@pytest.mark.parametrize(("size", "side"), [((28, 28), 32), ((40, 60), 48), ((500, 400), 224), ((100, 90), 96)])
def test_the_side_suits_the_pictures(size, side):
    assert look(cells(noise(*size)), 0)[0] == side


def test_grey_pictures_take_one_channel_even_when_stored_in_colour():
    assert look(cells(np.repeat(noise(20, 20, 1)[:, :, None], 3, axis=2)), 0)[1] == 1
    assert look(cells(noise(20, 20, 3)), 0)[1] == 3


def test_a_side_can_be_asked_for():
    codec = ImageTensor.fit(cells(noise(50, 50)), Column("x", "image", options={"side": 16}), None, 0)
    found = codec.encode(cells(noise(50, 50), noise(10, 80)))
    assert found["pixels"].shape == (3, 16, 16, 3)
    assert found["pixels"].dtype == np.uint8
    assert found["missing"].tolist() == [0, 0, 1]
    assert found["pixels"][2].max() == 0


def test_edges_are_told_apart_by_direction():
    across = np.zeros((32, 32, 3), np.uint8)
    across[16:] = 255
    found = grid_features(cells(across, across.transpose(1, 0, 2).copy()))
    edges = found[:2, : 4 * 4 * 9].reshape(2, 16, 9).sum(1)
    assert edges[0].argmax() != edges[1].argmax()
    assert found.shape[1] == ImageDense.width
    assert np.isnan(found[2]).all()


def test_what_memory_would_not_hold_lies_on_disk(monkeypatch):
    monkeypatch.setattr(_decoded, "free_memory", lambda: 0)
    small = _decoded.room((4, 4), np.uint8)
    assert not isinstance(small, np.memmap)
    large = _decoded.room((70, 1 << 20), np.uint8)
    assert isinstance(large, np.memmap)
    large[69, 5] = 7
    assert large[69, 5] == 7
    assert large[0].max() == 0


def test_no_picture_at_all_is_borne():
    empty = pa.nulls(3, MEDIA)
    for view in (ImageDense, ImageSparse, ImageTensor):
        codec = view.fit(empty, COLUMN, None, 0)
        found = codec.encode(empty)
        assert (found["pixels"] if isinstance(found, dict) else found).shape[0] == 3
    assert grid_features(pa.nulls(0, MEDIA)).shape == (0, ImageDense.width)


def test_processes_decode_what_threads_decode(tmp_path, monkeypatch):
    cells = []
    for i in range(150):
        path = tmp_path / f"{i}.png"
        Image.fromarray(np.random.default_rng(i).integers(0, 255, (9, 7, 3)).astype(np.uint8)).save(path)
        cells.append({"path": str(path), "bytes": None, "digest": ""} if i % 50 else None)
    (tmp_path / "3.png").write_bytes(b"")  # changed since it was checked
    values = pa.array(cells, MEDIA)
    monkeypatch.setattr(_decoded, "cores", lambda: 2)
    monkeypatch.setattr(_decoded, "_WORTH", 1e9)
    threads = pixels(values, 8, 3)
    begun = []
    made = _decoded.Helper
    monkeypatch.setattr(_decoded, "Helper", lambda work: begun.append(work) or made(work))
    monkeypatch.setattr(_decoded, "_WORTH", 0.0)
    monkeypatch.setattr(_decoded, "_TOGETHER", 8)
    processes = pixels(values, 8, 3)
    assert len(begun) == 1
    assert np.array_equal(threads, processes)
    assert not processes[[0, 3, 50]].any()
    assert processes[[1, 149]].any(axis=(1, 2, 3)).all()
    monkeypatch.setattr(_decoded, "sealing", lambda: True)
    assert np.array_equal(pixels(values, 8, 3), threads)
    assert len(begun) == 1  # with a vault open the cells stay here
