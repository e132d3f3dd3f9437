"""Where people are: street addresses by their form, postcodes and positions by words beside them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from modelwright.privacy import lexicon
from modelwright.privacy.lazy_patterns import later
from modelwright.privacy.recognisers.base import Match, Pattern, Patterns, compiled
from modelwright.privacy.text import HAN, Block

_HAN = r"[\u4e00-\u9fff]"
_CODE = compiled(r"邮编|邮政编码|邮码|zip|post\s?code|postal|plz")
_PLACE = compiled(
    r"经纬度|坐标(?!系|轴|变换)|定位|位置(?!编码|向量)|经度|纬度|\bgps\b|coordinate|location|latitude|longitude|lat[_\s,/]*lon|lat[_\s,/]*lng|position"
)
_STREETS = r"street|st|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|dr|court|ct|way|place|square|terrace|parkway|pkwy|highway|hwy|circle|close|crescent|row|alley|mews"
_TRIM = later(
    r"(?:住在?|住址|地址|位于|寄到|寄往|送到|送往|搬到|来到|改成|改为|设在|地点|收货|[在到往至从是为的去：])(?!化区|洪区|义区|安区)(?:[是为:]\s?)?"
)


class Places(Patterns):
    """Addresses with a road and a number, boxes, postcodes, positions."""

    types = ("address", "postcode", "gps")
    patterns = (
        Pattern(
            "address",
            compiled(
                r"(?<![0-9A-Za-z])[0-9]{1,6}[A-Za-z]?\s+(?:(?:[NSEW]|North|South|East|West)\.?\s+)?(?:[A-Z0-9][\w.'’\-]*\s+){1,4}",
                rf"(?:{'|'.join(w.capitalize() for w in _STREETS.split('|'))})\b\.?(?:\s(?:[NS][EW]?|[EW])(?![\w]))?",
                r"(?:,?\s+(?:Apt|Apartment|Suite|Ste|Unit|Floor|#)\.?\s?[0-9A-Za-z\-]+)?",
                r"(?:,?\s+[A-Z][A-Za-z.'’\-]+(?:\s[A-Z][A-Za-z.'’\-]+){0,2})?(?:,?\s+[A-Z]{2})?(?:,?\s+(?:[0-9]{5}(?:-[0-9]{4})?|[A-Z]{1,2}[0-9][0-9A-Z]?\s?[0-9][A-Z]{2}|[A-Z][0-9][A-Z]\s?[0-9][A-Z][0-9]))?(?![0-9A-Za-z])",
                flags=0,
            ),
            0.75, r"[0-9][A-Za-z]?\s+[A-Z0-9]", compiled(r"address|\blives?\b|ship|deliver|located|地址"), 0.9, against=None, digits=1,
        ),
        Pattern(
            "address", compiled(r"(?<![A-Za-z])P\.?\s?O\.?\s?Box\s+[0-9]{1,6}(?![0-9])"), 0.8, "(?i)box", against=None,
        ),
        Pattern(
            "postcode", compiled(r"(?<![0-9A-Za-z])(?:[0-9]{4,6}(?:-[0-9]{3,4})?|[0-9]{3} [0-9]{2}|[0-9]{2}-[0-9]{3}|[A-Z]{1,2}[0-9][0-9A-Z]?\s?[0-9][A-Z]{2}|[A-Z][0-9][A-Z]\s?[0-9][A-Z][0-9])(?![0-9A-Za-z])"),
            0.1, "[0-9]", _CODE, 0.85, only_before=True, reach=22, against=None, digits=2,
        ),
        Pattern(
            "gps", compiled(r"(?<![0-9.\-])-?(?:[0-8]?[0-9]|90)\.[0-9]{4,}°?\s?[NS]?\s?[,;/ ]\s?-?1?[0-9]{1,2}\.[0-9]{4,}(?![0-9.])|(?<![0-9.\-])-?1?[0-9]{1,2}\.[0-9]{4,}°?\s?[EW]?\s?[,;/ ]\s?-?(?:[0-8]?[0-9]|90)\.[0-9]{4,}(?![0-9.])"),
            0.4, r"[0-9]\.[0-9]{4,}[^0-9]{1,4}[0-9]{1,3}\.[0-9]{4}", _PLACE, 0.92, against=None, digits=10,
        ),
    )  # fmt: skip

    _road = compiled(
        rf"{_HAN}{{0,24}}?{_HAN}{{1,10}}(?:路|街|大道|巷|胡同|弄堂|公路|环线)(?:[东南西北中])?(?:[一二三四五六七八九十]段|[东南西北中]段)?",
        r"\s?[0-9]{1,5}(?:-[0-9]{1,4})?\s?(?:号院?|弄)",
        rf"(?:{_HAN}{{2,12}}?(?=[0-9]))?(?: ?[0-9A-Z]{{1,4}} ?(?:号楼|栋|幢|座|单元|楼|层|室|房|号|户)|[一二三四五六七八九十]{{1,3}}(?:栋|幢|单元|楼|层)|[0-9]{{3,4}}(?![0-9元年]))*",
        rf"(?:{_HAN}{{2,8}}(?:花园|小区|家园|公寓|苑|大厦|广场|新村|中心)(?: ?[0-9A-Z]{{1,4}} ?(?:号楼|栋|幢|座|塔|单元|楼|层|室|房|号))*)?",
    )  # fmt: skip

    # the last line of an address: a country, a state or a city, and a number
    _last_line = later(
        r"\n[^\w\n\x00]{0,5}([^\W\d_][^\d\n\x00]{0,48}?)[ ,]+([0-9]{4,6}(?:-[0-9]{4})?)(?=\s*(?:\n|\x00|$))"
    )
    _year = later(r"(?:19|20)[0-9]{2}")

    def find(self, block: Block, column: str) -> Iterator[tuple[int, Match]]:
        yield from super().find(block, column)
        some = block.with_digits(4).having("\n").select(r"\n[^\n]*[0-9]{4}")
        for cell, m in some.finditer(self._last_line):
            if _is_region(m.group(1)) and not self._year.fullmatch(m.group(2)):
                first, (start, end) = int(some.starts[cell]), m.span(2)
                # less sure than an address, which holds its postcode
                yield int(some.index[cell]), Match(start - first, end - first, "postcode", 0.55, "form+context")
        some = block.with_digits(1).having(HAN).select("[路街道巷弄线同][^0-9]{0,3}[0-9]{1,5}")
        for cell, m in some.finditer(self._road):
            first = int(some.starts[cell])
            start, end = m.start(), m.end()
            head = re.match(rf"{_HAN}+", some.text[start:end])
            cuts = list(_TRIM.finditer(head.group()[:-2] if head else ""))
            if cuts:
                start += cuts[-1].end()
            start += _before_region(some.text[start:end])
            if end - start >= 5:
                lone = start == first and end == int(some.starts[cell + 1]) - 1
                yield int(some.index[cell]), Match(start - first, end - first, "address", 0.85, "form", lone)


def _before_region(address: str) -> int:
    """Return how many characters stand before the province or city that an address begins with: 2 of 麻烦放杭州市余杭区."""
    found = _REGION.search(address)
    if found is None or not found.start() or _DISTRICT.search(address[: found.start()]):
        return 0
    return found.start()


_REGION = later(
    "北京市?|上海市?|天津市?|重庆市?|(?:河北|山西|辽宁|吉林|黑龙江|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南|广东|海南|四川|贵州|云南|陕西|甘肃|青海|台湾)省|"
    "(?:内蒙古|广西壮族|西藏|宁夏回族|新疆维吾尔)自治区|(?:石家庄|太原|呼和浩特|沈阳|大连|长春|哈尔滨|南京|苏州|无锡|杭州|宁波|温州|合肥|福州|厦门|南昌|济南|青岛|烟台|郑州|洛阳|武汉|长沙|广州|深圳|"
    "佛山|东莞|珠海|南宁|桂林|海口|三亚|成都|绵阳|贵阳|昆明|拉萨|西安|兰州|西宁|银川|乌鲁木齐)市"
)
_DISTRICT = later("[省市区县州盟旗镇乡]")


def _is_region(text: str) -> bool:
    """Whether a text ends in a country, a known city or the two letters of a state."""
    words = text.replace(",", " ").split()
    tails = (" ".join(words[-n:]).lower() for n in range(1, min(5, len(words)) + 1))
    known = (lexicon.entries("countries"), lexicon.entries("cities"))
    return bool(words) and (
        re.fullmatch(r"[A-Z]{2}", words[-1]) is not None or any(t in some for t in tails for some in known)
    )


RECOGNISER = Places
