"""Boxes against their pictures: turned, scaled, cut, left out, and told."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from boxes_made import picture
from modelwright.core.errors import DataError
from modelwright.core.events import EventStream
from modelwright.core.words import Words
from modelwright.data.annotations.base import Marked
from modelwright.data.annotations.shared.settle import Shape, settled, turn


def told(found, folder):
    """Return the boxes of each picture, and what was said."""
    said = []
    events = EventStream()
    events.listen(lambda e: said.append(e.words.en if hasattr(e, "words") else e.message))
    raw = settled(found, "set", folder, events)
    return [[b["box"] for b in json.loads(x)] for x in raw["boxes"].to_pylist()], said


def box(*sides, label="a"):
    return {"box": list(map(float, sides)), "label": label}


GOOD = [box(1, 1, 5 + i, 6) for i in range(12)]


@pytest.mark.parametrize(
    ("bad", "kept", "says"),
    [
        (box(9, 1, 3, 5), None, "right is left"),
        (box(float("nan"), 1, 3, 5), None, "right is left"),
        (box(3, 3, 3, 9), None, "of no area"),
        (box(50, 3, 60, 9), None, "outside the picture"),
        (box(30, 20, 55, 28), [30, 20, 40, 28], "1 box over the edge of the picture is cut there"),
        (GOOD[0], None, "marked twice"),
    ],
)
def test_a_box_that_cannot_be_is_left_out_and_told(tmp_path, bad, kept, says):
    found, said = told([Marked("a.xml", str(picture(tmp_path / "a.png")), [*GOOD, bad], (40, 30))], tmp_path)
    assert len(found[0]) == len(GOOD) + (kept is not None)
    assert kept is None or found[0][-1] == kept
    assert any(says in s and "a.xml" in s for s in said)


def test_labels_of_too_few_boxes_are_told(tmp_path):
    path = str(picture(tmp_path / "a.png"))
    _, said = told([Marked("a.xml", path, [*GOOD, box(1, 9, 5, 20, label="rare")], (40, 30))], tmp_path)
    assert said == [
        "set: too few boxes to learn from and to judge by: `rare` (1: a.xml). Mark more, or take the label out."
    ]
    assert told([Marked("a.xml", path, GOOD, (40, 30))], tmp_path)[1] == []
    assert told([Marked("a.xml", path, GOOD[:2], (40, 30))], tmp_path)[1] == [], "a small set is told of elsewhere"


def test_a_source_in_another_form_is_refused(tmp_path):
    wrong = [box(20, 20, 10, 10) for _ in range(8)]
    with pytest.raises(DataError, match="left, top, width, height"):
        settled([Marked("a.xml", str(picture(tmp_path / "a.png")), [*GOOD, *wrong])], "set", tmp_path)


def test_boxes_drawn_before_the_picture_was_turned_are_turned(tmp_path):
    path = picture(tmp_path / "a.jpg", 40, 30, exif=6)  # shown 30 wide and 40 high
    found, said = told([Marked("a.xml", str(path), [box(0, 0, 10, 5)], (40, 30))], tmp_path)
    assert found == [[[25.0, 0.0, 30.0, 10.0]]]
    assert "turned" in said[0]
    upright, said = told([Marked("a.xml", str(path), [box(0, 0, 10, 35)], (30, 40))], tmp_path)
    assert (upright, said) == ([[[0.0, 0.0, 10.0, 35.0]]], [])
    only_so, _ = told(
        [Marked("a.xml", str(path), [box(30, 0, 38, 5)])], tmp_path
    )  # beyond 30: drawn on the picture as stored
    assert only_so == [[[25.0, 30.0, 30.0, 38.0]]]


def test_pictures_that_tell_decide_which_way_up_the_others_of_a_source_were_drawn(tmp_path):
    path = str(picture(tmp_path / "a.jpg", 40, 30, exif=6))
    upside_down = str(picture(tmp_path / "b.jpg", 40, 30, exif=3))
    untold = [Marked("either", path, [box(0, 0, 10, 5)]), Marked("half", upside_down, [box(0, 0, 10, 5)], (40, 30))]
    before, after = [box(30, 0, 38, 5)], [box(0, 30, 5, 38)]  # fits the picture as stored alone, and upright alone
    found, said = told([*untold, Marked("stored", str(picture(tmp_path / "c.jpg", 40, 30, exif=6)), before)], tmp_path)
    assert found == [[[25.0, 0.0, 30.0, 10.0]], [[30.0, 25.0, 40.0, 30.0]], [[25.0, 30.0, 30.0, 38.0]]]
    assert said == [
        "set: 3 boxes drawn before the picture was turned by its EXIF data are turned with it (either, half, stored)."
    ]
    found, said = told([*untold, Marked("upright", str(picture(tmp_path / "c.jpg", 40, 30, exif=6)), after)], tmp_path)
    assert (found, said) == ([[[0.0, 0.0, 10.0, 5.0]], [[0.0, 0.0, 10.0, 5.0]], [[0.0, 30.0, 5.0, 38.0]]], [])
    found, said = told(untold, tmp_path)
    assert found == [[[0.0, 0.0, 10.0, 5.0]]] * 2
    assert len(said) == 1
    assert "2 boxes that may have been drawn before or after" in said[0]
    assert "(either, half)" in said[0]
    assert told([Marked("none", upside_down, [], (40, 30))], tmp_path)[1] == [], "nothing was drawn"


def test_shares_of_a_picture_as_stored_are_turned_where_others_tell_so(tmp_path):
    path = str(picture(tmp_path / "a.jpg", 40, 30, exif=6))
    clear = Marked("stored", str(picture(tmp_path / "c.jpg", 40, 30, exif=6)), [box(30, 0, 38, 5)], (40, 30))
    found, _ = told([Marked("shares", path, [box(0, 0, 0.25, 0.5)], relative=True), clear], tmp_path)
    assert found[0] == [[15.0, 0.0, 30.0, 10.0]]


def test_boxes_of_a_larger_copy_as_stored_are_scaled_and_turned(tmp_path):
    path = str(picture(tmp_path / "a.jpg", 40, 30, exif=6))
    found, said = told([Marked("a.xml", path, [box(0, 0, 20, 10)], (80, 60))], tmp_path)
    assert found == [[[25.0, 0.0, 30.0, 10.0]]]
    assert len(said) == 2


def test_a_picture_that_is_named_twice_is_one_with_the_boxes_of_both(tmp_path):
    path = str(picture(tmp_path / "a.png"))
    found, said = told([Marked("row 1", path, [box(1, 1, 5, 5)]), Marked("row 2", path, [box(9, 9, 20, 20)])], tmp_path)
    assert found == [[[1.0, 1.0, 5.0, 5.0], [9.0, 9.0, 20.0, 20.0]]]
    assert "1 entry of pictures that stand there already" in said[0]
    assert "(row 2)" in said[0]


def test_a_box_is_named_by_its_own_place(tmp_path):
    one = Marked("a", str(picture(tmp_path / "a.png")), [box(1, 1, 5, 5), box(9, 1, 3, 5)])
    one.places = [Words("row 1", "第 1 行"), Words("row 7", "第 7 行")]
    assert "(row 7)" in told([one], tmp_path)[1][0]


def test_a_picture_of_very_many_pixels_has_no_size_here(tmp_path):
    Image.new("1", (50_000, 50_000)).save(tmp_path / "huge.png")
    assert told([Marked("a", str(tmp_path / "huge.png"), [box(1, 1, 5, 5)])], tmp_path)[0] == [[[1.0, 1.0, 5.0, 5.0]]]


def test_boxes_drawn_on_a_picture_of_another_size_are_scaled(tmp_path):
    found, said = told([Marked("a.xml", str(picture(tmp_path / "a.png")), [box(8, 8, 16, 16)], (80, 60))], tmp_path)
    assert found == [[[4.0, 4.0, 8.0, 8.0]]]
    assert "another size" in said[0]


def test_a_picture_that_cannot_be_read_keeps_its_boxes_for_its_row_to_be_named(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    assert told([Marked("a", str(tmp_path / "a.png"), [box(1, 1, 5, 5)])], tmp_path)[0] == [[[1.0, 1.0, 5.0, 5.0]]]


@given(
    st.integers(1, 8),
    st.integers(1, 60),
    st.integers(1, 60),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_a_turned_box_lies_in_the_turned_picture_and_is_as_large(turned, width, height, a, b, c, d):
    left, right, top, bottom = *sorted((a * width, b * width)), *sorted((c * height, d * height))
    shape = Shape(width, height, turned)
    out = turn([left, top, right, bottom], shape)
    wide, high = shape.upright
    assert -1e-9 <= out[0] <= out[2] <= wide + 1e-9
    assert -1e-9 <= out[1] <= out[3] <= high + 1e-9
    assert (out[2] - out[0]) * (out[3] - out[1]) == pytest.approx((right - left) * (bottom - top))
