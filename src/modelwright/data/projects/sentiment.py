"""Sentiment of reviews in English and Chinese."""

from __future__ import annotations

import random
from collections.abc import Mapping

from modelwright.core.words import Words
from modelwright.data.projects import Project, table

_ROWS = 420
_THINGS = (
    ("headphones", "耳机"), ("coffee machine", "咖啡机"), ("backpack", "背包"), ("desk lamp", "台灯"), ("hotel room", "酒店房间"),
    ("delivery", "配送"), ("customer service", "客服"), ("running shoes", "跑鞋"), ("phone case", "手机壳"), ("app", "应用"),
)  # fmt: skip
_SAID = {
    "positive": (
        ("I love this {0}, it works perfectly", "The {0} is better than I hoped", "Great {0}, would buy it again", "Really happy with the {0}",
         "The {0} made my week", "Five stars for the {0}", "Cannot imagine a better {0}", "The {0} exceeded every expectation"),
        ("这个{0}太好用了", "{0}比想象中还好，值得推荐", "非常满意这款{0}", "{0}很棒，下次还会买", "对{0}十分满意，五星好评", "{0}真的惊喜",
         "{0}物超所值", "用了{0}之后心情都变好了"),
    ),
    "negative": (
        ("The {0} broke after two days", "Very disappointed by the {0}", "Do not buy this {0}", "The {0} is a waste of money", "I want my money back for the {0}",
         "Worst {0} I have ever had", "The {0} never worked as promised", "I regret choosing this {0}"),
        ("{0}用了两天就坏了", "对{0}非常失望", "千万别买这个{0}", "{0}完全是浪费钱", "{0}和描述不符，要求退款", "最差的{0}，没有之一", "{0}问题太多，后悔了",
         "{0}体验糟糕，不会再来"),
    ),
    "neutral": (
        ("The {0} is okay, nothing special", "An average {0} for the price", "The {0} does what it should, no more", "Neither good nor bad, just a {0}",
         "The {0} came on Tuesday as expected", "It is a standard {0}", "The {0} is the same as last year"),
        ("{0}还可以，没什么特别", "{0}中规中矩", "这个价位的{0}就是这样", "{0}一般般，能用", "{0}按时收到了，还没仔细看", "普通的{0}，不好不坏", "{0}和去年的一样"),
    ),
}  # fmt: skip
_ENDS = (
    ("", ".", "!", ", honestly.", " so far.", ", my brother says the same."),
    ("", "。", "！", "，说实话。", "，目前看来。", "，家人也这么说。"),
)


def _files() -> Mapping[str, str]:
    rng = random.Random(7)
    seen: dict[str, str] = {}
    while len(seen) < _ROWS:
        label = rng.choice(sorted(_SAID))
        zh = rng.randrange(2)
        thing = rng.choice(_THINGS)[zh]
        text = rng.choice(_SAID[label][zh]).format(thing) + rng.choice(_ENDS[zh])
        seen.setdefault(text, label)
    return {"reviews.csv": table(["text", "sentiment"], seen.items())}


PROJECT = Project(
    title=Words("Sentiment of reviews", "评论情感分析"),
    about=Words(
        "Tells whether a review in English or Chinese is positive, neutral or negative.",
        "判断中英文评论是正面、中性还是负面。",
    ),
    data=Words(
        f"`reviews.csv`: {_ROWS} short reviews, half in either language, made from sentences written for this example. They show "
        "the form; scores on them say nothing about real reviews.",
        f"`reviews.csv`：{_ROWS} 条短评，中英文各约一半，由为本示例撰写的句子生成。它们仅展示格式，得分不代表真实评论上的效果。",
    ),
    own=Words(
        "Replace `reviews.csv` by your own: a column `text` and a column `sentiment`; further columns are read too. A few hundred "
        "rows make a first model. Rows without a sentiment can be labelled by a large model, see `--teacher`.",
        "用自己的数据替换 `reviews.csv`：`text` 列和 `sentiment` 列；其他列也会被读取。几百行即可得到初步模型。没有标签的行可由大模型标注，见 `--teacher`。",
    ),
    task="classification",
    settings={"data": "reviews.csv", "target": "sentiment", "budget": "1m", "gate": "macro_f1>=0.8"},
    files=_files,
    asks=(
        {"text": "The coffee machine broke after a week"},
        {"text": "这款跑鞋太舒服了，推荐"},
        {"text": "还行吧，普通的台灯"},
    ),
)
