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

import numpy as np

from modelwright.privacy import _wordlists as lists
from modelwright.privacy._figures import Figures
from modelwright.privacy.lexicon import entries

Sentence = tuple[str, list[tuple[int, int, str]]]
_SLOT = re.compile(r"\{(\w+)\}")
_KINDS = {
    "person": "PERSON", "first": "PERSON", "last": "PERSON", "en_person": "PERSON", "surname": "", "place": "PLACE",
    "address": "ADDRESS", "org": "ORGANISATION",
}  # fmt: skip
_MONTHS = "January February March April May June July August September October November December".split()
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()


@cache
def _lines(name: str) -> tuple[str, ...]:
    text = files("modelwright.privacy.lexicon").joinpath(f"{name}.txt").read_text(encoding="utf-8")
    return tuple(line.replace("\\n", "\n") for line in text.splitlines() if line.strip())


@cache
def _samples(name: str) -> tuple[str, ...]:
    """Return texts of the samples that come with the package, none of which holds a name."""
    text = files("modelwright.data.samples").joinpath(f"{name}.csv").read_text(encoding="utf-8")
    return tuple(row["text"] for row in csv.DictReader(io.StringIO(text)))


class Maker(Figures):
    """Makes sentences; the same seed makes the same ones.

    `words` are ordinary Chinese words, as often as they are to be drawn, and `prose` English sentences without names,
    beside those that are shipped.
    """

    def __init__(self, seed: int = 0, words: Sequence[str] = (), prose: Sequence[str] = ()) -> None:
        self.rng = np.random.default_rng(seed)
        self._words = list(words) or [w for w in entries("zh_words") if len(w) > 1]
        self._prose = list(prose) or list(_lines("prose_en"))
        self._slots: dict[str, Callable[[bool], str]] = {
            n[6:]: getattr(self, n) for n in dir(self) if n.startswith("_make_")
        }

    def sentences(self, count: int) -> list[Sentence]:
        """Return that many sentences in both languages, with and without names."""
        pools = ("templates_en", "templates_zh", "negatives_en", "negatives_zh", "plain_en", "plain_zh")
        shares = np.array([0.28, 0.27, 0.08, 0.07, 0.12, 0.18])
        return [self._one(str(pool)) for pool in self.rng.choice(pools, count, p=shares)]

    def _one(self, pool: str) -> Sentence:
        zh = pool.endswith("zh")
        if pool.startswith("plain"):
            return (self._make_zh_sentence(True) if zh else self._make_sentence(False)), []
        template = self.pick(_lines(pool))
        if pool == "templates_zh" and self.chance(0.1):  # a name amid words that say nothing of it
            template = (
                "{zh_sentence}" + self.pick(["{person}", "{person}", "{person}", "{place}", "{org}"]) + "{zh_sentence}"
            )
        text, spans = self._fill(template, zh)
        if not zh and self.chance(0.08 if pool == "templates_en" else 0.3):
            text = text.lower() if self.chance(0.8) else text.upper()
        return (text, spans) if len(text) else self._one(pool)

    def _fill(self, template: str, zh: bool) -> Sentence:
        out, spans, at = "", [], 0
        for m in _SLOT.finditer(template):
            out += template[at : m.start()]
            at = m.end()
            slot = m[1]
            if slot == "titled":
                text, inner = self._titled(zh)
                spans.append((len(out) + inner[0], len(out) + inner[1], "PERSON"))
                out += text
                continue
            text = self._slots[slot](zh)
            if _KINDS.get(slot):
                spans.append((len(out), len(out) + len(text), _KINDS[slot]))
            out += text
        return out + template[at:], spans

    def _titled(self, zh: bool) -> tuple[str, tuple[int, int]]:
        if zh:
            short = self.chance(0.6)
            name = self._surname() if short else self._chinese_name()
            return name + self.pick(
                "先生 女士 老师 医生 经理 师傅 总 教授 主任 律师 小姐 阿姨 大夫 警官 同学".split()
            ), (0, len(name))
        title = self.pick("Mr. Mrs. Ms. Dr. Mr Mrs Miss Prof. Professor Doctor Judge Captain".split())
        name = self._make_last(False) if self.chance(0.7) else self._make_person(False)
        return f"{title} {name}", (len(title) + 1, len(title) + 1 + len(name))

    # names of persons

    def _make_first(self, zh: bool) -> str:
        if zh:
            return self._chinese_name()
        draw = self.rng.random()
        if draw < 0.62:
            return self.pick(entries("first_names")).capitalize()
        if draw < 0.72:
            return "".join(self.pick(lists.SYLLABLES) for _ in range(1 + self.chance(0.6))).capitalize()
        if draw < 0.78:
            return "-".join(self.pick(entries("first_names")).capitalize() for _ in range(2))
        return self._invented([""] * 3 + ["a", "ia", "us", "in", "el", "ko", "ina"])

    def _make_last(self, zh: bool) -> str:
        if zh:
            return self._surname()
        draw = self.rng.random()
        if draw < 0.5:
            return self.pick(entries("last_names")).capitalize()
        if draw < 0.58:
            return self.pick(lists.PINYIN).capitalize()
        if draw < 0.62:
            return self.pick(["O'", "Mc", "Mac", "D'"]) + self._invented(lists.PERSON_ENDS, 1)
        if draw < 0.66:
            return self.pick(["van der ", "de la ", "von ", "van ", "di ", "de ", "al-", "ben "]) + self._invented(
                lists.PERSON_ENDS
            )
        return self._invented(lists.PERSON_ENDS)

    def _make_person(self, zh: bool) -> str:
        if zh:
            return self._chinese_name() if self.chance(0.96) else self._make_en_person(False)
        return self._make_en_person(False)

    def _make_en_person(self, zh: bool) -> str:
        first, last = self._make_first(False), self._make_last(False)
        draw = self.rng.random()
        if draw < 0.1:
            return f"{first} {self._make_initial(False)}. {last}"
        if draw < 0.14:
            return f"{first} {self._make_first(False)} {last}"
        if draw < 0.18:
            return f"{first} {last}-{self._make_last(False)}"
        if draw < 0.21:
            return f"{first} {last} {self._make_last(False)}"
        return first if draw > 0.9 else f"{first} {last}"

    def _make_initial(self, zh: bool) -> str:
        return self.pick("ABCDEFGHIJKLMNOPRSTVW")

    def _surname(self) -> str:
        pool = entries("zh_surnames")
        # common ones come first in the list and are drawn more often
        return pool[min(int(self.rng.exponential(60)), len(pool) - 1)] if self.chance(0.8) else self.pick(pool)

    _make_surname = lambda self, zh: self._surname()  # noqa: E731

    def _chinese_name(self) -> str:
        draw = self.rng.random()
        if draw < 0.02:
            return f"{self.pick('阿卜杜拉 买买提 艾力 古丽 迪丽 巴特尔 扎西 次仁 卓玛'.split())}·{self.pick('阿不力孜 热合曼 吐尔逊 尼亚孜 多吉 旺堆 艾山'.split())}"
        pool = entries("zh_given")
        if draw < 0.04:
            return f"{self._surname()}某{self.pick(['某', ''])}"
        if draw < 0.07:
            return self._foreign_name()
        # most given names have two characters; a few hold characters that few names have
        given = "".join(self.pick(pool) if self.chance(0.9) else self._rare() for _ in range(1 + self.chance(0.72)))
        return self._surname() + given

    def _foreign_name(self) -> str:
        """Return a foreign name as Chinese writes it by sound."""
        parts = 1 + self.chance(0.35)
        return "·".join(
            "".join(self.pick(lists.SOUNDS) for _ in range(int(self.rng.integers(2, 5)))) for _ in range(parts)
        )

    def _rare(self) -> str:
        return self.pick(
            "翊翀懿璟玥沁岑彧旻昀昱晟朔桦楷榆槿沛泓淇淳渊湘溪滔漫焓煊熠玲琅琢琪瑜璞甫甯硕祎禾穗竣笑筱箐紫絮绮翎茵荃莎菀蔓蕴薏虹蝶裴诚谨谕赟赫路轶迪逍遥邈钰铄锴闯隽雯霏霖霆韬顺飒骁骏魁鸿麒黎"
        )

    # places

    def _make_place(self, zh: bool) -> str:
        if zh:
            name = self.pick(entries("zh_places"))
            return name + self.pick(["", "", "", "市", "省"]) if len(name) == 2 else name
        draw = self.rng.random()
        pool = entries("countries") if draw < 0.3 else entries("cities")
        if draw < 0.72:
            name = " ".join(w if w in ("and", "of", "de") else w.capitalize() for w in self.pick(pool).split())
            return name.upper() if self.chance(0.08) or name in ("Uk", "Usa") else name
        name = self._invented(lists.PLACE_ENDS)
        if self.chance(0.2):
            name = f"{self.pick('San Santa Saint New Port Fort Villa Bad El La Upper West North Mount Monte'.split())} {name}"
        return name.upper() if self.chance(0.15) else name

    def _make_address(self, zh: bool) -> str:
        return self._chinese_address() if zh else self._latin_address()

    def _latin_address(self) -> str:
        draw = self.rng.random()
        name = self.pick(entries("last_names")).capitalize() if self.chance(0.4) else self._invented(lists.PLACE_ENDS)
        if self.chance(0.2):
            name = f"{self._make_first(False)} {name}"
        if draw < 0.4:
            street = f"{self._number(9999)} {name} {self.pick(lists.STREET_EN)}"
        elif draw < 0.62:
            street = f"{self.pick(lists.STREET_FIRST)} {name}{self.pick([' ', ', '])}{self._number()}"
        elif draw < 0.84:
            street = f"{name}{self.pick(lists.STREET_LAST)} {self._number()}{self.pick(['', '', 'a', 'b', '/3'])}"
        elif draw < 0.94:
            street = f"{self._number(99)} {name} {self._number()}"
        else:
            street = f"P.O. Box {self._number(9999)}"
        if self.chance(0.15):
            street = f"{self._number(99)} {street}"
        gap = self.pick([", ", ", ", "\n", "\n ", " "])
        parts = [street]
        if self.chance(0.3):
            parts.append(f"{self.pick(['Apt.', 'Suite', 'Apt', 'Unit', 'Flat', '#'])} {self._number(999)}")
        if self.chance(0.6):
            city = self._make_place(False)
            code = str(int(self.rng.integers(1000, 99999)))
            form = self.rng.random()
            state = self.pick("NY CA TX FL IL WA MA CO GA OH PA NJ".split())
            parts.append(
                f"{city}, {state} {code.zfill(5)}"
                if form < 0.35
                else f"{code} {city}"
                if form < 0.6
                else f"{city} {code}"
                if form < 0.75
                else city
            )
            if self.chance(0.3):
                country = " ".join(w.capitalize() for w in self.pick(entries("countries")).split())
                parts.append(country + (f" {code}" if form >= 0.75 else ""))
        return gap.join(parts)

    def _chinese_address(self) -> str:
        out = ""
        if self.chance(0.7):
            city = self.pick(entries("zh_places")[:300])
            out += city + self.pick(["", "省", "市", "市"])
            if self.chance(0.3):
                out += self.pick(entries("zh_places")[30:300]) + "市"
        if self.chance(0.75):
            out += self.pick(lists.DISTRICTS) + self.pick(["区", "区", "区", "县", ""])
        if self.chance(0.15):
            out += self.pick(lists.ROADS) + self.pick(["街道", "镇", "乡"])
        draw = self.rng.random()
        if draw < 0.75:
            out += (
                self.pick(lists.ROADS)
                + self.pick(["路", "路", "大道", "街", "大街", "东路", "西路", "南路", "北路", "中路", "巷"])
                + self._number(999)
                + self.pick(["号", "号", "号", "弄"])
            )
        if draw > 0.5 or not out:
            out += self.pick(lists.COMMUNITIES) + self.pick(lists.COMMUNITY_ENDS)
        if self.chance(0.5):
            out += self._number(30) + self.pick(["号楼", "栋", "幢", "座", "号"])
            if self.chance(0.6):
                out += self._number(6) + "单元"
            out += self._number(2500) + self.pick(["室", "", "房"])
        if self.chance(0.05):
            out = (
                self.pick(lists.DISTRICTS)
                + "县"
                + self.pick(lists.ROADS)
                + "镇"
                + self.pick(lists.ROADS)
                + "村"
                + self._number(20)
                + "组"
                + self._number(200)
                + "号"
            )
        return out

    def _make_org(self, zh: bool) -> str:
        if zh:
            city = self.pick(entries("zh_places")[:330]) if self.chance(0.5) else ""
            end = self.pick(lists.ORG_ZH_ENDS)
            middle = self.pick(lists.ORG_NAMES) if self.chance(0.8) or not city else ""
            return city + middle + (self.pick(lists.ORG_ZH) if "公司" in end or "集团" in end else "") + end
        draw = self.rng.random()
        if draw < 0.25:
            return f"{self._make_last(False)} {self.pick(lists.ORG_ENDS)}"
        if draw < 0.35:
            return f"{self._make_last(False)}, {self._make_last(False)} and {self._make_last(False)}"
        if draw < 0.45:
            return f"University of {self._make_place(False)}"
        if draw < 0.6:
            return self._invented(["ly", "ify", "soft", "tech", "io", "ware", "gen", "corp", "nomics", "sys"])
        return (
            f"{self.pick(lists.ORG_WORDS)} {self.pick([*lists.ORG_WORDS, *lists.ORG_ENDS])} {self.pick(lists.ORG_ENDS)}"
        )

    # all else

    def _make_sentence(self, zh: bool) -> str:
        draw = self.rng.random()
        if draw < 0.3:
            return self.pick(_lines("prose_en"))
        if draw < 0.65:
            return self.pick(self._prose)
        if draw < 0.85:
            return self.pick([t for t in _samples("tickets") if t.isascii()])
        words = [self.pick(entries("words")) for _ in range(int(self.rng.integers(4, 12)))]
        return " ".join(words).capitalize() + self.pick([".", "?", "!", ""])

    def _make_title(self, zh: bool) -> str:
        return " ".join(self.pick(entries("words")).capitalize() for _ in range(int(self.rng.integers(1, 6))))

    def _make_upper(self, zh: bool) -> str:
        return " ".join(self.pick(entries("words")).upper() for _ in range(int(self.rng.integers(2, 7))))

    def _make_zh_word(self, zh: bool) -> str:
        return self.pick(self._words)

    def _make_zh_sentence(self, zh: bool) -> str:
        draw = self.rng.random()
        if draw < 0.25:
            return self.pick(_lines("prose_zh"))
        if draw < 0.4:
            return self.pick([t for t in (*_samples("tickets"), *_samples("reviews_zh")) if not t.isascii()])
        return "".join(self._piece() for _ in range(int(self.rng.integers(3, 12))))

    def _piece(self) -> str:
        """Return a word, a mark, or a number with what it counts."""
        draw = self.rng.random()
        if draw < 0.06:
            return self._number(int(self.pick([10, 100, 3000, 100000]))) + self.pick(
                "元 岁 个 次 年 月 日 万 亿 % 平 米 公里 号 楼 分钟 人 名 家 吨 台 折 期 届 室 万元 层 栋 天".split()
            )
        if draw < 0.09:  # what is Latin in a Chinese sentence is seldom a name
            return self.pick(
                [
                    *lists.BRANDS,
                    "CPU",
                    "DVD",
                    "XP",
                    "Vista",
                    "app",
                    "SOHO",
                    "GDP",
                    "WiFi",
                    "VIP",
                    "IT",
                    "NBA",
                    self.pick(entries("words")),
                    self.pick(entries("words")).upper(),
                    self._code(),
                ]
            )
        if draw < 0.18:
            return self.pick("，，，。、！？：； “”")
        if draw < 0.42:
            return self.pick(
                "的 的 的 了 和 在 是 不 很 也 就 都 要 有 到 把 被 给 与 或 最 又 还 没 从 对 将 为 上 中 等".split()
            )
        return self.pick(self._words)

    def _code(self) -> str:
        return self._invented([""], 1)[:3].upper() + self._number(9000)

    def _make_zh_title(self, zh: bool) -> str:
        return "".join(self.pick(self._words) for _ in range(int(self.rng.integers(2, 7))))

    def _make_date(self, zh: bool) -> str:
        y, m, d = int(self.rng.integers(1940, 2026)), int(self.rng.integers(1, 13)), int(self.rng.integers(1, 29))
        if zh:
            return self.pick([f"{y}年{m}月{d}日", f"{y}-{m:02}-{d:02}", f"{m}月{d}日"])
        return self.pick(
            [f"{y}-{m:02}-{d:02}", f"{m}/{d}/{y}", f"{_MONTHS[m - 1]} {d}, {y}", f"{d} {_MONTHS[m - 1]} {y}"]
        )

    def _pool(pool: object, chinese: object = None):  # type: ignore[no-untyped-def]  # noqa: N805
        return lambda self, zh: self.pick(chinese if zh and chinese is not None else pool)

    _make_month, _make_weekday = _pool(_MONTHS), _pool(_DAYS)
    _make_job, _make_relative = _pool(lists.JOBS, lists.JOBS_ZH), _pool(lists.RELATIVES, lists.RELATIVES_ZH)
    _make_doing, _make_thing = _pool(lists.DOING, lists.DOING_ZH), _pool(lists.THINGS, lists.THINGS_ZH)
    _make_adjective, _make_brand = _pool(lists.ADJECTIVES), _pool(lists.BRANDS, lists.BRANDS_ZH)
    _make_doing_ing = _pool("working,banking,shopping,flying".split(","))
    del _pool

    def _make_nation(self, zh: bool) -> str:
        return self.pick(entries("nationalities")).capitalize()
