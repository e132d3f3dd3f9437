"""Whether a word is a common one or a name: Bloom filters (B. H. Bloom, 1970), which hold no word and err on one in a thousand others.

`python -m modelwright.privacy.make_tagger` makes that of common Chinese words from the dictionary that comes with jieba, but names of persons;
`python -m modelwright.privacy.make_latin` those of English words, first names and surnames. `latin.NOTICE.txt` says where they are from.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np

_BITS = 15  # a word
_HASHES = 8
FILE = "zh_common.safetensors"
LATIN = "latin.safetensors"


class CommonWords:
    """A set of words that can be asked and not listed: `bits` [M] uint8."""

    def __init__(self, bits: np.ndarray) -> None:
        self._bits = bits.tobytes()
        self._size = 8 * len(bits)

    def __contains__(self, word: str) -> bool:
        return all(self._bits[at >> 3] >> (at & 7) & 1 for at in _places(word, self._size))

    @classmethod
    def of(cls, words: Iterable[str]) -> CommonWords:
        """Return the set of some words."""
        held = sorted(set(words))
        bits = np.zeros(max(1, len(held) * _BITS // 8), np.uint8)
        for word in held:
            for at in _places(word, 8 * len(bits)):
                bits[at >> 3] |= 1 << (at & 7)
        return cls(bits)

    def save(self, path: Path) -> None:
        """Write the bits."""
        from safetensors.numpy import save_file

        save_file({"bits": np.frombuffer(self._bits, np.uint8).copy()}, str(path))


def _places(word: str, size: int) -> list[int]:
    data = word.encode("utf-8")
    first, second = zlib.crc32(data), zlib.adler32(data) * 2654435761 + 1
    return [(first + i * second + i * i) % size for i in range(_HASHES)]


@cache
def common_words() -> CommonWords:
    """Return the common Chinese words that come with the package."""
    from safetensors.numpy import load_file

    with as_file(files("modelwright.privacy").joinpath(FILE)) as path:
        return CommonWords(load_file(str(path))["bits"])


@cache
def latin() -> dict[str, CommonWords]:
    """Return words in small Latin letters that come with the package: `common` English ones, `first` names, `surnames`."""
    from safetensors.numpy import load_file

    with as_file(files("modelwright.privacy").joinpath(LATIN)) as path:
        return {name: CommonWords(bits) for name, bits in load_file(str(path)).items()}
