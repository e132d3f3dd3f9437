"""A Chinese test set for personal data: sentences with places, made with a fixed seed from `sentences_zh.txt`.

The sentences were written without looking at the recognisers' patterns, the hard ones by hand: numbers in Han text, full-width
digits, blanks and dashes, old ID cards, and near misses such as order numbers, amounts, timestamps, versions and wrong check digits.
Numbers are made here, check digits worked out by formulas of this file's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

Span = tuple[int, int, str]
_SLOT = re.compile(r"\{(-?[a-z_\-]+)(?::([a-z0-9]+))?\}")
_WIDE = {ord(c): ord(c) + 0xFEE0 for c in "0123456789"}
_DIVISIONS = [
    "110101",
    "110105",
    "310104",
    "440106",
    "440305",
    "330106",
    "510107",
    "420111",
    "610113",
    "320102",
    "210202",
    "370202",
    "350203",
    "430104",
    "500103",
    "650102",
    "150102",
    "460105",
]
_LINES = Path(__file__).with_name("sentences_zh.txt")


class Numbers:
    """Makes values and near misses."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def digits(self, n: int) -> str:
        return "".join(str(d) for d in self.rng.integers(0, 10, n))

    def pick(self, pool: str | list[str]) -> str:
        pool = pool.split() if isinstance(pool, str) else pool
        return pool[int(self.rng.integers(len(pool)))]

    def letters(self, n: int, pool: str = "ABCDEFGHJKLMNPQRSTUVWXYZ") -> str:
        return "".join(pool[i] for i in self.rng.integers(0, len(pool), n))

    def day(self) -> tuple[int, int, int]:
        return int(self.rng.integers(1950, 2008)), int(self.rng.integers(1, 13)), int(self.rng.integers(1, 29))

    # values

    def id_card(self, form: str) -> str:
        if form == "hk":
            letter, body = self.letters(1), self.digits(6)
            total = 9 * 36 + 8 * (ord(letter) - 55) + sum(w * int(d) for w, d in zip(range(7, 1, -1), body))
            check = (11 - total % 11) % 11
            return f"{letter}{body}({'A' if check == 10 else check})"
        if form == "tw":
            while True:
                code = self.letters(1, "ABCDEFGH") + self.pick("1 2") + self.digits(8)
                n = "ABCDEFGHJKLMNPQRSTUVXYWZIO".index(code[0]) + 10
                if (
                    n // 10 + 9 * (n % 10) + sum(w * int(d) for w, d in zip((8, 7, 6, 5, 4, 3, 2, 1, 1), code[1:]))
                ) % 10 == 0:
                    return code
        y, m, d = self.day()
        if form == "old":
            return f"{self.pick(_DIVISIONS)}{y % 100 if y < 2000 else 62:02}{m:02}{d:02}{self.digits(3)}"
        body = f"{self.pick(_DIVISIONS)}{y}{m:02}{d:02}{self.digits(3)}"
        rest = sum(int(c) * pow(2, 17 - i, 11) for i, c in enumerate(body)) % 11
        check = "10X98765432"[rest]
        if form == "typo":
            check = str((int(check) + 3) % 10) if check != "X" else "4"
        if form == "lower":
            while check != "X":
                return self.id_card("lower")
            check = "x"
        code = body + check
        if form == "spaced":
            return f"{code[:6]} {code[6:14]} {code[14:]}"
        if form == "dashed":
            return f"{code[:6]}-{code[6:14]}-{code[14:]}"
        return code.translate(_WIDE) if form == "wide" else code

    def phone(self, form: str) -> str:
        if form == "landline":
            return self.pick(["010-", "021-", "0755-", "0571-"]) + self.pick("2 3 5 6 8") + self.digits(7)
        if form == "cc":
            return (
                f"+86{self.pick(['', ' ', '-'])}{self.phone('')}".replace("--", "-")
                if self.rng.random() < 0.9
                else f"0086 {self.phone('')}"
            )
        if form == "ext":
            return f"{self.phone('landline')}{self.pick(['分机', '转', '-'])}{self.digits(3)}"
        if form == "area":
            return f"({self.pick('010 0755 0411')}){self.pick('2 6 8')}{self.digits(7)}"
        if form == "free":
            return f"400-{self.digits(3)}-{self.digits(4)}"
        if form == "hk":
            return f"+852 {self.pick('5 6 9')}{self.digits(3)} {self.digits(4)}"
        if form == "us":
            return f"+1 ({self.pick('212 415 650')}) {self.pick('2 3 7')}{self.digits(2)}-{self.digits(4)}"
        if form == "uk":
            return f"+44 7{self.digits(3)} {self.digits(6)}"
        code = self.pick(
            "130 131 135 136 138 139 150 152 158 159 166 173 176 177 180 186 188 189 191 198 199"
        ) + self.digits(8)
        if form in ("spaced", "dashed"):
            mark = " " if form == "spaced" else "-"
            return f"{code[:3]}{mark}{code[3:7]}{mark}{code[7:]}"
        return code.translate(_WIDE) if form == "wide" else code

    def bank_card(self, form: str) -> str:
        if form == "account":
            return self.pick("1 2 3 4") + self.digits(18)
        lead, n = {"visa": ("4", 16), "master": ("53", 16), "amex": ("37", 15)}.get(
            form, (self.pick("6222 6217 6228 6225 6259"), int(self.pick("16 19")))
        )
        body = lead + self.digits(n - len(lead) - 1)
        total = sum(int(c) if i % 2 else sum(divmod(2 * int(c), 10)) for i, c in enumerate(reversed(body)))
        code = body + str(-total % 10)
        if form in ("spaced", "dashed"):
            return (" " if form == "spaced" else "-").join(code[i : i + 4] for i in range(0, n, 4))
        return code.translate(_WIDE) if form == "wide" else code

    def iban(self, form: str) -> str:
        country, n = "DE", 18
        body = self.digits(n)
        check = 98 - int(body + "".join(str(ord(c) - 55) for c in country) + "00") % 97
        code = f"{country}{check:02}{body}"
        return " ".join(code[i : i + 4] for i in range(0, len(code), 4)) if form == "spaced" else code

    def credit_code(self, form: str) -> str:
        pool = "0123456789ABCDEFGHJKLMNPQRTUWXY"
        body = "91" + self.pick(_DIVISIONS) + self.letters(9, pool)
        total = sum(pool.index(c) * pow(3, i, 31) for i, c in enumerate(body))
        code = body + pool[-total % 31]
        return code.lower() if form == "lower" else code

    def passport(self, form: str) -> str:
        if form == "permit":
            return self.pick("H M C") + self.digits(8)
        return self.digits(8) if form == "taiwan" else self.pick("E G") + self.digits(8)

    def email(self, form: str) -> str:
        code = f"{self.letters(int(self.rng.integers(3, 9)), 'abcdefghijkmnprstuwxyz')}{self.pick(['', '_', '.'])}{self.digits(2)}@{self.pick('qq.com 163.com gmail.com example.com.cn sina.cn')}"
        return code.replace("@", "＠") if form == "wide" else code

    def wechat(self, form: str) -> str:
        return f"{self.letters(int(self.rng.integers(4, 9)), 'abcdefghijkmnprstuwxyz')}{self.pick(['', '_', '-'])}{self.digits(3)}"

    def qq(self, form: str) -> str:
        return self.pick("1 2 3 5 8") + self.digits(int(self.rng.integers(5, 10)))

    def plate(self, form: str) -> str:
        head = self.pick(list("京沪粤浙苏川鲁鄂湘闽皖渝")) + self.letters(1, "ABCDEFGH")
        if form == "green":
            return head + self.pick("D F") + self.digits(5)
        if form == "truck":
            return head + self.digits(4) + "学"
        tail = self.digits(5) if self.rng.random() < 0.5 else self.letters(1) + self.digits(4)
        return f"{head}·{tail}" if form == "dot" else head + tail

    def vin(self, form: str) -> str:
        pool, values = (
            "ABCDEFGHJKLMNPRSTUVWXYZ0123456789",
            [*range(1, 9), *range(1, 6), 7, 9, *range(2, 10), *range(10)],
        )
        code = "L" + self.letters(3, pool[:23]) + self.letters(4, pool) + "0" + self.letters(4, pool) + self.digits(4)
        rest = (
            sum(values[pool.index(c)] * w for c, w in zip(code, (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)))
            % 11
        )
        return code[:8] + ("X" if rest == 10 else str(rest)) + code[9:]

    def ip(self, form: str) -> str:
        if form == "six":
            return ":".join(f"{n:x}" for n in self.rng.integers(0x2001, 0xFFFF, 8))
        first = "192.168" if form == "private" else f"{self.rng.integers(36, 223)}.{self.rng.integers(1, 255)}"
        return f"{first}.{self.rng.integers(1, 255)}.{self.rng.integers(1, 255)}"

    def mac(self, form: str) -> str:
        code = ("-" if form == "dashed" else ":").join(f"{n:02X}" for n in self.rng.integers(0, 256, 6))
        return code.lower() if form == "lower" else code

    def url(self, form: str) -> str:
        host = f"{self.letters(6, 'abcdefghijk')}.{self.pick('com cn com.cn net')}"
        return f"www.{host}" if form == "www" else f"https://{host}/{self.letters(4, 'abcdef')}?id={self.digits(4)}"

    def birth_date(self, form: str) -> str:
        y, m, d = self.day()
        return f"{y}年{m}月{d}日" if form == "cn" else f"{y}年{m}月" if form == "month" else f"{y}-{m:02}-{d:02}"

    def medical_record(self, form: str) -> str:
        return (
            self.digits(6)
            if form == "short"
            else self.pick(["MZ", "ZY", "B", ""]) + self.pick("1 2 3") + self.digits(8)
        )

    def secret(self, form: str) -> str:
        mixed = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0123456789"
        made = {
            "password": lambda: (
                self.letters(1) + self.letters(5, "abcdefghijk") + self.pick("@ # ! _") + self.digits(4)
            ),
            "key": lambda: self.letters(32, mixed),
            "jwt": lambda: f"eyJ{self.letters(17, mixed)}.eyJ{self.letters(30, mixed)}.{self.letters(43, mixed)}",
            "aws": lambda: "AKIA" + self.letters(16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
            "github": lambda: "ghp_" + self.letters(36, mixed),
            "openai": lambda: "sk-" + self.letters(48, mixed),
            "aliyun": lambda: "LTAI" + self.letters(20, mixed),
            "otp": lambda: self.pick("1 2 3 4") + self.digits(5),
        }
        return made[form]()

    def postcode(self, form: str) -> str:
        return self.pick("1 2 3 4 5 6") + self.digits(5)

    def gps(self, form: str) -> str:
        return f"{self.rng.uniform(20, 45):.6f},{self.rng.uniform(80, 130):.6f}"

    # near misses

    def no(self, kind: str) -> str:
        _y, m, d = self.day()
        made: dict[str, Callable[[], str]] = {
            "order": lambda: f"202{self.rng.integers(0, 6)}{m:02}{d:02}{self.digits(int(self.rng.integers(6, 12)))}",
            "mobile_like": lambda: self.pick("13 15 18") + self.digits(9),
            "card_like": lambda: "6" + self.digits(15),
            "card_wrong": lambda: self.bank_card("")[:-1] + "#",
            "id_wrong": lambda: self.id_card("typo"),
            "invoice": lambda: self.digits(8),
            "ticket": lambda: self.pick("A B T") + self.digits(6),
            "serial": lambda: f"SN{self.digits(10)}",
            "ean": lambda: "69" + self.digits(11),
            "model": lambda: f"{self.letters(2)}-{self.digits(4)}",
            "version": lambda: f"{self.rng.integers(1, 20)}.{self.rng.integers(0, 20)}.{self.rng.integers(0, 20)}",
            "version4": lambda: ".".join(str(self.rng.integers(0, 20)) for _ in range(4)),
            "amount": lambda: f"{self.rng.integers(1, 9999)}.{self.digits(2)}",
            "amount_big": lambda: f"{self.rng.integers(10**9, 10**10):,}",
            "epoch": lambda: str(self.rng.integers(1_500_000_000, 1_800_000_000)),
            "epoch_ms": lambda: str(self.rng.integers(1_500_000_000_000, 1_800_000_000_000)),
            "stamp": lambda: f"202{self.rng.integers(0, 6)}-{m:02}-{d:02} {self.rng.integers(0, 24):02}:{self.rng.integers(0, 60):02}:{self.rng.integers(0, 60):02}",
            "date": lambda: f"202{self.rng.integers(0, 6)}-{m:02}-{d:02}",
            "score": lambda: f"{self.rng.integers(0, 120)}:{self.rng.integers(0, 120)}",
            "tail": lambda: self.digits(4),
            "member": lambda: self.digits(6),
            "student": lambda: f"202{self.rng.integers(0, 6)}{self.digits(6)}",
            "seat": lambda: f"{self.rng.integers(1, 60)}{self.pick('A B C F')}",
            "flight": lambda: f"{self.pick('CA MU CZ')}{self.digits(4)}",
            "train": lambda: f"{self.pick('G D K')}{self.rng.integers(1, 9999)}",
            "room": lambda: self.digits(4),
            "isbn": lambda: f"978-7-{self.digits(3)}-{self.digits(5)}-{self.digits(1)}",
            "stock": lambda: self.pick("60 00 30") + self.digits(4),
            "rate": lambda: f"7.{self.digits(4)}",
            "md5": lambda: self.letters(32, "0123456789abcdef"),
            "sha": lambda: self.letters(40, "0123456789abcdef"),
            "uuid": lambda: "-".join(self.letters(n, "0123456789abcdef") for n in (8, 4, 4, 4, 12)),
        }  # fmt: skip
        out = made[kind]()
        if kind == "card_wrong":
            right = self.bank_card("")
            out = right[:-1] + str((int(right[-1]) + 1) % 10)
        return out


def sentences(seed: int = 0, copies: int = 3) -> list[tuple[str, list[Span]]]:
    """Return every line `copies` times with fresh numbers: texts, and spans (start, end, type) that must be found."""
    numbers = Numbers(seed)
    out: list[tuple[str, list[Span]]] = []
    lines = [line for line in _LINES.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    for _ in range(copies):
        for line in lines:
            text, spans, at = "", [], 0
            for m in _SLOT.finditer(line):
                text += line[at : m.start()]
                at = m.end()
                if m[1].startswith("-"):
                    text += numbers.no(m[1][1:])
                else:
                    value = getattr(numbers, m[1].replace("-", "_"))(m[2] or "")
                    spans.append((len(text), len(text) + len(value), m[1]))
                    text += value
            out.append((text + line[at:], spans))
    return out
