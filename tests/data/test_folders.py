"""Files of folders, wherever the folder lies."""

import os

import pytest

from modelwright.core.reading import Reading
from modelwright.data.folders import files_below
from modelwright.data.sources import read, read_table


@pytest.fixture
def photos(tmp_path):
    for name in ("b/2.png", "b/10.png", "a/1.png", "a/.seen/9.png", ".cache/0.png", "a/~$x.png"):
        path = tmp_path / ".shop" / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return tmp_path / ".shop" / "photos"


def test_files_come_in_order_without_what_is_hidden(photos):
    assert [p.relative_to(photos).as_posix() for p in files_below(photos)] == ["a/1.png", "b/10.png", "b/2.png"]


def test_a_folder_may_lie_above_or_in_a_hidden_one(photos, monkeypatch):
    below = photos / "b"
    monkeypatch.chdir(below)
    table = read("..")
    assert table["label"].to_pylist() == ["a", "b", "b"]
    assert all(os.path.isabs(p) for p in table["image"].to_pylist())


def test_a_folder_is_listed_whole_however_little_time_there_is(tmp_path):
    for label in ("cat", "dog"):
        (tmp_path / label).mkdir()
        for i in range(4200):
            (tmp_path / label / f"{i}.png").touch()
    table, detected = read_table(tmp_path, Reading(seconds=0.0))
    assert table.num_rows == 8400, "folders come by class: what is cut off are the last classes"
    assert set(table["label"].to_pylist()) == {"cat", "dog"}
    assert detected.drawn is None


def test_a_folder_that_may_not_be_listed_is_told(photos, monkeypatch):
    def refused(*_, onerror, **__):
        onerror(PermissionError(13, "Permission denied", "a"))
        return iter(())

    monkeypatch.setattr(os, "walk", refused)
    with pytest.raises(PermissionError):
        files_below(photos)


def test_linked_folders_that_lie_elsewhere_are_read_once_and_none_in_circles(tmp_path):
    for name in ("photos/cat/1.png", "store/dogs/2.png"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(b"x")
    links = {
        "photos/dog": "store/dogs",
        "photos/hound": "store/dogs",
        "photos/again": "photos/cat",
        "photos/cat/up": "photos",
        "photos/cat/top": ".",
        "store/dogs/round": "store",
    }
    for link, target in links.items():
        (tmp_path / link).symlink_to(tmp_path / target, target_is_directory=True)
    found = [p.relative_to(tmp_path).as_posix() for p in files_below(tmp_path / "photos")]
    assert found == ["photos/cat/1.png", "photos/dog/2.png"]


def test_a_link_to_a_file_that_is_gone_is_listed(tmp_path):
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "1.png").symlink_to(tmp_path / "gone.png")
    assert read(tmp_path)["label"].to_pylist() == ["cat"], "who opens it tells that it is missing"
