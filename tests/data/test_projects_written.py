"""An example project is written whole or not at all."""

import errno
from pathlib import Path

import pytest

from modelwright.core.errors import DataError
from modelwright.data.projects import names, write


@pytest.mark.parametrize("stood", [False, True])
def test_a_disk_that_fills_up_leaves_nothing_of_a_project(tmp_path, monkeypatch, stood):
    folder = tmp_path / "mine"
    if stood:
        folder.mkdir()
    whole, left = Path.write_bytes, 2

    def full(path, data):
        nonlocal left
        left -= 1
        if left < 0:
            whole(path, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        return whole(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(DataError, match="the disk is full"):
        write(names()[0], folder)
    assert [p.name for p in tmp_path.iterdir()] == (["mine"] if stood else [])
    assert not stood or not list(folder.iterdir())
