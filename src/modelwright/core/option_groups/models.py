"""Which models are tried, and how they are tuned and combined."""

from __future__ import annotations

from typing import ClassVar, Literal

from modelwright.core.option_groups.base import OptionGroup, option
from modelwright.core.words import Words


class Models(OptionGroup):
    """Recipes and what becomes of them."""

    about: ClassVar[Words] = Words("Models", "模型")

    recipes: list[str] = option([], "only this recipe (may repeat)", "只用此方案（可重复）", "--recipe", metavar="NAME")
    search: Literal["tpe", "random", "grid", "none"] = option(
        "tpe", "how options are tuned: tpe, random, grid, none", "调优方式：tpe、random、grid、none", metavar="WAY"
    )
    ensemble: bool = option(True, "combine models", "是否组合模型")
    refit: bool | None = option(
        None, "train the winner again on all but the test rows", "用测试集以外的全部数据重新训练选中的模型"
    )
    student: bool | None = option(None, "one model that learns what a blend answers", "用单个模型学习组合的回答")
    class_weight: bool = option(False, "give rare classes more weight", "提高稀有类别权重")
    missing: Literal["keep", "median", "refuse"] = option(
        "keep",
        "numbers missing only later: keep, median, refuse",
        "仅在预测时缺失的数值：keep、median、refuse",
        metavar="WAY",
    )
    vectors: str | None = option(
        None, "word vectors (GloVe/word2vec text)", "词向量（GloVe/word2vec 文本格式）", metavar="FILE"
    )
    pretrained: list[str] = option(
        [],
        "pretrained encoder: folder, packaged or hub name",
        "预训练编码器：文件夹、随包或模型库名称",
        metavar="NAME",
    )
