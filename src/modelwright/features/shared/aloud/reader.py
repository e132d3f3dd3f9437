"""What a voice reads: texts or SSML as sentences of sounds, with what is said of each, and what cannot be said named.

Legend: N texts, L sounds of a sentence.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from modelwright.features.shared.aloud import chinese, english, phonemes, ssml
from modelwright.features.shared.aloud.sentences import LONGEST, letters, sentences
from modelwright.features.shared.spoken_numbers import amounts, spoken
from modelwright.features.shared.transcript_rules import HAN, language_of

PAUSES = ("^", ",", ".", "?", "!")  # before the first sound, inside a sentence, and at its end
WORDS = "@words"
_MARKS = ("", "ˈ", "ˌ", "1", "2", "3", "4", "5")
_RUN = re.compile(f"[{HAN}]+|[^{HAN}]+")
_HAN = re.compile(f"[{HAN}]")
_PAUSE = re.compile(r"[,，、:：;；—–()（）\"“”「」《》\[\]…]+|\s-\s|[.!?。！？]+")
_QUIET = frozenset(".,!?;:'\"()[]{}-–—…、，。！？；：（）“”‘’「」『』《》·•`´’ʼ/\\_~^|*¿¡«»‹›„‚")
_KNOWN = re.compile(f"[A-Za-zÀ-ɏḀ-ỿ{HAN}0-9]")
_OFTEN = 0.01  # of all letters, from which on a script is one that a voice reads
_SHOWN = 20


@dataclass(frozen=True)
class Sound:
    """One sound or pause: `first` of a word, said `rate` times as fast and `pitch` semitones higher; `seconds` where they are told."""

    base: str
    mark: str = ""
    first: bool = False
    rate: float = 1.0
    pitch: float = 0.0
    seconds: float | None = None


@dataclass(frozen=True)
class Sentence:
    """The sounds of a sentence, what of its text could not be said, and who says it where that is told."""

    sounds: tuple[Sound, ...]
    unsaid: tuple[str, ...] = ()
    voice: str | None = None


@dataclass(frozen=True)
class Reader:
    """How texts are read: by espeak-ng's `voice`, letter by letter where that is empty, or in words as they are written (`WORDS`), for what
    has a dictionary of its own; Chinese by pinyin always. `scripts` are those of the letters that it reads besides Latin and Han; None for
    all of them."""

    language: str
    voice: str
    scripts: tuple[str, ...] | None = None

    @classmethod
    def fit(cls, texts: Sequence[str], language: str = "") -> Self:
        """Return how the texts of a language are read here; the language is told from them where it is not named.

        Texts of no known language are read as English in Latin letters; in others letter by letter, and the language is empty.
        """
        scripts = Counter(_script(c) for text in texts for c in text if c.isalpha())
        most = scripts.most_common(1)
        language = language or language_of(texts) or ("en" if not most or most[0][0] == "LATIN" else "")
        often = tuple(sorted(s for s, n in scripts.items() if n >= _OFTEN * scripts.total()))
        return cls(language, phonemes.voice_of("en" if language == "zh" else language) or "", often)

    def guessed(self, texts: Sequence[str]) -> bool:
        """Return whether texts are read as English though many of their letters, as `ü` or `ñ`, are none of English."""
        if self.language != "en":
            return False
        letters = [c for text in texts for c in text if c.isalpha()]
        return sum(not c.isascii() for c in letters) > _OFTEN * len(letters)

    def read_all(self, texts: Sequence[str]) -> list[list[Sentence]]:
        """Return the sentences of each text; words are looked up together. Raises DataError for SSML that cannot be read."""
        plans = [list(self._planned(t)) for t in texts]
        lines = [run for plan in plans for part in plan for run, han in part.runs if not han]
        wanted = list(dict.fromkeys(lines))
        known = dict(zip(wanted, self._sounds(wanted), strict=True))
        return [list(_gathered(plan, known)) for plan in plans]

    def read(self, text: str) -> Iterator[Sentence]:
        """Yield the sentences of a text one after the other."""
        for plan in _by_sentence(self._planned(text)):
            lines = list(dict.fromkeys(run for part in plan for run, han in part.runs if not han))
            yield from _gathered(plan, dict(zip(lines, self._sounds(lines), strict=True)))

    def _sounds(self, lines: Sequence[str]) -> list[list[list[tuple[str, str]]]]:
        """Return the sounds of each word of each line."""
        if self.voice == WORDS:
            return [[[(word, "")] for word in line.split()] for line in lines]
        if self.voice:
            return phonemes.by_program(lines, self.voice) if lines else []
        return [phonemes.letters(line) for line in lines]

    def unsaid(self, text: str) -> list[str]:
        """Return the signs of a text that cannot be said. Raises DataError for SSML that cannot be read."""
        return list(dict.fromkeys(c for part in self._planned(text) for c in part.unsaid))[:_SHOWN]

    def _planned(self, text: str) -> Iterator[_Part]:
        """Yield the parts of a text as they will be said."""
        given = ssml.pieces(text) if ssml.is_ssml(text) else list(ssml.plain(text))
        for piece in given:
            if piece.end or piece.seconds is not None:
                yield _Part(piece, (), "." if piece.end else ",")
                continue
            body = unicodedata.normalize("NFC", piece.text).translate(_WIDE)
            for said, mark in sentences(body):
                yield from self._parts_of_piece(piece, said, mark)

    def _parts_of_piece(self, piece: ssml.Piece, said: str, mark: str) -> Iterator[_Part]:
        if piece.spelled:
            said = " ".join(
                c if not c.isdecimal() or self.language != "zh" else chinese.one_by_one(c)
                for c in said
                if not c.isspace()
            )
            said = re.sub(r"\b([A-Za-z])\b", r"\1", said)
        chinese_first = self.language == "zh" or (len(_HAN.findall(said)) > len(re.findall(r"[A-Za-z]+", said)))
        other = self.language not in ("en", "zh") and not chinese_first
        if other:  # espeak-ng reads whole numbers by itself, in the forms of their language
            said = (amounts if self.voice not in ("", WORDS) else spoken)(said, self.language)
        unsaid = tuple(
            dict.fromkeys(c for c in said if self._cannot(c) or (other and c in english.SAID and c not in _QUIET))
        )
        for c in unsaid:
            said = said.replace(c, " ")
        if chinese_first and (self.language == "zh" or _HAN.search(said)):
            said = chinese.read_out(english.addresses(said))
        elif self.language in ("en", "zh"):
            said = english.read_out(said)
        at = 0
        found: list[tuple[str, str]] = []
        for m in _PAUSE.finditer(said):
            found.append((said[at : m.start()], ","))
            at = m.end()
        found.append((said[at:], mark))
        for n, (text, end) in enumerate(found):
            runs = tuple(
                (
                    run if _HAN.match(run) else phonemes.only_words(english.read_out(run) if chinese_first else run),
                    bool(_HAN.match(run)),
                )
                for run in _RUN.findall(text)
            )
            yield _Part(piece, tuple((r, h) for r, h in runs if r), end, unsaid if n == 0 else ())

    def _cannot(self, c: str) -> bool:
        """Whether a character has no sound here and no name that is said."""
        if c.isspace() or c in _QUIET or _KNOWN.match(c):
            return False
        if unicodedata.category(c)[0] in "MC":
            return unicodedata.category(c) == "Co"
        if c in english.SAID or c in chinese.SAID or c in english.SIGNS:
            return False
        if self.language in ("en", "zh"):
            return True
        return not c.isalpha() or (self.scripts is not None and _script(c) not in self.scripts)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {"language": self.language, "voice": self.voice, "scripts": self.scripts}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        scripts = data.get("scripts")
        return cls(str(data["language"]), str(data["voice"]), None if scripts is None else tuple(map(str, scripts)))


_WIDE = {c: c - 0xFEE0 for c in range(0xFF01, 0xFF5F) if chr(c) not in "，。！？；：（）"}


@dataclass(frozen=True)
class _Part:
    """Runs of one script each, (text, whether it is Han), the pause after them, and what cannot be said."""

    piece: ssml.Piece
    runs: tuple[tuple[str, bool], ...]
    mark: str
    unsaid: tuple[str, ...] = ()


def _script(letter: str) -> str:
    """Return the script of a letter, as its name in Unicode begins: LATIN, CYRILLIC, HIRAGANA."""
    return re.split("[ -]", unicodedata.name(letter, ""))[0]


def _by_sentence(parts: Iterator[_Part]) -> Iterator[list[_Part]]:
    """Yield the parts of each sentence; one that goes on and on is ended between two of them, so that it is spoken as it comes."""
    held: list[_Part] = []
    size = 0
    for part in parts:
        more = sum(letters(run) for run, _ in part.runs)
        if held and size + more > LONGEST:
            yield held
            held, size = [], 0
        held.append(part)
        size += more
        if part.mark and part.mark != ",":
            yield held
            held, size = [], 0
    if held:
        yield held


def _gathered(parts: Sequence[_Part], known: Mapping[str, list[list[tuple[str, str]]]]) -> Iterator[Sentence]:
    """Yield the sentences that parts make."""
    for some in _by_sentence(iter(parts)):
        sounds: list[Sound] = [Sound("^")]
        unsaid: list[str] = []
        for part in some:
            rate, tone = part.piece.rate, part.piece.pitch
            unsaid += part.unsaid
            for run, han in part.runs:
                for word in phonemes.pinyin(run) if han else known[run]:
                    sounds += [Sound(base, mark, n == 0, rate, tone) for n, (base, mark) in enumerate(word)]
            if part.mark:
                pause = Sound(part.mark, rate=rate, pitch=tone, seconds=part.piece.seconds)
                if sounds[-1].base in PAUSES and len(sounds) > 1:  # of two pauses in a row the stronger one
                    pause = replace(pause, base=max(sounds.pop().base, pause.base, key=PAUSES.index))
                if len(sounds) > 1 or pause.seconds is not None:
                    sounds.append(pause)
        if sounds[-1].base not in PAUSES[2:]:
            if sounds[-1].base == "," and sounds[-1].seconds is None:
                sounds.pop()
            sounds.append(Sound("."))
        spoken = any(s.base not in PAUSES or s.seconds for s in sounds)
        if spoken or unsaid:
            yield Sentence(tuple(sounds) if spoken else (), tuple(dict.fromkeys(unsaid))[:_SHOWN], some[0].piece.voice)


class Inventory:
    """The sounds that a voice has learnt, by number from 1 on; 0 is none. Sounds that it never heard are said by the nearest it knows."""

    def __init__(self, bases: Sequence[str]) -> None:
        self.bases = tuple(bases)
        self.ids = {b: i for i, b in enumerate(self.bases, 1)}

    @classmethod
    def fit(cls, spoken: Sequence[Sequence[Sound]]) -> Inventory:
        """Return the sounds of training sentences, those that came most often first; pauses are always among them."""
        counts = Counter(s.base for sounds in spoken for s in sounds if s.base not in PAUSES)
        return cls([*PAUSES, *sorted(counts, key=lambda b: (-counts[b], b))])

    @property
    def size(self) -> int:
        """How many sounds there are, with the 0 of none."""
        return len(self.bases) + 1

    def encode(self, sounds: Sequence[Sound]) -> tuple[list[tuple[int, int, int]], list[int], list[str]]:
        """Return (base, mark, first) by number, the place in `sounds` of each, and the bases that nothing stands for."""
        out, places, unknown = [], [], []
        for at, sound in enumerate(sounds):
            known = self._nearest(sound.base)
            if not known:
                unknown.append(sound.base.lstrip("@"))
            for n, base in enumerate(known):
                out.append(
                    (
                        self.ids[base],
                        _MARKS.index(sound.mark) if sound.mark in _MARKS else 0,
                        int(sound.first and n == 0),
                    )
                )
                places.append(at)
        return out, places, unknown

    def _nearest(self, base: str) -> list[str]:
        if base in self.ids:
            return [base]
        if base[:1] == "@":
            return [b for b in _LIKE.get(base, ()) if b in self.ids][:1]
        short = base.rstrip("ː")
        for other in (short, short + "ː", *_LIKE.get(base, ()), *_LIKE.get(short, ())):
            if other in self.ids:
                return [other]
        parts = [c for c in unicodedata.normalize("NFD", short) if not unicodedata.combining(c)]
        if len(parts) > 1:  # a diphthong or a cluster: its parts one after the other
            return [b for c in parts for b in self._nearest(c)]
        return []


_LIKE = {
    "ɐ": ("ə", "ʌ"), "ə": ("ɐ", "ʌ", "ɚ"), "ʌ": ("ə", "ɐ", "ɑ"), "ɚ": ("ɜː", "ə"), "ɜ": ("ɚ", "ə"), "ᵻ": ("ɪ", "ə"), "ɪ": ("i", "iː", "ᵻ"), "i": ("iː", "ɪ"),
    "ɾ": ("t", "d"), "ʔ": ("t",), "ɫ": ("l",), "ʊ": ("u", "uː"), "u": ("uː", "ʊ"), "ɔ": ("ɔː", "ɑː", "oʊ"), "o": ("oʊ", "ɔː"), "ɒ": ("ɑː", "ɔː"), "ɑ": ("ɑː", "ɔː"),
    "a": ("æ", "ɑː", "aɪ"), "æ": ("a", "ɛ"), "ɛ": ("e", "æ"), "e": ("ɛ", "eɪ"), "ʒ": ("ʃ", "dʒ"), "dʒ": ("ʒ", "d"), "tʃ": ("ʃ", "t"), "θ": ("s", "f"), "ð": ("z", "d"),
    "ɡ": ("g", "k"), "x": ("k", "h"), "ɲ": ("n",), "ŋ": ("n",), "ʁ": ("ɹ",), "r": ("ɹ",), "ɹ": ("r",), "ç": ("h", "ʃ"), "ø": ("ɜː",), "y": ("uː", "iː"),
    "@ueng": ("@eng",), "@io": ("@o",), "@ê": ("@ei", "@e"), "@van": ("@ian",), "@vn": ("@in",), "@ve": ("@ie",), "@v": ("@i",), "@iong": ("@ong",),
}  # fmt: skip
