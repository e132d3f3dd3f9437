"""What a run may take, what it is to reach, and how it is held out and ranked."""

from __future__ import annotations

from typing import ClassVar

from modelwright.core.option_groups.base import OptionGroup, option
from modelwright.core.words import Words


class Training(OptionGroup):
    """Budget, gate, and the rows that are held out."""

    about: ClassVar[Words] = Words("Training", "训练")

    budget: str = option(
        "5m", "time until a usable bundle stands (5m)", "得到可用模型包的时间（5m）", "--budget", "-b", metavar="TIME"
    )
    gate: str | None = option(
        None,
        "conditions for release, e.g. macro_f1>=0.9",
        "发布门槛，如 macro_f1>=0.9",
        "--gate",
        "-g",
        metavar="CONDITIONS",
    )
    metric: str | None = option(
        None, "metric that ranks the models", "排名所用的指标", "--metric", "-m", metavar="NAME"
    )
    cost: list[str] = option(
        [],
        "what wrong answers cost, e.g. fraud:missed=500",
        "错误的代价，如 fraud:missed=500",
        metavar="LABEL:KIND=COST",
    )
    memory: str | None = option(None, "memory the run may use, e.g. 4g", "可用内存，如 4g", metavar="SIZE")
    latency: str | None = option(
        None, "longest time for one answer, e.g. 20ms", "单次回答最长时间，如 20ms", metavar="TIME"
    )
    folds: int | None = option(None, "folds of cross-validation", "交叉验证折数", metavar="N")
    repeats: int = option(1, "repeats of cross-validation", "交叉验证重复次数", metavar="N", ge=1, le=20)
    test_fraction: float = option(
        0.2, "share of rows for the test (0.2)", "测试集比例（0.2）", metavar="SHARE", gt=0, lt=1
    )
    device: str = option("auto", "auto, cpu, cuda, cuda:1, mps", "auto、cpu、cuda、cuda:1、mps", metavar="NAME")
    seed: int = option(0, "random seed", "随机种子", metavar="N", ge=0)
