"""Personal data, encryption, and differential privacy."""

from __future__ import annotations

from typing import ClassVar

from modelwright.core.option_groups.base import OptionGroup, option
from modelwright.core.words import Words


class Privacy(OptionGroup):
    """What protects the people in the data."""

    about: ClassVar[Words] = Words("Privacy", "隐私")

    private: list[str] = option(
        [],
        "personal data: keep, placeholder, generalise, drop",
        "个人数据：keep、placeholder、generalise、drop",
        metavar="ACTION[:NAME]",
    )
    public: bool = option(
        False,
        "public data: kept as it is, hosted models allowed",
        "数据公开：不替换个人数据，可交给托管模型",
    )
    vault: str | None = option(
        None,
        "vault key: file:PATH, env:NAME, keyring:NAME",
        "数据加密密钥：file:路径、env:变量名、keyring:名称",
        metavar="KEY",
    )
    epsilon: float | None = option(
        None,
        "differential privacy of training rows: the budget",
        "训练数据差分隐私预算 epsilon",
        metavar="NUMBER",
        gt=0,
        le=1000,
    )
    delta: float | None = option(
        None, "used with --epsilon (1e-5)", "与 --epsilon 同用（1e-5）", metavar="NUMBER", gt=0, lt=1
    )
    bounds: dict[str, str] = option({}, "bounds known beforehand", "事先已知的取值范围", metavar="NAME=LOW..HIGH")
