"""Advertising copy from the attributes of a product, in English and Chinese."""

from __future__ import annotations

import random
from collections.abc import Mapping

from modelwright.core.words import Words
from modelwright.data.projects import Project, table

_ROWS = 600
_KINDS = (
    ("backpack", "背包"), ("desk lamp", "台灯"), ("water bottle", "水杯"), ("raincoat", "雨衣"), ("headphones", "耳机"), ("notebook", "笔记本"),
    ("running shoe", "跑鞋"), ("tea set", "茶具"), ("blanket", "毛毯"), ("umbrella", "雨伞"),
)  # fmt: skip
_COLOURS = (
    ("red", "红色"),
    ("navy", "藏青色"),
    ("olive", "橄榄绿"),
    ("ivory", "米白色"),
    ("black", "黑色"),
    ("sky blue", "天蓝色"),
)
_MATERIALS = (
    ("cotton", "棉"),
    ("steel", "不锈钢"),
    ("bamboo", "竹"),
    ("wool", "羊毛"),
    ("recycled nylon", "再生尼龙"),
    ("ceramic", "陶瓷"),
)
_FOR = (
    ("students", "学生"),
    ("travellers", "旅行者"),
    ("families", "家庭"),
    ("runners", "跑者"),
    ("office workers", "上班族"),
)
_BRANDS = ("Lumina", "Norvek", "Sanhe", "Tidewell", "Qingmu", "Arbor")
_EN = (
    "Meet the {brand} {kind}: {colour} {material}, made for {use}. Yours for {price}.",
    "Made for {use}: the {colour} {kind} by {brand}, in {material}. Only {price}.",
    "{brand} brings {material} to life. A {colour} {kind} that {use} love, now {price}.",
)
_ZH = (
    "{brand}{kind}，{colour}{material}材质，专为{use}打造，仅售{price}元。",
    "为{use}而生：{brand}{colour}{kind}，{material}材质，只要{price}元。",
    "{brand}匠心之作，{material}制成的{colour}{kind}，{use}的心头好，现价{price}元。",
)


def _files() -> Mapping[str, str]:
    rng = random.Random(11)
    rows: dict[tuple[str, ...], str] = {}
    while len(rows) < _ROWS:
        zh = rng.randrange(2)
        brand, price = rng.choice(_BRANDS), str(rng.choice((19, 29, 39, 49, 59, 79, 99, 129, 159, 199)))
        kind, colour, material, use = (rng.choice(x)[zh] for x in (_KINDS, _COLOURS, _MATERIALS, _FOR))
        text = rng.choice(_ZH if zh else _EN).format(
            brand=brand, kind=kind, colour=colour, material=material, use=use, price=price
        )
        rows.setdefault((brand, kind, colour, material, use, price), text)
    return {
        "products.csv": table(
            ["brand", "kind", "colour", "material", "audience", "price", "copy"], [[*k, v] for k, v in rows.items()]
        )
    }


PROJECT = Project(
    title=Words("Marketing copy", "营销文案"),
    about=Words(
        "Writes a line of advertising from a product's attributes, in the language of the attributes.",
        "根据商品属性撰写一句营销文案，语言与属性一致。",
    ),
    data=Words(
        f"`products.csv`: {_ROWS} made-up products with a line of copy each, English and Chinese, made from sentences written for "
        "this example. The report says how often an attribute is missing from the copy, or made up.",
        f"`products.csv`：{_ROWS} 个虚构商品，各带一句文案，中英文都有，由为本示例撰写的句子生成。报告会给出文案漏写或捏造属性的比例。",
    ),
    own=Words(
        "Replace `products.csv` by your own: one column for each attribute, and `copy`. A few thousand rows make copy worth reading; "
        "always let a person read it before it goes out.",
        "用自己的数据替换 `products.csv`：每个属性一列，外加 `copy` 列。几千行才能写出像样的文案；发布前务必由人审阅。",
    ),
    task="text2text-generation",
    settings={"data": "products.csv", "target": "copy", "budget": "5m"},
    files=_files,
    asks=(
        {"brand": "Norvek", "kind": "backpack", "colour": "navy", "material": "wool", "audience": "runners", "price": "49"},
        {"brand": "Qingmu", "kind": "茶具", "colour": "米白色", "material": "陶瓷", "audience": "家庭", "price": "199"},
    ),
)  # fmt: skip
