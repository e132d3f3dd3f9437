"""From words to sounds: English and other alphabets by the program espeak-ng, Chinese by pypinyin; letters where there is no espeak-ng.

A sound is a base and a mark: `oʊ` with the stress `ˈ`, the final `@ang` with the tone `4`. Legend: W words.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import unicodedata
from collections.abc import Sequence
from functools import cache

from modelwright.core.errors import MissingExtra, ModelwrightError
from modelwright.features.shared.aloud.sandhi import sandhi

Sound = tuple[str, str]  # base, mark
_PROGRAM = "espeak-ng"
_STRESS = "ˈˌ"
_AT_ONCE, _SECONDS = 2000, 120.0  # lines of one call, and how long it may take
_INITIALS = ("zh", "ch", "sh", *"bpmfdtnlgkhjqxrzcsyw")
_JOINERS = "\u200c\u200d"  # between letters of one word in Persian, Hindi and others
_VOICES = {
    "en": "en-us",
    "fr": "fr-fr",
    "no": "nb",
}  # where espeak-ng has no voice by the code of the language alone, or one of another accent
_LANGUAGE = re.compile(r"\([a-z-]+\)")  # espeak-ng says where it takes words for those of another language


def has_program() -> bool:
    """Return whether espeak-ng is installed."""
    return shutil.which(_PROGRAM) is not None


@cache
def voices() -> frozenset[str]:
    """Return the codes of the languages that espeak-ng speaks."""
    if not has_program():
        return frozenset()
    done = subprocess.run([_PROGRAM, "--voices"], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603 - a fixed command
    return frozenset(line.split()[1] for line in done.stdout.splitlines()[1:] if len(line.split()) > 1)


def voice_of(language: str) -> str | None:
    """Return the voice of espeak-ng that says words of a language, `fr-fr` for `fr`; None where there is none, or no espeak-ng."""
    code = _VOICES.get(language, language)
    if not code or code in voices():
        return code or None
    return min((v for v in voices() if v.startswith(f"{code}-")), default=None)


def only_words(text: str) -> str:
    """Return the words of a text with one space between them: letters with the marks that belong to them, digits, apostrophes, hyphens."""
    kept = "".join(
        c if c.isalnum() or c in "'’-" or c in _JOINERS or unicodedata.category(c)[0] == "M" else " " for c in text
    )
    return " ".join(kept.split())


def by_program(lines: Sequence[str], voice: str) -> list[list[list[Sound]]]:
    """Return the sounds of the words of each line, by espeak-ng. Raises ModelwrightError where it is not there or fails."""
    if not has_program():
        raise ModelwrightError(
            "This voice reads by espeak-ng, which is not installed here: install it (on Debian: apt install espeak-ng).",
            "该声音依靠 espeak-ng 把文本转为音素，而本机未安装：请安装（Debian：apt install espeak-ng）。",
        )
    plain = [only_words(line) for line in lines]
    out: list[list[list[Sound]]] = [[] for _ in lines]
    asked = [i for i, line in enumerate(plain) if line]
    for at in range(0, len(asked), _AT_ONCE):
        some = asked[at : at + _AT_ONCE]
        found = _spoken([plain[i] for i in some], voice)
        if len(found) != len(some):  # a line that it broke in two: each by itself then
            found = [" ".join(_spoken([plain[i]], voice)) for i in some]
        for i, line in zip(some, found, strict=True):
            out[i] = [_sounds(word) for word in _LANGUAGE.sub("", line).split()]
    return out


def _spoken(lines: Sequence[str], voice: str) -> list[str]:
    asked = "".join(f"{line}.\n" for line in lines)
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command; texts go in as input
            [_PROGRAM, "-q", "--ipa", "--sep=_", "-v", voice, "--stdin"],
            input=asked, capture_output=True, encoding="utf-8", timeout=_SECONDS, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as e:
        raise ModelwrightError(
            f"espeak-ng failed ({type(e).__name__}).", f"espeak-ng 运行失败（{type(e).__name__}）。"
        ) from e
    return [line for line in done.stdout.splitlines() if line.strip()]


def _sounds(word: str) -> list[Sound]:
    """Return the sounds of a word as espeak-ng writes it: `h_ə_l_ˈoʊ`."""
    out = []
    for part in word.split("_"):
        base = part.lstrip(_STRESS)
        if base.strip("ː̩ ‍"):
            out.append((base, part[: len(part) - len(base)][-1:]))
    return out


def letters(line: str) -> list[list[Sound]]:
    """Return the letters of the words of a line, and the marks that stand for vowels, where sounds are not known."""
    words = (
        [(c, "") for c in word.lower() if c.isalnum() or unicodedata.category(c)[0] == "M"] for word in line.split()
    )
    return [word for word in words if any(c.isalnum() for c, _ in word)]


def pinyin(signs: str) -> list[list[Sound]]:
    """Return the sounds of Han characters: an initial and a final with its tone each, tone sandhi applied. Raises MissingExtra."""
    try:
        from pypinyin import Style, lazy_pinyin
        from pypinyin.seg.mmseg import seg
    except ImportError as e:
        raise MissingExtra("speech", "Pinyin", "拼音") from e
    found = lazy_pinyin(signs, style=Style.TONE3, neutral_tone_with_five=True, v_to_u=False, errors="ignore")
    if len(found) != len(signs):  # a sign that pypinyin does not know: it has no sound
        known = [s for s in signs if lazy_pinyin(s, style=Style.TONE3, errors="ignore")]
        signs = "".join(known)
        found = lazy_pinyin(signs, style=Style.TONE3, neutral_tone_with_five=True, v_to_u=False)
    return [syllable(s) for s in sandhi(found, signs, [len(w) for w in seg.cut(signs)])]


def syllable(text: str) -> list[Sound]:
    """Return the initial and the final of a syllable such as `zhang1`; finals that are written alike and said otherwise are told apart."""
    body, tone = (text[:-1], text[-1]) if text[-1:].isdigit() else (text, "5")
    initial = next((i for i in _INITIALS if body.startswith(i) and len(body) > len(i)), "")
    final = body[len(initial) :]
    if final == "i" and initial in ("z", "c", "s"):
        final = "ii"
    elif final == "i" and initial in ("zh", "ch", "sh", "r"):
        final = "iii"
    elif initial in ("j", "q", "x", "y") and final.startswith("u"):
        final = "v" + final[1:]
    return ([(f"@{initial}", "")] if initial else []) + [(f"@{final}", tone)]
