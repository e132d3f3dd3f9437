"""An n-gram model of words with back-off, learnt by interpolated Kneser-Ney, read from and written to ARPA files.

Kneser & Ney 1995; Chen & Goodman 1999. Format: the ARPA back-off format, as SRILM, KenLM and others read it. Log probabilities are natural
ones here, and to the base of ten in files.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from modelwright.core.errors import DataError

BEGIN, END, UNKNOWN = "<s>", "</s>", "<unk>"
_TEN = math.log(10)
_NOTHING = -99.0  # log10 of what never comes, as ARPA files write it
_MOST_ORDER = 6
_FLOOR = 1e-12
Gram = tuple[str, ...]


class WordNgrams:
    """`grams`: by words, natural log probability of the last one after the others, and log weight of backing off from all of them."""

    def __init__(self, order: int, grams: Mapping[Gram, tuple[float, float]]) -> None:
        self.order, self.grams = order, dict(grams)
        self.unknown = self.grams.get((UNKNOWN,), (_NOTHING * _TEN, 0.0))[0]

    @classmethod
    def fit(cls, sentences: Iterable[Sequence[str]], order: int = 3, least: int = 1) -> WordNgrams:
        """Learn from sentences of words; words and runs of words that come less than `least` times are not kept.

        Rare words count as unknown ones. Raises DataError where there is no word.
        """
        kept = [list(s) for s in sentences if s]
        counts = Counter(w for s in kept for w in s)
        known = {w for w, n in counts.items() if n >= least}
        if not known:
            raise DataError(
                "There is no word that comes often enough to learn a language model from.",
                "没有出现次数足够的词，无法学习语言模型。",
            )
        tables: list[Counter[Gram]] = [Counter() for _ in range(order)]
        for sentence in kept:
            row = [BEGIN, *(w if w in known else UNKNOWN for w in sentence), END]
            for n in range(1, order + 1):
                tables[n - 1].update(tuple(row[i : i + n]) for i in range(len(row) - n + 1))
        return cls(order, _backed_off(_adjusted(tables), tables, known, least))

    def score(self, context: Gram, word: str) -> float:
        """Return the natural log probability of a word after a context, of which the last `order` - 1 words count."""
        if (word,) not in self.grams:
            word = UNKNOWN
        context = context[-(self.order - 1) :] if self.order > 1 else ()
        weight = 0.0
        while True:
            found = self.grams.get((*context, word))
            if found is not None:
                return weight + found[0]
            if not context:
                return weight + self.unknown
            weight += self.grams.get(context, (0.0, 0.0))[1]
            context = context[1:]

    def after(self, context: Gram, word: str) -> Gram:
        """Return the context that a word leaves."""
        return (*context, word if (word,) in self.grams else UNKNOWN)[-(self.order - 1) :] if self.order > 1 else ()

    def whole(self, words: Sequence[str]) -> float:
        """Return the natural log probability of a sentence, its end included."""
        context: Gram = (BEGIN,)
        total = 0.0
        for word in (*words, END):
            total += self.score(context, word)
            context = self.after(context, word)
        return total

    @property
    def words(self) -> set[str]:
        """The words that are known."""
        return {g[0] for g in self.grams if len(g) == 1} - {BEGIN, END, UNKNOWN}

    # ARPA

    def lines(self) -> Iterator[str]:
        """Yield the lines of an ARPA file."""
        levels: dict[int, list[Gram]] = defaultdict(list)
        for gram in self.grams:
            levels[len(gram)].append(gram)
        yield "\\data\\"
        for n in sorted(levels):
            yield f"ngram {n}={len(levels[n])}"
        for n in sorted(levels):
            yield ""
            yield f"\\{n}-grams:"
            for gram in sorted(levels[n]):
                value, weight = self.grams[gram]
                tail = f"\t{weight / _TEN:.6f}" if n < self.order and weight else ""
                yield f"{max(_NOTHING, value / _TEN):.6f}\t{' '.join(gram)}{tail}"
        yield ""
        yield "\\end\\"

    @classmethod
    def read(cls, lines: Iterable[str], name: str) -> WordNgrams:
        """Read an ARPA file's lines. Raises DataError that names `name` and the line."""
        grams: dict[Gram, tuple[float, float]] = {}
        promised: dict[int, int] = {}
        found: Counter[int] = Counter()
        level, ended, number = -1, False, 0

        def wrong(expected: str, zh: str, line: str) -> DataError:
            return DataError(
                f"{name}, line {number}: expected {expected}, received `{line[:60]}`.",
                f"{name} 第 {number} 行：应为{zh}，收到的是 `{line[:60]}`。",
            )

        for number, raw in enumerate(lines, 1):  # noqa: B007  the number is told by errors
            line = raw.strip()
            if not line or ended:
                continue
            head = re.fullmatch(r"\\(\d+)-grams:", line)
            if line == "\\data\\":
                level = 0
            elif line == "\\end\\":
                ended = True
            elif head:
                level = int(head[1])
                if level not in promised:
                    raise wrong("a section that `\\data\\` names", "`\\data\\` 中声明过的段", line)
            elif level == 0:
                said = re.fullmatch(r"ngram\s+(\d+)\s*=\s*(\d+)", line)
                if said is None or not 1 <= int(said[1]) <= _MOST_ORDER:
                    raise wrong(
                        f"`ngram N=COUNT` with N from 1 to {_MOST_ORDER}",
                        f"`ngram N=个数`，N 为 1 到 {_MOST_ORDER}",
                        line,
                    )
                promised[int(said[1])] = int(said[2])
            elif level > 0:
                cells = line.split()
                try:
                    value, words = float(cells[0]), tuple(cells[1 : level + 1])
                    weight = float(cells[level + 1]) if len(cells) > level + 1 else 0.0
                    if (
                        len(words) != level
                        or len(cells) > level + 2
                        or not (math.isfinite(value) and math.isfinite(weight) and value <= 0)
                    ):
                        raise ValueError(line)
                except (ValueError, IndexError):
                    raise wrong(
                        f"a log probability, {level} word{'s' * (level > 1)} and maybe a weight",
                        f"对数概率、{level} 个词以及可选的回退权重",
                        line,
                    ) from None
                grams[words] = (value * _TEN, weight * _TEN)
                found[level] += 1
        if not ended or not promised or any(found[n] != c for n, c in promised.items()):
            told = ", ".join(f"{found[n]} of {c} {n}-grams" for n, c in promised.items()) or "no \\data\\"
            end = "" if ended else ", no \\end\\"
            raise DataError(
                f"{name} is not a complete ARPA file: {told}{end}.", f"{name} 不是完整的 ARPA 文件：{told}。"
            )
        return cls(max(promised), grams)

    @classmethod
    def of_file(cls, path: Path, text: str, words_of: Any, order: int = 3) -> WordNgrams:
        """Return the model of an ARPA file, or one learnt from a text, a sentence a line."""
        lines = text.splitlines()
        if is_arpa(lines):
            return cls.read(lines, str(path))
        return cls.fit((words_of(line) for line in lines), order)


def is_arpa(lines: Sequence[str]) -> bool:
    """Return whether lines are those of an ARPA file."""
    return any(line.strip() == "\\data\\" for line in lines[:200])


def _adjusted(tables: Sequence[Counter[Gram]]) -> list[Counter[Gram]]:
    """Return the counts that Kneser-Ney takes: of lower orders, after how many different words; after a beginning, plain ones."""
    out: list[Counter[Gram]] = []
    for n, table in enumerate(tables[:-1]):
        seen: Counter[Gram] = Counter(gram[1:] for gram in tables[n + 1])
        out.append(Counter({g: c if g[0] == BEGIN else max(1, seen[g]) for g, c in table.items()}))
    return [*out, tables[-1]]


def _backed_off(
    adjusted: Sequence[Counter[Gram]], plain: Sequence[Counter[Gram]], known: set[str], least: int
) -> dict[Gram, tuple[float, float]]:
    """Return log probabilities and back-off weights of all runs that are kept."""
    grams: dict[Gram, tuple[float, float]] = {}
    prob: dict[Gram, float] = {}
    for n, table in enumerate(adjusted, 1):
        once, twice = (sum(c == k for c in table.values()) for k in (1, 2))
        discount = min(0.95, max(0.1, once / max(1, once + 2 * twice)))
        totals: Counter[Gram] = Counter()
        kinds: Counter[Gram] = Counter()
        for gram, count in table.items():
            if gram[-1] != BEGIN:
                totals[gram[:-1]] += count
                kinds[gram[:-1]] += 1
        if n == 1:
            vocabulary = [*sorted(known), END, UNKNOWN]
            spread = discount * kinds[()] / totals[()] / len(vocabulary)
            for word in vocabulary:
                prob[(word,)] = max(0.0, table[(word,)] - discount) / totals[()] + spread
            continue
        for gram, count in table.items():
            if gram[-1] == BEGIN or (n > 1 and plain[n - 1][gram] < least):
                continue
            rest = discount * kinds[gram[:-1]] / totals[gram[:-1]]
            prob[gram] = (count - discount) / totals[gram[:-1]] + rest * _lower(prob, grams, gram[1:])
        _weigh(prob, grams, n)
    for gram, value in prob.items():
        grams[gram] = (math.log(max(value, _FLOOR)), grams.get(gram, (0.0, 0.0))[1])
    start = grams.get((BEGIN,), (0.0, 0.0))[1]
    grams[(BEGIN,)] = (_NOTHING * _TEN, start)
    return grams


def _lower(prob: Mapping[Gram, float], grams: Mapping[Gram, tuple[float, float]], gram: Gram) -> float:
    """Return the probability of a run's last word after the others, backing off where the run is not kept."""
    weight = 0.0
    while gram not in prob and len(gram) > 1:
        weight += grams.get(gram[:-1], (0.0, 0.0))[1]
        gram = gram[1:]
    return math.exp(weight) * prob.get(gram, prob[(UNKNOWN,)])


def _weigh(prob: Mapping[Gram, float], grams: dict[Gram, tuple[float, float]], n: int) -> None:
    """Note, for every context of runs of n words, the weight of backing off from it, so that all probabilities sum to one."""
    used: dict[Gram, list[float]] = {}
    for gram, value in prob.items():
        if len(gram) == n:
            sums = used.setdefault(gram[:-1], [0.0, 0.0])
            sums[0] += value
            sums[1] += _lower(prob, grams, gram[1:])
    for context, (mine, below) in used.items():
        left = max(_FLOOR, 1 - mine) / max(_FLOOR, 1 - below)
        grams[context] = (grams.get(context, (0.0, 0.0))[0], math.log(max(left, _FLOOR)))
