"""The contract of recognisers, and the kind that most are: patterns with a check digit and words nearby.

One file per family in this folder; its name is the family's. It defines `RECOGNISER`, a subclass of `Recogniser`.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

from modelwright.core.registry import load_file, names_in
from modelwright.core.words import Words
from modelwright.privacy.lazy_patterns import later
from modelwright.privacy.text import Block, bare

RECOGNISERS = "modelwright.privacy.recognisers"
LEAST = 0.3  # what is less sure is not even a hint
BEFORE, AFTER = 30, 14  # characters beside a value in which words speak for it
AGAINST_BEFORE = 14
DIGIT = "[0-9]"


@dataclass(frozen=True, slots=True)
class Match:
    """One find in one cell: characters `start` to `end`, its type, how sure (0 to 1), and why (codes joined by `+`).

    `lone` says that what was found is the whole cell. Codes: form, checksum, context, column, sentence, share, label.
    """

    start: int
    end: int
    type: str
    score: float
    reason: str
    lone: bool = False


REASONS = {
    "form": Words("its form", "格式"),
    "checksum": Words("its check digit", "校验位"),
    "context": Words("words beside it", "上下文"),
    "column": Words("the column's name", "列名"),
    "sentence": Words("how it stands in the sentence", "句中位置"),
    "share": Words("most cells of the column look so", "该列多数单元格如此"),
    "metadata": Words("data that the file carries", "文件自带信息"),
    "label": Words("what another library says", "其他库的判断"),
}


def reason_words(reason: str) -> Words:
    """Return the codes of a match as words."""
    parts = [REASONS[code] for code in reason.split("+")]
    return Words(", ".join(p.en for p in parts), "、".join(p.zh for p in parts))


class Recogniser(ABC):
    """Finds values of some types in cells.

    `rank` orders the families, quick ones first: when time runs out the later ones are left out. A family with
    `asked` is only used where it is asked for by name.
    """

    types: ClassVar[tuple[str, ...]]
    rank: ClassVar[int] = 0
    asked: ClassVar[bool] = False
    hints: ClassVar[
        tuple[str, ...]
    ] = ()  # given to `Block.select` for whole blocks, so that one pass may look for all of them
    beside_digits: ClassVar[tuple[str, ...]] = ()  # the same, for cells that hold digits
    in_han: ClassVar[
        tuple[str, ...]
    ] = ()  # the same, for cells with Han characters, none of which it looks through elsewhere

    @abstractmethod
    def find(self, block: Block, column: str) -> Iterator[tuple[int, Match]]:
        """Yield (cell of the block's source, match) with places in the plain cell; `column` is the column's name."""

    def named(self, column: str) -> bool:
        """Whether a column's name says that it holds values of these types."""
        return False


_AGAINST = (
    r"(?:order|invoice|tracking|serial|sku|ref(?:erence)?|ticket|version|amount|price|total|batch|model|timestamp|epoch|build|"
    r"case|quantity|qty|parcel|waybill|item|product|transaction|订单|单号|流水|编号|运单|快递(?!员|小哥)|物流|版本|金额|价格|合计|总计|发票|"
    r"(?<![a-z])(?:t|ts|time)\s?=|序列|批次|型号|货号|时间戳|工单|条码|商品|交易号|凭证|案号|数量|库存|票号)"
)
AGAINST = later(_AGAINST, re.IGNORECASE)


@dataclass(frozen=True)
class Pattern:
    """A form, and what speaks for and against it. Group 1 of `regex`, where there is one, is the value.

    `score` is how sure the form alone makes, `checked` with a right check digit (`valid`; `strict` drops those that fail),
    `nearby` with words that `near` finds beside it or in the column's name. `only_before` looks to the left alone. A cell with
    fewer than `digits` of them cannot hold it, nor one without any of `signs` (of `text.SIGNS`), nor one without `hint`.
    """

    type: str
    regex: re.Pattern[str]
    score: float
    hint: str = DIGIT
    near: re.Pattern[str] | None = None
    nearby: float = 0.9
    valid: Callable[[str], bool] | None = None
    checked: float = 0.95
    strict: bool = True
    against: re.Pattern[str] | None = AGAINST
    reach: int = BEFORE
    only_before: bool = False
    digits: int = 0
    signs: str = ""

    @property
    def weak(self) -> bool:
        """Whether nothing is told without words beside the value."""
        return max(self.score, self.checked if self.valid is not None else 0) < LEAST


_BARE = re.compile(r"[\s\-.·/()]+")


class Patterns(Recogniser):
    """A recogniser made of patterns."""

    patterns: ClassVar[tuple[Pattern, ...]]

    def __init_subclass__(cls) -> None:
        cls.hints = (*cls.hints, *(p.hint for p in cls.patterns if not (p.digits or p.signs)))
        cls.beside_digits = tuple(bare(p.near) for p in cls.patterns if p.weak and p.near is not None and p.digits)

    def named(self, column: str) -> bool:
        return any(p.near is not None and p.near.search(column) for p in self.patterns)

    def find(self, block: Block, column: str) -> Iterator[tuple[int, Match]]:
        for pattern in self.patterns:
            some = block.with_digits(pattern.digits).having(pattern.signs).select(pattern.hint)
            if not len(some):  # most patterns of most texts, whose words need not be compiled
                continue
            named = pattern.near is not None and pattern.near.search(column) is not None
            if pattern.weak and pattern.near is not None and not named:
                some = some.matching(pattern.near)
            if not len(some):
                continue
            for cell, m in some.finditer(pattern.regex):
                start, end = m.span(1) if m.re.groups and m.group(1) is not None else m.span()
                found = judged(pattern, some, cell, start, end, column, named)
                if found is not None:
                    yield int(some.index[cell]), found


def judged(pattern: Pattern, block: Block, cell: int, start: int, end: int, column: str, named: bool) -> Match | None:
    """Return the match that a pattern makes of characters `start` to `end` of a block's text, or None where it is too weak."""
    text = block.text
    score, reason = pattern.score, "form"
    good = True
    if pattern.valid is not None:
        good = pattern.valid(_BARE.sub("", text[start:end]))
        if good:
            score, reason = pattern.checked, "checksum"
        elif pattern.strict:
            return None
    first, last = int(block.starts[cell]), int(block.starts[cell + 1]) - 1
    before = text[max(first, start - pattern.reach) : start]
    near, against = pattern.near, pattern.against
    denied = against is not None and against.search(before[-AGAINST_BEFORE:]) is not None
    beside = near is not None and near.search(before) is not None
    if not beside and not denied and near is not None and not pattern.only_before:
        beside = near.search(text[end : min(last, end + AFTER)]) is not None
    if beside or (named and not denied):
        score, reason = max(score, pattern.nearby), f"{reason}+{'context' if beside else 'column'}"
    elif denied or (against is not None and against.search(column) is not None):
        score -= 0.45
    if score < LEAST:
        return None
    return Match(start - first, end - first, pattern.type, score, reason, start == first and end == last)


def person_at(block: Block, cell: int, span: tuple[int, int], score: float) -> tuple[int, Match]:
    """Return what a recogniser yields of a person in characters `span` of a block's text, told by words beside it."""
    start, end = span
    first, last = int(block.starts[cell]), int(block.starts[cell + 1]) - 1
    lone = start == first and end == last
    return int(block.index[cell]), Match(start - first, end - first, "person", score, "form+context", lone)


@cache
def get_recogniser(name: str) -> Recogniser:
    """Return the recogniser of that name. Raises OptionError, naming the nearest, if there is none."""
    cls: type[Recogniser] = load_file(RECOGNISERS, name, Words("recogniser", "识别器")).RECOGNISER
    return cls()


@cache
def recognisers(also: tuple[str, ...] = ()) -> tuple[Recogniser, ...]:
    """Return all recognisers that need not be asked for, and those named, the quick ones first."""
    found = [get_recogniser(n) for n in names_in(RECOGNISERS)]
    asked = [get_recogniser(n) for n in also]
    return tuple(sorted([r for r in found if not r.asked] + [r for r in asked if r.asked], key=lambda r: r.rank))


def speaks_of(column: str) -> bool:
    """Whether a column's name says to any recogniser that it holds values of its types."""
    return any(r.named(column) for r in recognisers())


def compiled(*parts: str, flags: int = re.IGNORECASE) -> re.Pattern[str]:
    """Return a pattern from its parts, joined; upper and lower case alike. Han characters end a word, as they should."""
    return later("".join(parts), flags | re.ASCII)
