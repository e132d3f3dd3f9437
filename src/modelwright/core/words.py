"""What people read, in both languages side by side, so that neither can be forgotten."""

from __future__ import annotations

import locale
import os
import re
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

Lang = Literal["en", "zh"]


class Words(NamedTuple):
    """One sentence in English and in Chinese."""

    en: str
    zh: str

    def to(self, lang: str) -> str:
        """Return the sentence in `lang` (`en` or `zh`; anything else gives English)."""
        return self.zh if lang == "zh" else self.en

    def fill(self, **values: Any) -> Words:
        """Fill `{name}` places in both languages."""
        return Words(self.en.format(**values), self.zh.format(**values))


def in_a_row(parts: Iterable[Words | None]) -> Words | None:
    """Return several remarks as one, divided by semicolons; None where there are none."""
    said = [p for p in parts if p is not None]
    return Words("; ".join(p.en for p in said), "；".join(p.zh for p in said)) if said else None


_WIDE = "\u3000-\u303f\uff00-\uffef“”‘’…—·"  # full-width punctuation, which brings its own room
_HAN = "\u3400-\u9fff\uf900-\ufaff"


def chinese(*pieces: str) -> str:
    """Return pieces of a Chinese sentence as one text: a blank stands between Chinese and Latin letters, digits or code, and between
    two of the latter; none beside full-width punctuation or between Chinese characters. Within the pieces nothing changes."""
    out = ""
    for piece in pieces:
        left, right = out[-1:], piece[:1]
        tight = not left or not right or re.match(f"[{_WIDE}\\s]", left) or re.match(f"[{_WIDE}\\s%]", right)
        between = "" if tight or (re.match(f"[{_HAN}]", left) and re.match(f"[{_HAN}]", right)) else " "
        out += between + piece
    return out


def counted(count: int, one: str, many: str = "") -> str:
    """Return a number with its noun in English: `1 row`, `12,000 rows`; `many` is the plural where it is not `one` and an s."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def shortened(text: str, longest: int) -> str:
    """Return a text of at most `longest` characters: a longer one ends in an ellipsis."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def some_of(values: Iterable[str], longest: int = 120) -> Words:
    """Return values as a list of about `longest` characters, each whole (a very long one ends in an ellipsis), and how many more there are."""
    every = [shortened(v, longest) for v in values]
    kept = every[:1]
    for value in every[1:]:
        if sum(map(len, kept)) + len(value) > longest:
            break
        kept.append(value)
    left = len(every) - len(kept)
    return Words(
        ", ".join(f"`{v}`" for v in kept) + (f" and {left:,} more" if left else ""),
        "、".join(f"`{v}`" for v in kept) + (f" 等 {len(every):,} 个" if left else ""),
    )


def pick_lang(asked: str | None = None) -> Lang:
    """Choose the language: the option, else `MODELWRIGHT_LANG`, `LC_ALL`, `LANG`, else English."""
    env = os.environ
    for value in (asked, env.get("MODELWRIGHT_LANG"), env.get("LC_ALL"), env.get("LANG")):
        if value:
            return known_lang(value) or "en"
    return known_lang(locale.getlocale()[0] or "") or "en"


def known_lang(value: str) -> Lang | None:
    """Return the language that a name or a locale's code stands for (`zh_CN.UTF-8`, `cn`, `Chinese`, `中文`); None for others."""
    low = value.lower()
    if low.startswith(("zh", "cn", "chinese", "中文", "汉语")):
        return "zh"
    return "en" if low.startswith(("en", "英文", "英语")) else None
