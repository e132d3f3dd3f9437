"""Names of persons, places and addresses: by the tagger in sentences, by the column's name in cells of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from modelwright.privacy import _japanese, _latin, lexicon
from modelwright.privacy._doubt import is_common
from modelwright.privacy._lexer import Found
from modelwright.privacy._persons import COMMON, DOUBLE, SOUNDS, Persons
from modelwright.privacy._titles import TELLS, is_goods, is_title
from modelwright.privacy.lazy_patterns import later
from modelwright.privacy.recognisers.base import LEAST, Match, Recogniser, compiled
from modelwright.privacy.tagger import shipped
from modelwright.privacy.text import Block

_HAN = later(r"[\u3400-\u9fff]")
_KEY = later(r"""([\w \-]+)["']?\s?[:=]\s?["']$""")  # of the JSON or form value that begins there
_CHINESE = later("[\u3400-\u9fff·]+")
PERSON = compiled(
    r"姓名|名字|(?:客户|用户|患者|病人|学生|员工|职工|联系|收件|收货|寄件|负责|经办|申请|持卡|持有|投保|被保险|驾驶|参会|签字|户主|业主|租客|房东|主叫|医生|教师|老师)(?:人|者)?(?:姓名|名)?$|联系人|收件人|收货人|寄件人|负责人|经办人|申请人|户名|"
    r"(?:^|_|\b)(?:full|real|legal|first|last|sur|middle|given|family|patient|customer|client|employee|student|contact|person|maiden|holder|owner|author|sender|recipient|passenger|guest|driver|doctor|teacher|user)[\s_\-]?names?$|"
    r"^(?:consignee|consignor|payee|payer|beneficiary|insured|assignee|attendee|guest|tenant|witness|cardholder)$|"
    r"(?:^|[_\b])signed[_ ]?by$|signatory$|^signers?$|^signature$|署名$|^签名$|"
    r"^names?$|^persons?$|^patients?$|^passenger$|^recipient$|^contact$|^author$"
)
FIRM = compiled(
    r"公司|企业|单位|商品|产品|文件|品牌|店铺|项目|company|product|file|brand|store|project|item|user_?name|login"
)
_ANYTHINGS_NAME = compiled(r"\s*(?:names?|名字|名前)\s*")  # a column of people, or of fruit
_LOOK = 500  # cells that tell which
_ADDRESS = compiled(r"地址|住址|住所|户籍|籍贯地|address|addr(?:_|$|\b)|street|residence")
_NO_ADDRESS = compiled(r"ip|mac|邮箱|mail|url|网址|web")
LATIN_NAME = later(r"[^\W\d_][^\W\d_'’.\-]*(?:[ ,.'’\-]{1,2}[^\W\d_][^\W\d_'’.\-]*){0,5}\.?(?:\s?\([^()]{2,60}\)?)?\"?")
_PARTS = later(r"[路街道巷弄号楼栋幢座室区县镇乡村苑园庄厦场里城寓]")
_STREET = later(r"\d")
_CODE = later(
    r"(?i)(?<![a-z])(?=[a-f]*[0-9])(?=[0-9]*[a-f])[0-9a-f]{7,}|[0-9a-f]{4}-[0-9a-f]{4}|\d\s?ms\b|^\w+ \d{1,2}/\d{2,4}$|\d\.\d+,\s?-?\d+\.\d|^\d\dZ\b"
)  # keys of machines
_ADDRESSED = later(
    r"(?i)(?:(?:dear|hi|hello|hey|thanks|patient|customer|client|passenger|guest|attn|contact|regards|cheers|coach|technician|driver|waiter|waitress|guide|agent|instructor|tenant|applicant|caller|nurse|manager|captain|officer|aunt|uncle)[ ,:.]+(?=[^\W\d_]))?"
)  # what stands before a name and is no part of it
_WORDS = later(r"[^\W\d_]+(?:['’\-][^\W\d_]+)*")
_BRAND = 0.6  # as sure as a name in the title of goods can be: enough to be shown, too little to be replaced
_TAILS = frozenset("和与跟同的了是在说会")  # characters that the tagger takes along and no name ends in
_PARTICLE = later(r" (?:bin|bint|ibn|binti|van|von|de|da|della|di|del|al|el)(?: (?:der|den|la))? ")  # inside a name
_HONORIFIC = later(r"-(?:san|sama|kun|chan|sensei)$")
_NUMBERED = later(r"[0-9]{1,6}[A-Za-z]?\s+(?:[NSEW]{1,2}\.?\s+)?[A-Z]")  # the number and the first word of a street
_CONSONANTS = later(r"(?i)(?:[b-df-hj-np-tv-xz]+\s?)+")
_GAP = later(r"[\s,.;>#\-|?]{0,6}")
_LEAST_SURE = {"latin": 0.6, "lower": 0.85, "han": 0.7}  # certainty of the tagger below which no name is told


class Names(Recogniser):
    """Persons, places and addresses."""

    types = ("person", "place", "address")
    rank = 1

    def find(self, block: Block, column: str) -> Iterator[tuple[int, Match]]:
        person = PERSON.search(column) is not None and not FIRM.search(column)
        address = _ADDRESS.search(column) is not None and not _NO_ADDRESS.search(column)
        if person and _ANYTHINGS_NAME.fullmatch(column) and not _are_people(block.cells):
            person = False
        if person or address:
            for i, cell in enumerate(block.cells):
                found = self._named_person(cell) if person else self._named_address(cell)
                if found is not None:
                    yield int(block.index[i]), found
        some = block.select("[A-Za-z\u0080-\U0010ffff]")
        if not len(some):
            return
        spans, likely = shipped().read(some.text)
        if _HAN.search(some.text):
            yield from self._in_chinese(some, *_chinese(some.text, spans, likely))
            spans = [s for s in spans if not _is_chinese(some.text, s)]
        cells = np.searchsorted(some.starts, np.array([s for s, _, _, _ in spans], np.int64), "right") - 1
        joined = list(_joined(some.text, spans, cells.tolist()))
        yield from self._in_latin(some, joined)
        for at, start, end, kind, sure in joined:
            first, last = int(some.starts[at]), int(some.starts[at + 1]) - 1
            if kind == "ORGANISATION" or end > last:
                continue
            if kind == "PERSON" and not _HAN.search(some.cells[at]):
                words = some.text[start:end].lower().split()
                if not some.text[start:end].islower() or all(_latin.kind_of(w) in "CPU" for w in words):
                    continue  # the judge's, or no name without a capital that no list holds
            while end - start > 2 and some.text[end - 1] in _TAILS and _HAN.match(some.text[start]):
                end -= 1
            if kind == "PERSON":
                start += len(_ADDRESSED.match(some.text[start:end])[0])  # type: ignore[index]  # it may match nothing
                end = start + _before_goods(some.text[start:end])
                if suffix := _HONORIFIC.search(some.text[start:end]):
                    end = start + suffix.start()
            elif kind == "ADDRESS":
                start, end = _trimmed(some.text, start, end)
            value = some.text[start:end]
            score = _judged(kind, value, sure) if value else 0.0
            if kind == "PERSON" and _is_key(some.text, start, end):
                continue
            if kind == "PERSON" and is_title(some.cells[at]):
                score = min(score, _BRAND)
            if kind == "PERSON" and _is_thing(some.text, first, start, end):
                continue
            around = some.text[max(first, start - 2) : min(last, end + 2)]
            if kind == "PERSON" and score and _odd_in_han(around, value):
                score = min(score, 0.6)
            if score >= LEAST:
                lone = start == first and end == last
                yield int(some.index[at]), Match(start - first, end - first, kind.lower(), score, "sentence", lone)

    @staticmethod
    def _in_latin(block: Block, joined: list[tuple[int, int, int, str, float]]) -> Iterator[tuple[int, Match]]:
        """Yield names with capitals in cells without Han characters."""
        tagged: dict[int, list[tuple[int, int, str, float]]] = {}
        for at, start, end, kind, sure in joined:
            first = int(block.starts[at])
            tagged.setdefault(at, []).append((start - first, end - first, kind, sure))
        for at, cell in enumerate(block.cells):
            if _HAN.search(cell):
                continue
            for start, end, score in _latin.read(cell, tagged.get(at, ())):
                if suffix := _HONORIFIC.search(cell[start:end]):
                    end = start + suffix.start()
                if _is_key(cell, start, end) or _is_thing(cell, 0, start, end):
                    continue
                if is_title(cell):
                    score = min(score, _BRAND)
                lone = start == 0 and end == len(cell)
                yield int(block.index[at]), Match(start, end, "person", score, "sentence", lone)

    @staticmethod
    def _in_chinese(block: Block, tagged: list[Found], likely: np.ndarray) -> Iterator[tuple[int, Match]]:
        """Yield names in Han characters, of which the lexer has an opinion too."""
        japanese = _japanese.are_japanese(block.cells)
        for at in np.flatnonzero(japanese).tolist():
            cell = block.cells[at]
            for start, end, score in _japanese.read(cell):
                lone = start == 0 and end == len(cell)
                yield int(block.index[at]), Match(start, end, "person", score, "sentence", lone)
        for start, end, score in Persons(block.text, tagged, likely).found():
            at = int(np.searchsorted(block.starts, start, "right")) - 1
            if japanese[at]:
                continue
            first, last = int(block.starts[at]), int(block.starts[at + 1]) - 1
            key = _KEY.search(block.text[max(first, start - 40) : start])
            if key is not None and FIRM.search(key[1]):  # "file_name": "张三丰"
                continue
            if is_title(block.cells[at]):
                score = min(score, _BRAND)
            lone = start == first and end == last
            yield int(block.index[at]), Match(start - first, end - first, "person", score, "sentence", lone)

    @staticmethod
    def _named_person(cell: str) -> Match | None:
        """Return the cell as a name where it can be one: the column's name says that it is."""
        text = cell.strip()
        if not text or len(text) > 90:
            return None
        start = cell.index(text)
        if _HAN.search(text):
            good = (len(text) <= 4 and all(_HAN.match(c) for c in text)) or "·" in text
        else:
            good = LATIN_NAME.fullmatch(text) is not None and text.lower() not in NO_NAMES
        return Match(start, start + len(text), "person", 0.9, "form+column", True) if good else None

    @staticmethod
    def _named_address(cell: str) -> Match | None:
        text = cell.strip()
        if len(text) < 5 or not (_STREET.search(text) or len(_PARTS.findall(text)) >= 2) or text.isdigit():
            return None
        start = cell.index(text)
        return Match(start, start + len(text), "address", 0.9, "form+column", True)


NO_NAMES = frozenset(
    [
        "none",
        "unknown",
        "other",
        "others",
        "yes",
        "no",
        "male",
        "female",
        "na",
        "n/a",
        "null",
        "test",
        "anonymous",
        "guest",
        "admin",
        "user",
        "total",
        "all",
    ]
)


def _are_people(cells: Sequence[str]) -> bool:
    """Whether the cells of a column called `name` are people as far as can be told: not most of みかん, Apple and Grapefruit are."""
    told = [person for cell in cells[:_LOOK] if cell.strip() and (person := _is_person(cell.strip())) is not None]
    return 2 * sum(told) >= len(told)


def _is_person(text: str) -> bool | None:
    """Whether a cell is plainly a name of a person, True, or plainly a word, False."""
    if _HAN.search(text):
        surname = text[0] in lexicon.family_names() or text[:2] in DOUBLE or _japanese.has_surname(text)
        return "·" in text or (surname and 2 <= len(text) <= 5 and not is_common(text))
    if _japanese.is_kana(text):
        return " " in text
    kinds = [_latin.kind_of(w) for w in text.lower().split()]
    if any(k in "FSA" for k in kinds):
        return True
    return False if all(k in "CP" for k in kinds) else None


def tagged_in(text: str) -> tuple[list[Found], np.ndarray]:
    """Return the names in Han characters that the tagger finds in cells, each with `END` after it, and where it thinks that one may begin:
    chances [T] of each of the T characters."""
    return _chinese(text, *shipped().read(text))


def _is_chinese(text: str, span: tuple[int, int, str, float]) -> bool:
    return span[2] == "PERSON" and _CHINESE.fullmatch(text[span[0] : span[1]]) is not None


def _chinese(text: str, spans: list[tuple[int, int, str, float]], likely: np.ndarray) -> tuple[list[Found], np.ndarray]:
    held = []
    for start, end, kind, sure in spans:
        if _is_chinese(text, (start, end, kind, sure)):
            while end - start > 2 and text[end - 1] in _TAILS:
                end -= 1
            held.append((start, end, sure))
    return held, likely


def _joined(
    text: str, spans: list[tuple[int, int, str, float]], cells: list[int]
) -> Iterator[tuple[int, int, int, str, float]]:
    """Yield spans with their cells; pieces of an address that only blanks and commas part are one address."""
    held: list[tuple[int, int, int, str, float]] = []
    for cell, (start, end, kind, sure) in zip(cells, spans):
        if held and held[-1][0] == cell and kind in ("ADDRESS", "PLACE") and held[-1][3] in ("ADDRESS", "PLACE"):
            c, s, e, k, p = held[-1]
            if "ADDRESS" in (kind, k) and _GAP.fullmatch(text[e:start]):
                held[-1] = (c, s, end, "ADDRESS", max(p, sure))
                continue
        if held and held[-1][0] == cell and kind == held[-1][3] == "PERSON":  # Mohammed bin Yusuf, Anna van Dijk
            _, s, e, _, p = held[-1]
            if _PARTICLE.fullmatch(text[e:start]):
                held[-1] = (cell, s, end, kind, max(p, sure))
                continue
        held.append((cell, start, end, kind, sure))
    yield from held


def _is_key(text: str, start: int, end: int) -> bool:
    """Whether a Latin value is a key (`max=255`) or a code without a vowel."""
    value = text[start:end]
    return value.isascii() and ("=" in value or text[end : end + 1] == "=" or _CONSONANTS.fullmatch(value) is not None)


def _is_thing(text: str, first: int, start: int, end: int) -> bool:
    """Whether a first name that is a word too stands before a thing, or a possessive before a number: Amber light, Levi's 501."""
    after = text[end : end + 24]
    if _POSSESSED.match(after):
        return True
    word = text[start:end].lower()
    if " " not in word and _ARTICLE.search(text[max(first, start - 5) : start]):  # I drive a Ford
        return True
    if _CALLED_AFTER.match(after):  # a library called after somebody
        return True
    if (
        _FIELD.match(after)
        and " " not in word
        and word not in _FIRST
        and text[max(first, start - 1) : start] in ("", "\n")
    ):
        return True  # Venue: what stands before a colon at the beginning of a line is a field's name
    if text[start:end].isupper() and re.match("-?[0-9]", after):  # SKU TR-4299
        return True
    following = _LOWER_WORD.match(after)
    if word not in _NAME_WORDS or following is None or text[first:start].rstrip().endswith((",", ":")):
        return False
    return following[1] not in _TELLING and not following[1].endswith(("ed", "ly"))


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the bounds of an address without words before its number, or a name that a blank parts from its last number."""
    value = text[start:end]
    if _HAN.search(value):
        tail = _NAME_AFTER.search(value)
        return start, end - len(tail[1]) if tail else end
    found = _NUMBERED.search(value)
    words = value[: found.start()].split() if found else []
    return (start + found.start() if found and any(w.islower() for w in words) else start), end


def _judged(kind: str, value: str, sure: float) -> float:
    """Return how sure a span of the tagger is, 0 where its form speaks against it; what has a form of its own goes first."""
    han = _HAN.search(value) is not None
    if kind == "PERSON":
        if han and (not _chinese_name(value) or value in COMMON):
            return 0.0
        if not han and (not any(c.isalpha() for c in value) or len(value) < 2 or any(c.isdigit() for c in value)):
            return 0.0
        # without a capital to show it, a Latin name must stand out more
        way = "han" if han else "lower" if value.islower() else "latin"
        return 0.0 if sure < _LEAST_SURE[way] else 0.4 + 0.45 * sure
    if kind == "ADDRESS":
        parts = len(_PARTS.findall(value))
        digits = any(c.isdigit() for c in value)
        if han:
            good = parts >= 2 or (digits and _PARTS.search(value.replace("号", "")) is not None)
        else:
            lettered = any(c.isalpha() for c in value)
            good = digits and lettered and " " in value.strip() and max(map(len, value.split())) <= 24
            good = good and not _CODE.search(value)
        return 0.4 + 0.4 * sure if good and len(value) <= 200 and sure >= 0.5 else 0.0
    return 0.4 + 0.4 * sure if any(c.isalpha() for c in value) and sure >= 0.5 else 0.0


def _before_goods(value: str) -> int:
    """Return how many characters of a Latin name stand before words for goods: `Grey Tshirts` is none, `Peter England Men` one of two words."""
    for m in _WORDS.finditer(value):
        if is_goods(m[0]) and m[0].lower() not in _FAMILY:
            before = value[: m.start()].rstrip()
            words = before.lower().split()
            return len(before) if len(words) > 1 and words[0] in _FIRST else 0
    return len(value)


def _odd_in_han(around: str, value: str) -> bool:
    """Whether one Latin word stands amid Han characters and is no first name: brands, units and keys do."""
    if " " in value or not _HAN.search(around):
        return False
    return value.lower() not in _FIRST


def _chinese_name(value: str) -> bool:
    bare = value.replace("·", "")
    if not all(_HAN.match(c) for c in bare):
        return False
    if "·" in value or all(c in SOUNDS for c in bare):
        return 2 <= len(bare) <= 12
    double = value[:2] in DOUBLE
    return (value[0] in lexicon.family_names() and len(bare) <= 4) or (double and 2 <= len(bare) <= 5)


_POSSESSED = later(r"['’]s [0-9]")
_LOWER_WORD = later(r" ([a-z]+)")
_NAME_WORDS = frozenset(lexicon.entries("name_words"))
_TELLING = TELLS | frozenset(
    "and or of for with in on to by at as just never always still also then already really so if could may might must".split()
)
_CALLED_AFTER = later(
    r"\.? (?:Library|Street|Avenue|Road|Airport|Hospital|Hall|University|College|School|Center|Centre|Park|Bridge|Museum|Stadium|Foundation|Award|Prize|Cup|Tower|Building|Square|Theat(?:er|re))\b"
)
_FIELD = later(r" ?:")
_ARTICLE = later(r"(?i)(?<![a-z])(?:an?|the) $")
_NAME_AFTER = later(r"[0-9号室楼樓號层座](\s[\u3400-\u9fff]{2,4})$")
_FIRST = lexicon.first_names()
_FAMILY = _FIRST | frozenset(lexicon.entries("last_names"))

RECOGNISER = Names
