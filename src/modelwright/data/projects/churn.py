"""Churn: which customers of a subscription are about to leave."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping

from modelwright.core.words import Words
from modelwright.data.projects import Project, table

_ROWS = 900
_PLANS = (("basic", 9.0, 0.3), ("family", 19.0, -0.2), ("business", 49.0, -0.5))
_SAID = (
    (0.0, ("", "", "", "All fine.", "没有问题", "Thanks for the quick reply.", "续费很方便")),
    (
        0.9,
        (
            "The app logs me out every day.",
            "页面经常打不开",
            "Charged twice this month.",
            "客服一直没有回复",
            "Too slow in the evening.",
        ),
    ),
    (2.0, ("How do I cancel?", "怎么取消订阅", "A competitor is cheaper.", "打算换一家", "I no longer need it.")),
)
_HEAD = ("plan", "months", "price", "logins_last_month", "tickets", "pays_by", "last_message", "churned")


def _files() -> Mapping[str, str]:
    rng = random.Random(5)
    rows = []
    for _ in range(_ROWS):
        plan, price, drift = rng.choices(_PLANS, (5, 3, 2))[0]
        months = min(72, 1 + int(rng.expovariate(1 / 16)))
        tickets = min(9, int(rng.expovariate(1 / 0.8)))
        logins = max(0, round(rng.gauss(14, 7)))
        pays = rng.choices(("card", "invoice", "wallet"), (6, 2, 3))[0]
        weight, words = rng.choices(_SAID, (7, 2, 1))[0]
        logit = -1.4 + drift - 0.04 * months - 0.08 * (logins - 12) + 0.35 * tickets + weight + 0.3 * (pays == "wallet")
        left = rng.random() < 1 / (1 + math.exp(-logit))
        offer = rng.random() < 0.2
        rows.append(
            (
                plan,
                months,
                f"{price * (0.8 if offer else 1):.2f}",
                logins,
                tickets,
                pays,
                rng.choice(words),
                "yes" if left else "no",
            )
        )
    return {"customers.csv": table(_HEAD, rows)}


PROJECT = Project(
    title=Words("Customers who leave", "客户流失"),
    about=Words(
        "Tells which customers of a subscription are likely to leave, and what speaks for it, so that somebody can call in time.",
        "预测哪些订阅客户可能流失及其依据，以便及时联系。",
    ),
    data=Words(
        f"`customers.csv`: {_ROWS} made-up customers: plan, months since the start, price, logins, tickets, means of payment, the last message in English or "
        "Chinese, and whether they left (`churned`). They show the form; scores on them say nothing about real customers.",
        f"`customers.csv`：{_ROWS} 名虚构客户：套餐、开通月数、价格、登录次数、工单数、支付方式、最近一条中文或英文留言，以及是否流失（`churned`）。它们仅展示格式，得分不代表真实客户上的效果。",
    ),
    own=Words(
        "Replace `customers.csv` by your own: one row a customer as they stood some weeks before, and whether they left since. Leave out what is only "
        "known afterwards, such as the date of leaving. Where a missed customer costs more than a needless call, say so: `--cost yes:missed=120,false_alarm=8`.",
        "用自己的数据替换 `customers.csv`：每位客户一行，取其数周前的状态，以及此后是否流失。请去掉事后才知道的内容，例如注销日期。若漏掉一位客户的损失大于一次多余的联系，请说明：`--cost yes:missed=120,false_alarm=8`。",
    ),
    task="classification",
    settings={"data": "customers.csv", "target": "churned", "metric": "roc_auc", "budget": "1m", "gate": "roc_auc>=0.6"},
    files=_files,
    asks=(
        {"plan": "basic", "months": 2, "price": 9.0, "logins_last_month": 1, "tickets": 4, "pays_by": "wallet", "last_message": "How do I cancel?"},
        {"plan": "business", "months": 40, "price": 49.0, "logins_last_month": 25, "tickets": 0, "pays_by": "invoice", "last_message": "没有问题"},
    ),
)  # fmt: skip
