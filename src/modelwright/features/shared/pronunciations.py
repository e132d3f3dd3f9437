"""How words are said: by espeak-ng, in the sentences where they stand and by themselves, as sounds that a recogniser tells apart.

A sound is a symbol of the International Phonetic Alphabet, stress left out. Legend: W words.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from modelwright.core.errors import DataError
from modelwright.features.shared.aloud.phonemes import by_program, voice_of
from modelwright.features.shared.transcript_rules import words_of

# sounds of English that are two, or that accents and speeds of speech make of others: told as those, of which there is more to learn from
_ENGLISH = {
    "ɑːɹ": "ɑː ɹ", "ɔːɹ": "ɔː ɹ", "oːɹ": "ɔː ɹ", "ɛɹ": "ɛ ɹ", "ɪɹ": "ɪ ɹ", "ʊɹ": "ʊ ɹ", "aɪɚ": "aɪ ɚ", "aɪə": "aɪ ə", "iə": "iː ə",
    "əl": "ə l", "n̩": "ə n", "ʔ": "t", "ɾ": "t", "ɐ": "ə", "ᵻ": "ɪ", "i": "iː", "oː": "oʊ", "ɔ": "ɔː",
}  # fmt: skip
_SHARE = 0.15  # of how often a word is said, from which on a way to say it counts
_MOST = 3  # ways to say a word
_AT_ONCE = 2000

Said = tuple[str, ...]


class Pronunciations:
    """The ways in which each word is said, the commonest first."""

    def __init__(self, said: Mapping[str, Sequence[Said]]) -> None:
        self.said = {w: tuple(tuple(s) for s in ways) for w, ways in said.items()}

    @classmethod
    def of(cls, texts: Sequence[str], language: str) -> Pronunciations:
        """Return how the words of texts written by rules are said: in them where espeak-ng takes word by word, else by themselves.

        Raises DataError where espeak-ng does not speak the language, ModelwrightError where it fails.
        """
        voice = voice_of(language)
        if voice is None:
            raise DataError(
                f"Phonemes of `{language or 'a language that is not known'}` are not to be had: espeak-ng is not installed or does not speak it. "
                "Name the language with --language, install espeak-ng (on Debian: apt install espeak-ng), or take the units `characters`.",
                f"无法得到 `{language or '未知语言'}` 的音素：未安装 espeak-ng，或它不支持该语言。请用 --language 指明语言，安装 espeak-ng（Debian：apt install espeak-ng），或把单元设为 `characters`。",
            )
        counts: dict[str, Counter[Said]] = defaultdict(Counter)
        for text, found in zip(texts, by_program(texts, voice), strict=True):
            words = words_of(text)
            if len(words) == len(found):
                for word, sounds in zip(words, found, strict=True):
                    counts[word][_sounds_of(language, (base for base, _ in sounds))] += 1
        every = sorted({w for t in texts for w in words_of(t)})
        for word, found in zip(every, by_program(every, voice), strict=True):
            alone = _sounds_of(language, (base for part in found for base, _ in part))
            counts[word][alone] += 0 if alone in counts[word] else 1
        out = {}
        for word in every:
            ways = [(s, n) for s, n in counts[word].most_common(_MOST) if s]
            whole = sum(n for _, n in ways)
            out[word] = tuple(s for s, n in ways if n >= _SHARE * whole)
        return cls({w: ways for w, ways in out.items() if ways})

    def with_others(self, other: Pronunciations) -> Pronunciations:
        """Return these with those of words that stand only in the others."""
        return Pronunciations({**other.said, **self.said})

    def sounds(self, text: str) -> list[str]:
        """Return the sounds of a text, each word in its commonest way; a word that is not known has none."""
        return [s for w in words_of(text) if w in self.said for s in self.said[w][0]]


def _sounds_of(language: str, sounds: Iterable[str]) -> Said:
    if language != "en":
        return tuple(sounds)
    return tuple(part for s in sounds for part in _ENGLISH.get(s, s).split())
