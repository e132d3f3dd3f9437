"""Tables of boxes: told from other rows without being asked, and shown as pictures with their boxes."""

import pyarrow as pa
import pytest
from PIL import Image

import modelwright as mw
from modelwright.data.annotations.shared.tables import tells_boxes

CORNERS = {"x1": [1, 2], "y1": [1, 2], "x2": [9, 9], "y2": [9, 9]}


@pytest.fixture
def pictures(tmp_path):
    """Return the names of six pictures of 64 x 48 in a folder of the test."""
    names = [f"p{i}.png" for i in range(6)]
    for name in names:
        Image.new("RGB", (64, 48), (90, 90, 90)).save(tmp_path / name)
    return names


def test_rows_of_boxes_are_shown_as_pictures(tmp_path, pictures):
    rows = [f"{name},4,4,20,20,cup\n{name},10,10,40,30,dog" for name in pictures]
    rows += ["p5.png,50,10,90,30,dog", "p5.png,30,30,10,10,cup", "p0.png,4,4,20,20,cup"]
    place = tmp_path / "boxes.csv"
    place.write_text("\n".join(["image,x1,y1,x2,y2,label", *rows]))
    found = mw.inspect(place)
    assert (found["rows"], found["unit"][1]) == (6, "pictures")
    assert [c["modality"] for c in found["columns"]] == ["image", "boxes"]
    assert "13 boxes of 2 classes: dog 7, cup 6" in found["reading"][0]
    said = " ".join(words[0] for words in found["told"])
    assert "cut there (row 13)" in said
    assert "above its top is left out (row 14)" in said
    assert "marked twice is left out (row 15)" in said
    assert any("only 6 pictures" in f["words"][0] for f in found["findings"])
    asked = mw.inspect(place, "label")  # a column of the rows is named: they stay rows
    assert (asked["rows"], asked["unit"][1]) == (15, "rows")


@pytest.mark.parametrize(
    ("columns", "boxes"),
    [
        ({"image": ["a.png", "b.png"], **CORNERS, "label": ["cup", "dog"]}, True),
        ({"image": ["a.png", "b.png"], **CORNERS}, False),
        ({"name": ["a", "b"], **CORNERS, "label": ["cup", "dog"]}, False),
        ({"image": ["a.png", "b.png"], "price": [1, 2], "label": ["cup", "dog"]}, False),
    ],
)
def test_boxes_are_told_from_other_rows(columns, boxes):
    assert tells_boxes(pa.table(columns)) is boxes
