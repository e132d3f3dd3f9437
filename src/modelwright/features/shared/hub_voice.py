"""How pretrained voices are written to: letters or sounds of espeak-ng as their own tokens. Legend: L tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

from modelwright.core.errors import OptionError
from modelwright.core.pretrained import Found
from modelwright.features._spm import pieces_of
from modelwright.features.shared.aloud.reader import PAUSES, WORDS, Reader, Sound

_SPACE = "\u2581"
_STEP = {"^": "", ",": ",", ".": ".", "?": "?", "!": "!"}


class VitsText:
    """Tokens of a VITS folder (Kim et al., arXiv 2106.06103; MMS, arXiv 2305.13516); `state` is JSON."""

    def __init__(self, state: Mapping[str, Any]) -> None:
        self.state = dict(state)
        self.ids: dict[str, int] = {str(k): int(v) for k, v in state["ids"].items()}

    @classmethod
    def fit(cls, found: Found) -> Self:
        """Return how a folder is written to. Raises OptionError where it has no vocabulary, or wants other letters than are had here."""
        told = found.json("tokenizer_config.json")
        ids = found.json("vocab.json")
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
        return made if self.state["sounds"] else replace(made, voice="")

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


class SpeechT5Text:
    """Tokens of a SpeechT5 folder (Ao et al., arXiv 2110.07205), one a character; `state` is JSON."""

    def __init__(self, state: Mapping[str, Any]) -> None:
        self.state = dict(state)
        self.ids: dict[str, int] = {str(k): int(v) for k, v in state["ids"].items()}

    @classmethod
    def fit(cls, found: Found) -> Self:
        """Return how a folder is written to. Raises OptionError where it has no characters."""
        try:
            data = (found.folder / "spm_char.model").read_bytes()
        except OSError as e:
            raise OptionError(
                f"`{found.asked}` holds no spm_char.model, by which a SpeechT5 voice reads.",
                f"`{found.asked}` 中没有 spm_char.model，SpeechT5 声音无法读入文本。",
            ) from e
        size = int(found.config.get("vocab_size") or 0)
        ids = {c: i for i, c in enumerate(pieces_of(data, f"{found.asked}/spm_char.model")) if len(c) == 1 and i < size}
        if _SPACE not in ids:
            raise OptionError(
                f"`{found.asked}/spm_char.model` is not written in characters; expected the one of a SpeechT5 voice.",
                f"`{found.asked}/spm_char.model` 不以单个字符为单位；应为 SpeechT5 声音的文件。",
            )
        most = min(int(found.config.get("max_text_positions", 450)), 600) - 1
        return cls({"ids": ids, "end": int(found.config.get("eos_token_id", 2)), "most": max(2, most)})

    def reader(self, texts: Sequence[str], language: str) -> Reader:
        """Return what reads texts for it: words as they are written."""
        return Reader(Reader.fit(texts, language).language, WORDS)

    def encode(self, sounds: Sequence[Sound]) -> tuple[list[list[int]], list[str]]:
        """Return the tokens of words in parts that the voice can read at once, [L] each, and which characters it does not know."""
        words: list[list[int]] = []
        unknown: list[str] = []
        for sound in sounds:
            if sound.base in PAUSES:
                if words and _STEP[sound.base] in self.ids:
                    words[-1].append(self.ids[_STEP[sound.base]])
                continue
            if sound.base[:1] == "@":  # of pinyin it knows nothing
                unknown.append(sound.base.lstrip("@"))
                continue
            known = [self._id_in_any_case(c) for c in sound.base]
            unknown += [c for c, i in zip(sound.base, known, strict=True) if i is None]
            made = [i for i in known if i is not None]
            if made:
                words.append([self.ids[_SPACE], *made])
        return self._parted(words), unknown

    def _id_in_any_case(self, c: str) -> int | None:
        return next((self.ids[o] for o in (c, c.lower(), c.upper()) if o in self.ids), None)

    def _parted(self, words: Sequence[list[int]]) -> list[list[int]]:
        most = int(self.state["most"]) - 1
        parts: list[list[int]] = []
        for word in words:
            for at in range(0, len(word), most):  # a word beyond all measure is cut
                some = word[at : at + most]
                if not parts or len(parts[-1]) + len(some) > most:
                    parts.append([])
                parts[-1] += some
        return [[*p, int(self.state["end"])] for p in parts]
