"""Names where something says that they are: keys of JSON and forms, titles after a surname, words that lead to a name.

By patterns alone, so that every cell can be looked through; what stands in sentences without such words is the tagger's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from modelwright.privacy import lexicon
from modelwright.privacy._beside import ACTS, LEADS, ROLES
from modelwright.privacy._doubt import NEVER, SELDOM, across_words, doubt, in_word, is_common
from modelwright.privacy._persons import COMMON, DOUBLE, SOUNDS
from modelwright.privacy._titles import SHOP, is_goods, is_title
from modelwright.privacy.lazy_patterns import later
from modelwright.privacy.recognisers.base import Match, Recogniser, person_at
from modelwright.privacy.recognisers.names import FIRM, LATIN_NAME, NO_NAMES, PERSON
from modelwright.privacy.text import HAN, Block

_HAN = "\u4e00-\u9fff"
# characters that are surnames and far more often something else beside a title: 和老师, 向经理, 由主任
_SELDOM = "别和向由于但都那应时从常全有为能要会与同把被让找是着别请问计相商单老小大初原副正前本其该某每各双成支位区国信展经任帅"
_ONE = "".join(sorted(lexicon.family_names() - set(_SELDOM)))
_ANY = "".join(sorted(lexicon.family_names() - NEVER))
# of those that are seldom surnames, the ones that with a title begin no sentence otherwise
_AT_EDGE = "时常计占单双成支苟"
_TWO = "|".join(sorted(DOUBLE))
_SURNAME = rf"(?:{_TWO}|[{_ONE}])"
_GIVEN = rf"(?![的了是在我你他她它们这那有不也就都还又很个时候说让给])[{_HAN}]"
_SOUND = "".join(sorted(SOUNDS))
_PLAIN = rf"(?:(?:{_TWO})(?:{_GIVEN}){{1,2}}|[{_ANY}](?:{_GIVEN}){{1,2}})"
_NAME = rf"(?:[{_SOUND}]{{1,6}}·[{_HAN}]{{1,8}}|{_PLAIN})"
_TITLE = (
    r"先生|女士|小姐(?!姐)|太太|老师(?!傅)|医生|大夫|医师|护士长?|教授|博士|院士|主任|主管|经理(?!人)|律师|师傅|警官|法官|总监|总经理|董事长|董事|书记|"
    r"处长|局长|科长|部长|院长|校长|厂长|所长|队长|班长|组长|店长|村长|镇长|县长|市长|会长|行长|教练|导游|老板娘?|会计|秘书|助理|管家|阿姨|大爷|大妈|叔叔?|"
    r"大姐|大哥|[Ss]ir(?![a-z])|工程师|同学(?!们)|师姐|师兄|学长|学姐|姑娘|哥(?!们|哥)|姐(?!妹|姐)|"
    r"工(?![程作地人业艺具序资厂会商期伤时龄])|总(?![是在共之有要会算归得计额理部数裁体督监务结局价分决赛统汇览动线站台装重量和而能觉想爱]|会[员议])"
)
_EDGE = rf"(?<![{_HAN}A-Za-z0-9])"
_BEFORE = r"(?:(?<=[和与跟同给找请问向叫让对的由被是到把为替帮陪派致换])|(?<=感谢|谢谢|麻烦|联系|转告|通知|告诉|拜托|听说|昨天|今天|刚才|刚刚|上午|下午|晚上))"
_AFTER = r"(?=[\s，,。；;：:（(）)、|/&\"'”』」！!？?\x00\n]|$)"
_TIMES = r"昨天|今天|明天|前天|刚才|刚刚|上午|下午|中午|早上|晚上|昨晚|今早|[0-9一二三四五六七八九十]点|上周|下周|周[一二三四五六日]|听说|据说|因为|感谢|多谢|谢谢|表扬|投诉|联系|通知|转告|告诉|回访|致电|回电|走访|拜访|面试|约谈|采访|邀请"

# what must stand in a cell, for a first look that is quick
_KEYS = r"(?i)(?:names?|consignee|consignor|payee|payer|beneficiary|insured|assignee|attendee|guest|tenant|witness|cardholder|person|patient|passenger|recipient|contact|author|signed[_ ]?by|signatory|signers?|signature|署名|签名|姓名|名字|[人者名主户生师工]|客户|用户|房东|主叫)[\"']? ?[:=：]"
_TITLED = rf"[{_HAN}](?:{re.sub(r'[(][?]![^()]*[)]', '', _TITLE)})|[{_HAN}](?:[太生]|副[院校局处部厂总主会])"
_ACT_WORDS = re.sub(r"[(][?]![^()]*[)]", "", ACTS)
_ACTING = rf"[{_ANY}][{_HAN}]{{1,3}}(?:{_ACT_WORDS})"
_ADDRESSED = "(?:atient|assenger|ustomer|lient|ttn|enant|pplicant|Mr|Mrs|Ms|Dr|Prof|Dear)[. :]"
_EN_ROLES = (
    "[Ww]aiter|[Ww]aitress|[Dd]river|[Gg]uide|[Nn]eighbou?r|[Cc]olleague|[Hh]usband|[Ww]ife|[Bb]rother|[Ss]ister|[Ss]on|[Dd]aughter|"
    "[Uu]ncle|[Aa]unt|[Ff]riend|[Cc]oach|[Ii]nstructor|[Tt]herapist|[Rr]eceptionist|[Ll]andlord|[Tt]enant|[Cc]ardholder|[Nn]ext of kin|[Ww]itness|[Gg]uest|[Dd]efendant|[Pp]laintiff|[Ss]tudent|[Tt]eacher|[Nn]urse|[Aa]ttendee|[Ee]mployee|[Aa]sk for|named|(?:driver|waiter|waitress|guide|host|agent|doctor|nurse|teacher|trainer|coach|cleaner|manager|technician|instructor) (?:was|is)"
)
_LED = LEADS.replace(r"\s?", " ?")
_SAID = "我叫|我是|本人|名叫|叫做|名字"
_MET = "先生|女士|小姐|老师|医生|教授|同学"
_SEX = "[，,、 ] ?[男女][，,。、 ]?"
_NICKED = "[小老]"
# surnames that hardly any word begins with
_PURE = "裘邱郭吴刘赵蒋冯曹彭蔡潘谭袁邓韩傅沈贾魏薛阎戴姚邹邵龚廖姜范侯孟秦郝崔贺尹翟裴詹俞聂葛柯樊滕阮倪殷邢耿窦臧郑徐梁宋吕"
# last characters of words for people, after which a name stands: 领班, 主厨, 月嫂, 快递员, 收款方
_PEOPLE = frozenset("人员者方师嫂厨班播售户台姐哥妹弟友长手管工生主傅")
_MEETS = frozenset("与跟由叫让找给")  # words before the name of somebody that something is done with
# what follows a nickname: an end, or a word that is said of people
_NICK_AFTER = rf"(?=[\s，,。；;：:（(）)、!！?？~@\x00\n]|$|今天|明天|昨天|也|还没|已经|刚|在|跟|去|来|的活|{ACTS})"


_ACT = later(ACTS)


class Told(Recogniser):
    """Names of persons beside words that say so."""

    types = ("person",)
    hints = (_EN_ROLES, _ADDRESSED)
    in_han = (_LED, _SAID, _MET, _SEX, _TITLED, _ACT_WORDS, "收")

    _keyed = later(
        rf"(?P<key>[A-Za-z_{_HAN}][A-Za-z0-9_ {_HAN}]{{0,30}})[\"']?\s?[:=：]\s?(?:\"(?P<quoted>[^\"\x00\n]{{2,60}})\"|'(?P<single>[^'\x00\n]{{2,60}})'|"
        rf"(?P<bare>[{_HAN}·]{{2,12}}|[A-Z][\w.'’\-]{{0,30}}(?: [A-Z][\w.'’\-]{{0,30}}){{1,3}})(?=[\s,，;；|&}})\x00]|$))"
    )
    _titled = later(
        rf"(?:{_EDGE}|{_BEFORE})(?P<name>{_SURNAME})(?=副?(?:{_TITLE})(?!{SHOP})|[太生]{_AFTER})|{_EDGE}(?P<rare>[{_AT_EDGE}])(?={_TITLE})|"
        rf"(?<=[{_HAN}]{{2}})(?P<inner>{_TWO}|[{_ONE}])(?=副?(?:{_TITLE})(?!{SHOP})|[太生]{_AFTER})"
    )
    _parented = later(
        rf"(?:{_EDGE}|{_BEFORE})(?P<name>{_TWO}|[{''.join(sorted(set(_ONE) - set('祝谢管别安应关盼富祖')))}])(?=爸爸|妈妈|爷爷|奶奶|爸|妈(?!妈))"
    )
    _seldom = later(
        rf"(?:{_EDGE}|(?<=[换找叫跟给请问对时让和与、]))(?P<name>[单常])(?=经理(?!人)|主任|老师(?!傅)|医生|律师|先生|女士|师傅|教授)"
    )
    _pure = later(rf"(?P<nick>[小老])(?P<name>[{_PURE}])(?=[{_HAN}])")
    _nicked = later(rf"(?P<nick>[小老])(?P<name>[{_ONE}]){_NICK_AFTER}")
    _peopled = later(rf"(?<=[{''.join(sorted(_PEOPLE | _MEETS))}])(?P<name>{_PLAIN})")
    # a field of a row of several, or a part of a numbered list
    _fielded = later(rf"(?:(?<=[\x00\t|])|^|(?<![0-9.])[0-9]{{1,2}}\.\s?)(?P<name>{_PLAIN})(?=\s?[\t|]| [0-9])")
    _ticket = later(
        r"(?i:旅客|乘客|乘机人|passengers?|pax)(?:姓名| name)?\s?[:：]?\s?(?P<name>[A-Z]{2,20}/[A-Z]{2,20})(?![A-Za-z/])"
    )
    _surnamed = later(rf"(?<![百老同贵尊复])姓(?P<name>{_TWO}|[{_ANY}]){_AFTER}")
    # a colon after any word for people
    _coloned = later(rf"[{_HAN}]{{1,4}}[人员者方师长主子女偶]\s?[:：]\s?(?P<name>{_NAME}){_AFTER}")
    _whole = later(rf"{_EDGE}(?P<name>{_NAME})(?=先生|女士|小姐(?!姐)|老师(?!傅)|医生|教授|同学(?!们))")
    _led = later(rf"(?:{LEADS})\s?(?:名|姓名)?\s?[:：=是为]?\s?[“\"']?(?P<name>{_NAME}){_AFTER}")
    _said = later(rf"(?:我叫|我是|本人|名叫|叫做|名字[叫是])(?P<name>{_NAME}){_AFTER}")
    _received = later(rf"(?<=[，,；;\s（()）])(?P<name>{_NAME})(?=\s?[（(]?收[）)]?(?:[\s，,。；;）)\x00]|$))")
    _sexed = later(rf"{_EDGE}(?P<name>{_NAME})(?=[，,、\s]\s?[男女][，,。、\s\x00])")
    _called = later(rf"@(?P<name>{_NAME}){_AFTER}")

    _acting = later(
        rf"(?:{_EDGE}|(?<=[和与跟同给找请问叫让对由被把为替帮陪派听据、——])|(?:{ROLES})|(?:{_TIMES}))(?P<name>{_PLAIN.replace('{1,2}', '{1,2}?')})(?={ACTS})"
    )

    _after_word = later(rf"(?<=[{_HAN}]{{2}})(?P<name>{_PLAIN})(?={ACTS})")

    # a capital after such a word is a name's, be it in no list
    _addressed = later(
        r"(?<![A-Za-z])(?:[Pp]atient|[Pp]assenger|[Cc]ustomer|[Cc]lient|[Aa]ttn|[Tt]enant|[Aa]pplicant|Mr|Mrs|Ms|Prof|(?P<dear>Dear))[.:]? "
        r"(?P<name>[A-Z][a-z'’\-][\w'’\-]*(?: [A-Z][a-z'’\-][\w'’\-]*){1,2})(?(dear)(?=,))(?![\w])"
    )

    _mr = later(r"(?<![A-Za-z])(?P<title>Mr|Mrs|Ms|Dr|Prof)\.? (?P<name>[A-Z][a-z'’]?[\w'’\-]+)(?! ?[A-Z]|\w)")
    _role = later(
        rf"(?<![A-Za-z])(?:{_EN_ROLES}),? (?P<name>[A-Z][a-z'’\-]+(?: [A-Z][a-z'’\-][\w'’\-]*)?)(?!\w| [A-Z])"
    )

    def find(self, block: Block, column: str) -> Iterator[tuple[int, Match]]:
        addressed = block.select(_ADDRESSED)
        for cell, m in addressed.finditer(self._addressed):
            words = m["name"].lower().split()
            if not any(w in _WORDS or w in _TITLES or is_goods(w) for w in words):
                yield person_at(addressed, cell, m.span("name"), 0.86)
        for cell, m in addressed.finditer(self._mr):
            word = m["name"].lower()
            # Mr. Black, Ms. Young: after such a word nearly any other is a surname
            surely = word in _FAMILY or (m["title"][0] == "M" and word not in _NO_MR)
            plain = word not in _WORDS and not is_goods(word)
            if (surely or plain) and not is_title(addressed.cells[cell]):
                yield person_at(addressed, cell, m.span("name"), 0.86)
        roles = block.select(_EN_ROLES)
        for cell, m in roles.finditer(self._role):
            words = m["name"].lower().split()  # a pub named The Eagle
            if words[0] not in _WORDS and m["name"].lower() not in _TITLES and not is_goods(m["name"]):
                yield person_at(roles, cell, m.span("name"), 0.8)
        some = block.having(":=").select(_KEYS)
        for cell, m in some.finditer(self._keyed):
            key = m["key"].strip()
            part = next(p for p in ("quoted", "single", "bare") if m[p] is not None)
            if (
                PERSON.search(key)
                and not FIRM.search(key)
                and _is_name(m[part], key.lower() in ("name", "名字", "names"), _PART_OF_NAME.search(key) is not None)
            ):
                yield person_at(some, cell, (m.start(part), m.start(part) + len(_untitled(m[part]))), 0.92)
        han = block.having(HAN)
        for found, pattern, score in (
            (han.select(_MET), self._whole, 0.9),
            (han.select(_LED), self._led, 0.92),
            (han.select(_SAID), self._said, 0.88),
            (han.select("收").select(f"[，,；; （()）][{_HAN}·]{{2,12}} ?[（(]?收"), self._received, 0.9),
            (han.select(_SEX), self._sexed, 0.9),
            (han.having("@"), self._called, 0.85),
        ):
            for cell, m in found.finditer(pattern):
                name = _untitled(m["name"])
                # 客户来电: without a sign between, what follows the word may be any word
                plain = pattern is self._led and _before_name(m) not in " :：=是为“\"'"
                strong = _FIELD_OF_NAME.search(m.string[m.start() : m.start("name")]) and name[0] not in SELDOM
                if _no_name(name) or (plain and not strong and doubt(name, 0, len(name)) == 1):
                    continue
                if not (pattern is self._whole and name[1:] in ("家", "位", "名")):
                    yield person_at(found, cell, (m.start("name"), m.start("name") + len(name)), score)
        acting = han.select(_ACT_WORDS).select(_ACTING)
        for cell, m in acting.finditer(self._acting):
            start, end = m.span("name")
            allowed = _allowed(m["name"])
            if is_common(acting.text[start - 1 : start + 1]) and is_common(
                _given_name_of(m["name"])
            ):  # 对于经常出差的人
                allowed = min(allowed, 0.0)
            if doubt(acting.text, start, end) <= allowed and not in_word(acting.text, start, end):
                yield person_at(acting, cell, (start, end), 0.8)
        for cell, m in acting.finditer(self._after_word):  # 方案胡军不同意: a common word ends where the name begins
            start, end = m.span("name")
            text = acting.text
            if not (
                is_common(text[start - 2 : start])
                and not is_common(text[start - 1 : start + 1])
                and doubt(text, start, end) == 0 < _allowed(m["name"])
                and m["name"][-1] not in _THINGS
            ):
                continue
            yield person_at(acting, cell, (start, end), 0.75)
        found = han.select(_TITLED)
        for cell, m in found.finditer(self._titled):
            group = next(g for g in ("name", "rare", "inner") if m[g] is not None)
            start, end = m.span(group)
            word = found.text[start : end + 1]  # 施工单位: the title is the end of a word
            if len(word) == 2 and (word[1] in "工总生太村" or group != "name") and is_common(word):
                continue
            if across_words(found.text, start, end):  # 班主任, 我班同学
                continue
            if group == "inner" and not _begins_word(found.text, start, end):
                continue
            yield person_at(found, cell, (start, end), 0.86)
        nicked = han.select(_NICKED)
        for cell, m in nicked.finditer(self._nicked):
            (at, _), (start, end) = m.span("nick"), m.span("name")
            text = nicked.text
            if m["name"] in SELDOM or is_common(text[at:end]) or not _begins_word(text, at, end):
                continue
            yield person_at(nicked, cell, (start, end), 0.8)
        for cell, m in nicked.finditer(self._pure):
            (at, _), (start, end) = m.span("nick"), m.span("name")
            text = nicked.text
            across = text[start : end + 1]
            if not (is_common(text[at:end]) or is_common(across) or across in _PLACES) and _begins_word(text, at, end):
                yield person_at(nicked, cell, (start, end), 0.75)
        parents = han.select(f"[{_HAN}](?:[爸妈]|爷爷|奶奶)")
        for cell, m in parents.finditer(self._parented):
            yield person_at(parents, cell, m.span("name"), 0.8)
        seldom = han.select("[单常][经主老医律先女师教]")
        for cell, m in seldom.finditer(self._seldom):
            yield person_at(seldom, cell, m.span("name"), 0.8)
        for cell, m in han.finditer(self._peopled):
            start, end = m.span("name")
            if not across_words(han.text, start, end) and _stands(
                han.text, start, end, _follows_people(han.text, start)
            ):
                yield person_at(han, cell, (start, end), 0.8)
        listed = han.select("[\\t|]|[0-9]")
        for cell, m in listed.finditer(self._fielded):
            start, end = m.span("name")
            if doubt(m["name"], 0, end - start) == 0 and len(m["name"]) > 2 and _allowed(m["name"]) == 1:
                yield person_at(listed, cell, (start, end), 0.8)
        surnamed = han.select(f"姓[{_HAN}]")
        for cell, m in surnamed.finditer(self._surnamed):
            yield person_at(surnamed, cell, m.span("name"), 0.85)
        ticketed = block.select("[A-Z]/[A-Z]")
        for cell, m in ticketed.finditer(self._ticket):
            yield person_at(ticketed, cell, m.span("name"), 0.85)
        coloned = han.having(":")
        for cell, m in coloned.finditer(self._coloned):
            name = m["name"]
            if not _no_name(name) and ("·" in name or doubt(name, 0, len(name)) <= max(0.0, _allowed(name))):
                yield person_at(coloned, cell, m.span("name"), 0.88)


def _before_name(m: re.Match[str]) -> str:
    """Return the character before the name of a match."""
    return m.string[m.start("name") - 1]


def _untitled(name: str) -> str:
    """Return a surname without the form of address after it, other names as they are: 逄 of 逄师傅."""
    m = _WITH_TITLE.fullmatch(name)
    return m["name"] if m else name


def _begins_word(text: str, start: int, end: int) -> bool:
    """Whether what stands in characters `start` to `end` begins after a word: 多亏|许经理, and not 公|司经理."""
    before = text[start - 1 : start]
    if not HAN_CHARACTER.match(before) or before in _ALONE:
        return True
    across = text[start - 2 : start + 1]
    if is_common(before + text[start]) or is_common(across) or across in _PLACES:  # 石家|庄市长安区
        return False
    return is_common(text[start - 2 : start]) or is_common(text[start - 3 : start])


def _follows_people(text: str, start: int) -> bool:
    """Whether a common word for people ends at a character."""
    if text[start - 1] not in _PEOPLE:
        return False
    whole = any(is_common(text[start - n : start]) for n in (2, 3) if start >= n)
    return whole or (text[start - 1] in "人员者方户" and is_common(text[start - 3 : start - 1]))  # 收款|方


def _stands(text: str, start: int, end: int, person: bool) -> bool:
    """Whether a name of common characters stands there, and an end, a mark or a word after it; `person` says that it follows a word for people."""
    name = text[start:end]
    given = _given_name_of(name)
    known = len(given) > 1 and _allowed(name) == 1
    if not person and (not known or HAN_CHARACTER.match(text[start - 2 : start - 1])):
        return False
    if not known and (is_common(given) or given[-1] not in _GIVEN_NAMES):  # 来|推荐
        return False
    after = text[end : end + 1]
    if (
        HAN_CHARACTER.match(after)
        and (
            is_common(name[-1] + after)  # 记者朱楠|实习生
            or (not is_common(text[end : end + 2]) and after not in _ALONE_AFTER)
        )
    ):
        return False
    if person and known and not is_common(given) and not is_common(name[:2]) and not in_word(text, start, end):
        return True
    return doubt(text, start, end) <= (0.35 if known else -1.0 if len(name) == 2 and after else 0.0)


def _given_name_of(name: str) -> str:
    return name[2:] if name[:2] in DOUBLE and len(name) > 2 else name[1:]


def _allowed(name: str) -> float:
    """Return how much may speak against a name that stands between a word that leads to one and something a person does.

    听石建平说: 建平 is a word and 石 seldom a surname, but with three characters that names are made of, between 听 and 说, it is one.
    """
    given = _given_name_of(name)
    if given[-1] not in _GIVEN_NAMES or given[-1] in "和与同跟":
        return -1.0
    if len(name) - len(given) == 2:
        return 1.0
    if is_common(name[:2]) or given in _PLACES or not all(c in _GIVEN_NAMES for c in given):
        return 0.0
    return 1.0 if len(given) > 1 else 0.6


def _no_name(name: str) -> bool:
    return name in COMMON or across_words(name, 0, len(name)) or _ACT.fullmatch(name) is not None


def _is_name(value: str, loose: bool, part: bool = False) -> bool:
    """Whether a value beside a key is a name; a `loose` key is called `name` for other things too, that of a `part` holds a first or last name."""
    text = value.strip()
    if re.search(f"[{_HAN}]", text):
        return re.fullmatch(_NAME, text) is not None and not (loose and text in COMMON) and not _ACT.fullmatch(text)
    words = text.split()
    if LATIN_NAME.fullmatch(text) is None or text.lower() in NO_NAMES:
        return False
    known = [w.lower().strip(".,") in _FIRST for w in words]
    if part and len(words) == 1 and text[0].isupper() and not text.isupper():  # "first_name": "Adaeze"
        return True
    return any(known) or (
        len(words) >= 2 and all(w[0].isupper() for w in words) and not any(w.lower() in _WORDS for w in words)
    )


_PART_OF_NAME = later(r"(?i)(?:first|last|given|family|sur|middle|maiden)[\s_\-]?names?$")
_FIELD_OF_NAME = later(r"户\s?名$|姓\s?名$")
_WITH_TITLE = later(rf"(?P<name>{_TWO}|[{_ANY}])(?:{_TITLE}|[生太])")
HAN_CHARACTER = later(f"[{_HAN}]")
_ALONE = frozenset(
    "了的和与跟同给找请问叫让对由被是到把为替帮陪派换改约见说加催带我你他她"
)  # words of one character before a name
_ALONE_AFTER = frozenset("的了是在说和与跟也都就还又来把被对将从到给为以及等")
_GIVEN_NAMES = lexicon.given()
_PLACES = frozenset(lexicon.entries("zh_places"))
_THINGS = frozenset("路街道巷弄区县镇乡村城店寺山江河湖海馆院楼园")
_FIRST = lexicon.first_names()
_WORDS = frozenset(lexicon.entries("words"))
_FAMILY = frozenset(w for e in lexicon.entries("last_names") for w in e.split())
_NO_MR = frozenset(
    "president speaker chairman secretary right wrong big clean fix man who no yes and or is was the a".split()
)
_TITLES = frozenset(lexicon.entries("titles")) | {"apt", "suite", "unit", "box", "room"}

RECOGNISER = Told
