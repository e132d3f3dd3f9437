"""The language asked for, and what goes to standard output."""

from __future__ import annotations

import sys
from typing import Any

from modelwright.core import plain_json
from modelwright.core.words import Words, pick_lang


def asked_lang() -> str | None:
    """Return `--lang` from the arguments, so that help itself follows it."""
    for i, word in enumerate(sys.argv):
        if word == "--lang" and i + 1 < len(sys.argv):
            return sys.argv[i + 1]
        if word.startswith("--lang="):
            return word.split("=", 1)[1]
    return None


LANG = pick_lang(asked_lang())


def w(en: str, zh: str) -> str:
    """Return words in the language asked for."""
    return Words(en, zh).to(LANG)


def say(words: Words, quiet: bool = False) -> None:
    """Say something beside the result, on standard error, in the language asked for; nothing where it is to be `quiet`."""
    if not quiet:
        sys.stderr.write(words.to(LANG) + "\n")


def print_json(data: Any) -> None:
    """Print one JSON object on standard output."""
    sys.stdout.write(plain_json.dumps(data) + "\n")
