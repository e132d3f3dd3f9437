"""Presidio behind our own interface; only where the extra is installed, and without a look at the network."""

import builtins
import socket

import pytest

from modelwright.core.errors import MissingExtra
from modelwright.privacy.detect import find
from modelwright.privacy.recognisers.base import get_recogniser, recognisers

TEXT = "NHS number 943 476 5919, mail a@b.com"


def test_it_finds_what_we_have_no_form_for_and_asks_nobody(monkeypatch):
    pytest.importorskip("presidio_analyzer")

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was asked for")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    found = {m.type: m for m in find(TEXT, also=("presidio",))}
    assert found["medical-record"].reason == "label"
    assert found["email"].reason == "form"


def test_without_the_library_the_extra_is_named(monkeypatch):
    real = builtins.__import__

    def missing(name: str, *more: object) -> object:
        if name.startswith(("presidio", "spacy")):
            raise ImportError(name)
        return real(name, *more)  # type: ignore[arg-type]

    get_recogniser.cache_clear()
    recognisers.cache_clear()
    monkeypatch.setattr(builtins, "__import__", missing)
    try:
        with pytest.raises(MissingExtra, match=r"modelwright\[presidio\]"):
            find(TEXT, also=("presidio",))
    finally:
        get_recogniser.cache_clear()
        recognisers.cache_clear()


def test_it_is_used_only_where_it_is_asked_for():
    assert "medical-record" not in {m.type for m in find("943 476 5919")}
