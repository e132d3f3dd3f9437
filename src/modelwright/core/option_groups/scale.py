"""With how much of a machine, or of how many, a run works."""

from __future__ import annotations

from typing import ClassVar

from modelwright.core.option_groups.base import OptionGroup, option
from modelwright.core.words import Words


class Scale(OptionGroup):
    """Devices, processes and clusters."""

    about: ClassVar[Words] = Words("Scale", "规模")

    devices: int = option(
        1, "processes that train one network together", "共同训练一个网络的进程数",
        metavar="N", ge=1, le=4096,
    )  # fmt: skip
    accumulate: int = option(
        1, "parts of a batch gone through before each step", "每步之前依次处理的批次份数", metavar="N", ge=1, le=4096
    )
    shard: bool = option(
        False,
        "each process holds a part of the network (FSDP)",
        "每个进程只保存网络的一部分（FSDP）",
    )
    activation_checkpointing: bool = option(
        False,
        "compute activations again instead of holding them",
        "反向传播时重新计算激活值，以节省内存",
    )
    compile: bool = option(False, "compile a network's steps where that is faster", "实测更快时编译网络的训练步")
    cluster: str | None = option(
        None,
        "Ray cluster that fits: local or ray://HOST:PORT",
        "承担训练的 Ray 集群：`local` 或 `ray://主机:端口`",
        metavar="ADDRESS",
    )
