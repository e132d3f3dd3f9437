"""What rows of a task are to people: rows of a table, pictures, stretches of a series; counted in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from modelwright.core.words import Words, counted


class Unit(NamedTuple):
    """What is counted: one and several in English; in Chinese the measure word, what follows it as a noun, and how it stands
    behind a number by itself."""

    one: str
    many: str
    measure: str
    noun: str
    behind: str

    def counted(self, count: int) -> Words:
        """Return a number of them: `1 row`, `12,000 pictures`; `12,000 张图片`."""
        return Words(counted(count, self.one, self.many), f"{count:,} {self.behind}")

    @property
    def name(self) -> Words:
        """What they are called without a number: `rows`; `行`."""
        return Words(self.many, self.behind.removeprefix(self.measure) or self.measure)

    @property
    def more(self) -> Words:
        """What to do where those to test on are too few to tell anything."""
        return Words(
            f"Give more {self.many} (100 or more), or test {self.many} of your own: --test FILE",
            f"请提供更多{self.noun}（100 {self.measure}以上），或自备测试{self.noun}：--test 文件",
        )


ROWS = Unit("row", "rows", "行", "数据", "行")
PICTURES = Unit("picture", "pictures", "张", "图片", "张图片")
STRETCHES = Unit("stretch", "stretches", "段", "数据", "段")


def unit_of(counts: Mapping[str, Any]) -> Unit:
    """Return what the counts of rows in facts are of: rows where they do not say, as those of runs made earlier."""
    return Unit(*counts["unit"]) if counts.get("unit") else ROWS
