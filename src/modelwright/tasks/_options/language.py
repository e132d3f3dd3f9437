"""Options of a run that are for large language models: one on this machine, or a hosted one."""

from __future__ import annotations

from typing import ClassVar

from modelwright.core.option_groups.base import OptionGroup, option
from modelwright.core.words import Words


class LargeModels(OptionGroup):
    """Which large model is used; for every task that has a recipe with one."""

    about: ClassVar[Words] = Words("Large language models", "大语言模型")

    base: str | None = option(None, "folder of a causal language model", "因果语言模型文件夹", metavar="FOLDER")
    endpoint: str | None = option(
        None, "OpenAI-compatible endpoint, for public data", "OpenAI 兼容接口（仅限公开数据）", metavar="URL"
    )
    endpoint_model: str | None = option(None, "model at the endpoint", "接口使用的模型", metavar="NAME")
    price_in: float = option(0.0, "price of a million tokens read", "每百万输入词元价格", metavar="PRICE", ge=0)
    price_out: float = option(0.0, "price of a million tokens written", "每百万输出词元价格", metavar="PRICE", ge=0)
    teacher: str | None = option(
        None,
        "`endpoint` or a folder: labels rows without target",
        "endpoint 或文件夹：标注无目标值的行",
        metavar="FOLDER",
    )


GROUPS = (LargeModels,)
