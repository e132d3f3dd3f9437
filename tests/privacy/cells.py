"""Test sets of cells of many shapes for personal data, names above all: `cells.txt` and `cells_2.txt`, filled in with made-up values by a seed.

Every second line is for development, the others were never looked at while recognisers were written: `half` says which. Names are a
list of this file's own, not those that the tagger learnt from.
"""

from __future__ import annotations

import re
from pathlib import Path

from privacy.chinese import Numbers, Span

_FILLS = {"cells.txt": 5}  # times that a line with slots is filled in; once in any other file
_SLOT = re.compile(r"\{(-?[a-z][a-z0-9_\-]*)(?::([a-z0-9]+)|=([^{}]+))?\}")  # a type, and its form or the very value
_ZH_NAMES = """陈建国 王晓燕 李思远 张雨桐 刘志强 赵婷婷 周子涵 吴俊杰 郑秀兰 孙梦瑶 马超群 朱丽娟 胡一鸣 林芷若 何文博 高海燕 郭靖宇 罗永强 梁家辉 宋佳音 谢雨欣
唐国庆 韩雪梅 冯一凡 邓紫薇 曹德华 彭宇航 曾庆丰 肖建军 田秀梅 董明月 潘振东 袁慧敏 蔡文静 蒋欣然 余文辉 杜海波 叶知秋 程浩宇 魏晨曦 苏志鹏 吕梓萱 丁俊宏 任嘉伟 沈国梁 姚晨阳 卢俊毅 姜卫东 崔永年 钟红玉
谭松涛 陆晓曼 汪海涛 范文彬 金秀珍 石建平 廖凡宇 贾文斌 夏紫薇 韦宝山 方世杰 白玉兰 邹伟明 孟非凡 熊志华 秦海璐 江晓燕 尹正阳 薛文涛 阎立本 段志宏 雷建新 侯勇 龙丹妮 史可欣 陶然 黎明珠 贺强 顾长风 毛晓彤 郝蕾 龚琳
诸葛明远 欧阳娜 欧阳振华 司马青 上官婉清 慕容雪 皇甫嵩 东方俊 令狐文 夏侯文杰 尉迟恭 公孙丽 李伟 王芳 张敏 刘洋 陈静 杨帆 黄勇 赵磊 周涛 吴倩 徐丽 孙浩 胡军 朱琳 高峰 林峰 何洁 郭亮 马丽 罗兰 梁静 宋涛 郑爽 谢娜
买买提·艾力 阿依古丽·吐尔逊 卓玛次仁 扎西顿珠""".split()
_EN_NAMES = """Anna Holm|James Carter|Maria Lopez|Priya Natarajan|Chen Wei|Oluwaseun Adeyemi|Sofia Rossi|Liam O'Connor|Emma van Dijk|Noah Schneider|Yuki Tanaka|Fatima Al-Sayed|Carlos Mendes|Ingrid Nilsen|Peter Novak
John Smith|Michael Brown|Sarah Johnson|David Lee|Emily Clark|Robert Wilson|Laura Martin|Kevin Nguyen|Rachel Green|Thomas Baker|Hannah Fischer|Omar Haddad|Zhang Min|Li Na|Grace Kim|Daniel Kowalski|Julia Petrova|Marco Bianchi|Elena Popescu|Ahmed Hassan"""
_SURNAMES = "王 李 张 刘 陈 杨 黄 赵 吴 周 徐 孙 马 朱 胡 郭 何 高 林 罗 欧阳 诸葛 司马 上官".split()
_EN_SURNAMES = "Carter Lopez Schneider Rossi Holm Tanaka Wilson Baker Novak Haddad".split()
_PLACES = """北京市海淀区中关村大街{n}号|天津市南开区卫津路{n}号|河北省石家庄市长安区中山东路{n}号|山西省太原市小店区长风街{n}号|内蒙古自治区呼和浩特市赛罕区大学西街{n}号|辽宁省沈阳市和平区南京北街{n}号
吉林省长春市朝阳区人民大街{n}号|黑龙江省哈尔滨市南岗区西大直街{n}号|上海市浦东新区世纪大道{n}弄{m}号{r}室|江苏省南京市鼓楼区汉口路{n}号|浙江省杭州市西湖区文三路{n}号{m}幢{r}室|安徽省合肥市包河区徽州大道{n}号
福建省福州市鼓楼区五四路{n}号|江西省南昌市东湖区八一大道{n}号|山东省济南市历下区泺源大街{n}号|河南省郑州市金水区花园路{n}号院{m}号楼|湖北省武汉市洪山区珞喻路{n}号|湖南省长沙市岳麓区麓山南路{n}号
广东省深圳市南山区科技园南路{n}号{m}栋{r}|广西壮族自治区南宁市青秀区民族大道{n}号|海南省海口市龙华区滨海大道{n}号|重庆市渝中区民生路{n}号|四川省成都市武侯区人民南路四段{n}号|贵州省贵阳市云岩区中华北路{n}号
云南省昆明市五华区翠湖南路{n}号|西藏自治区拉萨市城关区北京中路{n}号|陕西省西安市雁塔区小寨东路{n}号|甘肃省兰州市城关区张掖路{n}号|青海省西宁市城西区五四大街{n}号|宁夏回族自治区银川市金凤区北京中路{n}号
新疆维吾尔自治区乌鲁木齐市天山区解放南路{n}号|香港九龙弥敦道{n}号{m}楼|澳门新马路{n}号{m}楼|台湾省台北市信义区忠孝东路五段{n}号"""
_EN_PLACES = """{n} Maple Street, Springfield, IL 62704|{n} Oak Avenue, Apt 4B, Denver, CO 80203|{n} King Road, Leeds|{n} Sunset Boulevard, Los Angeles, CA 90028|{n} Elm Drive, Austin, TX 78701|{n} Church Lane, Bristol"""
_WORDS = "zero one two three four five six seven eight nine".split()
_HAN = "零一二三四五六七八九"
_CIRCLED = "⓪①②③④⑤⑥⑦⑧⑨"


def split(text: str) -> list[str]:
    return text.replace("\n", "|").split("|")


class Cells(Numbers):
    """Values of further types and shapes."""

    def value(self, kind: str, form: str) -> str:
        made = getattr(self, f"{kind}_{form}".replace("-", "_"), None)
        return str(made()) if made else str(getattr(self, kind.replace("-", "_"))(form))

    def person(self, form: str) -> str:
        return self.pick(split(_EN_NAMES) if form == "en" else _ZH_NAMES)

    def surname(self, form: str) -> str:
        return self.pick(_EN_SURNAMES if form == "en" else _SURNAMES)

    def address(self, form: str) -> str:
        pool = split(_EN_PLACES if form == "en" else _PLACES)
        place = pool[int(form[1:])] if form.startswith("p") else self.pick(pool)
        return place.format(n=self.rng.integers(1, 999), m=self.rng.integers(1, 30), r=self.rng.integers(101, 2500))

    def phone_han(self) -> str:
        return "".join(_HAN[int(c)] for c in self.phone("")).replace("一", self.pick("一 幺"))

    def phone_single(self) -> str:
        return " ".join(self.phone(""))

    def phone_dots(self) -> str:
        return self.phone("spaced").replace(" ", ".")

    def phone_circled(self) -> str:
        return "".join(_CIRCLED[int(c)] for c in self.phone(""))

    def phone_mixed(self) -> str:
        return "".join(_HAN[int(c)] if self.rng.random() < 0.4 else c for c in self.phone(""))

    def phone_en(self) -> str:
        return f"({self.pick('212 415 650')}) {self.pick('2 3 7')}{self.digits(2)}-{self.digits(4)}"

    def phone_intl(self) -> str:
        return f"+{self.pick('44 49 33 81 91')} {self.digits(2)} {self.digits(4)} {self.digits(4)}"

    def phone_words(self) -> str:
        return " ".join(_WORDS[int(c)] for c in self.digits(10))

    def id_card_parts(self) -> str:
        code = self.id_card("")
        return " ".join([code[:3], code[3:6], code[6:10], code[10:14], code[14:]])

    def id_card_macau(self) -> str:
        return f"{self.pick('1 5 7')}{self.digits(6)}({self.digits(1)})"

    def id_card_pr(self) -> str:
        y, m, d = self.day()
        body = f"9{self.pick('11 31 44')}{self.pick('124 036 840')}{y}{m:02}{d:02}{self.digits(3)}"
        return body + "10X98765432"[sum(int(c) * pow(2, 17 - i, 11) for i, c in enumerate(body)) % 11]

    def id_card_pr15(self) -> str:
        y, m, d = self.day()
        return f"{self.pick('USA DEU JPN KOR')}{self.pick('1101 3100 4403')}{y % 100:02}{m:02}{d:02}{self.digits(2)}"

    def id_card_arc(self) -> str:
        return self.letters(1, "ABCDEFGH") + self.pick("A B C D") + self.digits(8)

    def id_card_aadhaarplain(self) -> str:
        body = self.pick("2 3 4 6 7 8 9") + self.digits(10)
        return body + str(_verhoeff(body))

    def id_card_aadhaar(self) -> str:
        code = self.id_card_aadhaarplain()
        return f"{code[:4]} {code[4:8]} {code[8:]}"

    def id_card_nino(self) -> str:
        return (
            self.letters(1, "ABCEGHJKLMNPRST")
            + self.letters(1, "ABCEGHJKLMNPRSTWXYZ")
            + self.digits(6)
            + self.letters(1, "ABCD")
        )

    def id_card_ninospaced(self) -> str:
        code = self.id_card_nino()
        return f"{code[:2]} {code[2:4]} {code[4:6]} {code[6:8]} {code[8]}"

    def id_card_rrn(self) -> str:
        y, m, d = self.day()
        body = f"{y % 100:02}{m:02}{d:02}{self.pick('1 2' if y < 2000 else '3 4')}{self.digits(5)}"
        check = (11 - sum(int(c) * w for c, w in zip(body, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5))) % 11) % 10
        return f"{body[:6]}-{body[6:]}{check}"

    def passport_hm(self) -> str:
        return self.pick("H M") + self.digits(8)

    def passport_ca(self) -> str:
        return "C" + self.letters(1, "ABCDE") + self.digits(7)

    def passport_tw(self) -> str:
        return self.digits(8)

    def passport_l(self) -> str:
        return self.pick("L T") + self.digits(8)

    def email_hash(self) -> str:
        return self.email("").replace("@", "#")

    def email_at(self) -> str:
        name, host = self.email("").split("@")
        return f"{name}[at]{host}"

    def birth_date_en(self) -> str:
        y, m, d = self.day()
        return f"{m:02}/{d:02}/{y}"

    def driver_licence(self, form: str) -> str:
        return self.letters(1) + self.digits(7)

    def plate_us(self) -> str:
        return f"{self.pick('1 4 7')}{self.letters(3)}{self.digits(3)}"

    def ip6(self, form: str) -> str:
        return self.ip("six")

    def ssn(self, form: str) -> str:
        return f"{self.rng.integers(100, 600)}-{self.rng.integers(10, 99)}-{self.rng.integers(1000, 9999)}"

    def secret(self, form: str) -> str:
        return super().secret(form or "key")

    def no(self, kind: str) -> str:
        made = {
            "pair": lambda: f"{self.rng.uniform(-5, 90):.6f}, {self.rng.uniform(-90, 120):.6f}",
            "decimal": lambda: f"{self.rng.uniform(0, 99):.6f}",
            "ms": lambda: f"{self.rng.uniform(0, 900):.3f}",
            "count": lambda: str(self.rng.integers(1, 9999)),
            "luhn": lambda: self.bank_card("visa"),
            "hex16": lambda: self.letters(16, "0123456789abcdef"),
            "tracking": lambda: self.pick("SF YT JD") + self.digits(13),
        }  # fmt: skip
        return made[kind]() if kind in made else super().no(kind)


def compared(truth: list[Span], found: list[Span]) -> tuple[set[Span], set[Span]]:
    """Return labels and finds as sets, with finds of addresses taken for right where they are nearly the label's characters."""
    wanted, said = set(truth), set(found)
    for a in [s for s in wanted if s[2] == "address"]:
        for b in [s for s in said if s[2] == "address"]:
            common = min(a[1], b[1]) - max(a[0], b[0])
            if common >= 0.8 * (a[1] - a[0]) and b[1] - b[0] <= 1.2 * (a[1] - a[0]):
                said = said - {b} | {a}
                break
    return wanted, said


def _verhoeff(body: str) -> int:
    def times(a: int, b: int) -> int:  # in the dihedral group of ten elements
        if a < 5:
            return (a + b) % 5 if b < 5 else 5 + (a + b) % 5
        return 5 + (a - b) % 5 if b < 5 else (a - b) % 5

    turn = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]
    total = 0
    for i, c in enumerate(reversed(body), 1):
        n = int(c)
        for _ in range(i % 8):
            n = turn[n]
        total = times(total, n)
    return [0, 4, 3, 2, 1, 5, 6, 7, 8, 9][total]


def cells(half: str, seed: int = 0, file: str = "cells.txt") -> list[tuple[str, list[Span]]]:
    """Return the cells of one half of a file, `development` or `unseen`, with spans (start, end, type) that must be found."""
    made = Cells(seed)
    out: list[tuple[str, list[Span]]] = []
    at = Path(__file__).with_name(file)
    lines = [line for line in at.read_text(encoding="utf-8").splitlines() if line and not line.startswith("# ")]
    for i, line in enumerate(lines):
        slots = list(_SLOT.finditer(line))
        for _ in range(_FILLS.get(file, 1) if slots else 1):
            text, spans, done = "", [], 0
            for m in slots:
                text += line[done : m.start()]
                done = m.end()
                if m[1].startswith("-"):
                    text += made.no(m[1][1:])
                    continue
                value = m[3] or made.value(m[1], m[2] or "")
                spans.append((len(text), len(text) + len(value), {"surname": "person", "ip6": "ip"}.get(m[1], m[1])))
                text += value
            if i % 2 == (half == "unseen"):
                out.append((text + line[done:], spans))
    return out
