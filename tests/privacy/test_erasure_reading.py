"""Erasure reads a registered file as the run or the user read it."""

import pytest

from modelwright.core.errors import ColumnError
from modelwright.core.keyref import Key
from modelwright.core.run import write_json
from modelwright.privacy import erasure
from modelwright.privacy.erasure import logs_of
from modelwright.privacy.rowfiles import remove_rows
from modelwright.privacy.subjects import register

ROWS = "who~note\nann~caf\xe9, at noon\nbob~late\n"


def test_a_registered_reading_is_used(tmp_path):
    data = tmp_path / "d.csv"
    data.write_bytes(ROWS.encode("cp1250"))
    with pytest.raises(ColumnError):  # told from the file alone, a comma divides its cells
        remove_rows(data, "who", lambda cell: False, look_only=True)
    register(tmp_path / "runs", data, "who", reading={"delimiter": "~", "encoding": "cp1250"})
    found = erasure.find(tmp_path / "runs", "ann", Key.new(), erase=True)
    assert found.files == {str(data): 1}
    assert data.read_bytes() == "who~note\nbob~late\n".encode("cp1250")


def test_rows_kept_too_long_are_found_with_it(tmp_path):
    data = tmp_path / "d.csv"
    data.write_bytes(b"who~day~note\nann~2020-01-01~a, b\nbob~2999-01-01~c\n")
    register(tmp_path / "runs", data, "who", time="day", retain="90d", reading={"delimiter": "~"})
    assert erasure.expired(tmp_path / "runs") == {str(data): 1}
    write_json(tmp_path / "runs" / "subjects.json", {"data": []})
    assert erasure.expired(tmp_path / "runs") == {}


def test_what_users_sent_is_found_in_a_run_plain_and_encrypted(tmp_path):
    for name in ("feedback/a.jsonl", "feedback/b.1-2.jsonl.mwv", "requests/deep/c.json"):
        place = tmp_path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"{}")
    for name in ("feedback/.d.jsonl.part", "feedback/feedback.db", "data.jsonl"):
        (tmp_path / name).write_bytes(b"{}")
    found = [p.relative_to(tmp_path).as_posix() for p in logs_of(tmp_path)]
    assert found == ["feedback/a.jsonl", "feedback/b.1-2.jsonl.mwv", "requests/deep/c.json"]
