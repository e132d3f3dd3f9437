"""From frames to words: greedily, or by a beam with a language model of the transcripts, whose weight validation rows choose.

Legend: T frames, V units with the blank.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.core.errors import DataError
from modelwright.features.shared.chinese_rows import dictionary_rows
from modelwright.features.shared.speech_units import Units, closed, in_pinyin
from modelwright.features.shared.transcript_rules import joined, words_of
from modelwright.models import ctc
from modelwright.models.ctc_beam import Search, Step, hot_words, search
from modelwright.models.lexicon_search import LexiconSearch, Tree
from modelwright.models.word_ngrams import UNKNOWN, WordNgrams

LM = "language_model.txt"
_WEIGHTS = ((0.0, 0.0), (0.3, 0.0), (0.6, 0.5), (1.0, 1.0), (1.5, 1.5))  # of the language model, and what a word adds
# of no language model, and what a word costs: short mistakes between words are many where any word may follow any
_COSTS = ((0.0, -2.0), (0.0, -1.0), (0.0, -3.0), (0.0, -4.0), (0.0, 0.0))
_SOUNDS = ((1.0, 0.0), (2.0, 3.0), (1.0, 1.0), (3.0, 5.0), (0.5, 0.0))  # the same where words of a lexicon are read
_FLOOR = 0.002  # of a unit's probability in a frame, there
_SYLLABLES, _TIMES = 2, 10  # syllables of a run, and how often transcripts count beside the dictionary
_WORDS = 2.0  # words of a transcript on the mean, below which there is no order to be learnt
_OFTEN = 2  # times that words, and runs of them, come in the transcripts to stand in the language model

Placed = list[tuple[str, int, int]]  # words with the first and the last place of their units


@dataclass(frozen=True)
class Decoder:
    """Reads frames by `how`; without a language model, words or hot words to heed, greedily. Where units are words, `hoped` are the
    ids of those that are hoped for, and `boost` what that adds to the log of their odds against other words."""

    units: Units
    how: Search = field(default_factory=Search)
    hoped: tuple[int, ...] = ()
    boost: float = 0.0

    @classmethod
    def fit(cls, units: Units, texts: Sequence[str], given: WordNgrams | None = None) -> Decoder:
        """Return the decoder of training transcripts, with a language model of them or the one given; its weights are not chosen yet."""
        if units.spelling is not None:
            return cls._of_syllables(units, texts, given)
        lm, rows = given, [words_of(t) for t in texts]
        if units.said is not None:
            if lm is None and _repeats(rows):
                lm = WordNgrams.fit(rows, 3, _OFTEN)
            known = lm.words if lm is not None else set()
            if not known:
                raise DataError(
                    "Units are `phonemes`, which need words to be made of: no word comes twice in the transcripts. Give a text with --lm, or take the units `characters`.",
                    "单元为 `phonemes` 时需要词表，而转写文本中没有出现两次以上的词。请用 --lm 提供文本，或把单元设为 `characters`。",
                )
            return cls(
                units.saying(sorted(known), alone=True), Search(lm=lm, weight=_SOUNDS[0][0], bonus=_SOUNDS[0][1])
            )
        order = np.mean([len(r) for r in rows]) >= _WORDS  # single words have none to be learnt
        if lm is None and units.kind != "words" and (units.kind == "pinyin" or order):
            # what came once may tell who said it: it is no part of a bundle
            lm = WordNgrams.fit(rows, 3, _OFTEN) if _repeats(rows) else None
        words = frozenset(w for r in rows for w in r) if units.kind == "characters" and closed(texts) else None
        return cls(units, Search(lm=lm, words=words))

    @classmethod
    def _of_syllables(cls, units: Units, texts: Sequence[str], given: WordNgrams | None) -> Decoder:
        """Return the decoder of initials and finals: a search where a language model tells what follows what, else read greedily.

        Transcripts of pinyin are few syllables over and over, of which a dictionary of Chinese tells more than they do. Characters without a given language
        model are written by what stands beside them.
        """
        lm = given
        if lm is None and in_pinyin(texts):
            rows = [words_of(t) for t in texts]
            known = {w for w, n in Counter(w for r in rows for w in r).items() if n >= _OFTEN}
            lm = WordNgrams.fit(
                [*dictionary_rows(), *([w if w in known else UNKNOWN for w in r] for r in rows * _TIMES)], _SYLLABLES
            )
        if lm is None:
            return cls(units)
        return cls(units.syllabic(sorted(lm.words)), Search(lm=lm, weight=_SOUNDS[0][0], bonus=_SOUNDS[0][1]))

    @property
    def plain(self) -> bool:
        """Whether the likeliest unit of each frame is all that counts."""
        h = self.how
        return (
            h.words is None and not h.hot and not h.bonus and (h.lm is None or not h.weight) and not self.units.writes
        )

    def with_hot(self, phrases: Sequence[str], boost: float | None = None) -> Decoder:
        """Return a decoder that hopes for phrases, too."""
        if self.units.spelling is not None and self.units.said is None:
            return replace(self, units=self.units.hoping(phrases))
        made = hot_words([*(" ".join(h) for h in self.how.hot), *phrases], words_of)
        words = [w for h in made for w in h]
        said = self.units.said.said if self.units.said is not None else {}
        units = self.units.syllabic([*said, *words]) if self.units.spelling is not None else self.units.saying(words)
        boost = self.how.boost if boost is None else boost
        if units.kind == "words":
            ids = {units.ids[w] for h in made for w in h if w in units.ids}
            # hoped-for words come to half of all at most: where most are hoped for, none is
            most = math.log((len(units.ids) - len(ids)) / len(ids)) if 0 < len(ids) < len(units.ids) else 0.0
            return replace(self, hoped=tuple(sorted(ids)), boost=min(boost, max(0.0, most)))
        return replace(self, units=units, how=replace(self.how, hot=made, boost=boost))

    def swapped(self, logs: np.ndarray, ids: list[int]) -> list[int]:
        """Return units that were read of log probabilities [T, V], where units are words, with hoped-for ones in the place of those that
        they are nearly as likely as, in the same frames.

        Hope tells which words are said, not how many: a whole word needs one frame alone, and would be heard all the time.
        """
        if not self.hoped or not self.boost or not ids:
            return ids
        out = []
        hoped = np.array(self.hoped)
        for unit, (begin, end) in zip(ids, ctc.aligned(logs, ids), strict=True):
            told = logs[begin : end + 1].sum(axis=0)
            best = int(hoped[told[hoped].argmax()])
            out.append(best if unit not in self.hoped and told[best] + self.boost > told[unit] else unit)
        return out

    def read(self, logs: np.ndarray) -> tuple[list[int], Placed]:
        """Return units and words of log probabilities [T, V]."""
        if self.units.said is not None:
            spelt = self._lexicon().words(logs)
            ends = np.cumsum([0, *(len(way) for _, way in spelt)]).tolist()
            return [u for _, way in spelt for u in way], [
                (w, a, b - 1) for (w, _), a, b in zip(spelt, ends, ends[1:], strict=False)
            ]
        if self.plain:
            ids = self.swapped(logs, ctc.greedy(logs))
            return ids, self.units.words(ids)
        ids, words = search(logs, self._steps(), self.how)
        if self.hoped:
            ids = self.swapped(logs, ids)
            return ids, self.units.words(ids)
        placed = self.units.words(ids)
        if len(placed) == len(words):
            return ids, [(w, a, b) for w, (_, a, b) in zip(words, placed, strict=True)]
        return ids, placed

    def _steps(self) -> list[list[Step]]:
        found = self.__dict__.get("_made")
        if found is None:
            found = [[Step(*w) for w in ways] for ways in self.units.writings()]
            object.__setattr__(self, "_made", found)
        return found

    def _lexicon(self) -> LexiconSearch:
        found = self.__dict__.get("_search")
        if found is None:
            h = self.how
            found = LexiconSearch(Tree(self.units.lexicon()), h.lm, h.weight, h.bonus, h.hot, h.boost, _FLOOR)
            object.__setattr__(self, "_search", found)
        return found

    def tuned(self, rows: Sequence[np.ndarray], errors: Callable[[Sequence[str]], float], seconds: float) -> Decoder:
        """Return the decoder whose language model weighs what makes the fewest `errors` of the texts of `rows`, emissions [T, U] each."""
        if self.how.lm is None and self.units.kind not in ("words", "phonemes"):
            return self
        best, least, until = self, float("inf"), time.monotonic() + seconds
        tried = _SOUNDS if self.units.said is not None else _WEIGHTS if self.how.lm is not None else _COSTS
        for weight, bonus in tried:
            made = replace(self, how=replace(self.how, weight=weight, bonus=bonus))
            found = errors([joined([w for w, _, _ in made.read(logs)[1]]) for logs in rows])
            if found < least - 1e-9:
                best, least = made, found
            if time.monotonic() > until:
                break
        return best

    def extent(self) -> dict[str, float]:
        """Return what a refit, which has no validation rows, takes over."""
        return {"lm_weight": self.how.weight, "word_bonus": self.how.bonus}

    def again(self, extent: Mapping[str, Any]) -> Decoder:
        """Return the decoder with the weights of an earlier fit."""
        if "lm_weight" not in extent:
            return self
        return replace(
            self, how=replace(self.how, weight=float(extent["lm_weight"]), bonus=float(extent["word_bonus"]))
        )

    def save(self, folder: Path) -> dict[str, Any]:
        """Write the language model, where there is one that weighs, and return the rest as JSON values."""
        h = self.how
        if h.lm is not None and h.weight:
            (folder / LM).write_text("\n".join(h.lm.lines()) + "\n", encoding="utf-8")
        return {
            "weight": h.weight, "bonus": h.bonus, "words": sorted(h.words) if h.words is not None else None,
            "hot": [" ".join(p) for p in h.hot], "boost": h.boost, "beams": h.beams,
        }  # fmt: skip

    @classmethod
    def load(cls, state: Mapping[str, Any], units: Units, folder: Path) -> Decoder:
        """Read what `save` wrote."""
        place = folder / LM
        lm = WordNgrams.read(place.read_text(encoding="utf-8").splitlines(), LM) if place.is_file() else None
        words = frozenset(map(str, state["words"])) if state["words"] is not None else None
        how = Search(
            beams=int(state["beams"]), weight=float(state["weight"]), bonus=float(state["bonus"]), lm=lm, words=words,
            hot=hot_words(state["hot"], words_of), boost=float(state["boost"]),
        )  # fmt: skip
        return cls(units, how)


def _repeats(rows: Sequence[Sequence[str]]) -> bool:
    """Return whether any word comes often enough for a language model."""
    counts = Counter(w for r in rows for w in r)
    return any(n >= _OFTEN for n in counts.values())
