"""What speaks against a Chinese name that the tagger found in a sentence: common words in it, or across its ends.

温泉 is a word by itself;  但|风格 a word after one that also is a surname;  沙田城 begins with one
江景|色 the last character belongs to what follows;  有|利影响 the first to what stands before
"""

from __future__ import annotations

from functools import lru_cache

from modelwright.privacy import lexicon
from modelwright.privacy._common_words import common_words
from modelwright.privacy.lazy_patterns import later

# characters that are surnames, and in sentences nearly always something else
SELDOM = frozenset(
    "但那于都向和时利国段楼为从左应该有全能要会与同把被让找是着别请问计商单老小大初原副正前其每各双支位区信展经任由常海沙华阴阳云盘满开花路车平项"
    "别侍仰凤"
    "冷暖温水白黑金石毛皮米麻豆麦羊牛马龙熊鱼鹿虎游乐安宁强富贵明光成全周万千百文章方圆元习官师长院冠军费钱"
)
_DOUBLE = frozenset(s for s in lexicon.entries("zh_surnames") if len(s) == 2)
# the second list is of things and qualities whose names begin as those of people do; the tagger did not learn from it
_COMMON = frozenset(lexicon.entries("zh_words")) | frozenset(lexicon.entries("zh_things"))
_FOLLOWS = frozenset("的了是在说和与跟也都就还又会来把被对将从到给为以及等表示称让先女小老医同教经")
NEVER = frozenset("但那都向和时国利从")  # seen as surnames less than once in ten thousand
_NO_GIVEN = frozenset("家店城村镇路街楼寺庙山河江湖岛桥站码某总哥姐生老店氏们这那")
_WAYS = frozenset("路街巷镇村店寺庙站码塔阁桥道")  # ends of ways and buildings, which few given names have
_HAN_ONLY = later("[\u3400-\u9fff]{2,}")
_TONGUE = later(r"(?:[日韩英法德俄藏蒙满泰土阿波古中华汉外]|波斯|阿拉伯|拉丁|希腊|梵|维)文|[\u4e00-\u9fff]国人")
_TWIN = later(r"((?!了)[\u4e00-\u9fff])\1\s?([\u4e00-\u9fff])\2|([\u4e00-\u9fff])\3[地响作数几]")
_PARTICLES = frozenset("给被把让和跟与对向是的了在")  # single words before a name
_OUR = frozenset("我本全同他她")
_NO_END = frozenset(
    "中里上下前后内外找去来到说给画看用做买"
)  # what no name ends in and stands behind a word: 楼道|中, 明天|找
_MOST = 3  # characters of a name with a surname of one


def doubt(text: str, start: int, end: int) -> float:
    """Return how much speaks against the name in characters `start` to `end`: 0 nothing, 1 that it is none."""
    name = text[start:end]
    if "·" in name:
        return 0.0
    size = len(name)
    double = name[:2] in _DOUBLE and size > 2
    if size < 2 or size > _MOST + double:
        return 1.0
    if double:
        return 0.0
    if name[0] not in lexicon.family_names():  # written by sound, as brands and things are too
        return 0.4
    if in_word(text, start, end):
        return 1.0
    found = 1.0 if name[0] in NEVER else 0.6 if size == 2 and name[1] in _NO_GIVEN else 0.0
    before, after = text[start - 1 : start], text[end : end + 1]
    if size == 3 and name[2] in _WAYS:
        found += 0.6
    if size == 3:
        begins, ends = is_common(name[:2]), is_common(name[1:])
        if begins and ends:
            found += 0.6
        elif begins:  # 温泉知(道); 王国维 stays where nothing else speaks against it
            found += 0.35
        elif ends and name[0] in SELDOM:
            found += 0.7
    elif name[0] in SELDOM:
        found += 0.3
    if name[0] in SELDOM:
        found += 0.3
    if before and is_common(before + name[0]):
        found += 0.5
    if after and after not in _FOLLOWS and (is_common(name[-1] + after) or is_common(text[end - 1 : end + 2])):
        found += 0.5
    if after and is_common(name[-2:] + after) and size == 3 and after not in _FOLLOWS:
        found += 0.4
    return min(1.0, found)


def across_words(text: str, start: int, end: int) -> bool:
    """Whether the characters are plainly of other words: within a longer one (猴年马月), the end of one and what follows (主人公|一起), a
    word and what follows (楼道|中), a twin of two like it (袅袅婷婷), a tongue or the people of a country (波斯文, 韩国人)."""
    name, size = text[start:end], end - start
    if _TONGUE.fullmatch(name):
        return True
    if size == 1:  # 我班|同学, 费|工夫
        return (name == "班" and text[start - 1 : start] in _OUR) or is_common(text[start : end + 2])
    longer = [(start, end + 1), (start, end + 2), (start - 2, end)]
    if text[start - 1 : start] not in _PARTICLES:
        longer.append((start - 1, end))
    if any(is_common(text[a:b]) for a, b in longer if a >= 0 and b - a <= 4):
        return True
    if name[0] == "公" and is_common(text[max(0, start - 2) : start + 1]):
        return True
    if size == 3 and name[0] in SELDOM and is_common(name[:2]) and name[2] in _NO_END:
        return True
    # 袅袅婷婷, 君君 臣臣, 翁翁响, 寥寥数笔
    return size == 2 and name[0] == name[1] and _TWIN.search(text[max(0, start - 3) : end + 3]) is not None


def in_word(text: str, start: int, end: int) -> bool:
    """Whether characters `start` to `end` are a common word, or one end of a longer one."""
    around = ((start, end), (start, end + 1), (start, end + 2), (start - 1, end), (start - 2, end))
    return any(is_common(text[a:b]) for a, b in around if a >= 0)


@lru_cache(1 << 15)
def is_common(some: str) -> bool:
    """Whether some Han characters are a common word."""
    # the filter errs on one in a thousand: it is not asked for what no word can be
    return some in _COMMON or (_HAN_ONLY.fullmatch(some) is not None and some in common_words())
