"""How a pretrained VITS voice is written to: letters or sounds of espeak-ng as its own tokens. Legend: L tokens."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Self

from modelwright.core.errors import OptionError
from modelwright.core.pretrained import Found
from modelwright.features.shared.aloud.reader import PAUSES, Reader, Sound

_STEP = {"^": "", ",": ",", ".": ".", "?": "?", "!": "!"}


class VitsText:
    """Tokens of a VITS folder (Kim et al., arXiv 2106.06103; MMS, arXiv 2305.13516); `state` is JSON."""

    def __init__(self, state: Mapping[str, Any]) -> None:
        self.state = dict(state)
        self.ids: dict[str, int] = {str(k): int(v) for k, v in state["ids"].items()}

    @classmethod
    def fit(cls, found: Found) -> Self:
        """Return how a folder is written to. Raises OptionError where it has no vocabulary, or wants other letters than are had here."""
        told = _json(found, "tokenizer_config.json")
        ids = _json(found, "vocab.json")
        if not ids or not all(isinstance(v, int) for v in ids.values()):
            raise OptionError(
                f"`{found.asked}` holds no vocab.json, by which a voice reads.",
                f"`{found.asked}` 中没有 vocab.json，无法读入文本。",
            )
        if told.get("is_uroman"):
            raise OptionError(
                f"`{found.asked}` reads texts that uroman has romanised, which is not had here; choose a voice that reads letters or sounds.",
                f"`{found.asked}` 需要 uroman 转写的拉丁字母，此处不提供；请选择读字母或音素的声音。",
            )
        blank = ids.get(str(told.get("pad_token", "")), min(ids.values()))
        return cls(
            {
                "ids": ids,
                "sounds": bool(told.get("phonemize", True)),
                "blanks": bool(told.get("add_blank", True)),
                "blank": int(blank),
            }
        )

    def reader(self, texts: Sequence[str], language: str) -> Reader:
        """Return what reads texts for it: words by espeak-ng where it wants sounds, else letters."""
        made = Reader.fit(texts, language)
        return made if self.state["sounds"] else Reader(made.language, "")

    def encode(self, sounds: Sequence[Sound]) -> tuple[list[int], list[str]]:
        """Return the tokens of sounds [L], and which of them it does not know."""
        written, unknown = "", []
        for at, sound in enumerate(sounds):
            if sound.base in PAUSES:
                mark = _STEP[sound.base]
                written += mark if mark in self.ids else ""
                continue
            own = (sound.mark if sound.mark in self.ids else "") + sound.base
            if sound.base[:1] == "@" or not any(
                c in self.ids for c in own
            ):  # initials and finals of pinyin are no letters
                unknown.append(sound.base.lstrip("@"))
                continue
            gap = " " if sound.first and written and at and " " in self.ids else ""
            written += gap + own
        tokens = [self.ids[c] for c in written if c in self.ids]
        if self.state["blanks"]:
            blank = int(self.state["blank"])
            tokens = [blank, *(t for token in tokens for t in (token, blank))]
        return tokens, unknown


def _json(found: Found, name: str) -> dict[str, Any]:
    try:
        told = json.loads((found.folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
