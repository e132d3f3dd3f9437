"""Numbers written so that machines should not read them: in words, Han or circled digits, one by one, or mixed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from modelwright.privacy import checksums
from modelwright.privacy.lazy_patterns import later
from modelwright.privacy.recognisers.base import AGAINST, Match, Recogniser, compiled
from modelwright.privacy.recognisers.identity import ID_SAID
from modelwright.privacy.text import Block

_SIGNS = {
    **dict.fromkeys("零〇⓪⓿", "0"), **dict.fromkeys("一幺壹①➀❶㊀", "1"), **dict.fromkeys("二两贰②➁❷㊁", "2"),
    **dict.fromkeys("三叁③➂❸㊂", "3"), **dict.fromkeys("四肆④➃❹㊃", "4"), **dict.fromkeys("五伍⑤➄❺㊄", "5"),
    **dict.fromkeys("六陆⑥➅❻㊅", "6"), **dict.fromkeys("七柒⑦➆❼㊆", "7"), **dict.fromkeys("八捌⑧➇❽㊇", "8"),
    **dict.fromkeys("九玖⑨➈❾㊈", "9"),
}  # fmt: skip
_WORDS = {
    "zero": "0", "oh": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7",
    "eight": "8", "nine": "9",
}  # fmt: skip
_SIGN = "[" + "".join(_SIGNS) + "0-9]"
_RUN = later(rf"(?<![0-9.\-])(?<!第){_SIGN}(?:[ \-·.、]?{_SIGN}){{6,17}}(?:[ \-]?[xX叉])?(?![0-9])")
_SAID = compiled(rf"(?<![A-Za-z])(?:{'|'.join(_WORDS)})(?:[ ,.\-]{{1,2}}(?:{'|'.join(_WORDS)})){{6,14}}(?![A-Za-z])")
_PHONE = compiled(
    r"电话|手机|号码|联系|致电|拨打|加我|打给|微信|phone|tel|mobile|cell|call|reach|number|text|contact|whatsapp"
)
_MOBILE = later(r"(?:0?0?86)?1[3-9][0-9]{9}")
_COUNTED = later(r"0?1?23456789?0?|12345678900?")


class Spelled(Recogniser):
    """Phone numbers and ID cards in signs other than plain digits, or digit by digit."""

    types = ("phone", "id-card")
    _words = r"(?i)\b(?:zero|oh|one|two|three|four|five|six|seven|eight|nine)[ ,.-]{1,2}(?:zero|oh|one|two|three|four|five|six|seven|eight|nine)\b"
    hints = (_words,)

    def find(self, block: Block, column: str) -> Iterator[tuple[int, Match]]:
        some = block.select(rf"{_SIGN}(?:[ ·.、-]?{_SIGN}){{6}}")
        for cell, m in some.finditer(_RUN):
            if sum(c in _SIGNS for c in m.group()) >= 2 or _one_by_one(m.group()):
                digits = "".join(_SIGNS.get(c, c) for c in m.group() if c in _SIGNS or c.isdigit() or c in "xX")
                digits += "X" if m.group().endswith("叉") else ""
                yield from self._judged(some, cell, m, digits, column)
        said = block.select(self._words)
        for cell, m in said.finditer(_SAID):
            digits = "".join(_WORDS[w.lower()] for w in re.findall("[A-Za-z]+", m.group()))
            yield from self._judged(said, cell, m, digits, column)

    def _judged(
        self, some: Block, cell: int, m: re.Match[str], digits: str, column: str
    ) -> Iterator[tuple[int, Match]]:
        first, last = int(some.starts[cell]), int(some.starts[cell + 1]) - 1
        before = some.text[max(first, m.start() - 20) : m.start()]
        told = _PHONE.search(before) is not None
        kind, score, reason = "phone", 0.0, "form"
        if len(digits) == 18 and checksums.id_card(digits.upper()):
            kind, score, reason = "id-card", 0.96, "checksum"
        elif len(digits) == 18 and ID_SAID.search(before) and checksums.id_form(digits.upper()):
            kind, score, reason = "id-card", 0.8, "form+context"  # a slip of the tongue, as of the pen elsewhere
        elif _COUNTED.fullmatch(digits) or AGAINST.search(before[-10:]):
            return
        elif _MOBILE.fullmatch(digits):
            score = 0.8
        elif told and 7 <= len(digits) <= 12:
            score = 0.75
        if told and score and kind == "phone":
            score, reason = score + 0.12, "form+context"
        if score:
            lone = m.start() == first and m.end() == last
            yield int(some.index[cell]), Match(m.start() - first, m.end() - first, kind, score, reason, lone)


def _one_by_one(text: str) -> bool:
    """Whether digits stand one by one, each with a blank or mark after it."""
    return re.fullmatch(r"[0-9](?:[ \-·.、][0-9]){6,17}(?:[ \-][xX叉])?", text) is not None


RECOGNISER = Spelled
