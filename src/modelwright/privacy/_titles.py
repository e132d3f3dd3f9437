"""Titles of goods: cells in which a capital says nothing, and a name is a brand's.

`Peter England Men Formal Black Belt`, `张小泉不锈钢菜刀`: no sentence, and words for what shops sell. A sentence that tells of
somebody (`John Miller asked for a black belt`, `张小泉说菜刀钝了`) is none.
"""

from __future__ import annotations

from functools import lru_cache

from modelwright.privacy import lexicon
from modelwright.privacy.lazy_patterns import later

_GOODS = frozenset(lexicon.entries("goods"))
_HAN_GOODS = later("|".join(sorted((w for w in _GOODS if not w.isascii()), key=len, reverse=True)))
_WORD = later(r"[^\W\d_]+(?:['’\-][^\W\d_]+)*")
_HAN = later("[\u3400-\u9fff]")
_SENTENCE = later(r"[。！？!?；;：:]|[，,].*[，,]|\.\s+[A-Z][a-z]+\s+[a-z]")
# words of sentences about people, which no title has
TELLS = frozenset(
    "i me my mine we us our you your yours he him his she hers they them their is am are was were be been has have had do does did "
    "will would can could should wants want wanted asked asks says said told ordered bought sent called needs please thanks thank dear hi "
    "hello from mr mrs ms dr who when because but not this that these those came went got gave paid returned received contact".split()
)
_SMALL = frozenset("a an the and or of for with in on to by at from".split())
_HAN_TELLS = later(
    "[我你他她您吗呢吧啊]|说|了|已经|请|收货|收件|联系|电话|客户|先生|小姐|老师|购买|买的|订购|退货|投诉|发给|寄给|通知|反映|表示"
)
# after a form of address: a shop or a dish called after somebody, 李先生牛肉面
SHOP = "[家记]?(?:牛肉面|拉面|烤肉|小厨|火锅|串串|烧烤|米线|酸辣粉|麻辣烫|私房菜|家常菜|面馆|饭店|餐馆|餐厅|酒楼|小吃|水饺|饺子|包子|锅贴|螺蛳粉|烤鱼|辣酱|凉皮|炒货|熟食|卤味|鸭脖|炸鸡|奶茶|豆花|豆腐|粉面|菜馆|食堂|厨房|烘焙|蛋糕|馄饨|煎饼|肉夹馍|水果捞)"
_LONGEST, _LEAST = 160, 3  # characters of a title; words of one in Latin letters
_CAPITALS = 0.75  # share of the words of a title that begin with one


def is_goods(word: str) -> bool:
    """Whether a word in Latin letters is for goods, or for their colour, cut or size."""
    return word.lower() in _GOODS


@lru_cache(4096)
def is_title(cell: str) -> bool:
    """Whether a cell is the title of something that is sold."""
    if len(cell) > _LONGEST or "\n" in cell or _SENTENCE.search(cell):
        return False
    if _HAN.search(cell):
        return _HAN_GOODS.search(cell) is not None and not _HAN_TELLS.search(cell)
    words = _WORD.findall(cell)
    if len(words) < _LEAST or any(w.lower() in TELLS for w in words):
        return False
    held = sum(map(is_goods, words))
    own = [w for w in words if w.lower() not in _SMALL]
    capitals = sum(w[0].isupper() for w in own)
    # written without a capital, it takes more to tell it from what people write in haste
    return held >= 1 and capitals >= _CAPITALS * len(own) if capitals else held >= 2 and held >= 0.4 * len(own)
