"""What is said where the disk refuses: why, in both languages, and what to do."""

import errno
import os

import pytest

from modelwright.core.errors import CannotWrite, DataError, VaultError
from modelwright.core.run import refused
from modelwright.core.unwritable import cannot_write, why
from modelwright.core.words import Words


def failed(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize(
    ("number", "en", "zh"),
    [
        (errno.ENOSPC, "the disk is full. Free some room there, or name another place.", "磁盘已满。请清理空间，或改用其他位置。"),
        (errno.EROFS, "the disk can only be read. Name another place.", "磁盘为只读。请改用其他位置。"),
        (
            errno.EACCES,
            "permission denied. Get the right to write there, or name another place.",
            "没有权限。请取得写入权限，或改用其他位置。",
        ),
    ],
)  # fmt: skip
def test_a_refusal_says_why_and_what_to_do(tmp_path, number, en, zh):
    path = tmp_path / "a.json"
    error = cannot_write(DataError, failed(number), path)
    assert type(error) is DataError
    assert error.words == Words(f"Cannot write {path}: {en}", f"无法写入 {path}：{zh}")


def test_the_option_that_names_another_place_and_what_lies_there_are_named(tmp_path):
    path = tmp_path / "keys.json"
    error = cannot_write(
        VaultError, failed(errno.ENOSPC), path, what=Words("the key file", "密钥文件"), option="--key-file"
    )
    assert error.words.en == (
        f"Cannot write the key file {path}: the disk is full. Free some room there, or name another place with --key-file."
    )
    assert error.words.zh == f"无法写入密钥文件 {path}：磁盘已满。请清理空间，或用 --key-file 指定其他位置。"


def test_a_folder_that_is_not_there_is_named(tmp_path):
    path = tmp_path / "none" / "a.json"
    error = refused(FileNotFoundError(errno.ENOENT, "No such file"), path)
    assert isinstance(error, CannotWrite)
    assert f"there is no folder {path.parent}. Make it, or name another place." in error.words.en


def test_what_has_no_words_of_ours_is_told_in_the_systems(tmp_path):
    number = errno.ELOOP
    assert why(failed(number)).en == os.strerror(number)
    assert os.strerror(number) in cannot_write(CannotWrite, failed(number), tmp_path).words.zh
