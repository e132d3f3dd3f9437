"""Buckets of a minute that several processes share."""

import time
from pathlib import Path

import pytest

from modelwright.core.errors import DataError
from modelwright.serve import minute_quota
from modelwright.serve.minute_quota import Minute


@pytest.mark.parametrize("shared", [True, False])
def test_a_bucket_empties_and_fills_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared: bool) -> None:
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    one = Minute(tmp_path / "m" if shared else None)
    other = Minute(tmp_path / "m") if shared else one
    assert one.wait("a", 40, 60) == 0
    assert other.wait("a", 20, 60) == 0
    assert one.wait("a", 1, 60) == 1
    assert other.wait("b", 60, 60) == 0  # another key's bucket is its own
    now += 10
    assert other.wait("a", 11, 60) == 1
    assert one.wait("a", 10, 60) == 0
    one.back("a", 5, 60)
    assert other.wait("a", 5, 60) == 0
    assert other.wait("a", 5, 60) == 5
    one.back("a", 500, 60)  # never more than full
    assert other.wait("a", 60, 60) == 0
    assert one.wait("a", 1, 60) == 1
    one.close()
    other.close()


def test_a_file_of_nonsense_or_of_the_future_shuts_nobody_out(tmp_path: Path) -> None:
    path = tmp_path / "m"
    path.write_bytes(b"\xff" * 70_000)
    path.chmod(0o600)
    buckets = Minute(path)
    assert buckets.wait("a", 60, 60) == 0
    buckets._put("a", time.time() + 1e9, time.time())  # a clock that was wrong
    assert buckets.wait("a", 1, 60) <= 60
    buckets.close()


def test_many_keys_each_keep_their_own(tmp_path: Path) -> None:
    buckets = Minute(tmp_path / "m")
    names = [f"key {i}" for i in range(1500)]
    assert all(buckets.wait(name, 50, 60) == 0 for name in names)
    assert sum(buckets.wait(name, 50, 60) == 0 for name in names) < 15  # those that were pushed out
    buckets.close()


def test_a_file_that_others_can_change_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m"
    path.write_bytes(b"")
    path.chmod(0o666)
    with pytest.raises(DataError, match="Others can change"):
        minute_quota.Minute(path)
