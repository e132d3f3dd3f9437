"""A shop that recommends: who bought what, and what the things are, with pictures and titles in two languages."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Mapping

from modelwright.core.words import Words
from modelwright.data.projects import Project, table
from modelwright.data.projects._pictures import COLOURS, picture

_PEOPLE, _EVENTS, _DAYS = 220, 3400, 120
_KINDS = {"mug": "马克杯", "lamp": "台灯", "notebook": "笔记本", "plant": "盆栽", "bag": "手提包", "clock": "挂钟"}
_STYLES = (("plain", "简约", 12), ("studio", "工作室", 24), ("heritage", "典藏", 48))
_HUES = {"red": "红色", "blue": "蓝色", "green": "绿色", "yellow": "黄色", "black": "黑色", "white": "白色"}
_COLOURS = {"mug": 4, "lamp": 3, "notebook": 4, "plant": 3, "bag": 3, "clock": 3}  # in which a kind is sold
_NEW = (
    ("mug", "heritage", "white"),
    ("bag", "studio", "yellow"),
    ("lamp", "heritage", "white"),
)  # nobody has bought them yet
_PRICE = {"mug": 1.0, "lamp": 2.2, "notebook": 0.6, "plant": 1.4, "bag": 2.8, "clock": 1.8}


def _goods() -> list[tuple[str, str, str, str, str, float]]:
    """Return id, kind, style, colour, Chinese title and price of every thing, those that are new last."""
    plain = [
        (kind, style, colour)
        for kind in _KINDS
        for style, _, _ in _STYLES
        for colour in list(COLOURS)[: _COLOURS[kind]]
    ]
    zh = {en: other for en, other, _ in _STYLES}
    base = {en: price for en, _, price in _STYLES}
    return [
        (f"{kind[0]}{100 + i}", kind, style, colour, f"{zh[style]}{_HUES[colour]}{_KINDS[kind]}", round(base[style] * _PRICE[kind], 2))
        for i, (kind, style, colour) in enumerate([*plain, *_NEW])
    ]  # fmt: skip


def _events(rng: random.Random) -> list[tuple[str, str, str]]:
    """Return user, item and time: each person keeps to two kinds and one style, most of the time."""
    goods = _goods()
    sold = goods[: -len(_NEW)]
    taste = {
        f"u{p:03d}": (rng.sample(sorted(_KINDS), 2), rng.choice(_STYLES)[0], rng.choice(sorted(COLOURS)))
        for p in range(_PEOPLE)
    }
    begin = dt.datetime(2026, 3, 1, 8)
    moments = sorted(rng.random() * _DAYS * 86_400 for _ in range(_EVENTS))
    out = []
    for moment in moments:
        user = rng.choice(sorted(taste))
        kinds, style, colour = taste[user]
        weights = [
            (6.0 if g[1] in kinds else 0.6) * (4.0 if g[2] == style else 1.0) * (2.0 if g[3] == colour else 1.0)
            for g in sold
        ]
        item = rng.choices(sold, weights)[0]
        out.append((user, item[0], (begin + dt.timedelta(seconds=round(moment))).isoformat(sep=" ")))
    return out


def _files() -> Mapping[str, str | bytes]:
    goods = _goods()
    lines = [
        (key, f"{kind.title()}, {colour}, {style}", title, kind, style, colour, price, f"pictures/{kind}-{colour}.png")
        for key, kind, style, colour, title, price in goods
    ]
    head = ["item", "title", "title_zh", "category", "style", "colour", "price", "picture"]
    shown = {(kind, colour) for _, kind, _, colour, _, _ in goods}
    pictures: dict[str, str | bytes] = {f"pictures/{k}-{c}.png": picture(k, c) for k, c in sorted(shown)}
    return {
        "events.csv": table(["user", "item", "time"], _events(random.Random(11))),
        "items.csv": table(head, lines),
        **pictures,
    }


PROJECT = Project(
    title=Words("Recommendations for a shop", "商店推荐"),
    about=Words(
        "Recommends things to the users of a made-up shop: by what they bought, for a session without a user, or like a description, under "
        "conditions such as `price<=30`, with reasons and pictures.",
        "为一家虚构商店的用户推荐商品：根据购买记录、匿名会话或商品描述，可加 `price<=30` 之类的条件，并给出理由与图片。",
    ),
    data=Words(
        f"`events.csv`: {_EVENTS:,} purchases of {_PEOPLE} people. `items.csv`: what is sold, with titles in both languages, category, style, colour, "
        "price and a picture; three things are new and nobody has bought them. All of it was made for this example: each person keeps to two "
        "categories and one style most of the time, which is what a model can find.",
        f"`events.csv`：{_PEOPLE} 名用户的 {_EVENTS:,} 次购买。`items.csv`：在售商品，含中英文标题、类别、风格、颜色、价格和图片；其中三件为新品，尚无人购买。"
        "数据均为本示例编写：每名用户大多只买两个类别、一种风格的商品，模型可从中学到规律。",
    ),
    own=Words(
        "Export one line for each purchase, view or click with the columns `user`, `item` and `time`, and a table of items with any columns you "
        "have; name pictures by path. After `modelwright serve`, the page `/browse` shows what is recommended, `POST /recommend` answers your "
        "shop, and `POST /events` takes what users do: it counts at once, and `modelwright improve` learns from it.",
        "导出每次购买、浏览或点击，一行一条，含 `user`、`item`、`time` 列；再准备一张商品表，列不限，图片写路径。运行 `modelwright serve` 后，`/browse` 页面展示"
        "推荐结果，`POST /recommend` 供商店调用，`POST /events` 接收用户行为：立即生效，并可用 `modelwright improve` 继续学习。",
    ),
    task="recommendation",
    settings={
        "data": "events.csv", "items": "items.csv", "target": "item", "user": "user", "time": "time", "budget": "30s",
        "gate": "recall@20>=0.3",
    },
    files=_files,
    asks=({"user": "u003"}, {"history": ["m100", "m101"]}, {"user": "somebody new"}),
)  # fmt: skip
