"""Boxes from every form of source: what is read, and what is refused with its place."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

from boxes_made import picture
from modelwright.api import inspect
from modelwright.core.errors import DataError
from modelwright.core.reading import Reading
from modelwright.core.schema import Column
from modelwright.data.annotations.base import format_of
from modelwright.data.annotations.shared.tables import parsed, rows_of
from modelwright.data.prediction_source import given
from modelwright.data.sources import folder_of
from modelwright.tasks.object_detection import ObjectDetection


def read(source) -> list:
    """Return the rows of a source as (name of the picture, boxes)."""
    raw, _ = ObjectDetection().read(source, Reading())
    pictures, boxes = (raw.column(c).to_pylist() for c in raw.column_names[:2])
    return [
        (Path(p).name if isinstance(p, str) else p, [(b["label"], b["box"]) for b in json.loads(x)])
        for p, x in zip(pictures, boxes)
    ]


def coco(folder: Path, **changes) -> Path:
    picture(folder / "images" / "a.png")
    picture(folder / "images" / "b.png")
    data = {
        "images": [{"id": 7, "file_name": "a.png", "width": 40, "height": 30}, {"id": 8, "file_name": "b.png"}],
        "annotations": [{"id": 0, "image_id": 7, "category_id": 3, "bbox": [4, 5, 10, 12], "iscrowd": 0}],
        "categories": [{"id": 3, "name": "猫"}],
    }
    (folder / "made.json").write_text(json.dumps({**data, **changes}), encoding="utf-8")
    return folder / "made.json"


@pytest.mark.parametrize("source", ["data/made.json", "data/voc", "data/yolo", "data/yolo/data.yaml"])
def test_a_source_below_the_working_folder_has_its_pictures(tmp_path, monkeypatch, source):
    coco(tmp_path / "data")
    picture(tmp_path / "data" / "voc" / "JPEGImages" / "a.png")
    (tmp_path / "data" / "voc" / "Annotations").mkdir()
    box = "<bndbox><xmin>4</xmin><ymin>5</ymin><xmax>14</xmax><ymax>17</ymax></bndbox>"
    xml = f"<annotation><object><name>猫</name>{box}</object></annotation>"
    (tmp_path / "data" / "voc" / "Annotations" / "a.xml").write_text(xml, encoding="utf-8")
    picture(tmp_path / "data" / "yolo" / "images" / "a.png")
    (tmp_path / "data" / "yolo" / "labels").mkdir()
    (tmp_path / "data" / "yolo" / "labels" / "a.txt").write_text("0 .5 .5 .25 .5")
    (tmp_path / "data" / "yolo" / "data.yaml").write_text("names: [猫]", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    raw, _ = ObjectDetection().read(source, Reading())
    (first, *_), (boxes, *_) = (raw.column(c).to_pylist() for c in raw.column_names[:2])
    assert (folder_of(source) / first).is_file()
    assert not Path(first).is_absolute(), "reports show what they are told"
    assert [b["label"] for b in json.loads(boxes)] == ["猫"], "boxes in shares need the picture's size"


def test_coco_gives_every_picture_those_without_boxes_too(tmp_path):
    assert read(coco(tmp_path)) == [("a.png", [("猫", [4, 5, 14, 17])]), ("b.png", [])]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"annotations": [{"image_id": 7, "category_id": 9, "bbox": [0, 0, 1, 1]}]},
            r"annotations\[0\]: there is no category 9",
        ),
        ({"annotations": [{"image_id": 1, "category_id": 3, "bbox": [0, 0, 1, 1]}]}, "there is no image 1"),
        ({"annotations": [{"image_id": 7, "category_id": 3, "bbox": [0, 0, 1]}]}, "expected bbox"),
        ({"annotations": [{"image_id": 7, "category_id": 3, "bbox": [0, 0, 1, "x"]}]}, "expected a number"),
        ({"annotations": None}, "lacks the list annotations"),
        ({"annotations": [7]}, r"annotations\[0\]: expected an object"),
        ({"categories": [{"id": [1], "name": "a"}]}, r"categories\[0\]: expected an object whose ids"),
        (
            {"images": [{"id": 7, "file_name": n} for n in ("a.png", "b.png")]},
            r"images\[0\] and images\[1\] have the same id, 7",
        ),
        (
            {"categories": [{"id": 3, "name": n} for n in "ab"]},
            r"categories\[0\] and categories\[1\] have the same id, 3",
        ),
        ({"images": [{"id": 7, "file_name": "z.png"}]}, "there is no image|were not found"),
    ],
)
def test_coco_that_does_not_hold_together_is_refused_by_place(tmp_path, changes, says):
    with pytest.raises(DataError, match=says) as caught:
        read(coco(tmp_path, **changes))
    assert caught.value.words.zh


def voc(folder: Path, name: str, objects: str, size: str = "<size><width>40</width><height>30</height></size>") -> None:
    picture(folder / "JPEGImages" / f"{name}.png")
    (folder / "Annotations").mkdir(exist_ok=True)
    (folder / "Annotations" / f"{name}.xml").write_text(f"<annotation>{size}{objects}</annotation>")


def thing(name: str, *box: float, difficult: int = 0) -> str:
    sides = "".join(f"<{k}>{v}</{k}>" for k, v in zip(("xmin", "ymin", "xmax", "ymax"), box))
    return f"<object><name>{name}</name><difficult>{difficult}</difficult><bndbox>{sides}</bndbox></object>"


def test_voc_counts_from_one_where_no_box_begins_at_zero(tmp_path):
    voc(tmp_path, "a", thing("cell", 1, 1, 10, 10) + thing("cell", 5, 6, 20, 21))
    picture(tmp_path / "JPEGImages" / "b.png")
    assert read(tmp_path) == [("a.png", [("cell", [0, 0, 10, 10]), ("cell", [4, 5, 20, 21])]), ("b.png", [])]


def test_voc_that_begins_at_zero_stays_as_it_is(tmp_path):
    voc(tmp_path, "a", thing("cell", 0, 1, 10, 10))
    assert read(tmp_path) == [("a.png", [("cell", [0, 1, 10, 10])])]


def test_voc_takes_a_list_of_names_for_some_of_its_pictures(tmp_path):
    voc(tmp_path, "a", thing("cell", 3, 3, 9, 9))
    voc(tmp_path, "b", thing("cell", 4, 4, 8, 8))
    (tmp_path / "ImageSets" / "Main").mkdir(parents=True)
    (tmp_path / "ImageSets" / "Main" / "test.txt").write_text("b\n")
    assert [name for name, _ in read(tmp_path / "ImageSets" / "Main" / "test.txt")] == ["b.png"]
    (tmp_path / "ImageSets" / "Main" / "test.txt").write_text("zz\n")
    with pytest.raises(DataError, match="names `zz`"):
        read(tmp_path / "ImageSets" / "Main" / "test.txt")


@pytest.mark.parametrize(
    ("objects", "says"),
    [
        ("<object><name>cell</name></object>", "object 1: expected a name and a bndbox"),
        (thing("cell", 1, 2, "wide", 4), "expected a number for xmax"),
        ("<object>", "not a complete XML"),
    ],
)
def test_voc_that_cannot_be_read_is_refused_by_file(tmp_path, objects, says):
    voc(tmp_path, "a", objects)
    with pytest.raises(DataError, match=says) as caught:
        read(tmp_path)
    assert "a.xml" in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_of_xml_are_never_unfolded(tmp_path, encoding):
    voc(tmp_path, "a", "")
    text = '<?xml version="1.0" encoding="{0}"?><!DOCTYPE a [<!ENTITY b "c">]><annotation>&b;</annotation>'
    (tmp_path / "Annotations" / "a.xml").write_bytes(text.format(encoding).encode(encoding))
    with pytest.raises(DataError, match="document type"):
        read(tmp_path)


def test_what_is_difficult_in_voc_counts_for_nothing(tmp_path):
    voc(tmp_path, "a", thing("cell", 0, 0, 9, 9, difficult=1))
    assert format_of(tmp_path).read(tmp_path)[0].boxes[0]["crowd"] is True


def yolo(folder: Path, lines: str, names: str = "names: [cat, dog]\n") -> Path:
    picture(folder / "images" / "a.png")
    (folder / "labels").mkdir(exist_ok=True)
    (folder / "labels" / "a.txt").write_text(lines)
    picture(folder / "images" / "b.png")
    if names:
        (folder / "data.yaml").write_text(names)
    return folder


def test_yolo_is_in_shares_and_may_give_outlines(tmp_path):
    found = read(yolo(tmp_path, "1 0.5 0.5 0.5 0.2\n0 0.1 0.1 0.2 0.1 0.2 0.3\n"))
    assert found == [("a.png", [("dog", [10, 12, 30, 18]), ("cat", [4, 3, 8, 9])]), ("b.png", [])]
    assert read(tmp_path / "data.yaml") == found


def test_yolo_without_names_has_numbers(tmp_path):
    assert read(yolo(tmp_path, "1 0.5 0.5 0.5 0.2\n", ""))[0][1][0][0] == "1"


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("5 0.5 0.5 0.1 0.1", "line 1: there is no class 5"),
        ("0 0.5 0.5", "line 1: expected `class"),
        ("0 20 20 8 8", "shares of width"),
    ],
)
def test_yolo_that_does_not_fit_is_refused_by_line(tmp_path, lines, says):
    with pytest.raises(DataError, match=says):
        read(yolo(tmp_path, lines))


def test_label_studio_is_in_per_cent_and_may_be_turned(tmp_path):
    picture(tmp_path / "images" / "a.png")
    value = {"x": 10, "y": 20, "width": 50, "height": 40, "rotation": 0, "rectanglelabels": ["cat"]}
    turned = {"x": 50, "y": 10, "width": 20, "height": 20, "rotation": 90, "rectanglelabels": ["dog"]}
    result = [
        {"type": "rectanglelabels", "original_width": 40, "original_height": 30, "value": v} for v in (value, turned)
    ]
    tasks = [{"id": 5, "data": {"image": "/data/upload/1/0f3a2b1c-a.png"}, "annotations": [{"result": result}]}]
    (tmp_path / "export.json").write_text(json.dumps(tasks))
    (name, boxes), *_ = read(tmp_path / "export.json")
    assert name == "a.png"
    assert boxes[0] == ("cat", [4, 6, 24, 18])
    # 8 x 6 pixels turned by a quarter about the upper left corner at (20, 3)
    assert boxes[1] == ("dog", pytest.approx([14, 3, 20, 11]))


def test_a_table_has_a_row_for_each_box(tmp_path):
    picture(tmp_path / "a.png")
    picture(tmp_path / "b.png")
    (tmp_path / "boxes.csv").write_text(
        "filename,cell_type,xmin,xmax,ymin,ymax\na.png,RBC,1,9,2,8\na.png,WBC,3,4,5,6\nb.png,,,,,\n"
    )
    assert read(tmp_path / "boxes.csv") == [("a.png", [("RBC", [1, 2, 9, 8]), ("WBC", [3, 5, 4, 6])]), ("b.png", [])]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("a.png,RBC,1,wide,2,8", "row 1, column `xmax`"),
        ("a.png,,1,9,2,8", "without a label"),
        (",RBC,1,9,2,8", "is empty"),
    ],
)
def test_a_table_is_refused_by_row(tmp_path, row, says):
    (tmp_path / "boxes.csv").write_text(f"filename,label,xmin,xmax,ymin,ymax\n{row}\n")
    with pytest.raises(DataError, match=says):
        read(tmp_path / "boxes.csv")


def test_a_table_may_have_a_list_for_each_picture(tmp_path):
    picture(tmp_path / "a.png")
    lists = [json.dumps([{"bbox": [0.1, 0.2, 0.5, 0.5], "category": "cat"}])]
    raw = pa.table({"photo": [str(tmp_path / "a.png")], "marks": lists, "batch": [3]})
    made, _ = ObjectDetection().read(raw, Reading())
    assert made.column_names == ["photo", "marks", "batch"]
    assert json.loads(made["marks"][0].as_py()) == [{"box": [4.0, 6.0, 24.0, 21.0], "label": "cat"}]
    assert ObjectDetection().target_of(made) == "marks"


def test_a_table_without_boxes_says_what_was_looked_for():
    with pytest.raises(DataError, match="xmin, ymin, xmax, ymax"):
        rows_of(pa.table({"a": [1]}), "t.csv")


@pytest.mark.parametrize(
    "cell", ["[1]", '[{"box": [1, 2, 3], "label": "a"}]', '[{"box": [1, 2, 3, 4]}]', "{}", "[[[[", '[{"label": "a"}]']
)
def test_a_cell_that_holds_no_boxes_is_refused(cell):
    with pytest.raises(DataError, match=r"t\.csv, row 3: expected a list of boxes"):
        parsed(cell, "t.csv, row 3", "t.csv 第 3 行")


def test_a_source_of_boxes_is_described_and_its_faults_are_told(tmp_path):
    folder = yolo(tmp_path, "0 .5 .5 .25 .5\n0 .5 .5 .25 .5\n1 .2 .5 .1 .3\n1 .5 .5 -.1 .2\n")
    picture(folder / "images" / "bare.png")
    found = inspect(folder)
    assert [c["modality"] for c in found["columns"]] == ["image", "boxes"]
    assert found["rows"] == len(list(folder.rglob("*.png")))
    assert "2 boxes of 2 classes: cat 1, dog 1; 2 pictures without boxes." in found["reading"][0]
    assert found["reading"][1].startswith("3 张图片，2 个框，2 个类别：cat 1、dog 1；2 张图片没有框。")
    for says in ("1 box marked twice is left out", "1 box whose right is left of its left"):
        assert any(says in told[0] for told in found["told"])
    assert inspect(coco(tmp_path / "other"))["reading"][0].startswith("2 pictures, 1 box of 1 class: 猫 1")


def test_captions_beside_pictures_and_plain_json_are_no_boxes_where_none_were_asked_for(tmp_path):
    picture(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text("0 cats lie on 2 mats")
    assert format_of(tmp_path) is not None
    assert format_of(tmp_path, asked=False) is None
    (tmp_path / "shop.json").write_text(json.dumps({"images": [{"name": "a", "price": 3}]}))
    assert format_of(tmp_path / "shop.json", asked=False) is None
    (tmp_path / "Annotations").mkdir()
    (tmp_path / "names.txt").write_text("Anna\nBerta\n")
    assert format_of(tmp_path / "names.txt", asked=False) is None


def test_pictures_of_a_file_of_boxes_are_answered_under_the_models_column(tmp_path):
    file = coco(tmp_path / "data")
    with given(str(file), (Column("photo", "image"), Column("price", "number")), []) as (table, folder):
        assert table.column_names == ["photo"]
        assert [(folder / p).is_file() for p in table.column("photo").to_pylist()] == [True, True]
    with (
        pytest.raises(DataError, match="one column of pictures, and this one reads: price"),
        given(str(file), (Column("price", "number"),), []),
    ):
        pass
