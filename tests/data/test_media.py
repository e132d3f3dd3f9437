"""Folders of class folders and zip archives as tables."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from modelwright.core.errors import DataError
from modelwright.core.events import EventStream
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
    members = {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*.png"))}
    table = read(zipped(tmp_path / "p.zip", members))
    assert table.num_rows == 6
    assert table["image"][0].as_py() == {"bytes": picture(0), "path": "cat/0.png"}


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
    assert table["photo"].to_pylist() == [
        {"bytes": picture(1), "path": "a.png"},
        {"bytes": picture(2), "path": "b.png"},
    ]
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


def warnings(source):
    told: list[str] = []
    events = EventStream()
    events.listen(lambda e: told.append(e.words.en))
    return read_table(source, Reading(), events)[0], told


def test_what_of_a_folder_is_not_read_is_told(folder):
    (folder / "cat" / "4.heic").write_bytes(b"x")
    (folder / "5.png").write_bytes(picture())
    table, told = warnings(folder)
    assert table["label"].null_count == 1
    assert told == [
        f"{folder}: files that are not read: 1 .heic, 1 .txt.",
        f"{folder}: 1 file lies in no class folder, and so without a label: `5.png`.",
    ]


def test_files_in_no_class_folder_are_refused_with_the_table_beside_them(tmp_path):
    for name in ("train", "test"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").write_bytes(picture())
    (tmp_path / "labels.csv").write_text("path,label\ntrain/a.png,1\n")
    with pytest.raises(DataError, match=r"class folders .* such as labels\.csv"):
        read(tmp_path)


class Named(zipfile.ZipInfo):
    """A member whose name is in an encoding that the archive does not tell, as older programs write it."""

    encoding = "gb18030"

    def _encodeFilenameFlags(self):  # noqa: N802
        return self.filename.encode(self.encoding), self.flag_bits


@pytest.mark.parametrize(
    ("encoding", "labels"),
    [
        ("gb18030", ["猫", "狗"]),
        ("gb18030", ["良品", "划痕缺陷"]),
        ("utf-8", ["猫", "Käse"]),
        ("cp932", ["りんご", "みかん"]),
        ("cp866", ["кошка", "собака"]),
        ("cp437", ["Käse", "Größe"]),
        ("cp437", ["cat", "café"]),
    ],
)
def test_names_in_an_archive_are_read_in_the_encoding_of_who_made_it(tmp_path, monkeypatch, encoding, labels):
    monkeypatch.setattr(Named, "encoding", encoding)
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        for label in labels:
            archive.writestr(Named(f"{label}/1.png"), picture())
            archive.writestr(f"猫/{label}/2.png", picture())  # these are said to be UTF-8
    assert read(tmp_path / "p.zip")["label"].to_pylist() == [label for label in labels for _ in range(2)]


def test_an_encoding_that_is_asked_for_is_that_of_names_in_an_archive(tmp_path, monkeypatch):
    monkeypatch.setattr(Named, "encoding", "big5")
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        archive.writestr(Named("貓/1.png"), picture())
        archive.writestr("狗\\1.png", picture())
    assert read(tmp_path / "p.zip", encoding="big5")["label"].to_pylist() == ["貓", "狗"]


def test_a_table_in_an_archive_that_names_none_of_its_files_leaves_them_to_their_folders(tmp_path):
    members = {"notes.csv": "who,when\nme,now\n", "cat/1.png": picture(), "dog/1.png": picture()}
    table, told = warnings(zipped(tmp_path / "p.zip", members))
    assert table["label"].to_pylist() == ["cat", "dog"]
    assert told == [f"{tmp_path / 'p.zip'}: files that are not read: 1 .csv."]


def test_a_file_that_an_archive_does_not_hold_is_told(tmp_path):
    members = {
        "rows.csv": "photo,price\nd\\a.png,3\nd\\b.png,4\nd\\c.png,5\n",
        "d/a.png": picture(1),
        "d/b.png": picture(2),
    }
    table, told = warnings(zipped(tmp_path / "p.zip", members))
    assert [cell and cell["bytes"] for cell in table["photo"].to_pylist()] == [picture(1), picture(2), None]
    assert told == ["rows.csv, `photo`: the archive does not hold 1 file that it names (`d\\c.png`); read as missing."]
