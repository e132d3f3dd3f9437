"""How people are reached: phone numbers, e-mail addresses, WeChat and QQ."""

from __future__ import annotations

import re
from collections.abc import Iterator

from modelwright.privacy.lazy_patterns import later
from modelwright.privacy.recognisers.base import AGAINST, Match, Pattern, Patterns, compiled
from modelwright.privacy.text import Block

_PHONE = compiled(
    r"电话|手机|手機|電話|联系方式|联系我|联系|联络|致电|拨打|来电|座机|热线|号码|传真|微信同号|\bphones?\b|\btel\b|telephone|mobile|\bcell\b|"
    r"\bfax\b|\bcall\b|\bcalled\b|\bcalling\b|\bdial\b|\boffice\b|\bring\b|\breach\b|hotline|contact|whatsapp|\bsms\b|\btext me\b|"
    r"\banswering at\b|\b(?:my|your|his|her|our|their)\s+(?:new\s|old\s|other\s|private\s)?number\b|\btext\s+$|_tel|tel_|shouji|dianhua|msisdn"
)
_MAIL = compiled(r"邮箱|邮件|电邮|e-?mail|\bmail\b|write to")
# the first three digits that China's operators use for mobiles
_MOBILE = r"1(?:3[0-9]|4[014-9]|5[0-35-9]|6[2567]|7[0-8]|8[0-9]|9[0-35-9])"
_AREA = r"(?:10|2[0-57-9]|3[1-9][0-9]|4[1-9][0-9]|5[1-9][0-9]|6[1-9][0-9]|7[1-9][0-9]|8[1-9][0-9]|9[0-9]{2})"
_LEFT = r"(?<![0-9A-Za-z])(?<![0-9][.\-/])(?<![+][0-9])"
_RIGHT = r"(?![0-9]|[.][0-9]|[\-/][0-9]|[A-Za-z]{3})"
_EXT = r"(?:\s?(?:x|ext\.?|extension|转|分机)\s?[0-9]{1,6})?"
_DATE = later(
    r"^(?:19|20)[0-9]{2}[-./ ](?:0?[1-9]|1[0-2])[-./ ](?:0?[1-9]|[12][0-9]|3[01])$|^(?:0?[1-9]|[12][0-9]|3[01])[-./ ](?:0?[1-9]|[12][0-9]|3[01])[-./ ](?:19|20)?[0-9]{2}$"
)

_AFTER = compiled(
    r"[\s\-,(]{0,5}(?:(?:is|was) (?:my|your|his|her|our|their)\b.{0,8}number|office|fax|mobile|cell|home|work|phone|tel|手机|电话|办公)"
)
_DECIMAL = later(r"[0-9]+\.[0-9]+")


class Contact(Patterns):
    """Phone numbers, e-mail addresses, WeChat ids and QQ numbers."""

    types = ("phone", "email", "wechat", "qq")
    _wechat_hint = "(?i)微信|威信|薇信|we ?chat|wei ?xin|[vw]x|v信|加 ?v|[+]v"
    _qq_hint = "(?i)qq|扣扣|企鹅|球球|q号|q群"
    hints = (_wechat_hint, _qq_hint)
    patterns = (
        Pattern(
            "email",
            compiled(r"(?<![0-9A-Za-z._%+\-])[0-9A-Za-z](?:[0-9A-Za-z._%+\-]{0,63})@(?:[0-9A-Za-z](?:[0-9A-Za-z\-]{0,61}[0-9A-Za-z])?\.)+[A-Za-z]{2,18}(?![A-Za-z0-9\-])"),
            0.97, "", against=None, signs="@",
        ),
        Pattern(  # written so that machines should not read it
            "email",
            compiled(r"(?<![0-9A-Za-z._%+\-])[0-9A-Za-z._%+\-]{2,40}\s?[\[({（【]\s?(?:at|艾特)\s?[\])}）】]\s?[0-9A-Za-z\-]{2,40}(?:\s?(?:[\[({（【]\s?(?:dot|点)\s?[\])}）】]|\.)\s?[A-Za-z]{2,10}){1,3}(?![A-Za-z0-9])"),
            0.85, r"(?i)[\[({（【]\s?(?:at|艾特)", against=None, signs="[({【",
        ),
        Pattern(  # another sign for the one in the middle, before a host where people have their mail, or beside words
            "email",
            compiled(r"(?<![0-9A-Za-z._%+\-])[0-9A-Za-z][0-9A-Za-z._%+\-]{1,40}\s?[#＃*]\s?(?:qq|163|126|139|gmail|outlook|hotmail|foxmail|sina|sohu|yeah|aliyun|icloud|yahoo)(?:\.[a-z]{2,4}){1,2}(?![A-Za-z0-9])"),
            0.85, "", _MAIL, 0.93, against=None, signs="#*",
        ),
        Pattern(
            "email", compiled(r"(?<![0-9A-Za-z._%+\-])[0-9A-Za-z][0-9A-Za-z._%+\-]{1,40}#(?:[0-9A-Za-z\-]{1,40}\.){1,3}[A-Za-z]{2,10}(?![A-Za-z0-9])"),
            0.3, "", _MAIL, 0.9, against=None, signs="#",
        ),
        Pattern(
            "email", compiled(r"(?<![0-9A-Za-z._%+\-])[0-9A-Za-z][0-9A-Za-z._%+\-]{1,40}\s(?:at|艾特|圈a)\s[0-9A-Za-z\-]{2,40}(?:\s?(?:\sdot\s|\.|点)\s?[A-Za-z]{2,10}){1,3}(?![A-Za-z0-9])"),
            0.1, r"(?i)\s(?:at|艾特|圈a)\s", _MAIL, 0.8, only_before=True, against=None,
        ),
        Pattern(
            "phone",
            compiled(r"(?<![0-9])(?<![0-9][.\-])(?<![A-Za-z][A-Za-z0-9])(?:\(?(?:\+|00)?86\)?[ \-]?)?", _MOBILE, r"(?:[ \-]?[0-9]{4}[ \-]?[0-9]{4}|[0-9][ \-][0-9]{3}[ \-][0-9]{4}|[ \-][0-9]{3}[ \-][0-9]{5})", _RIGHT),
            0.75, "1[ -]?[3-9]", _PHONE, 0.95, digits=11,
        ),
        Pattern(
            "phone",
            compiled(_LEFT, r"(?:\(0", _AREA, r"\)[ \-]?|0", _AREA, r"[ \-])[2-9][0-9]{2,3}[ \-]?[0-9]{4}(?:\s?(?:-|x|ext\.?|转|分机)\s?[0-9]{1,6})?(?![0-9]|[.][0-9])"),
            0.7, "0[1-9][0-9]", _PHONE, 0.95, digits=10,
        ),
        Pattern("phone", compiled(_LEFT, r"(?:400|800)[ \-]?[0-9]{3}[ \-]?[0-9]{4}", _RIGHT), 0.4, "[48]00", _PHONE, 0.9, digits=10),
        Pattern("phone", compiled(_LEFT, r"[48]00-[0-9]{3,4}-[0-9]{3,4}", _RIGHT), 0.65, "[48]00-", _PHONE, 0.9, digits=9),
        Pattern(
            "phone",
            compiled(r"(?<![0-9A-Za-z+])\+[1-9][0-9]{0,2}[ .\-]?(?:\(0?[0-9]{1,4}\)[ .\-]?)?(?:[0-9]{1,5}[ .\-]?){1,5}[0-9]{2,5}", _EXT, _RIGHT),
            0.8, "", _PHONE, 0.95, valid=lambda c: 8 <= len(re.sub(r"\D", "", re.split(r"[xX转e]", c)[0])) <= 15, checked=0.8, digits=8, signs="+",
        ),
        Pattern(  # North America
            "phone",
            compiled(_LEFT, r"(?<![0-9] )(?:(?:\+1|001|1)[ .\-]?)?(?:\([2-9][0-9]{2}\)\s?|[2-9][0-9]{2}[.\- ])[0-9]{3}[.\- ][0-9]{4}", _EXT, r"(?![0-9]|[.\-/][0-9])"),
            0.65, "[0-9]{3}[-. ][0-9]{4}", _PHONE, 0.93, digits=10,
        ),
        Pattern(
            "phone",
            compiled(_LEFT, r"00[1-9][0-9]{0,2}[ .\-][0-9]{2,4}(?:[ .\-][0-9]{2,5}){1,4}", _EXT, _RIGHT),
            0.6, "00[1-9]", _PHONE, 0.93, digits=7,
        ),
        Pattern(  # a trunk zero and groups of digits, as most countries write them
            "phone",
            compiled(_LEFT, r"(?<![0-9] )(?:\(0[0-9 ]{1,5}\)\s?|0[1-9][0-9]{0,3}[ .\-/])(?:[0-9]{2,5}[ .\-]){1,4}[0-9]{2,4}", _EXT, _RIGHT),
            0.1, "0[1-9]", _PHONE, 0.9, valid=lambda c: 9 <= len(re.sub(r"\D", "", re.split(r"[xX转e]", c)[0])) <= 11, checked=0.6, digits=9,
        ),
        Pattern(  # an area code in brackets before two groups
            "phone",
            compiled(_LEFT, r"(?:8 )?\([1-9][0-9]{1,4}\)\s?[0-9]{2,5}[ .\-][0-9]{2,4}(?:[ .\-][0-9]{2,4}){0,2}", _EXT, _RIGHT),
            0.1, r"\([1-9]", _PHONE, 0.9, valid=lambda c: 8 <= len(re.sub(r"\D", "", re.split(r"[xX转e]", c)[0])) <= 12, checked=0.6, digits=8,
        ),
    )  # fmt: skip

    _groups = compiled(
        r"(?<![0-9A-Za-z+])(?<![0-9][.\-/])(?:\+[0-9]{1,3}[ .\-]?)?(?:\([0-9]{2,5}\)[ .\-]?|[0-9]{2,5}(?:[ .\-]{1,2}|\s?/\s?))(?:\(?[0-9]{1,8}\)?[ .\-]{1,2}){0,5}[0-9]{1,8}", _EXT, r"(?![0-9]|[./][0-9])"
    )  # fmt: skip
    _run = compiled(r"(?<![0-9A-Za-z+])(?<![0-9][.\-/ ])[0-9]{7,12}", _EXT, r"(?![0-9A-Za-z]|[.\-/][0-9])")
    _own = compiled(
        r"(?:微信|wei\s?xin|we\s?chat|(?<![a-z])[vw]x(?![a-z])|(?<=[加我的])[vw]x|威信|薇信|加\s?v|v信|\+v)", r"(?:id|号码|账号|帐号|号|同号)?\s*(?:[:=,(]|是|为|is|加|搜|->)*\s*",
        r"([A-Za-z][-_A-Za-z0-9]{5,19}|[1-9][0-9]{5,11})(?![-_A-Za-z0-9])",
    )  # fmt: skip
    _penguin = compiled(
        r"(?:(?<![a-z])qq(?![a-z.])|扣扣|企鹅号|球球|q号|q群)", r"(?:id|号码|账号|帐号|号|群|同号)?\s*(?:[:=]|是|为|is|加|搜)*\s*", r"([1-9][0-9]{4,10})(?![0-9A-Za-z]|@)"
    )  # fmt: skip
    _mobile = later(_MOBILE + r"[0-9]{8}")
    _is_wechat = compiled(r"微信|we\s?chat|weixin|wxid|openid|威信")
    _is_qq = compiled(r"(?<![a-z])qq(?![a-z])|扣扣")
    _whole_id = compiled(r"(?<=\x00)[A-Za-z][-_A-Za-z0-9]{5,27}(?=\x00)|^[A-Za-z][-_A-Za-z0-9]{5,27}(?=\x00)")
    _whole_number = compiled(r"(?<=\x00)[1-9][0-9]{4,10}(?=\x00)|^[1-9][0-9]{4,10}(?=\x00)")

    def named(self, column: str) -> bool:
        return super().named(column) or any(p.search(column) for p in (self._is_wechat, self._is_qq))

    def find(self, block: Block, column: str) -> Iterator[tuple[int, Match]]:
        yield from super().find(block, column)
        yield from self._loose(block, column)
        for kind, pattern, hint, name, whole in (
            ("wechat", self._own, self._wechat_hint, self._is_wechat, self._whole_id),
            ("qq", self._penguin, self._qq_hint, self._is_qq, self._whole_number),
        ):  # fmt: skip
            some = block.select(hint)
            for cell, m in some.finditer(pattern):
                first = int(some.starts[cell])
                score = 0.7 if self._mobile.fullmatch(m.group(1)) else 0.9  # many give their phone number there
                yield int(some.index[cell]), Match(m.start(1) - first, m.end(1) - first, kind, score, "form+context")
            if name.search(column):
                for cell, m in block.finditer(whole):
                    yield int(block.index[cell]), Match(0, len(m.group()), kind, 0.85, "form+column", True)

    def _loose(self, block: Block, column: str) -> Iterator[tuple[int, Match]]:
        """Find numbers in groups of any country, where words beside them say that they are phones."""
        named = _PHONE.search(column) is not None
        if named:
            some = block.with_digits(6).select("[0-9]{2}")
        else:
            some = (
                block.with_digits(6)
                .select(r"[0-9]{2}")
                .select(
                    r"(?i)电话|手机|手機|電話|联系|联络|致电|拨打|座机|热线|号码|传真|phone|tel|mobile|cell|fax|call|dial|office|ring|reach|hotline|contact|sms|text|number|answering"
                )
            )
        for pattern, score in ((self._groups, 0.82), (self._run, 0.75)):
            for cell, m in some.finditer(pattern):
                start, end = m.span()
                digits = sum(c.isdigit() for c in re.split(r"[xX转e]", m.group())[0])
                if not 6 <= digits <= 15 or _DATE.match(m.group().strip()) or _DECIMAL.fullmatch(m.group()):
                    continue
                first = int(some.starts[cell])
                before = some.text[max(first, start - 30) : start]
                after = some.text[end : min(int(some.starts[cell + 1]) - 1, end + 24)]
                if AGAINST.search(before[-12:]):
                    continue
                near = list(_PHONE.finditer(before))
                close = near and not re.search(r"[.!?。！？]\s|;|；", before[near[-1].end() :])
                if named or close or _AFTER.match(after):
                    reason = "form+column" if named else "form+context"
                    lone = start == first and end == int(some.starts[cell + 1]) - 1
                    yield int(some.index[cell]), Match(start - first, end - first, "phone", score, reason, lone)


RECOGNISER = Contact
