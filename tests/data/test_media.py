"""Folders of class folders and zip archives as tables."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from modelwright.core.errors import DataError
from modelwright.core.reading import Detected, Reading
from modelwright.data._media import zip_table
from modelwright.data.sources import read, read_table


def picture(shade=100):
    held = io.BytesIO()
    Image.fromarray(np.full((8, 8, 3), shade, np.uint8)).save(held, "PNG")
    return held.getvalue()


@pytest.fixture
def folder(tmp_path):
    for label in ("cat", "狗"):
        (tmp_path / "pets" / label).mkdir(parents=True)
        for i in range(3):
            (tmp_path / "pets" / label / f"{i}.png").write_bytes(picture(i))
    (tmp_path / "pets" / "cat" / ".hidden.png").write_bytes(b"")
    (tmp_path / "pets" / "notes.txt").write_text("not a picture")
    return tmp_path / "pets"


def zipped(path, members, **how):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def test_a_folder_of_class_folders_is_a_table(folder):
    table = read(folder)
    assert table.column_names == ["image", "label"]
    assert sorted(table["label"].to_pylist()) == ["cat"] * 3 + ["狗"] * 3
    assert all(p.endswith(".png") and p.startswith("/") for p in table["image"].to_pylist())


def test_a_zip_of_class_folders_is_the_same_table(folder, tmp_path):
    members = {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*.png")}
    table = read(zipped(tmp_path / "p.zip", members))
    assert table.num_rows == 6
    assert table["image"][0].as_py() == picture(0)


def test_what_the_form_of_a_source_calls_its_label_is_noted(folder, tmp_path):
    members = {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*.png")}
    listed = {"rows.csv": "photo,label\na.png,3\n", "a.png": picture(1)}
    (tmp_path / "named.fasta").write_text(">a label=x\nACGT\n>b label=y\nAC\n")
    (tmp_path / "bare.fasta").write_text(">a\nACGT\n>b\nAC\n")
    (tmp_path / "table.csv").write_text("a,label\n1,2\n")
    sources = {
        folder: "label",
        zipped(tmp_path / "p.zip", members): "label",
        tmp_path / "named.fasta": "label",
        zipped(tmp_path / "listed.zip", listed): None,
        tmp_path / "bare.fasta": None,
        tmp_path / "table.csv": None,
    }
    found: dict[object, Detected] = {s: read_table(s, Reading())[1] for s in sources}
    assert {s: d.target for s, d in found.items()} == sources


def test_a_zip_of_a_table_and_its_files_has_their_bytes(tmp_path):
    members = {"d/rows.csv": "photo,price\na.png,3\nb.png,4\n", "d/a.png": picture(1), "d/b.png": picture(2)}
    table = read(zipped(tmp_path / "p.zip", members))
    assert table["photo"].to_pylist() == [picture(1), picture(2)]
    assert table["price"].to_pylist() == ["3", "4"]


def test_a_folder_without_media_says_what_it_holds(tmp_path):
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"rows\.csv"):
        read(tmp_path)


def test_files_in_no_class_folder_are_refused(tmp_path):
    (tmp_path / "a.png").write_bytes(picture())
    with pytest.raises(DataError, match="class folders"):
        read(tmp_path)


def test_a_damaged_archive_is_named(folder, tmp_path):
    whole = zipped(tmp_path / "p.zip", {"a/b.png": picture()}).read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="not a complete zip"):
        read(tmp_path / "cut.zip")


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path):
    bomb = zipped(tmp_path / "bomb.zip", {"a/b.png": b"\0" * 50_000_000})
    with pytest.raises(DataError, match="unpacks to more"):
        zip_table(bomb, 1 << 30)
    many = zipped(tmp_path / "many.zip", {f"a/{i}.png": np.random.default_rng(i).bytes(1000) for i in range(9)})
    with pytest.raises(DataError, match="memory"):
        zip_table(many, 5000)
