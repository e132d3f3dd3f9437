"""Make the tagger that is shipped anew: `python -m modelwright.privacy.make_tagger [FILE]`; the same seed gives the same one.

Names stand in sentences made by `_sentences`. What is no name is learnt from ordinary words and sentences too: words of
the dictionary that comes with jieba (MIT), which must be installed, in no order that makes sense, and sentences of
Python's own manual (PSF). Neither is needed to use the tagger, and no text of theirs is in it.
"""

from __future__ import annotations

import re
import sys
import time
from importlib.resources import files
from pathlib import Path

import numpy as np

from modelwright.core.errors import MissingExtra
from modelwright.privacy import lexicon
from modelwright.privacy._common_words import FILE, CommonWords
from modelwright.privacy._sentences import Maker
from modelwright.privacy.tagger import Tagger

COUNT = 54_000
SEED = 7
_LEAST = 20  # times that a word must stand in the dictionary's counts
_COMMON = 10  # the same for words that a name is compared with
_NAMES = ("nr", "ns", "nt", "nz")


def ordinary_words(count: int, seed: int) -> list[str]:
    """Return Chinese words that are no names, drawn so that rare ones come too; a quarter begin with a surname."""
    try:
        text = files("jieba").joinpath("dict.txt").read_text(encoding="utf-8")
    except ModuleNotFoundError as e:
        raise MissingExtra("dev", "Making the tagger", "生成标注器") from e
    words, counts = [], []
    for line in text.splitlines():
        word, often, kind = line.split()
        if int(often) >= _LEAST and len(word) <= 4 and not kind.startswith(_NAMES):
            words.append(word)
            counts.append(int(often))
    rng = np.random.default_rng(seed)
    chance = np.sqrt(np.array(counts, float))
    tempting = chance * np.array([w[0] in lexicon.surnames() and len(w) > 1 for w in words])
    drawn = [rng.choice(len(words), n, p=p / p.sum()) for n, p in ((count * 3 // 4, chance), (count // 4, tempting))]
    return [words[i] for i in np.concatenate(drawn)]


def common_words() -> CommonWords:
    """Return all words of two to four characters that are not rare and no names of persons, as a set that holds none of them."""
    lines = files("jieba").joinpath("dict.txt").read_text(encoding="utf-8").splitlines()
    found = (line.split() for line in lines)
    return CommonWords.of(
        w for w, n, kind in found if 2 <= len(w) <= 4 and int(n) >= _COMMON and not kind.startswith("nr")
    )


def ordinary_sentences() -> list[str]:
    """Return English sentences of a manual that everybody has."""
    from pydoc_data.topics import topics

    text = re.sub(r"\s+", " ", " ".join(topics.values()))
    found = re.split(r"(?<=[.?!:])\s", text)
    return [s for s in found if 20 < len(s) < 200 and sum(c.isalpha() or c == " " for c in s) > 0.85 * len(s)]


def main(path: Path) -> None:
    """Train on made sentences and write the weights."""
    began = time.monotonic()
    made = Maker(SEED, ordinary_words(400_000, SEED), ordinary_sentences()).sentences(COUNT)

    def said(round_: int, loss: float) -> None:
        if round_ % 10 == 0:
            sys.stderr.write(f"{round_:4d} {loss:12.1f} {time.monotonic() - began:6.1f} s\n")

    tagger = Tagger.train([t for t, _ in made], [s for _, s in made], penalty=1.0, rounds=60, said=said)
    tagger.save(path)
    common_words().save(path.with_name(FILE))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("tagger.safetensors"))
