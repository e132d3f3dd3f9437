"""Rules by which transcripts are written alike: case, punctuation, width, numbers spoken out, marks of noises.

Declared once, kept in the bundle, and applied to the truth and to the answer of every metric: figures of raw texts tell
how punctuation was written, not what was heard.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from modelwright.features.shared.spoken_numbers import spoken

HAN = "\u3400-\u9fff\uf900-\ufaff"
UNSPACED = f"{HAN}\u3040-\u30ff"  # scripts without spaces between words, read sign by sign
_SIGN = re.compile(f"[{UNSPACED}]")
_TOKEN = re.compile(f"[{UNSPACED}]|[^\\s{UNSPACED}]+")
_MARK = re.compile(r"\[[^\]]{0,40}\]|<[^>]{0,40}>|[♪♫]+")  # [noise], <unk>
_APOSTROPHE = re.compile("[’‘ʼ`´＇]")
_BETWEEN = re.compile(f"(?<=[{UNSPACED}])\\s+(?=[{UNSPACED}])")
_INSIDE = "'\u200c\u200d"  # apostrophe, and joiners of letters in Persian, Hindi and others
_UNSEEN = re.compile(
    "[\u00ad\u200e\u200f\u202a-\u202e\u2060\ufeff]"
)  # hyphens where a line may end, directions of writing
_NUMBER = re.compile(r"\d")
_ENGLISH = frozenset(
    "the a an and to of in is it you that he she we they i for was on are with as have not be this at".split()
)
_LOOK = 2000  # transcripts that are looked at to tell the language
CHOICES = {
    "case": ("lower", "keep"),
    "punctuation": ("drop", "keep"),
    "width": ("half", "keep"),
    "numbers": ("spoken", "keep"),
}


@dataclass(frozen=True)
class Rules:
    """What is made alike. `language` is a code such as `en`, `zh`, `de`, or "" where it is not known: numbers then stay digits."""

    case: str = "lower"
    punctuation: str = "drop"
    width: str = "half"
    numbers: str = "spoken"
    language: str = ""

    @classmethod
    def fit(cls, texts: Sequence[str], **asked: str) -> Rules:
        """Return the rules for transcripts, with what was asked for; the language is told from the texts where not named."""
        known = {k: v for k, v in asked.items() if v}
        known.setdefault("language", language_of(texts))
        return cls(**known)

    def apply(self, text: str) -> str:
        """Return a text as these rules write it: words divided by one space, no spaces between Han characters."""
        text = unicodedata.normalize("NFKC" if self.width == "half" else "NFC", text)
        text = _APOSTROPHE.sub("'", _MARK.sub(" ", text))
        if self.numbers == "spoken" and self.language and _NUMBER.search(text):
            text = spoken(text, self.language)
        if self.case == "lower":
            text = _lower(text, self.language)
        if self.punctuation == "drop":
            text = _without_marks(text)
        return _BETWEEN.sub("", " ".join(text.split()))

    def to_json(self) -> dict[str, Any]:
        """Return the rules as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Rules:
        """Read what `to_json` wrote. Raises ValueError for a rule that there is not."""
        made = cls(**{k: str(data[k]) for k in ("case", "punctuation", "width", "numbers", "language")})
        for name, choices in CHOICES.items():
            if getattr(made, name) not in choices:
                raise ValueError(f"no rule {name}={getattr(made, name)}")
        return made


def words_of(text: str) -> list[str]:
    """Return the words of a text written by rules; signs of scripts without spaces one by one."""
    return _TOKEN.findall(text)


def joined(words: Sequence[str]) -> str:
    """Return the text of words: what `words_of` took apart, with a space where both neighbours are words."""
    out = ""
    for word in words:
        out += f" {word}" if out and not (_SIGN.match(word[:1]) and _SIGN.match(out[-1])) else word
    return out


def unspaced(texts: Sequence[str]) -> bool:
    """Return whether texts are of a script without spaces between words: these are cut by characters."""
    letters = sum(len(t) - t.count(" ") for t in texts)
    return sum(len(_SIGN.findall(t)) for t in texts) > 0.3 * max(1, letters)


def language_of(texts: Sequence[str]) -> str:
    """Return `zh`, `en`, or "" where the language cannot be told from common words."""
    some = [t for t in texts[:_LOOK] if t]
    if unspaced(some):
        kana = sum(bool(re.search("[\u3040-\u30ff]", t)) for t in some)
        return "" if kana > 0.2 * len(some) else "zh"
    words = [w for t in some for w in re.findall(r"[^\W\d_]+", t.lower())]
    return "en" if words and sum(w in _ENGLISH for w in words) > 0.12 * len(words) else ""


def _lower(text: str, language: str) -> str:
    """Return a text in small letters; Turkish has two letters `i`, and Unicode would write a dot of its own after the one."""
    if language in ("tr", "az"):
        text = text.replace("I", "ı")
    return text.replace("İ", "i").lower()


def _without_marks(text: str) -> str:
    """Return a text without punctuation and symbols; an apostrophe between letters is a part of the word, and so are joiners of letters."""
    text = _UNSEEN.sub("", text)
    out = []
    for i, c in enumerate(text):
        inside = c in _INSIDE and 0 < i < len(text) - 1 and _is_letter(text[i - 1]) and _is_letter(text[i + 1])
        out.append(c if inside or unicodedata.category(c)[0] not in "PSC" else " ")
    return "".join(out)


def _is_letter(c: str) -> bool:
    """Return whether a character is a letter or a mark that belongs to one."""
    return unicodedata.category(c)[0] in "LM"
