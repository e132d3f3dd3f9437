"""Units that a recogniser writes: characters, words, pieces of words, phonemes, pinyin syllables with tones, or the initials and finals of those.

Id 0 is the blank of CTC (Graves et al. 2006). Units are those of the training transcripts.
"""

from __future__ import annotations

import copy
import itertools
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np

from modelwright.core.errors import MissingExtra
from modelwright.features.base import Ragged, Stored
from modelwright.features.shared.aloud.phonemes import voice_of
from modelwright.features.shared.pronunciations import Pronunciations
from modelwright.features.shared.subwords import END, Subwords
from modelwright.features.shared.transcript_rules import joined, unspaced, words_of

Kind = Literal["characters", "words", "pieces", "phonemes", "pinyin", "finals"]
BLANK = 0
_OPENS = "\u2581"  # before a piece that begins a word
_CLOSED, _OFTEN = 200, 4  # words at most of a closed vocabulary, each heard so often at least
_INITIALS = ("zh", "ch", "sh", *"bpmfdtnlgkhjqxrzcsyw")
_WHOLE = "\u2581"  # before a word that is no syllable of pinyin
_SYLLABLE = re.compile("(?:zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw])?(?:[aeiouüv]+(?:n|ng|r)?|er|n|ng|m)[1-5]")
_PAIRED = 0.7  # how much it counts that a character follows another
_HOPED = 1000  # how often the characters of a phrase that is hoped for count as having followed one another
_HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff]")


class Units(Stored):
    """Signs by id, from 1 on. `writes` are, by sign, the ways it is written, the commonest first, where it has several. `spelling` writes
    the syllables of initials and finals, so that those are written, too, which were never heard in training; `said` are the sounds of words, where
    units are phonemes of a `language`."""

    def __init__(
        self, kind: Kind, signs: Sequence[str], writes: Mapping[str, Sequence[str]], pieces: Subwords | None,
        spelling: Spelling | None = None, said: Pronunciations | None = None, language: str = "",
    ) -> None:  # fmt: skip
        self.spelling, self.said, self.language = spelling, said, language
        self.kind, self.signs, self.pieces = kind, tuple(signs), pieces
        self.writes = {k: tuple(v) for k, v in writes.items()}
        self.ids = {s: i for i, s in enumerate(self.signs, 1)}
        self.size = (pieces.size - END - 1 if pieces else len(self.signs)) + 1

    @classmethod
    def fit(cls, texts: Sequence[str], kind: Kind, size: int = 1000, language: str = "") -> Units:
        """Learn the units of training transcripts in a `language`; at most `size` pieces of words."""
        if kind == "pieces":
            return cls(kind, (), {}, Subwords.fit(texts, size))
        if kind == "phonemes":
            said = Pronunciations.of(texts, language)
            heard = Counter(s for t in texts for s in said.sounds(t))
            return cls(kind, sorted(heard, key=lambda s: (-heard[s], s)), {}, None, said=said, language=language)
        counts = Counter(s for t in texts for s in _cut(t, kind))
        writes: dict[str, Counter[str]] = {}
        if kind == "pinyin":
            for t in texts:
                for sign, written in zip(_cut(t, kind), words_of(t), strict=True):
                    writes.setdefault(sign, Counter())[written] += 1
        several = {s: [w for w, _ in c.most_common()] for s, c in writes.items()}
        spelling = Spelling.fit(texts) if kind == "finals" else None
        return cls(kind, sorted(counts, key=lambda s: (-counts[s], s)), several, None, spelling)

    def encode(self, texts: Sequence[str]) -> Ragged:
        """Return the ids of texts, int64; a sign that was never heard is left out."""
        if self.pieces is not None:
            found = self.pieces.encode(texts)
            return Ragged(np.maximum(found.values - END, 0), found.offsets)
        return Ragged.of_ids([[self.ids[s] for s in self._cut(t) if s in self.ids] for t in texts])

    def _cut(self, text: str) -> list[str]:
        return self.said.sounds(text) if self.said is not None and self.kind == "phonemes" else _cut(text, self.kind)

    def lexicon(self) -> dict[str, list[list[int]]]:
        """Return the ways in which words are said, as ids; of phonemes, and of syllables made of initials and finals (those that were heard)."""
        said = self.said.said if self.said is not None else {}
        ways = {w: [[self.ids[s] for s in way] for way in found if all(s in self.ids for s in way)] for w, found in said.items()}  # fmt: skip
        return {w: found for w, found in ways.items() if found}

    def saying(self, words: Sequence[str], *, alone: bool = False) -> Units:
        """Return units of phonemes that know how further words are said; where they stand `alone`, no others."""
        if self.said is None or self.kind != "phonemes":
            return self
        missing = [w for w in words if w not in self.said.said]
        said = self.said.with_others(Pronunciations.of(missing, self.language)) if missing else self.said
        out = copy.copy(self)
        out.said = Pronunciations({w: said.said[w] for w in words if w in said.said}) if alone else said
        return out

    def syllabic(self, words: Sequence[str]) -> Units:
        """Return units of initials and finals that write these words alone: Han characters, as pypinyin and the transcripts read them, or syllables."""
        out = copy.copy(self)
        readings: dict[str, list[str]] = {}
        for syllable, signs in (self.spelling.signs if self.spelling is not None else {}).items():
            for sign in signs:
                readings.setdefault(sign, []).append(syllable)
        out.said = Pronunciations({w: [tuple(parted(s)) for s in readings.get(w) or syllables(w)] for w in words})
        return out

    def hoping(self, phrases: Sequence[str]) -> Units:
        """Return units that write the syllables of some phrases as these have them; others than initials and finals stay as they are."""
        if self.spelling is None:
            return self
        out = copy.copy(self)
        out.spelling = self.spelling.hoping(phrases)
        return out

    def sounds(self) -> np.ndarray:
        """Return the number of what each unit sounds like, int64 [V] with the blank, from 0 on: syllables and finals are alike in all tones."""
        if self.pieces is not None:
            return np.maximum(np.arange(self.size) - 1, 0)
        toned = self.kind in ("finals", "pinyin")
        names = [s.rstrip("12345") if toned else s for s in self.signs]
        numbers = {n: i for i, n in enumerate(dict.fromkeys(names))}
        return np.array([0, *(numbers[n] for n in names)], np.int64)

    @property
    def between(self) -> list[int]:
        """The ids between two utterances that are joined: a space, where spaces are signs."""
        return [self.ids[" "]] if " " in self.ids else []

    def words(self, ids: Sequence[int]) -> list[tuple[str, int, int]]:
        """Return the words that ids write, each with the first and the last of its ids' places."""
        if self.pieces is not None:
            return self._of_pieces(ids)
        if self.spelling is not None:
            return self.spelling.words(self._syllables(ids))
        out: list[tuple[str, int, int]] = []
        open_ = False  # whether the next sign goes on with the last word
        for at, i in enumerate(ids):
            sign = self.signs[i - 1]
            if sign == " ":
                open_ = False
                continue
            written = self.writes[sign][0] if sign in self.writes else sign
            alone = self.kind != "characters" or bool(_HAN.match(sign))
            if open_ and not alone:
                word, first, _ = out.pop()
                out.append((word + written, first, at))
            else:
                out.append((written, at, at))
            open_ = not alone
        return out

    def _syllables(self, ids: Sequence[int]) -> list[tuple[str, int, int]]:
        """Return the syllables that initials and finals make, each with its first and last place; an initial without a final is none."""
        out: list[tuple[str, int, int]] = []
        initial, first = "", -1
        for at, i in enumerate(ids):
            sign = self.signs[i - 1]
            if sign in _INITIALS:
                initial, first = sign, at
                continue
            word = sign[1:] if sign[:1] == _WHOLE else initial + sign
            out.append((word, first if initial and sign[:1] != _WHOLE else at, at))
            initial = ""
        return out

    def writings(self) -> list[list[tuple[str, bool, bool]]]:
        """Return for each unit from 1 on the ways it is written: its text, whether a word ends before it, and whether one ends with it."""
        if self.pieces is not None:
            signs = self.pieces.signs()[END + 1 :]
            return [
                [("", False, False) if s[:3] == "<0x" else (s.lstrip(_OPENS), s[:1] == _OPENS, False)] for s in signs
            ]
        out = []
        for sign in self.signs:
            if sign == " ":
                out.append([("", True, False)])
            elif self.kind == "characters" and not _HAN.match(sign):
                out.append([(sign, False, False)])
            else:
                out.append([(w, True, True) for w in self.writes.get(sign, (sign,))])
        return out

    def _of_pieces(self, ids: Sequence[int]) -> list[tuple[str, int, int]]:
        """Return words of pieces: what is decoded up to each piece says where a word ends."""
        assert self.pieces is not None
        out: list[tuple[str, int, int]] = []
        start = 0
        for at in range(len(ids)):
            ahead = self.pieces.decode([i + END for i in ids[start : at + 2]])
            if at + 1 == len(ids) or " " in ahead:
                word = self.pieces.decode([i + END for i in ids[start : at + 1]])
                if word:
                    out.append((word, start, at))
                start = at + 1
        return out

    def text(self, ids: Sequence[int]) -> str:
        """Return the text that ids write."""
        return joined([w for w, _, _ in self.words(ids)])

    def state(self) -> dict[str, Any]:
        """Return JSON values from which `restore` makes the same."""
        pieces = self.pieces.state() if self.pieces is not None else None
        return {
            "kind": self.kind,
            "signs": list(self.signs),
            "writes": {k: list(v) for k, v in self.writes.items()},
            "pieces": pieces,
            **({"spelling": self.spelling.to_json()} if self.spelling is not None else {}),
            **(
                {
                    "said": {w: [" ".join(s) for s in ways] for w, ways in sorted(self.said.said.items())},
                    "language": self.language,
                }
                if self.said is not None
                else {}
            ),
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        pieces = Subwords.restore(state["pieces"], {}) if state["pieces"] is not None else None
        spelling = Spelling.from_json(state["spelling"]) if "spelling" in state else None
        said = (
            Pronunciations({w: [tuple(s.split()) for s in ways] for w, ways in state["said"].items()})
            if "said" in state
            else None
        )
        return cls(
            state["kind"], state["signs"], state["writes"], pieces, spelling, said, str(state.get("language", ""))
        )  # fmt: skip


class Spelling:
    """How syllables are written: as pinyin where `signs` are none, else the Han characters that were heard so, and which follow one another.

    `signs` are characters with their counts by syllable, `pairs` counts of two characters in a row. What came once may tell who said it:
    a pair that did is not kept.
    """

    def __init__(self, signs: Mapping[str, Mapping[str, int]], pairs: Mapping[str, int]) -> None:
        self.signs = {k: dict(v) for k, v in signs.items()}
        self.pairs = dict(pairs)

    @classmethod
    def fit(cls, texts: Sequence[str]) -> Spelling:
        """Learn from transcripts; those that are pinyin themselves need nothing."""
        signs: dict[str, Counter[str]] = {}
        pairs: Counter[str] = Counter()
        for text in texts:
            words = words_of(text)
            for syllable, word in zip(syllables(text), words, strict=True):
                if _HAN.match(word):
                    signs.setdefault(syllable, Counter())[word] += 1
            pairs.update(a + b for a, b in itertools.pairwise(words) if _HAN.match(a) and _HAN.match(b))
        return cls(signs, {p: n for p, n in sorted(pairs.items()) if n > 1})

    def hoping(self, phrases: Sequence[str]) -> Spelling:
        """Return the spelling that writes what sounds like one of the phrases as it is written there."""
        signs, pairs = {k: dict(v) for k, v in self.signs.items()}, dict(self.pairs)
        for phrase in phrases:
            words = words_of(phrase)
            for syllable, word in zip(syllables(phrase), words, strict=True):
                if _HAN.match(word):
                    known = signs.setdefault(syllable, dict(self._near(syllable)))
                    known[word] = max(
                        known.values(), default=1
                    )  # as likely as the likeliest: what stands beside it decides
            for a, b in itertools.pairwise(words):
                if _HAN.match(a) and _HAN.match(b):
                    pairs[a + b] = pairs.get(a + b, 0) + _HOPED
        return Spelling(signs, pairs)

    def words(self, heard: Sequence[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
        """Return what is written of syllables with their places: the likeliest row of characters (Viterbi over pairs)."""
        ways = [self.signs.get(s) or self._near(s) or {s: 1} for s, _, _ in heard]
        best: list[dict[str, tuple[float, str]]] = []
        for k, some in enumerate(ways):
            whole = sum(some.values())
            now: dict[str, tuple[float, str]] = {}
            for sign, count in some.items():
                own = math.log(count / whole)
                before = (
                    [(score + self._follows(a, sign), a) for a, (score, _) in best[-1].items()] if k else [(0.0, "")]
                )
                score, came = max(before)
                now[sign] = score + own, came
            best.append(now)
        out: list[str] = []
        for k in range(len(ways) - 1, -1, -1):
            sign = max(best[k], key=lambda c: best[k][c][0]) if k == len(ways) - 1 else best[k + 1][out[-1]][1]
            out.append(sign)
        return [(w, a, b) for w, (_, a, b) in zip(reversed(out), heard, strict=True)]

    def _follows(self, a: str, b: str) -> float:
        return math.log1p(self.pairs.get(a + b, 0)) * _PAIRED

    def _near(self, syllable: str) -> dict[str, int]:
        """Return the characters of a syllable under its other tones: one that was never heard is written as its like."""
        found: Counter[str] = Counter()
        for tone in "12345":
            found.update(self.signs.get(syllable[:-1] + tone, {}) if syllable[-1:].isdigit() else {})
        return dict(found)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {"signs": {k: dict(sorted(v.items())) for k, v in sorted(self.signs.items())}, "pairs": self.pairs}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Spelling:
        """Read what `to_json` wrote."""
        signs = {str(k): {str(c): int(n) for c, n in v.items()} for k, v in data["signs"].items()}
        return cls(signs, {str(k): int(n) for k, n in data["pairs"].items()})


def _cut(text: str, kind: Kind) -> list[str]:
    """Return the signs of a text written by rules."""
    if kind == "words":
        return words_of(text)
    if kind == "pinyin":
        return syllables(text)
    if kind == "finals":
        return [part for s in syllables(text) for part in parted(s)]
    return list(text)


def syllables(text: str) -> list[str]:
    """Return a sign for each word of a text: Han characters as pinyin with a tone (`ni3`), other words as they are."""
    try:
        from pypinyin import Style, lazy_pinyin
    except ImportError as e:
        raise MissingExtra("speech", "Pinyin", "拼音") from e
    out: list[str] = []
    for run in re.findall(f"{_HAN.pattern}+|[^{_HAN.pattern[1:-1]}]+", text):
        if _HAN.match(run):
            out += lazy_pinyin(run, style=Style.TONE3, neutral_tone_with_five=True)
        else:
            out += words_of(run)
    return out


def parted(syllable: str) -> list[str]:
    """Return the initial and the final with its tone of a syllable such as `zhang1`; any other word whole, behind a mark."""
    if not _SYLLABLE.fullmatch(syllable):
        return [_WHOLE + syllable]
    initial = next((i for i in _INITIALS if syllable.startswith(i)), "")
    return [initial, syllable[len(initial) :]] if initial else [syllable]


def in_pinyin(texts: Sequence[str]) -> bool:
    """Return whether transcripts are written in pinyin with tones: `ni3 hao3`."""
    words = [w for t in texts[:500] for w in words_of(t)]
    return bool(words) and sum(bool(_SYLLABLE.fullmatch(w)) for w in words) > 0.95 * len(words)


def closed(texts: Sequence[str]) -> bool:
    """Return whether transcripts are made of few words that all come often: digits, commands."""
    counts = Counter(w for t in texts for w in words_of(t))
    often = sum(n >= _OFTEN for n in counts.values())
    return 0 < len(counts) <= _CLOSED and often == len(counts)


def repeated(texts: Sequence[str]) -> bool:
    """Return whether most of what is said are words that come more than once: of others a recogniser that knows words keeps none."""
    counts = Counter(w for t in texts for w in words_of(t))
    return sum(n for n in counts.values() if n > 1) > 0.5 * max(1, counts.total())


def suited(texts: Sequence[str], language: str = "", *, phonemes: bool = False) -> list[Kind]:
    """Return the kinds of units worth trying for training transcripts, the first one first; with phonemes where somebody says how words sound."""
    if closed(texts):
        return ["words", "characters"]
    if unspaced(texts) or in_pinyin(texts):
        return ["finals", "pinyin", "characters"]
    if phonemes and repeated(texts) and voice_of(language) is not None:
        return ["phonemes", "characters"]
    return ["characters", "pieces"] if len(texts) >= 5000 else ["characters"]
