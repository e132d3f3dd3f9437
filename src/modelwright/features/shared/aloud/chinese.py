"""Chinese as it is read out: dates, times, money, units, numbers and signs become characters that are said."""

from __future__ import annotations

import re

from modelwright.features.shared.spoken_numbers import chinese_number

_DIGITS = "零一二三四五六七八九"
_MOST = 15  # digits that are read as one number
_NUM = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_UNITS = {
    "km/h": "公里每小时", "m/s": "米每秒", "km²": "平方公里", "m²": "平方米", "m2": "平方米", "m³": "立方米", "㎡": "平方米", "㎞": "公里", "㎝": "厘米", "㎜": "毫米", "㎏": "公斤", "km": "公里", "cm": "厘米", "mm": "毫米",
    "kg": "公斤", "mg": "毫克", "ml": "毫升", "kwh": "千瓦时", "kw": "千瓦", "gb": "吉字节", "mb": "兆字节", "ghz": "吉赫", "mhz": "兆赫", "khz": "千赫",
    "hz": "赫兹", "db": "分贝", "℃": "摄氏度", "°c": "摄氏度", "°f": "华氏度", "m": "米", "g": "克", "l": "升", "t": "吨", "w": "瓦", "v": "伏", "s": "秒", "h": "小时",
}  # fmt: skip
_NO_UNITS = frozenset("GMSTH")  # a letter: 5G
_MONEY = {"$": "美元", "us$": "美元", "€": "欧元", "£": "英镑", "¥": "元", "￥": "元", "₩": "韩元", "₹": "卢比"}
SAID = {
    "&": "和", "+": "加", "=": "等于", "×": "乘以", "÷": "除以", "<": "小于", ">": "大于", "≤": "小于等于", "≥": "大于等于", "±": "正负", "%": "百分之",
    "#": "井号", "@": "艾特", "°": "度", "℃": "摄氏度", "©": "版权所有", "№": "号", "→": "到", "≈": "约等于", "*": "星号", "/": "斜杠", "π": "派", "§": "第",
}  # fmt: skip
_COUNTED = (
    "个位只条张本次天年周岁件台辆名家所层座万亿千百倍种类项篇部米元块小点分秒斤吨公杯瓶碗份场双套批页句首支门顿封"
)


def number(text: str) -> str:
    """Return a number as it is written (`1,234.5`, `-3`, `007`) in characters."""
    sign = "负" if text[:1] in "-−" else ""
    whole, _, part = text.lstrip("-−+").replace(",", "").partition(".")
    long = len(whole) > _MOST or (len(whole) > 1 and whole[0] == "0")
    said = one_by_one(whole) if long else chinese_number(int(whole or "0"))
    return sign + said + (f"点{one_by_one(part)}" if part else "")


def one_by_one(text: str, phone: bool = False) -> str:
    """Return digits one after the other; in telephone numbers 1 is said 幺."""
    said = "".join(_DIGITS[int(c)] for c in text if c.isdecimal())
    return said.replace("一", "幺") if phone else said


def _counted(m: re.Match[str]) -> str:
    said = number(m[1])
    return ("两" if said == "二" else said) + m[2]


def _time(m: re.Match[str]) -> str:
    hour, minute = int(m[1]), int(m[2])
    if hour > 24 or minute > 59:
        return one_by_one(m[0])
    said = f"{'两' if hour == 2 else chinese_number(hour)}点"
    if minute:
        said += ("零" if minute < 10 else "") + chinese_number(minute) + "分"
    return said + (f"{chinese_number(int(m[3]))}秒" if m[3] else "整" if not minute else "")


def _date(m: re.Match[str]) -> str:
    return f"{one_by_one(m[1])}年{chinese_number(int(m[3]))}月{chinese_number(int(m[4]))}日"


def _money(m: re.Match[str]) -> str:
    name, text, scale = _MONEY[m["sign"].lower()], m["number"], m["scale"] or ""
    whole, _, part = text.replace(",", "").partition(".")
    if name == "元" and len(part) in (1, 2) and not scale:
        jiao, fen = int(part[0]), int(part[1]) if len(part) > 1 else 0
        small = (f"{_DIGITS[jiao]}角" if jiao else "零" if fen else "") + (f"{_DIGITS[fen]}分" if fen else "")
        return f"{number(whole)}元{small}"
    return number(text) + scale + name


_STEPS = (
    (re.compile(r"(?<!\d)(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?![\d.]\d)(?!\d)"), _date),
    (re.compile(r"(?<!\d)(?:(?:\d{4}|\d{2})(?=\s?年)|\d{4}(?=[级届])|\d[05](?=后(?![来天面期]))|\d{3,4}(?=号?(?:房|室|病房)))"), lambda m: one_by_one(m[0])),
    (re.compile(r"(?<=:\d\d)\s?[-–—~～]\s?(?=\d{1,2}:\d\d)"), lambda m: "到"),
    (re.compile(r"(?<!\d)(\d{1,2}):(\d{2})(?::(\d{2}))?(?!\d)"), _time),
    (re.compile(r"(?<!\d)1[3-9]\d[\s-]?\d{4}[\s-]?\d{4}(?!\d)|(?<!\d)0\d{2,3}-\d{7,8}(?!\d)|(?<!\d)[48]00-?\d{3}-?\d{4}(?!\d)|(?<=拨打|电话|热线|呼叫)[:：]?\s?\d{3,8}(?![\d.,]|[元块个次通部台分秒天年月日万亿%％])|(?<!\d)1(?:10|19|20|22)(?=报警|急救)"), lambda m: one_by_one(m[0], phone=True)),
    (re.compile(rf"(?P<sign>US\$|[$€£¥￥₩₹])\s?(?P<number>{_NUM})(?P<scale>[万亿])?", re.I), _money),
    (re.compile(rf"([-−]?{_NUM})\s?[%％]"), lambda m: ("负" if m[1][0] in "-−" else "") + "百分之" + number(m[1].lstrip("-−"))),
    (re.compile(rf"([-−]?{_NUM})\s?‰"), lambda m: "千分之" + number(m[1])),
    (re.compile(rf"([-−]?{_NUM})\s?({'|'.join(map(re.escape, sorted(_UNITS, key=len, reverse=True)))})(?![A-Za-z²³/])", re.I),
     lambda m: number(m[1]) + m[2] if m[2] in _NO_UNITS else ("零下" + number(m[1][1:]) if m[1][0] in "-−" and m[2] in ("℃", "°C") else number(m[1])) + _UNITS[m[2].lower()]),
    (re.compile(r"(?<=[元块])/(?=[人个天月年次件斤公平米位张晚小])"), lambda m: "每"),
    (re.compile(r"(?<=\d)\s?[*x]\s?(?=\d)"), lambda m: "乘"),
    (re.compile(r"(\d+)/(\d+)"), lambda m: f"{number(m[2])}分之{number(m[1])}"),
    (re.compile(r"(?<=\d)\s?[-–—~～]\s?(?=\d)"), lambda m: "到"),
    (re.compile(r"(\d+)\s?[:：]\s?(\d+)"), lambda m: f"{number(m[1])}比{number(m[2])}"),
    (re.compile(rf"(?<![\d.第])(2)([{_COUNTED}])(?!月)"), _counted),
    (re.compile(rf"(?:(?<![\w.])[-−])?{_NUM}"), lambda m: number(m[0])),
)  # fmt: skip


def read_out(text: str) -> str:
    """Return Chinese as it is said: `2024年3月5日花了￥3.50` gives `二零二四年三月五日花了三元五角`."""
    for pattern, way in _STEPS:
        text = pattern.sub(way, text)
    return "".join(SAID.get(c, c) for c in text)
