"""Persons among others: in lists of names, beside words for kin, and as those to whom something is given.

演员表：左小青、连奕、古巨;  父白国庆，母邝美珍;  转账给Lily了;  回访牛春花，对结果满意

In a list whose other members are names, a member that also is a word is one too: 海燕 between 李春梅 and 赵国强.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelwright.privacy import lexicon
from modelwright.privacy._doubt import doubt, is_common
from modelwright.privacy._persons import COMMON, DOUBLE
from modelwright.privacy.lazy_patterns import later
from modelwright.privacy.recognisers.base import Match, Recogniser, person_at
from modelwright.privacy.text import HAN, Block

_H = "\u4e00-\u9fff"
_FAMILY = "".join(sorted(lexicon.family_names()))
_TWO = "|".join(sorted(DOUBLE))
_NAME = rf"(?:(?:{_TWO})[{_H}]{{1,2}}|[{_FAMILY}][{_H}]{{1,2}})"
_END = r"(?=[\s，,。；;：:（(）)、|/\"'”』」！!？?\x00\n]|$)"
# words before a list of people
_HEADS = (
    "名单|人员|成员|演员表?|主演|嘉宾|评委|组员|队员|值班|参会|与会|出席|列席|到场|到会|缺席|请假|迟到|旷课|获奖者?|获得者|录取|入选|当选|候选人|"
    "参加人|参与者|同行|随行|陪同|联系人|负责人|监考|导师|教师|老师|学生|同学|家长|抄送|主送|审核|编委|作者|译者|证人|合伙人|股东|董事|监事|继承人|"
    "被告|原告|乘客|旅客|住客|入住人|客户|业主|家庭成员|紧急联系人|签到|报名"
)
_KIN = (
    "父亲?|母亲?|夫|妻子?|子|女儿?|儿子|长子|次子|长女|次女|兄|弟弟?|姐姐?|妹妹?|祖父|祖母|外祖父|外祖母|岳父|岳母|公公|婆婆|配偶|新郎|新娘|伴郎|伴娘|"
    "监护人|家长|丈夫|哥哥?|爷爷|奶奶|外公|外婆|伯父|叔父|姑母|舅父|姨母|遗孀"
)
_TO = (
    "回访|致电|回电|走访|拜访|面试|约谈|采访|祝贺|恭喜|悼念|转给|发给|寄给|交给|汇给|转账给|推荐给|介绍给|分配给|指派给|派给|借给|送给|卖给|移交给|"
    "交接给|抄送给?|分派给|退给|还给|赔给|付给|汇款给|打款给|转交|通知|联系|告知"
)
_MEET = "转账给|微信给|发给|寄给|留给|送给|交给|[给和跟找叫问请由让同与]|联系|通知|感谢|谢谢|表扬"
_TELLS = "老师|教练|同学|经理|姐|哥|说|发来|负责|推荐|回复|介绍|帮|给我|技术|手法|服务|态度"
_FEW = 3  # members of a list without a word before it


class Listed(Recogniser):
    """Names in lists, beside words for kin, and of those to whom something is given."""

    types = ("person",)
    hints = (rf"[{_H}]、[{_H}]", rf"(?:{_TO})[{_H}]", rf"[{_H}](?:[A-Z][a-z]+)")

    _run = later(
        rf"(?<![{_H}])(?P<head>[{_H}]{{2,8}}[：:]\s?)?(?P<list>[{_H}]{{2,4}}(?:、[{_H}]{{2,4}})+)(?P<more>等)?{_END}"
    )
    _head = later(rf"(?:{_HEADS})[：:]\s?$")
    _kin = later(rf"(?:^|(?<=[\x00，,；;：:、\s（(]))(?P<kin>{_KIN})[：:]?\s?(?P<name>{_NAME}){_END}")
    _to = later(rf"(?:{_TO})了?(?P<name>(?:{_TWO})[{_H}]{{1,2}}|[{_FAMILY}][{_H}]{{2}}){_END}")
    _latin = later(
        rf"(?:(?<=[{_H}])|(?<=[\x00，,。；;：:、]))(?P<name>[A-Z][a-z]{{2,11}})(?=[{_H}，,。；;、！!？?\x00]|$)"
    )

    def find(self, block: Block, column: str) -> Iterator[tuple[int, Match]]:
        han = block.having(HAN)
        if not len(han):
            return
        lists = han.select(rf"[{_H}]、[{_H}]")
        for cell, m in lists.finditer(self._run):
            headed = m["head"] is not None and self._head.search(m["head"]) is not None
            at = m.start("list")
            members = m["list"].split("、")
            likely = [_may_be(n) and doubt(n, 0, len(n)) == 0 for n in members]
            # what every member but one or two is, the others are too, where they begin as names do
            if sum(likely) >= (0.5 * len(members) if headed else max(_FEW, 0.6 * len(members))):
                for name in members:
                    if _may_be(name):
                        yield person_at(lists, cell, (at, at + len(name)), 0.82)
                    at += len(name) + 1
        told: dict[int, list[tuple[int, int, bool]]] = {}
        for cell, m in han.finditer(self._kin):
            name, kin = m["name"], m["kin"]
            if len(kin) == 1 and (is_common(kin + name[0]) or is_common(kin + name[:2])):
                continue
            against = doubt(name, 0, len(name))
            sure = against <= (0.35 if len(kin) == 1 else 0.9) and name not in COMMON
            told.setdefault(cell, []).append((*m.span("name"), sure))
        for cell, family in told.items():
            known = any(
                sure for _, _, sure in family
            )  # beside a name that is sure, a word is one too: 父白国庆，母邝美珍，妹白雪
            for start, end, sure in family:
                if sure or (known and len(family) > 1):
                    yield person_at(han, cell, (start, end), 0.85)
        given = han.select(rf"(?:{_TO})了?[{_H}]")
        for cell, m in given.finditer(self._to):
            if doubt(m["name"], 0, len(m["name"])) <= 0.3:
                yield person_at(given, cell, m.span("name"), 0.8)
        mixed = han.select("[A-Z][a-z]{2}")
        for cell, m in mixed.finditer(self._latin):
            start, end = m.span("name")
            text = mixed.text
            if m["name"].lower() in _FIRST and (
                _MEETS.search(text[max(0, start - 4) : start]) or _SAYS.match(text[end : end + 3])
            ):
                yield person_at(mixed, cell, (start, end), 0.82)


def _may_be(name: str) -> bool:
    """Whether a member of a list begins as a name does and is not the plainest of words."""
    double = name[:2] in DOUBLE
    return (double or name[0] in _FAMILY_SET) and 2 <= len(name) <= 3 + double and name not in COMMON


_FAMILY_SET = lexicon.family_names()
_FIRST = lexicon.first_names()
_MEETS = later(rf"(?:{_MEET})$")
_SAYS = later(_TELLS)

RECOGNISER = Listed
