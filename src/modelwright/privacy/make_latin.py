"""Make the lists of English words and names that are shipped anew: `python -m modelwright.privacy.make_latin [FILE]`.

Needs the packages `names` (names of the census of the United States of 1990, public domain), `english-words` (Webster's New International Dictionary
of 1934 as `web2`, public domain) and `symspellpy` (how often words stand in books, MIT). Names and words are told apart by how often each
is the one and the other: `emily` stands in books as often as so many people called Emily make likely, `young` far more often.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import numpy as np

from modelwright.core.errors import MissingExtra
from modelwright.privacy import lexicon
from modelwright.privacy._common_words import LATIN, CommonWords

_ENDS = (
    ("ies", "y"), ("es", ""), ("s", ""), ("ed", ""), ("ed", "e"), ("ing", ""), ("ing", "e"), ("ly", ""), ("er", ""),
    ("er", "e"), ("est", ""), ("ness", ""),
)  # fmt: skip
_NAME = 1e-8  # percent of people by times in books, from which a first name is one first of all


def main(path: Path) -> None:
    """Read the packages and write the lists."""
    from safetensors.numpy import save_file

    try:
        from english_words import get_english_words_set

        census = files("names")
        books = files("symspellpy").joinpath("frequency_dictionary_en_82_765.txt").read_text(encoding="utf-8-sig")
    except ModuleNotFoundError as e:
        raise MissingExtra("dev", "Making the lists of names", "生成姓名词表") from e
    small = {w for w in get_english_words_set(["web2"], alpha=True) if w.islower()}
    often = {w: int(n) for w, n in (line.split() for line in books.splitlines())}
    first: dict[str, float] = {}
    for part in ("female", "male"):
        for name, share in _shares(census.joinpath(f"dist.{part}.first").read_text()).items():
            first[name] = first.get(name, 0) + share
    last = _shares(census.joinpath("dist.all.last").read_text())
    names = {n for n, share in first.items() if share / often.get(n, 1) >= _NAME}
    own = lexicon.first_names() - set(lexicon.entries("name_words"))
    common = {w for w in often if _stands(w, small)} - own - names
    places = {
        w
        for kind in ("countries", "cities", "calendar", "nationalities")
        for e in lexicon.entries(kind)
        for w in e.split()
    }
    lists = {"common": common, "first": names - common - places, "surnames": set(last) - places}
    save_file({k: np.frombuffer(CommonWords.of(v)._bits, np.uint8).copy() for k, v in lists.items()}, str(path))
    sys.stderr.write(", ".join(f"{len(v)} {k}" for k, v in lists.items()) + "\n")


def _shares(text: str) -> Mapping[str, float]:
    """Return the percent of people that have a name, by the name in small letters."""
    return {line.split()[0].lower(): float(line.split()[1]) for line in text.splitlines() if line.strip()}


def _stands(word: str, dictionary: set[str]) -> bool:
    """Whether a word or what it is made from is in a dictionary."""
    return word in dictionary or any(
        word.endswith(end) and len(word) - len(end) >= 3 and word[: -len(end)] + root in dictionary
        for end, root in _ENDS
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name(LATIN))
