"""Words that name a row of totals or means, in several languages."""

from __future__ import annotations

import re
from functools import cache

MEANS = frozenset(
    "average mean avg moyenne mittelwert durchschnitt promedio media среднее 平均 平均值 均值 평균".split()
)
WORDS = (
    frozenset(
        "total totals sum sums subtotal totale somme summe gesamt gesamtsumme totaal suma итого всего 合计 总计 小计 总和 合計 総計 小計 합계".split()
    )
    | {"grand total", "sub total", "sub-total", "total general", "total général", "insgesamt"}
    | MEANS
)
_JOINED = tuple("合计 总计 小计 总和 合計 総計 小計 합계".split())  # stand behind a name without a blank: 华东小计


def caption(cell: str) -> str:
    """Return a cell as the words are written: without blanks and colons around it, in small letters."""
    return cell.strip(" :：").casefold()


def is_total(cell: str) -> bool:
    """Whether a cell is such a word and no more."""
    return caption(cell) in WORDS


@cache
def pattern() -> str:
    """Return the expression (RE2, to be matched without regard to case) for a cell that is such a word, begins with one and a name behind it, or
    ends with one: `Subtotal North`, `North total`, `华东小计`."""
    words = "|".join(sorted(map(re.escape, WORDS), key=len, reverse=True))
    joined = "|".join(_JOINED)
    return rf"^\s*(?:{words})(?:[\s:：][^\n]{{0,40}})?$|^[^\n]{{0,40}}[\s:：(（-](?:{words})[\s:：)）]*$|^[^\n]{{0,40}}(?:{joined})[\s:：)）]*$"


def word_in(cell: str) -> str:
    """Return the word that a cell matched by `pattern` begins or ends with."""
    found = caption(cell).rstrip(")）")
    either = [w for w in WORDS if found.startswith(w) or found.endswith(w)]
    return max(either, key=len, default=found)
