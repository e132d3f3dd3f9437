"""The words of drift: of figures, states, tests and bins."""

from __future__ import annotations

from collections.abc import Sequence

from modelwright.core.words import Words
from modelwright.evaluate.drift.figures import OTHER

_PARTS = {
    "state": Words("missing or unreadable", "缺失或无法读取"), "value": Words("values", "取值"), "count": Words("number of labels", "标签数"),
    "length": Words("length", "长度"), "digits": Words("share of digits", "数字占比"), "capitals": Words("share of capitals", "大写字母占比"),
    "han": Words("share of Chinese characters", "汉字占比"), "marks": Words("share of punctuation", "标点占比"),
    "brightness": Words("brightness", "亮度"), "contrast": Words("contrast", "对比度"), "colour": Words("colour", "色彩"),
    "loudness": Words("loudness", "响度"), "silence": Words("quietest moment", "最安静处的响度"), "label": Words("predicted labels", "预测类别"),
    "confidence": Words("confidence", "置信度"),
}  # fmt: skip
_STATES = {
    "steady": Words("as in training", "与训练数据一致"),
    "tiny": Words("small change, no alarm", "变化很小，不告警"),
    "drifted": Words("drifted", "发生漂移"),
}
_BINS = {
    "present": Words("present", "有值"), "missing": Words("missing", "缺失"), "unreadable": Words("unreadable", "无法读取"),
    OTHER: Words("other", "其他"),
}  # fmt: skip


def part_words(part: str) -> Words:
    """Return what a figure is of."""
    if part.startswith("sketch"):
        return Words("content", "内容")
    return _PARTS.get(part, Words(part, part))


def state_words(state: str) -> Words:
    """Return what a state means."""
    return _STATES.get(state, Words(state, state))


def bin_words(edges: Sequence[float], values: Sequence[str], at: int, part: str) -> Words:
    """Return what falls into a bin."""
    if values:
        return _BINS.get(values[at], Words(values[at], values[at])) if at < len(values) else Words("", "")
    if not edges:
        return Words("all", "全部")
    if at == 0:
        return Words(f"up to {edges[0]:,.6g}", f"不超过 {edges[0]:,.6g}")
    if at >= len(edges):
        return Words(f"above {edges[-1]:,.6g}", f"大于 {edges[-1]:,.6g}")
    if f"{edges[at - 1]:,.6g}" == f"{edges[at]:,.6g}":  # a frequent value has a bin of its own
        return Words(f"{edges[at]:,.6g}", f"{edges[at]:,.6g}")
    return Words(f"{edges[at - 1]:,.6g} to {edges[at]:,.6g}", f"{edges[at - 1]:,.6g} 至 {edges[at]:,.6g}")


def name_words(column: str, role: str) -> Words:
    """Return what a verdict is about."""
    if role == "answer":
        part = part_words(column)
        return Words(f"answers: {part.en}", f"预测结果：{part.zh}")
    return Words(column, column)
