"""Made-up names of persons, places, addresses and organisations in both languages, from lists and by chance."""

from __future__ import annotations

import numpy as np

from modelwright.privacy.lexicon import entries, pieces

_SOUNDS = "克斯尔特德罗拉里姆奥艾布卡马尼亚伊维莱罗兰森顿恩利瑞塔娜莎琳萨丹格鲁哈菲利浦普约翰逊杰弗劳伦沃贝蒂妮雷费尔南迪穆巴托梅洛佩萨科瓦基诺夫斯汉瑟琪乔治亨威廉查希戴凯文赫温詹姆埃阿加帕佛根肖"
_RARE = "翊翀懿璟玥沁岑彧旻昀昱晟朔桦楷榆槿沛泓淇淳渊湘溪滔漫焓煊熠玲琅琢琪瑜璞甫甯硕祎禾穗竣笑筱箐紫絮绮翎茵荃莎菀蔓蕴薏虹蝶裴诚谨谕赟赫路轶迪逍遥邈钰铄锴闯隽雯霏霖霆韬顺飒骁骏魁鸿麒黎"


def titled(text: str) -> str:
    """Return a name with every word but `of`, `and` and `de` beginning with a capital."""
    return " ".join(w if w in ("and", "of", "de") else w.capitalize() for w in text.split())


class Names:
    """Draws names; the same generator gives the same ones."""

    def __init__(self, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)

    def pick(self, pool: object) -> str:
        """Return one of a pool."""
        return str(pool[int(self.rng.integers(len(pool)))])  # type: ignore[index,arg-type]

    def piece(self, name: str) -> str:
        """Return one of a list of pieces."""
        return self.pick(pieces(name))

    def chance(self, share: float) -> bool:
        """Return True in that share of calls."""
        return bool(self.rng.random() < share)

    def number(self, most: int = 300) -> str:
        """Return a number from 1 to below `most`."""
        return str(int(self.rng.integers(1, most)))

    def invented(self, ends: str, syllables: int = 2) -> str:
        """Return a word that sounds like a name, often with one of the ends in a list."""
        n = int(self.rng.integers(1, syllables + 1))
        word = "".join(self.piece("starts") + self.piece("vowels") + self.piece("ends") for _ in range(n))
        return (word + (self.piece(ends) if ends and self.chance(0.55) else "")).capitalize()

    def first(self) -> str:
        """Return a first name in Latin letters."""
        draw = self.rng.random()
        if draw < 0.62:
            return self.pick(entries("first_names")).capitalize()
        if draw < 0.72:
            return "".join(self.piece("syllables") for _ in range(1 + self.chance(0.6))).capitalize()
        if draw < 0.78:
            return "-".join(self.pick(entries("first_names")).capitalize() for _ in range(2))
        return self.invented("first_ends")

    def last(self) -> str:
        """Return a last name in Latin letters."""
        draw = self.rng.random()
        if draw < 0.5:
            return self.pick(entries("last_names")).capitalize()
        if draw < 0.58:
            return self.piece("pinyin").capitalize()
        if draw < 0.62:
            return self.piece("last_starts") + self.invented("person_ends", 1)
        if draw < 0.66:
            return self.piece("particles") + self.invented("person_ends")
        return self.invented("person_ends")

    def latin_person(self) -> str:
        """Return a whole name in Latin letters."""
        first, last = self.first(), self.last()
        draw = self.rng.random()
        if draw < 0.1:
            return f"{first} {self.initial()}. {last}"
        if draw < 0.14:
            return f"{first} {self.first()} {last}"
        if draw < 0.18:
            return f"{first} {last}-{self.last()}"
        if draw < 0.21:
            return f"{first} {last} {self.last()}"
        return first if draw > 0.9 else f"{first} {last}"

    def initial(self) -> str:
        """Return a letter."""
        return self.pick("ABCDEFGHIJKLMNOPRSTVW")

    def surname(self) -> str:
        """Return a Chinese surname; common ones come first in the list and are drawn more often."""
        pool = entries("zh_surnames")
        return pool[min(int(self.rng.exponential(60)), len(pool) - 1)] if self.chance(0.8) else self.pick(pool)

    def chinese_person(self) -> str:
        """Return a Chinese name; a few are of other peoples or written by sound, a few hold seldom characters."""
        draw = self.rng.random()
        if draw < 0.02:
            return f"{self.piece('minority_first')}·{self.piece('minority_last')}"
        if draw < 0.04:
            return f"{self.surname()}某{self.pick(['某', ''])}"
        if draw < 0.07:
            parts = 1 + self.chance(0.35)
            return "·".join(
                "".join(self.pick(_SOUNDS) for _ in range(int(self.rng.integers(2, 5)))) for _ in range(parts)
            )
        pool = entries("zh_given")
        size = 1 + self.chance(0.72)
        return self.surname() + "".join(self.pick(pool) if self.chance(0.9) else self.pick(_RARE) for _ in range(size))

    def place(self, zh: bool) -> str:
        """Return a place."""
        if zh:
            name = self.pick(entries("zh_places"))
            return name + self.pick(["", "", "", "市", "省"]) if len(name) == 2 else name
        draw = self.rng.random()
        if draw < 0.72:
            name = titled(self.pick(entries("countries") if draw < 0.3 else entries("cities")))
            return name.upper() if self.chance(0.08) or name in ("Uk", "Usa") else name
        name = self.invented("place_ends")
        if self.chance(0.2):
            name = f"{self.piece('place_starts')} {name}"
        return name.upper() if self.chance(0.15) else name

    def latin_address(self) -> str:
        """Return an address as one of several countries writes it."""
        gap = self.pick([", ", ", ", "\n", "\n ", " "])
        parts = [self._street()]
        if self.chance(0.3):
            parts.append(f"{self.piece('units')} {self.number(999)}")
        if self.chance(0.6):
            city, code, form = self.place(False), str(int(self.rng.integers(1000, 99999))), self.rng.random()
            if form < 0.35:
                parts.append(f"{city}, {self.piece('states')} {code.zfill(5)}")
            elif form < 0.6:
                parts.append(f"{code} {city}")
            else:
                parts.append(f"{city} {code}" if form < 0.75 else city)
            if self.chance(0.3):
                parts.append(titled(self.pick(entries("countries"))) + (f" {code}" if form >= 0.75 else ""))
        return gap.join(parts)

    def _street(self) -> str:
        draw = self.rng.random()
        known = self.chance(0.4)
        name = self.pick(entries("last_names")).capitalize() if known else self.invented("place_ends")
        if self.chance(0.2):
            name = f"{self.first()} {name}"
        if draw < 0.4:
            street = f"{self.number(9999)} {name} {self.piece('street_en')}"
        elif draw < 0.62:
            street = f"{self.piece('street_first')} {name}{self.pick([' ', ', '])}{self.number()}"
        elif draw < 0.84:
            street = f"{name}{self.piece('street_last')} {self.number()}{self.pick(['', '', 'a', 'b', '/3'])}"
        elif draw < 0.94:
            street = f"{self.number(99)} {name} {self.number()}"
        else:
            street = f"P.O. Box {self.number(9999)}"
        return f"{self.number(99)} {street}" if self.chance(0.15) else street

    def chinese_address(self) -> str:
        """Return an address as it is written in China, whole or in part."""
        if self.chance(0.05):
            return f"{self.piece('districts')}县{self.piece('roads')}镇{self.piece('roads')}村{self.number(20)}组{self.number(200)}号"
        out = ""
        if self.chance(0.7):
            out += self.pick(entries("zh_places")[:300]) + self.pick(["", "省", "市", "市"])
            if self.chance(0.3):
                out += self.pick(entries("zh_places")[30:300]) + "市"
        if self.chance(0.75):
            out += self.piece("districts") + self.pick(["区", "区", "区", "县", ""])
        if self.chance(0.15):
            out += self.piece("roads") + self.pick(["街道", "镇", "乡"])
        draw = self.rng.random()
        if draw < 0.75:
            out += (
                self.piece("roads") + self.piece("zh_streets") + self.number(999) + self.pick(["号", "号", "号", "弄"])
            )
        if draw > 0.5 or not out:
            out += self.piece("communities") + self.piece("community_ends")
        if self.chance(0.5):
            out += self.number(30) + self.pick(["号楼", "栋", "幢", "座", "号"])
            out += self.number(6) + "单元" if self.chance(0.6) else ""
            out += self.number(2500) + self.pick(["室", "", "房"])
        return out

    def organisation(self, zh: bool) -> str:
        """Return an organisation."""
        if zh:
            city = self.pick(entries("zh_places")[:330]) if self.chance(0.5) else ""
            end = self.piece("org_zh_ends")
            middle = self.piece("org_names") if self.chance(0.8) or not city else ""
            return city + middle + (self.piece("org_zh") if "公司" in end or "集团" in end else "") + end
        draw = self.rng.random()
        if draw < 0.25:
            return f"{self.last()} {self.piece('org_ends')}"
        if draw < 0.35:
            return f"{self.last()}, {self.last()} and {self.last()}"
        if draw < 0.45:
            return f"University of {self.place(False)}"
        if draw < 0.6:
            return self.invented("company_ends")
        middle = self.piece("org_words") if self.chance(0.5) else self.piece("org_ends")
        return f"{self.piece('org_words')} {middle} {self.piece('org_ends')}"
