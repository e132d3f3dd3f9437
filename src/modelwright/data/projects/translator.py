"""A translator of service phrases, English to Chinese."""

from __future__ import annotations

import random
from collections.abc import Mapping

from modelwright.core.words import Words
from modelwright.data.projects import Project, table

_ROWS = 700
_THINGS = (
    ("order", "订单"), ("parcel", "包裹"), ("invoice", "发票"), ("refund", "退款"), ("account", "账户"), ("password", "密码"), ("coupon", "优惠券"),
    ("address", "地址"), ("payment", "付款"), ("membership", "会员"), ("ticket", "工单"), ("receipt", "收据"),
)  # fmt: skip
_WHO = (
    ("I", "我"),
    ("We", "我们"),
    ("You", "您"),
    ("They", "他们"),
    ("The customer", "客户"),
    ("My colleague", "我的同事"),
)
_DID = (
    ("cancelled", "取消了"), ("received", "收到了"), ("changed", "更改了"), ("checked", "检查了"), ("forgot", "忘记了"), ("confirmed", "确认了"),
    ("cannot find", "找不到"), ("need", "需要"), ("want to see", "想查看"),
)  # fmt: skip
_WHEN = (
    ("today", "今天"),
    ("yesterday", "昨天"),
    ("this morning", "今天早上"),
    ("last week", "上周"),
    ("on Monday", "星期一"),
    ("two days ago", "两天前"),
)
_MORE = (
    ("Where is the {0}?", "{0}在哪里？"), ("How do I change the {0}?", "怎么更改{0}？"), ("The {0} is missing.", "{0}不见了。"),
    ("Please send the {0} again.", "请重新发送{0}。"), ("Is the {0} ready?", "{0}准备好了吗？"), ("Thank you for the {0}.", "谢谢您的{0}。"),
)  # fmt: skip


def _files() -> Mapping[str, str]:
    rng = random.Random(13)
    pairs: dict[str, str] = {}
    while len(pairs) < _ROWS:
        thing, who, did, when = (rng.choice(x) for x in (_THINGS, _WHO, _DID, _WHEN))
        if rng.random() < 0.1:
            more = rng.choice(_MORE)
            pairs[more[0].format(thing[0])] = more[1].format(thing[1])
        else:
            pairs[f"{who[0]} {did[0]} the {thing[0]} {when[0]}."] = f"{who[1]}{when[1]}{did[1]}{thing[1]}。"
    order = sorted(pairs)
    rng.shuffle(order)
    return {"phrases.csv": table(["en", "zh"], [[e, pairs[e]] for e in order])}


PROJECT = Project(
    title=Words("Translator", "翻译"),
    about=Words("Translates short service phrases from English to Chinese.", "把简短的客服用语从英文译成中文。"),
    data=Words(
        f"`phrases.csv`: {_ROWS} pairs made from phrases written for this example. A model learns this small language and no other.",
        f"`phrases.csv`：{_ROWS} 对句子，由为本示例撰写的短语生成。模型只能学会这一小部分语言。",
    ),
    own=Words(
        "Replace `phrases.csv` by your own pairs, a column for each language; the target is the language to translate into. From "
        "scratch it takes some ten thousand pairs; fewer suffice with a pretrained model, see `--pretrained`.",
        "用自己的双语句对替换 `phrases.csv`，每种语言一列，目标列为译文语言。从零训练约需上万对；使用预训练模型（`--pretrained`）则可以更少。",
    ),
    task="translation",
    settings={"data": "phrases.csv", "target": "zh", "budget": "5m"},
    files=_files,
    asks=({"en": "I cancelled the order yesterday."}, {"en": "Where is the parcel?"}),
)
