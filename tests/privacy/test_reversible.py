"""Pseudonyms that lead back: only through the vault, whole, by one writer at a time. And what users sent, kept encrypted."""

import json
import os
import subprocess
import sys

import pytest

from modelwright.core.encrypted_files import unlocked
from modelwright.core.errors import VaultError
from modelwright.core.keyref import Key, write_keys
from modelwright.core.stored_data import keep_line, kept_lines
from modelwright.privacy.erasure import logs_of
from modelwright.privacy.reversible import PseudonymStore
from modelwright.privacy.rowfiles import of_subject, remove_rows


@pytest.fixture
def ref(tmp_path) -> str:
    write_keys(str(tmp_path / "k"), [Key.new()], new=True)
    return str(tmp_path / "k")


def test_what_is_remembered_is_revealed_with_the_key_only(tmp_path, ref):
    path = tmp_path / "names.mwv"
    with pytest.raises(VaultError, match="--vault"), PseudonymStore.open(path):
        pass
    with unlocked(ref):
        with PseudonymStore.open(path) as store:
            store.remember("张三 canary", "PERSON_1")
            store.remember("张三 canary", "PERSON_1")
            store.remember("张三 canary", "PERSON_2")
            store.remember("13800138000", "PHONE_1")
            with pytest.raises(VaultError, match="another value"):
                store.remember("李四", "PERSON_1")
        with PseudonymStore.open(path) as store:
            assert store.reveal("PERSON_1") == "张三 canary"
            assert store.of("张三 canary") == ["PERSON_1", "PERSON_2"]
            assert store.reveal("PERSON_9") is None
            assert len(store) == 3
            assert store.forget("张三 canary ") == 2
        with PseudonymStore.open(path) as store:
            assert store.reveal("PERSON_1") is None
            assert store.reveal("PHONE_1") == "13800138000"
    assert b"canary" not in path.read_bytes()
    write_keys(str(tmp_path / "other"), [Key.new()], new=True)
    with unlocked(str(tmp_path / "other")), pytest.raises(VaultError, match="Wrong key"), PseudonymStore.open(path):
        pass


def test_a_block_that_fails_changes_nothing(tmp_path, ref):
    path = tmp_path / "names.mwv"

    def fail():
        with PseudonymStore.open(path) as store:
            store.remember("b", "2")
            raise RuntimeError

    with unlocked(ref):
        with PseudonymStore.open(path) as store:
            store.remember("a", "1")
        before = path.read_bytes()
        with pytest.raises(RuntimeError):
            fail()
        assert path.read_bytes() == before
        data = bytearray(before)
        data[-1] ^= 1
        path.write_bytes(data)
        with pytest.raises(VaultError), PseudonymStore.open(path):
            pass


def test_several_programs_lose_nothing(tmp_path, ref):
    code = (
        "import sys\nfrom pathlib import Path\nfrom modelwright.privacy.reversible import PseudonymStore\n"
        "for i in range(8):\n    with PseudonymStore.open(Path(sys.argv[1])) as s: s.remember(f'o{sys.argv[2]}-{i}', f'p{sys.argv[2]}-{i}')"
    )
    told = {**os.environ, "MODELWRIGHT_VAULT": ref}
    started = [subprocess.Popen([sys.executable, "-c", code, tmp_path / "n.mwv", str(w)], env=told) for w in range(3)]
    assert [p.wait() for p in started] == [0, 0, 0]
    with unlocked(ref), PseudonymStore.open(tmp_path / "n.mwv") as store:
        assert len(store) == 24


def test_what_users_sent_is_kept_in_the_open_or_encrypted(tmp_path, ref):
    path = tmp_path / "run" / "feedback" / "feedback.jsonl"
    keep_line(path, {"user": "u1", "truth": "canary"})
    keep_line(path, [{"user": "u2"}, {"user": "u3"}])
    assert [r["user"] for r in kept_lines(path)] == ["u1", "u2", "u3"]
    assert len(path.read_text().splitlines()) == 3
    hidden = tmp_path / "hidden" / "feedback" / "feedback.jsonl"
    with unlocked(ref):
        for i in range(4):
            keep_line(hidden, {"user": f"u{i}", "truth": "canary"})
        assert [r["user"] for r in kept_lines(hidden)] == ["u0", "u1", "u2", "u3"]
        assert len(logs_of(tmp_path / "hidden")) == 4
        for log in logs_of(tmp_path / "hidden"):
            remove_rows(log, "user", of_subject("u2"))
        assert [r["user"] for r in kept_lines(hidden)] == ["u0", "u1", "u3"]
    everything = b"".join(p.read_bytes() for p in (tmp_path / "hidden").rglob("*") if p.is_file())
    assert b"canary" not in everything
    with pytest.raises(VaultError):
        list(kept_lines(hidden))
    assert json.loads(path.read_text().splitlines()[0])["truth"] == "canary"
