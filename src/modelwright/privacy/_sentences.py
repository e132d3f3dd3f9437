"""Sentences with names, places, addresses and organisations in them, made from templates and lists, for the tagger to learn from.

Everything is written for this project or made up by chance: no person, text or data set of anybody's is in it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files

from modelwright.privacy._made_names import Names
from modelwright.privacy.lexicon import entries, pieces

Sentence = tuple[str, list[tuple[int, int, str]]]
_SLOT = re.compile(r"\{(\w+)\}")
_KINDS = {
    "person": "PERSON", "first": "PERSON", "last": "PERSON", "en_person": "PERSON", "titled": "PERSON", "place": "PLACE",
    "address": "ADDRESS", "org": "ORGANISATION",
}  # fmt: skip
_POOLS = {  # and the share of each
    "templates_en": 0.28, "templates_zh": 0.27, "negatives_en": 0.08, "negatives_zh": 0.07, "plain_en": 0.12, "plain_zh": 0.18,
}  # fmt: skip


@cache
def _lexicon_lines(name: str) -> tuple[str, ...]:
    text = files("modelwright.privacy.lexicon").joinpath(f"{name}.txt").read_text(encoding="utf-8")
    return tuple(line.replace("\\n", "\n") for line in text.splitlines() if line.strip())


@cache
def _samples(zh: bool) -> tuple[str, ...]:
    """Return texts of the samples that come with the package, none of which holds a name."""
    out = []
    for name in ("tickets", "reviews_zh"):
        text = files("modelwright.data.samples").joinpath(f"{name}.csv").read_text(encoding="utf-8")
        out += [row["text"] for row in csv.DictReader(io.StringIO(text)) if row["text"].isascii() != zh]
    return tuple(out)


@cache
def _tempting() -> tuple[str, ...]:
    return tuple(w for w in entries("zh_words") if 1 < len(w) < 5)


class Maker(Names):
    """Makes sentences; the same seed makes the same ones.

    `words` are ordinary Chinese words, as often as they are to be drawn, and `prose` English sentences without names,
    beside those that are shipped.
    """

    def __init__(self, seed: int = 0, words: Sequence[str] = (), prose: Sequence[str] = ()) -> None:
        super().__init__(seed)
        self._words = list(words) or [w for w in entries("zh_words") if len(w) > 1]
        self._prose = list(prose) or list(_lexicon_lines("prose_en"))
        self._slots = self._fillers()

    def sentences(self, count: int) -> list[Sentence]:
        """Return that many sentences in both languages, with and without names."""
        return [self._sentence_of_pool(str(p)) for p in self.rng.choice(list(_POOLS), count, p=list(_POOLS.values()))]

    def _sentence_of_pool(self, pool: str) -> Sentence:
        zh = pool.endswith("zh")
        if pool.startswith("plain"):
            return (self.chinese_sentence() if zh else self.sentence()), []
        template = self.pick(_lexicon_lines(pool))
        if pool == "templates_zh" and self.chance(0.1):  # a name amid words that say nothing of it
            middle = self.pick(["{person}", "{person}", "{person}", "{place}", "{org}"])
            template = "{zh_sentence}" + middle + "{zh_sentence}"
        text, spans = self._fill(template, zh)
        if not zh and self.chance(0.08 if pool == "templates_en" else 0.3):
            text = text.lower() if self.chance(0.8) else text.upper()
        return (text, spans) if text else self._sentence_of_pool(pool)

    def _fill(self, template: str, zh: bool) -> Sentence:
        out, spans, at = "", [], 0
        for m in _SLOT.finditer(template):
            out += template[at : m.start()]
            at = m.end()
            before, value, after = self._value(m[1], zh)
            if m[1] in _KINDS:
                spans.append((len(out) + len(before), len(out) + len(before) + len(value), _KINDS[m[1]]))
            out += before + value + after
        return out + template[at:], spans

    def _value(self, slot: str, zh: bool) -> tuple[str, str, str]:
        """Return what fills a slot; a title before or after a name is no part of it."""
        if slot != "titled":
            return "", self._slots[slot](zh), ""
        if zh:
            return "", self.surname() if self.chance(0.6) else self.chinese_person(), self.piece("zh_titles")
        return f"{self.piece('en_titles')} ", self.last() if self.chance(0.7) else self.latin_person(), ""

    def sentence(self) -> str:
        """Return an English sentence without names."""
        draw = self.rng.random()
        if draw < 0.3:
            return self.pick(_lexicon_lines("prose_en"))
        if draw < 0.65:
            return self.pick(self._prose)
        if draw < 0.85:
            return self.pick(_samples(False))
        words = [self.pick(entries("words")) for _ in range(int(self.rng.integers(4, 12)))]
        return " ".join(words).capitalize() + self.pick([".", "?", "!", ""])

    def chinese_sentence(self) -> str:
        """Return a Chinese sentence without names, or words in a row that make none."""
        draw = self.rng.random()
        if draw < 0.25:
            return self.pick(_lexicon_lines("prose_zh"))
        if draw < 0.4:
            return self.pick(_samples(True))
        return "".join(self._word() for _ in range(int(self.rng.integers(3, 12))))

    def _word(self) -> str:
        """Return a word, a mark, or a number with what it counts."""
        draw = self.rng.random()
        if draw < 0.06:
            return self.number(self._size()) + self.piece("counted")
        if draw < 0.09:  # what is Latin in a Chinese sentence is seldom a name
            word = self.pick(entries("words"))
            code = self.invented("", 1)[:3].upper() + self.number(9000)
            return self.pick([*pieces("brands"), *pieces("latin_in_zh"), word, word.upper(), code])
        if draw < 0.18:
            return self.pick("，，，。、！？：； “”")
        if draw < 0.26:  # words that begin as names do
            return self.pick(_tempting())
        return self.piece("joints") if draw < 0.46 else self.pick(self._words)

    def _size(self) -> int:
        return int(self.pick([10, 100, 1000, 100000]))

    def _title(self, words: Sequence[str], most: int, gap: str, change: Callable[[str], str]) -> str:
        return gap.join(change(self.pick(words)) for _ in range(int(self.rng.integers(1, most))))

    def _date(self, zh: bool) -> str:
        y, m, d = int(self.rng.integers(1940, 2026)), int(self.rng.integers(1, 13)), int(self.rng.integers(1, 29))
        if zh:
            return self.pick([f"{y}年{m}月{d}日", f"{y}-{m:02}-{d:02}", f"{m}月{d}日"])
        month = pieces("months")[m - 1]
        return self.pick([f"{y}-{m:02}-{d:02}", f"{m}/{d}/{y}", f"{month} {d}, {y}", f"{d} {month} {y}"])

    def _phone(self, zh: bool) -> str:
        if zh:
            return f"1{self.pick('3578')}{self.rng.integers(10**8, 10**9)}"
        return f"{self.rng.integers(200, 999)}-{self.rng.integers(200, 999)}-{self.rng.integers(1000, 9999)}"

    def _id_card(self) -> str:
        day = f"{self.rng.integers(1950, 2010)}{self.rng.integers(1, 13):02}{self.rng.integers(1, 29):02}"
        return f"{self.rng.integers(110000, 650000)}{day}{self.rng.integers(1000, 9999)}"

    def _fillers(self) -> dict[str, Callable[[bool], str]]:
        def drawn(name: str) -> Callable[[bool], str]:
            return lambda zh: self.piece(f"{name}_zh" if zh else name)

        return {
            "first": lambda zh: self.chinese_person() if zh else self.first(),
            "last": lambda zh: self.surname() if zh else self.last(),
            "surname": lambda zh: self.surname(),
            "act": lambda zh: self.piece("acts_zh"),
            "lead": lambda zh: self.piece("leads_zh"),
            "person": lambda zh: self.chinese_person() if zh and self.chance(0.96) else self.latin_person(),
            "en_person": lambda zh: self.latin_person(),
            "initial": lambda zh: self.initial(),
            "place": self.place,
            "address": lambda zh: self.chinese_address() if zh else self.latin_address(),
            "org": self.organisation,
            "sentence": lambda zh: self.sentence(),
            "zh_sentence": lambda zh: self.chinese_sentence(),
            "zh_word": lambda zh: self.pick(self._words),
            "title": lambda zh: self._title(entries("words"), 6, " ", str.capitalize),
            "upper": lambda zh: self._title(entries("words"), 7, " ", str.upper),
            "zh_title": lambda zh: self._title(self._words, 7, "", str),
            "phone": self._phone,
            "email": lambda zh: f"{self.invented('').lower()}{self.number(99)}@{self.piece('mails')}",
            "date": self._date,
            "idcard": lambda zh: self._id_card(),
            "number": lambda zh: self.number(self._size()),
            "version": lambda zh: f"{self.number(9)}.{self.number(20)}.{self.number(20)}",
            "card": lambda zh: str(self.rng.integers(4 * 10**15, 5 * 10**15)),
            "time": lambda zh: f"{self.rng.integers(0, 24)}:{self.rng.integers(0, 60):02}",
            "year": lambda zh: str(self.rng.integers(1950, 2026)),
            "month_zh": lambda zh: f"{self.rng.integers(1, 13)}月",
            "month": lambda zh: self.piece("months"),
            "weekday": lambda zh: self.piece("days"),
            "nation": lambda zh: self.pick(entries("nationalities")).capitalize(),
            "doing_ing": lambda zh: self.piece("doing_ing"),
            "adjective": lambda zh: self.piece("adjectives"),
            "brand": drawn("brands"),
            "job": drawn("jobs"),
            "relative": drawn("relatives"),
            "doing": drawn("doing"),
            "thing": drawn("things"),
        }
