"""A safe subset of SSML (W3C, Speech Synthesis Markup Language 1.1): speak, p, s, break, prosody, emphasis, sub, say-as, voice.

Entities, document types and processing instructions are refused before anything is parsed, so that nothing grows or is fetched.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from xml.parsers import expat

from modelwright.core.errors import DataError

MOST_DEEP = 32
_BREAKS = {"none": 0.0, "x-weak": 0.1, "weak": 0.2, "medium": 0.4, "strong": 0.7, "x-strong": 1.2}
_RATES = {"x-slow": 0.5, "slow": 0.75, "medium": 1.0, "default": 1.0, "fast": 1.3, "x-fast": 1.7}
_PITCHES = {"x-low": -6.0, "low": -3.0, "medium": 0.0, "default": 0.0, "high": 3.0, "x-high": 6.0}
_LONGEST = 10.0  # seconds of one break
_SPEEDS = (0.3, 3.0)  # times as fast
_OCTAVE = 12.0  # semitones up or down
_TONES_TOLD = ("-12st (-50%)", "+12st (+100%)")
_SPELLED = frozenset(("characters", "spell-out", "verbatim", "digits", "telephone"))
_AS = frozenset(("cardinal", "ordinal", "number", "date", "time", "currency", "unit", "fraction", "address"))
ELEMENTS = frozenset("speak p s break prosody emphasis sub say-as voice".split())
_TIME = re.compile(r"\+?(\d+(?:\.\d+)?)(ms|s)\Z")
_PERCENT = re.compile(r"([+-]?\d+(?:\.\d+)?)%\Z")
_TONES = re.compile(r"([+-]?\d+(?:\.\d+)?)st\Z")


@dataclass(frozen=True)
class Piece:
    """Text with how it is said: `rate` times as fast, `pitch` semitones higher, letter by letter where it is `spelled`. A piece without
    text is a pause of so many `seconds`, or an `end` of a sentence. `voice` names a speaker."""

    text: str = ""
    rate: float = 1.0
    pitch: float = 0.0
    spelled: bool = False
    seconds: float | None = None
    end: bool = False
    voice: str | None = None


def is_ssml(text: str) -> bool:
    """Return whether a text means to be SSML."""
    return bool(re.match(r"\s*(?:<\?xml|<!DOCTYPE|<!--|<speak[\s>/])", text))


def pieces(text: str) -> list[Piece]:
    """Return the pieces of an SSML text. Raises DataError, which says where, for what is no XML or not of the subset."""
    reader = _Reader()
    parser = expat.ParserCreate("utf-8")  # what the text is given as, whatever it declares
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = (
        reader.opened,
        reader.closed,
        reader.said,
    )
    parser.StartDoctypeDeclHandler = _no_doctype
    parser.EntityDeclHandler = _no_doctype
    parser.ProcessingInstructionHandler = lambda *_: _refused(
        "holds a processing instruction; leave it out", "含有处理指令；请去掉"
    )
    reader.at = lambda: (parser.CurrentLineNumber, parser.CurrentColumnNumber + 1)
    try:
        parser.Parse(text.encode("utf-8", "replace"), True)
    except expat.ExpatError as e:
        what = expat.errors.messages.get(e.code, "it is not well-formed")
        _refused(
            f"is no complete XML: {what} (line {e.lineno}, character {e.offset + 1})",
            f"不是完整的 XML：第 {e.lineno} 行第 {e.offset + 1} 个字符处有误",
        )
    return reader.pieces


def _no_doctype(*_: object) -> None:
    _refused("declares a document type or entities; leave those out", "声明了文档类型或实体；请去掉")


def _refused(en: str, zh: str) -> None:
    raise DataError(f"The SSML {en}.", f"SSML {zh}。")


class _Reader:
    """Gathers pieces while a parser walks."""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self.open: list[tuple[str, Piece]] = []
        self.instead = 0  # how deep inside an element whose text is not said
        self.at = lambda: (1, 1)

    @property
    def now(self) -> Piece:
        return self.open[-1][1] if self.open else Piece()

    def opened(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        line, column = self.at()
        if name not in ELEMENTS:
            known = ", ".join(sorted(ELEMENTS))
            _refused(
                f"holds <{name[:40]}> at line {line}, character {column}; known are {known}",
                f"第 {line} 行第 {column} 个字符处有 <{name[:40]}>；支持的元素：{known}",
            )
        if not self.open and name != "speak":
            _refused(f"begins with <{name}>; expected <speak>", f"以 <{name}> 开头；应为 <speak>")
        if len(self.open) >= MOST_DEEP:
            _refused(f"is nested deeper than {MOST_DEEP} elements", f"嵌套超过 {MOST_DEEP} 层")
        piece = self.now
        if name == "break":
            self.pieces.append(replace(piece, text="", seconds=self._break(attributes)))
        elif name == "prosody":
            piece = replace(
                piece,
                rate=piece.rate * self._rate(attributes.get("rate", "medium")),
                pitch=piece.pitch + self._pitch(attributes.get("pitch", "medium")),
            )
        elif name == "emphasis":
            weak = attributes.get("level", "moderate") in ("none", "reduced")
            piece = piece if weak else replace(piece, rate=piece.rate * 0.9, pitch=piece.pitch + 1.0)
        elif name == "sub":
            self.pieces.append(replace(piece, text=f" {attributes.get('alias', '')} "))
            self.instead += 1
        elif name == "say-as":
            how = attributes.get("interpret-as", "")
            if how not in _SPELLED | _AS:
                known = ", ".join(sorted(_SPELLED | _AS))
                _refused(
                    f'holds say-as interpret-as="{how[:40]}" at line {line}; known are {known}',
                    f'第 {line} 行的 say-as 为 interpret-as="{how[:40]}"；支持：{known}',
                )
            piece = replace(piece, spelled=how in _SPELLED)
        elif name == "voice":
            piece = replace(piece, voice=attributes.get("name") or piece.voice)
        self.open.append((name, piece))

    def closed(self, name: str) -> None:
        opened, piece = self.open.pop()
        if opened in ("p", "s"):
            self.pieces.append(replace(piece, text="", end=True))
        if opened == "sub":
            self.instead -= 1

    def said(self, text: str) -> None:
        if not self.instead and text:
            last = self.pieces[-1] if self.pieces else None
            if last is not None and last.text and replace(last, text="") == self.now:
                self.pieces[-1] = replace(last, text=last.text + text)  # the parser gives a text in parts
            else:
                self.pieces.append(replace(self.now, text=text))

    def _break(self, attributes: dict[str, str]) -> float:
        if "time" in attributes:
            m = _TIME.match(attributes["time"].strip())
            if m is None:
                _refused(
                    f"has a break of `{attributes['time'][:20]}`; expected seconds such as 500ms or 1.5s",
                    f"break 的时长为 `{attributes['time'][:20]}`；应写作 500ms、1.5s 等形式",
                )
            assert m is not None
            value = float(m[1]) * (1e-3 if m[2] == "ms" else 1.0)
            return self._within(value, 0.0, _LONGEST, "break", attributes["time"], ("0s", f"{_LONGEST:g}s"))
        return self._by_name(attributes.get("strength", "medium"), _BREAKS, "break strength")

    def _rate(self, text: str) -> float:
        m = _PERCENT.match(text.strip())
        if m is not None:
            value = float(m[1]) / 100
            value = 1 + value if text.strip()[0] in "+-" else value
            return self._within(value, *_SPEEDS, "prosody rate", text, tuple(f"{100 * v:g}%" for v in _SPEEDS))
        return self._by_name(text, _RATES, "prosody rate")

    def _pitch(self, text: str) -> float:
        text = text.strip()
        m = _TONES.match(text)
        if m is not None:
            return self._within(float(m[1]), -_OCTAVE, _OCTAVE, "prosody pitch", text, _TONES_TOLD)
        m = _PERCENT.match(text)
        if m is not None and text[0] in "+-":
            tone = 12 * math.log2(max(1e-3, 1 + float(m[1]) / 100))
            return self._within(tone, -_OCTAVE, _OCTAVE, "prosody pitch", text, _TONES_TOLD)
        return self._by_name(text, _PITCHES, "prosody pitch")

    def _within(self, value: float, low: float, high: float, what: str, text: str, told: tuple[str, ...]) -> float:
        if not low <= value <= high:
            _refused(
                f"has a {what} of `{text.strip()[:20]}`; expected {told[0]} to {told[1]}",
                f"{what} 的值为 `{text.strip()[:20]}`；应在 {told[0]} 到 {told[1]} 之间",
            )
        return value

    def _by_name(self, text: str, known: dict[str, float], what: str) -> float:
        if text.strip() not in known:
            _refused(
                f"has a {what} of `{text[:20]}`; known are {', '.join(known)}",
                f"{what} 的值为 `{text[:20]}`；支持：{'、'.join(known)}",
            )
        return known[text.strip()]


def voices_of(text: str) -> list[str]:
    """Return whom a text asks to be spoken by, where it is SSML; nobody where it cannot be read."""
    if not is_ssml(text):
        return []
    try:
        return list(dict.fromkeys(p.voice for p in pieces(text) if p.voice))
    except DataError:
        return []


def plain(text: str) -> Iterator[Piece]:
    """Yield a plain text as the one piece that it is."""
    yield Piece(text)
