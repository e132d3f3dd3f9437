"""What the tasks that compare texts share: synthetic questions with answers."""

from __future__ import annotations

import numpy as np

_TOPICS = (
    ("refund", "Refunds are paid back within five days.", ("how do I get a refund", "I want my money back", "refund please")),
    ("parcel", "Parcels arrive two days after they were sent.", ("where is my parcel", "when is my parcel delivered", "parcel late")),
    ("密码", "在登录页点击忘记密码即可重置。", ("忘记密码怎么办", "怎么重置密码", "密码不对登录不了")),
    ("发票", "订单完成后可在订单页申请电子发票。", ("怎么开发票", "发票在哪里申请", "需要电子发票")),
)  # fmt: skip
_FILLER = ("hello", "thanks", "today", "请问", "谢谢", "urgent")


def questions(rng: np.random.Generator, rows: int) -> tuple[list[str], list[int]]:
    """Return questions and what each is about [N], 0 to 3."""
    about = [int(v) for v in rng.integers(0, len(_TOPICS), rows)]
    return [f"{rng.choice(_FILLER)} {rng.choice(_TOPICS[a][2])}" for a in about], about


def answer(about: int) -> str:
    """Return the document about a topic."""
    return _TOPICS[about][1]
