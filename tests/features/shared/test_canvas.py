"""Pictures on canvases: whole or in tiles, and boxes that go there and back."""

import io

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from modelwright.core.schema import MEDIA
from modelwright.features.shared.canvas import GREY, Canvas, move, move_back, small_side


def test_the_smallest_label_says_how_closely_to_look():
    sides = np.r_[np.full(100, 90.0), np.full(10, 30.0), [4.0]]
    boxes = np.stack([np.zeros(111), np.zeros(111), sides, sides], 1)
    labels = np.r_[np.zeros(100), np.ones(10), [2]].astype(int)
    assert small_side(boxes, labels) == pytest.approx(30)
    assert small_side(boxes[:0], labels[:0]) == 64


@pytest.mark.parametrize(
    ("size", "side", "canvas"),
    [
        ((640, 480), 40, (320, 256, 1)),
        ((640, 480), 300, (64, 64, 1)),
        ((640, 480), 22, (640, 480, 1)),
        ((4000, 3000), 40, (640, 480, 2)),
    ],
)
def test_a_canvas_is_as_large_as_its_boxes_ask_for(size, side, canvas):
    found = Canvas.fit([size] * 3, side)
    assert (found.width, found.height) <= (768, 768)
    assert (found.across >= 2) == (canvas[2] > 1)
    if canvas[2] == 1:
        assert (found.width, found.height) == canvas[:2]


def test_the_longer_side_is_bounded():
    assert Canvas.fit([(640, 480)], 22, most=320).width <= 320


@given(st.integers(1, 3), st.integers(1, 3), st.integers(40, 900), st.integers(40, 900))
def test_boxes_come_back_from_every_tile(across, down, width, height):
    canvas = Canvas(96, 64, across, down)
    box = np.array([[width * 0.2, height * 0.3, width * 0.6, height * 0.9]])
    for place in canvas.placed(width, height):
        assert move_back(move(box, place), place, (width, height)) == pytest.approx(box)


@given(st.integers(1, 3), st.integers(1, 3), st.integers(200, 700), st.integers(200, 700))
def test_tiles_see_the_whole_picture(across, down, width, height):
    canvas = Canvas(96, 64, across, down)
    there = np.zeros((height, width), bool)
    for place in canvas.placed(width, height):
        left, top, right, bottom = move_back(np.array([[0.0, 0, canvas.width, canvas.height]]), place, (width, height))[
            0
        ]
        there[int(np.floor(top)) : int(np.ceil(bottom)), int(np.floor(left)) : int(np.ceil(right))] = True
    assert there.all()


def test_a_picture_lies_on_grey_and_a_missing_one_is_grey():
    held = io.BytesIO()
    Image.fromarray(np.full((40, 80, 3), 250, np.uint8)).save(held, "PNG")
    cells = pa.array([{"path": None, "bytes": held.getvalue(), "digest": "x", "how": None}, None], MEDIA)
    pixels, places, sizes = Canvas(96, 96).encode(cells)
    assert pixels.shape == (2, 96, 96, 3)
    assert places[0][0].scale == pytest.approx(1.2)
    assert (pixels[0, :48] == 250).all()
    assert (pixels[0, 49:] == GREY).all()
    assert (pixels[1] == GREY).all()
    assert sizes == [(80, 40), (0, 0)]


def test_a_stored_canvas_is_checked():
    canvas = Canvas(96, 64, 2, 1)
    assert Canvas.restore(canvas.state()).state() == canvas.state()
    with pytest.raises(ValueError, match="canvas"):
        Canvas.restore({**canvas.state(), "width": 1 << 30})
