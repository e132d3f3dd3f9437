"""Chinese names of persons in sentences, from two opinions: the tagger's, which learnt from made sentences, and the lexer's, which learnt from real text.

Each alone is wrong in its own way: the tagger knows forms, lists and rows of fields, the lexer how people are spoken of. A logistic regression
over what both say, what `doubt` says and what form the name has tells how sure a name is. `benchmarks/persons.py` fits it anew, and says on what.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from modelwright.privacy import lexicon
from modelwright.privacy._beside import ACTS, LEADS, ROLES
from modelwright.privacy._doubt import NEVER, SELDOM, across_words, doubt, is_common
from modelwright.privacy._lexer import LONGEST, Found, shipped
from modelwright.privacy._titles import SHOP
from modelwright.privacy.lazy_patterns import later

_HAN = later("[\u3400-\u9fff]")
_NAME = later("[\u3400-\u9fff·]+")
_SENTENCE = later("[^。！？!?；;\n\x00]+[。！？!?；;]?")
# forms of address that the lexer takes for a part of the name, and that say a person is spoken of
_TITLE = (
    "先生|女士|小姐|老师|医生|大夫|护士|教授|院士|博士|主任|经理|律师|师傅|总监|部长|局长|处长|科长|院长|校长|书记|警官|法官|教练|老板娘?|阿姨|叔叔|"
    "大爷|大妈|大哥|大姐|同学|太太|[总工哥姐叔姨婶嫂伯爷奶舅校队导]|某{1,2}"
)
_TITLED = later(rf"(?<=.)(?:{_TITLE})$")
_ADDRESS = later(_TITLE)
_SHOP = later(SHOP)
_PARENTS = ("爸爸", "妈妈", "爷爷", "奶奶", "外公", "外婆")
_NICK = frozenset("小老")
_FLOOR = 1e-4  # of a probability
# what each feature of `features` adds to the log-odds, and where they begin
WEIGHTS = (
    0.42, 0.22, 0.97, -0.42, -1.24, 0.18, -0.25, 0.2, -0.66, 0.71, 1.47, 0.2, 0.36, -0.61, 0.52, -0.59, 0.6,
    0.34, 2.88, 0.18, 0.87, 0.7, 1.98, 2.76, 1.84, -0.05, 0.21, 1.65, -0.4, -0.42, 1.0, 0.13, -0.06, 0.09,
)  # fmt: skip
BIAS = -0.52
_GIVEN, _SURE, _BEST = (
    0.4,
    0.5,
    0.9,
)  # probability from which a name is told, from which it is replaced, and the highest score


class Persons:
    """Names in one text. `tagged` are the tagger's persons (start, end, how sure), `likely` characters where it thinks that one may begin [M]."""

    def __init__(self, text: str, tagged: Sequence[Found], likely: np.ndarray) -> None:
        self._text = text
        self._tagged = {(start, end): sure for start, end, sure in tagged}
        self._begins = np.zeros(len(text) + 1, np.float32)
        self._inside = np.zeros(len(text) + 1, np.float32)
        self._spans = dict.fromkeys(self._tagged)
        pieces = _sentences(text, likely)
        self._proposed(text)
        for (first, last), (found, begins, inside) in zip(pieces, shipped().read([text[a:b] for a, b in pieces])):
            self._begins[first:last], self._inside[first:last] = begins, inside
            for start, end in found:
                if (span := _bare(text, first + start, first + end)) is not None:
                    self._spans[span] = None

    def _proposed(self, text: str) -> None:
        """Propose what begins with a surname after a word for people, or before what people are called or do."""
        for cell in _CELL.finditer(text):
            if not _HAN.search(cell[0]):
                continue
            first, last = cell.span()
            for m in _AFTER_ROLE.finditer(text, first, last):
                for size in (2, 3):
                    self._propose(m.end(), m.end() + size)
            for m in _BEFORE_CALL.finditer(text, first, last):
                for size in (2, 3):
                    self._propose(m.start() - size, m.start())
            for m in _BETWEEN.finditer(text, first, last):
                if len(m["name"]) > 2 or m["name"][0] not in SELDOM:
                    self._propose(*m.span("name"))
            for pattern in (_TWICE, _GIVEN_ALONE):
                for m in pattern.finditer(text, first, last):
                    if not is_common(m["name"]):
                        self._spans[m.span("name")] = None

    def _propose(self, start: int, end: int) -> None:
        """Propose characters `start` to `end` where they have the form of a name and are no word."""
        name = self._text[max(0, start) : end]
        if (
            len(name) == end - start
            and name[0] in _SURNAMES
            and name[-1] in _GIVEN_NAMES
            and all(map(_HAN.match, name))
            and not is_common(name)
        ):
            self._spans[start, end] = None

    def features(self) -> dict[tuple[int, int], list[float]]:
        """Return, for each name that either proposes, what speaks for and against it, in the order of `WEIGHTS`."""
        return {span: self._features(*span) for span in self._spans}

    def found(self) -> list[Found]:
        """Return the names, with a score as recognisers have it: .5 told, .7 replaced."""
        out = []
        for (start, end), values in self.features().items():
            if not self.formed(start, end):
                continue
            odds = sum(w * v for w, v in zip(WEIGHTS, values, strict=True)) + BIAS
            chance = 1 / (1 + math.exp(-odds))
            if chance >= _GIVEN:
                low = 0.5 + 0.2 * (chance - _GIVEN) / (_SURE - _GIVEN)
                high = 0.7 + (_BEST - 0.7) * (chance - _SURE) / (1 - _SURE)
                out.append((start, end, low if chance < _SURE else high))
        return out

    def formed(self, start: int, end: int) -> bool:
        """Whether a name has the form of one: 心理咨询师 and 灰姑娘 have not, nor has 张 in 拍张照."""
        name = self._text[start:end]
        if len(name) == 1:
            title = _ADDRESS.match(self._text[end : end + 3])
            if across_words(self._text, start, end):
                return False
            return name in _SURNAMES and title is not None and not _SHOP.match(self._text, end + title.end())
        if name.endswith(_PARENTS):  # 祝妈妈身体健康
            return False
        if name[1:] in _CALLS or (len(name) == 2 and name[1] in _CALLED):  # 杜先生, 李叔
            return False
        if name[0] in NEVER or name[-1] in _GROUNDS or _HOUSE.match(self._text, end):  # 但良好, 巴学园, 丽晶的房间
            return False
        word = name in COMMON or (name[0] not in _SURNAMES and is_common(name))
        if word and not (name[0] in _SURNAMES and self._said(start, end)):
            return False
        if across_words(self._text, start, end) and not self._said(start, end):
            return False
        foreign = "·" in name or all(c in SOUNDS for c in name)
        return foreign or len(name) <= 3 + (name[:2] in DOUBLE)

    def _features(self, start: int, end: int) -> list[float]:
        text, size = self._text, end - start
        name = text[start:end]
        address = _ADDRESS.match(text[end : end + 3]) is not None
        ends = 1.0 if address else 1 - float(self._inside[end])  # 许|经理: the lexer goes on to the title
        chance = min([float(self._begins[start]), ends, *self._inside[start + 1 : end].tolist()])
        chance = min(max(chance, _FLOOR), 1 - _FLOOR)
        lexer = math.log(chance / (1 - chance))
        tagger = self._tagged.get((start, end), 0.0)
        doubts = doubt(text, start, end) if size > 1 else 0.0
        one, two = float(size == 1), float(size == 2)
        return [
            lexer, max(lexer, 0.0), tagger, float(tagger > 0), doubts, two * doubts, float(name[:2] in DOUBLE or name[0] in _SURNAMES),
            one, two, float(size > 3), float(address), one * address, float(is_common(name)), float("·" in name),
            *self._beside(start, end),
        ]  # fmt: skip

    def _said(self, start: int, end: int) -> bool:
        """Whether a word for people stands before a name, and an end or what people do after it, or a form of address: 跟妆师夏天迟到, 尚可医生."""
        after = self._text[end : end + 6]
        if _ROLE.search(self._text[max(0, start - 6) : start]):
            return not after or not _HAN.match(after[0]) or _ACT.match(after) is not None
        return _CALL.match(after) is not None and not _HAN.match(self._text[start - 1 : start])

    def _beside(self, start: int, end: int) -> list[float]:
        """Return what stands beside a name and what its characters are."""
        text = self._text
        name = text[start:end]
        before, after = text[max(0, start - 6) : start], text[end : end + 6]
        role = _ROLE.search(before) is not None
        opens = not before or not _HAN.match(before[-1])
        lead = before[-1:] in _LEAD
        stops = not after or not _HAN.match(after[0])
        acts = _ACT.match(after) is not None
        follows = after[:1] in _GOES_ON
        given = name[2:] if name[:2] in DOUBLE and len(name) > 2 else name[1:]
        known = sum(c in _GIVEN_NAMES for c in given) / max(1, len(given))
        seldom = name[0] in SELDOM
        return [
            float(role), float(opens), float(lead), float(stops), float(acts), float(follows), known if given else 0.0, float(seldom),
            float(role and (stops or acts)), float(opens and stops), float(opens and acts), float(before[-1:] == "、" or after[:1] == "、"),
            float(len(name) == 2 and name[0] == name[1]), float(role and is_common(name)), float(lead and (acts or stops)), float(name in COMMON),
            float(is_common(given)) if len(given) > 1 else 0.0, float(seldom and role),
            float(name[0] not in _SURNAMES and known == 1 and len(name) == 2), float(name[0] == "阿"),
        ]  # fmt: skip


def _sentences(text: str, likely: np.ndarray) -> list[tuple[int, int]]:
    """Return the bounds of sentences with Han characters in which a name is likely; long ones are cut."""
    out = []
    for m in _SENTENCE.finditer(text):
        first, last = m.span()
        if np.searchsorted(likely, last) > np.searchsorted(likely, first) and _HAN.search(m[0]):
            out += [(a, min(last, a + LONGEST)) for a in range(first, last, LONGEST)]
    return out


def _bare(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Return the bounds of a name in Han characters without the form of address after it or before it, or None where it is no such name."""
    name = text[start:end]
    if not _NAME.fullmatch(name):
        return None
    title = _TITLED.search(name)
    if title is not None and not is_common(name):
        end = start + title.start()
    if end - start == 2 and name[0] in _NICK:
        start += 1
    return start, end


COMMON = frozenset(lexicon.entries("zh_words")) | frozenset(lexicon.entries("zh_things"))
# characters in which names of other languages are written
SOUNDS = frozenset(
    "克斯尔特德罗拉里姆奥艾布卡马尼亚伊维莱兰森顿恩利瑞塔娜莎琳萨丹格鲁哈菲浦普约翰逊杰弗劳伦沃贝蒂妮雷费南迪穆巴托梅洛佩科瓦基诺夫汉瑟琪乔治亨威廉查希戴凯文赫温詹埃阿加帕佛根肖买提吐热木江古丽扎西多吉次仁卓玛"
)
_SURNAMES = lexicon.family_names()
_GIVEN_NAMES = lexicon.given()
_ROLE = later(rf"(?:{ROLES}|{LEADS}|[人员者方师嫂将锋卫])$")
_ACT = later(ACTS)
_CALLS = frozenset("先生 女士 小姐 老师 医生 师傅 经理 主任 太太 阿姨 叔叔 大爷 大妈".split())
_GROUNDS = frozenset("园都庭城阁苑居店")  # ends of names of houses and grounds
_HOUSE = later("的?(?:房间|客房|大?酒店|大?饭店|宾馆|大厦|机场|商场|超市)")
_CALLED = frozenset("生太叔伯婶姨哥姐总工爷婆嫂")
_CALLED_BY = "先生|女士|小姐(?!姐)|老师(?!傅)|医生|护士|教练|师傅|同志|同学(?!们)"
_CALL = later(_CALLED_BY)
_LEAD = frozenset("和与跟同给找请问叫让对由把为替陪派经是被")
_GOES_ON = frozenset("的和与跟同也都又还在说去来从对把被给是")
_CELL = later("[^\x00]+")
_AFTER_ROLE = later(rf"(?:{ROLES}|{LEADS})")
_BEFORE_CALL = later(rf"(?<=[\u4e00-\u9fff]{{2}})(?:{_CALLED_BY}|大夫|律师|教授|家长|名下)")
_F = "".join(sorted(_SURNAMES - NEVER))
_G = "".join(sorted(_GIVEN_NAMES))
_BETWEEN = later(
    rf"(?:^|(?<=[\x00\n，,。；;：:、（(\"'”\s./和与跟找请让把给问由经]))(?P<name>[{_F}][{_G}]{{1,2}})(?={ACTS}|[\s，,。；;：:（(）)、!！?？/|\"'\x00]|$)"
)
_GIVEN_ALONE = later(
    rf"(?:^|(?<=[\x00\n，,。；;：:、（(\"'”\s./的和与跟找请让把给问由经]))(?P<name>阿[{_G}]|[{_G}]{{2}})(?={ACTS}|[\s，,。；;：:（(）)、!！?？/|\"'\x00姐哥妈爸老]|$)"
)
_TWICE = later(
    r"(?:^|(?<=[\x00\n，,。；;：:、的\s和与跟找请让把给问由叫]))(?P<name>(?P<one>[\u4e00-\u9fff])(?P=one))(?=[\s，,。；;：:、!！?？\x00吧说去来在]|$|"
    + ACTS
    + ")"
)
DOUBLE = frozenset(s for s in lexicon.entries("zh_surnames") if len(s) == 2)
