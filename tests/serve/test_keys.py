"""Keys: made once, stored as hashes, private to the user."""

import stat

import pytest

from modelwright.core.errors import BundleError, DataError
from modelwright.serve.keys import KeyRing


@pytest.fixture(autouse=True)
def _no_environment_key(monkeypatch):
    monkeypatch.delenv("MODELWRIGHT_KEY", raising=False)


def test_the_first_start_makes_a_key_and_later_ones_keep_it(tmp_path):
    path = tmp_path / "serve" / "keys.json"
    ring, key = KeyRing.open(path)
    assert key is not None
    assert key not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again, none = KeyRing.open(path)
    assert none is None
    assert again.who(key) == "first"
    assert ring.who(key[:-1]) is None
    assert ring.who("") is None
    assert ring.who(None) is None


def test_a_key_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("MODELWRIGHT_KEY", "short")
    with pytest.raises(DataError):
        KeyRing.open(tmp_path / "k.json")
    monkeypatch.setenv("MODELWRIGHT_KEY", "a-long-key-of-our-own-making")
    ring, made = KeyRing.open(tmp_path / "k.json")
    assert made is None
    assert ring.who("a-long-key-of-our-own-making") == "environment"
    assert not (tmp_path / "k.json").exists()


def test_a_damaged_file_is_refused(tmp_path):
    (tmp_path / "k.json").write_text("{")
    with pytest.raises(BundleError):
        KeyRing.open(tmp_path / "k.json")


def test_sessions():
    ring = KeyRing({})
    token = ring.begin("first")
    assert ring.session(token) == "first"
    assert ring.session("x") is None
    assert ring.session(None) is None
