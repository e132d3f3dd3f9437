"""Keys: where they stand, who may read them, what is derived from them."""

import os
import stat
import subprocess
import sys
import types

import pytest

from modelwright.core import keyref
from modelwright.core.errors import MissingExtra, VaultError
from modelwright.core.keyref import Key, own_key, read_keys, write_keys


def test_a_key_file_is_closed_to_others_and_never_overwritten(tmp_path):
    place, key = tmp_path / "deep" / "v.key", Key.new()
    write_keys(str(place), [key], new=True)
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert read_keys(str(place)) == read_keys(f"file:{place}") == [key]
    with pytest.raises(VaultError, match="never overwritten"):
        write_keys(str(place), [Key.new()], new=True)
    write_keys(str(place), [Key.new(), key])
    assert read_keys(str(place))[1] == key
    assert os.listdir(place.parent) == ["v.key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666, 0o660])
def test_a_key_file_that_others_can_read_is_refused(tmp_path, mode):
    write_keys(str(tmp_path / "v.key"), [Key.new()], new=True)
    (tmp_path / "v.key").chmod(mode)
    with pytest.raises(VaultError, match="chmod 600"):
        read_keys(str(tmp_path / "v.key"))


@pytest.mark.parametrize("text", ["", "hello", "mwk_short", "mwk_" + "!" * 43, "mwk_" + "A" * 44, "密钥", "\x00"])
def test_what_is_no_key_is_refused(tmp_path, monkeypatch, text):
    place = tmp_path / "v.key"
    place.write_text(text, encoding="utf-8")
    place.chmod(0o600)
    with pytest.raises(VaultError, match="holds no key"):
        read_keys(str(place))
    if "\x00" not in text:
        monkeypatch.setenv("MW_TEST_KEY", text)
        with pytest.raises(VaultError, match="holds no key"):
            read_keys("env:MW_TEST_KEY")


def test_absent_places_are_named(tmp_path, monkeypatch):
    monkeypatch.delenv("MW_TEST_KEY", raising=False)
    for ref, word in (
        (str(tmp_path / "no.key"), "vault init"),
        ("env:MW_TEST_KEY", "MW_TEST_KEY"),
        ("file:", "file:PATH"),
    ):
        with pytest.raises(VaultError, match=word):
            read_keys(ref)
    with pytest.raises(VaultError, match="Set it yourself"):
        write_keys("env:MW_TEST_KEY", [Key.new()])


def test_the_keyring(monkeypatch):
    kept: dict[tuple[str, str], str] = {}
    fake = types.ModuleType("keyring")
    fake.get_password = lambda service, name: kept.get((service, name))
    fake.set_password = lambda service, name, text: kept.__setitem__((service, name), text)
    errors = types.ModuleType("keyring.errors")
    errors.KeyringError = type("KeyringError", (Exception,), {})
    monkeypatch.setitem(sys.modules, "keyring", fake)
    monkeypatch.setitem(sys.modules, "keyring.errors", errors)
    with pytest.raises(VaultError, match="vault init keyring:mine"):
        read_keys("keyring:mine")
    key = Key.new()
    write_keys("keyring:mine", [key], new=True)
    assert read_keys("keyring:mine") == [key]
    with pytest.raises(VaultError, match="never overwritten"):
        write_keys("keyring:mine", [key], new=True)

    def fail(*args):
        raise errors.KeyringError

    fake.get_password = fail
    with pytest.raises(VaultError, match="no usable keyring"):
        read_keys("keyring:mine")
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(MissingExtra, match="privacy"):
        read_keys("keyring:mine")


def test_a_key_shows_nothing_of_itself():
    key = Key.new()
    for said in (repr(key), str(key), key.id):
        assert key.secret.hex() not in said
        assert key.text() not in said
    assert len(key.id) == 16
    assert key.derive("a") != key.derive("b") != key.secret
    assert key.digest("a", "张三") != key.digest("b", "张三")
    assert key.digest("a", "张三") == Key(key.secret).digest("a", "张三")
    assert Key.new().digest("a", "张三") != key.digest("a", "张三")


def test_processes_that_start_at_once_make_one_key(tmp_path):
    code = "from modelwright.core.keyref import own_key; print(own_key().id)"
    told = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path)}
    started = [
        subprocess.Popen([sys.executable, "-c", code], env=told, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    ids = [p.communicate()[0] for p in started]
    assert len(set(ids)) == 1
    assert len(ids[0].strip()) == 16
    assert os.listdir(tmp_path / "modelwright") == ["ledger.key"]


def test_a_team_names_its_own_key(tmp_path, monkeypatch):
    key = Key.new()
    monkeypatch.setenv("MW_TEAM", key.text())
    monkeypatch.setenv("MODELWRIGHT_LEDGER_KEY", "env:MW_TEAM")
    assert own_key() == key
    monkeypatch.delenv("MODELWRIGHT_LEDGER_KEY")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "x"))
    assert keyref.home() == tmp_path / "x" / "modelwright"
