"""The day's count: shared by servers, kept over a kill -9, exact with many writers, refused where others can change it."""

import json
import os
import signal
import subprocess
import sys

import pytest

from modelwright.core.errors import DataError
from modelwright.serve import usage
from modelwright.serve.keys import ServiceKey
from modelwright.serve.limits import Refused
from modelwright.serve.quota import Quota

KEY = ServiceKey("a", "", rows_per_day=10)


def test_the_count_of_a_day_holds_over_servers_and_restarts_and_ends_with_the_day(tmp_path, monkeypatch):
    first, second = (Quota(1000, tmp_path / "usage.journal") for _ in range(2))
    first.spend(KEY, 8)
    with pytest.raises(Refused) as refused:
        second.spend(KEY, 3)
    assert 0 < refused.value.retry <= 86400
    second.spend(KEY, 2)
    first.refund(KEY, 4)
    second.spend(KEY, 4)
    with pytest.raises(Refused):
        Quota(1000, tmp_path / "usage.journal").spend(KEY, 1)
    assert (first.spent, second.spent) == ({"a": 4}, {"a": 6})
    monkeypatch.setattr(usage, "today", lambda: "2999-01-01")
    second.spend(KEY, 9)
    with pytest.raises(Refused):
        first.spend(KEY, 2)


def test_counts_from_before_there_was_a_journal_go_on(tmp_path):
    (tmp_path / "usage.json").write_text(json.dumps({"day": usage.today(), "rows": {"a": 9}}))
    spending = Quota(1000, tmp_path / "usage.journal")
    with pytest.raises(Refused):
        spending.spend(KEY, 2)
    spending.spend(KEY, 1)


_SPEND = """
import sys
from pathlib import Path
from modelwright.serve.keys import ServiceKey
from modelwright.serve.quota import Quota
from modelwright.serve.limits import Refused
from modelwright.serve import usage
usage.today = lambda: sys.argv[2]  # the day of the test, which midnight does not end
key, spending, done = ServiceKey("a", "", rows_per_day=500), Quota(10**9, Path(sys.argv[1])), 0
print("ready", flush=True)
sys.stdin.readline()
for _ in range(400):
    try:
        spending.spend(key, 1)
        done += 1
        print(done, flush=True)
    except Refused:
        break
"""


def started(path):
    made = subprocess.Popen(
        [sys.executable, "-c", _SPEND, str(path), usage.today()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert made.stdout.readline() == "ready\n"
    return made


def test_several_servers_never_give_more_than_the_day_allows_and_a_kill_loses_nothing(tmp_path):
    path = tmp_path / "usage.journal"
    servers = [started(path) for _ in range(3)]
    for s in servers:
        s.stdin.write("\n")
        s.stdin.flush()
    # where the machine is busy the others may have used up the day before it has had twenty
    before = sum(servers[0].stdout.readline() != "" for _ in range(20))
    servers[0].send_signal(signal.SIGKILL)
    said = [s.stdout.read().split() for s in servers]
    for s in servers:
        s.stdin.close()
        s.stdout.close()
        s.wait()
    told = [int(s[-1]) if s else read for s, read in zip(said, (before, 0, 0), strict=True)]
    counted = Quota(1, path).usage.rows["a"]
    # what the killed one had counted and not yet told is one row at most
    assert sum(told) <= counted <= sum(told) + 1
    assert counted == 500


def test_half_a_line_of_a_killed_server_counts_nothing_and_harms_nothing(tmp_path):
    path = tmp_path / "usage.journal"
    Quota(1000, path).spend(KEY, 3)
    with path.open("ab") as f:
        f.write(f"{usage.today()} 4".encode())
    Quota(1000, path).spend(KEY, 5)
    assert Quota(1000, path).usage.rows == {"a": 8}


def test_a_journal_that_grew_is_written_anew_and_others_follow(tmp_path, monkeypatch):
    monkeypatch.setattr(usage, "_LARGE", 400)
    path = tmp_path / "usage.journal"
    first, second = Quota(10**6, path), Quota(10**6, path)
    for i in range(100):
        (first, second)[i % 2].spend("a", 1)
    assert path.stat().st_size < 1000
    assert Quota(1, path).usage.rows == {"a": 100}
    second.spend("a", 1)
    with first.usage.spending() as rows:
        assert rows == {"a": 101}


@pytest.mark.parametrize("name", ["usage.journal", ".usage.journal.lock"])
def test_files_of_another_kind_are_refused_at_the_start(tmp_path, name):
    path = tmp_path / name
    path.write_text("")
    path.chmod(0o666)
    with pytest.raises(DataError, match="Others can change"):
        Quota(1, tmp_path / "usage.journal")
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(DataError, match="no ordinary file"):
        Quota(1, tmp_path / "usage.journal")


def test_a_count_that_another_holds_for_long_is_answered_and_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(usage, "_WAIT", 0.05)
    first, second = (Quota(1000, tmp_path / "usage.journal") for _ in range(2))
    with first.usage.spending(), pytest.raises(Refused) as refused:
        second.spend(KEY, 1)
    assert (refused.value.status, refused.value.retry) == (503, 1)
