"""Classes told by folders."""

import pytest

from modelwright.data.class_folders import classes_of, told_of_classes, told_of_unread


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        (["cat/1.png", "dog/1.png", "1.png"], ["cat", "dog", None]),
        (["animal/cat/1.png", "thing/car/1.png"], ["cat", "car"]),
        (["cat/images/1.png", "dog/images/1.png"], ["cat", "dog"]),
        (["p/cat/images/1.png", "p/dog/images/1.png", "p/1.png"], ["images", "images", "p"]),
        (["images/1.png", "images/2.png"], ["images", "images"]),
        (["train/cat/1.png", "Test/dog/1.png"], ["cat", "dog"]),
        (["train/cat/1.png", "train/dog/1.png", "test/1.png"], ["cat", "dog", None]),
        (["photos/train/cat/1.png", "photos/train/dog/1.png", "photos/test/1.png"], ["cat", "dog", None]),
        (["train/cat/images/1.png", "val/dog/images/1.png"], ["cat", "dog"]),
        (["cat/train/1.png", "cat/test/1.png", "dog/train/1.png"], ["cat", "cat", "dog"]),
        (["train/1.png", "test/1.png"], [None, None]),
        (["photos/训练集/1.png", "photos/测试集/1.png"], [None, None]),
        (["train/images/1.png", "test/images/1.png"], ["images", "images"]),
        (["train/1.png", "car/1.png"], ["train", "car"]),
        (["train/train/1.png", "train/car/1.png", "test/train/1.png"], ["train", "car", "train"]),
        ([], []),
    ],
)
def test_the_class_is_the_folder_that_tells_files_apart(names, classes):
    assert classes_of(names) == classes


def told(names):
    return [w.en for w in told_of_classes(names, classes_of(names))]


def test_parts_that_are_read_together_are_told():
    (said,) = told(["train/cat/1.png", "test/cat/1.png", "train/dog/1.png"])
    assert said.startswith("`test`, `train` are read together")
    assert "--test" in said
    assert told(["cat/train/1.png", "cat/test/1.png", "dog/train/1.png"]) == [said]
    assert told(["train/cat/1.png", "train/dog/1.png"]) == []


def test_files_without_a_class_are_told():
    (said,) = told(["train/cat/1.png", "train/dog/1.png", *(f"test/{i}.png" for i in range(7))])
    assert said.startswith("7 files lie in no class folder")
    assert said.endswith("`test/4.png`, 2 more")


def test_classes_that_lie_below_several_folders_are_told():
    (said,) = told(["cat/in/1.png", "cat/out/1.png", "dog/in/1.png", "dog/out/1.png"])
    assert "labels `in`, `out`" in said
    assert "`cat`, `dog`" in said
    assert told(["animal/cat/1.png", "thing/car/1.png"]) == []
    assert told(["cat/1.png", "dog/1.png"]) == []


def test_files_that_are_not_read_are_counted_by_ending():
    words = told_of_unread(["a/1.HEIC", "a/2.heic", "b/noending", "a/Thumbs.db"])
    assert words is not None
    assert words.en == "files that are not read: 2 .heic, 1 without an ending"
    assert words.zh == "未读取的文件：.heic 2 个、无扩展名 1 个"
    assert told_of_unread(["a/Thumbs.db", "desktop.ini"]) is None
