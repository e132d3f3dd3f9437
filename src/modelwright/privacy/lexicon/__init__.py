"""Lists that the tagger of names and places looks words up in, written for this project: names, places, titles, common words."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

# one bit each in the class of a word
LATIN = (
    "first_names",
    "last_names",
    "countries",
    "cities",
    "titles",
    "streets",
    "organisations",
    "nationalities",
    "calendar",
    "words",
)


@cache
def entries(name: str) -> tuple[str, ...]:
    """Return the entries of a list, in order and each once; those of several words stand between semicolons in the file."""
    text = files(__name__).joinpath(f"{name}.txt").read_text(encoding="utf-8")
    found = text.split(";") if ";" in text else text.split()
    return tuple(dict.fromkeys(e.strip() for e in found))


@cache
def pieces(name: str) -> tuple[str, ...]:
    """Return one list of the pieces from which sentences are made."""
    text = files(__name__).joinpath("pieces.txt").read_text(encoding="utf-8")
    return next(tuple(line.split("|")[1:]) for line in text.splitlines() if line.startswith(f"{name}|"))


@cache
def bits() -> dict[str, int]:
    """Return for every Latin word in a list the lists that hold it, one bit each; places of several words count by word."""
    out: dict[str, int] = {}
    for i, name in enumerate(LATIN):
        for entry in entries(name):
            for word in entry.split():
                if len(word) > 2 or name not in ("countries", "cities"):
                    out[word] = out.get(word, 0) | 1 << i
    return out


@cache
def first_names() -> frozenset[str]:
    """Return first names in Latin letters, lower case, with those that the tagger did not learn from."""
    return frozenset(w for name in ("first_names", "first_names_more") for e in entries(name) for w in e.split())


@cache
def surnames() -> frozenset[str]:
    """Return the Chinese surnames of one character."""
    return frozenset(s for s in entries("zh_surnames") if len(s) == 1)


@cache
def family_names() -> frozenset[str]:
    """Return the Chinese surnames of one character with the rare ones and traditional forms, which the tagger did not learn from."""
    return surnames() | frozenset(entries("zh_surnames_rare"))


@cache
def given() -> frozenset[str]:
    """Return the characters that Chinese given names are often made of."""
    return frozenset(entries("zh_given"))
