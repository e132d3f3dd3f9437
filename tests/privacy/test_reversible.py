"""Pseudonyms that lead back: only through the vault, whole, by one writer at a time."""

import os
import subprocess
import sys

import pytest

from modelwright.core.encrypted_files import unlocked
from modelwright.core.errors import VaultError
from modelwright.core.keyref import Key, write_keys
from modelwright.privacy.reversible import PseudonymStore


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
