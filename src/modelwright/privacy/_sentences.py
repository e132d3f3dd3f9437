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

from modelwright.privacy.lexicon import entries

Sentence = tuple[str, list[tuple[int, int, str]]]
_SLOT = re.compile(r"\{(\w+)\}")
_KINDS = {
    "person": "PERSON", "first": "PERSON", "last": "PERSON", "en_person": "PERSON", "surname": "", "place": "PLACE",
    "address": "ADDRESS", "org": "ORGANISATION",
}  # fmt: skip
_STARTS = [
    "b",
    "bl",
    "br",
    "c",
    "ch",
    "cl",
    "d",
    "dr",
    "f",
    "fl",
    "g",
    "gr",
    "h",
    "j",
    "k",
    "kl",
    "kr",
    "l",
    "m",
    "n",
    "p",
    "pr",
    "r",
    "s",
    "sch",
    "sh",
    "sk",
    "st",
    "t",
    "th",
    "tr",
    "v",
    "w",
    "y",
    "z",
]
_VOWELS = [
    "a",
    "e",
    "i",
    "o",
    "u",
    "a",
    "e",
    "i",
    "o",
    "ai",
    "ei",
    "ia",
    "ie",
    "ou",
    "au",
    "ö",
    "ä",
    "å",
    "é",
    "á",
    "í",
    "ó",
    "ú",
    "ø",
    "ő",
]
_ENDS = ["n", "r", "l", "s", "t", "m", "d", "k", "nd", "rt", "ll", "ck", "ng", "x", "z", "v", "sk"] + [""] * 8
_PERSON_ENDS = [
    "son",
    "sen",
    "ov",
    "ova",
    "ski",
    "ska",
    "ez",
    "es",
    "ini",
    "elli",
    "ard",
    "mann",
    "stein",
    "berg",
    "dottir",
    "idis",
    "escu",
    "enko",
    "ic",
    "wala",
    "an",
    "ian",
    "oğlu",
    "nen",
    "ström",
    "quist",
]
_PLACE_ENDS = [
    "burg",
    "ville",
    "ton",
    "ham",
    "ford",
    "stad",
    "dorf",
    "heim",
    "by",
    "berg",
    "hausen",
    "bridge",
    "field",
    "mouth",
    "grad",
    "ovo",
    "ice",
    "ia",
    "landia",
    "holm",
    "vik",
    "nes",
    "minster",
    "wick",
    "bach",
    "port",
]
_SYLLABLES = [
    "ba",
    "bei",
    "bo",
    "chen",
    "cheng",
    "chun",
    "da",
    "dan",
    "dong",
    "fang",
    "fei",
    "feng",
    "gang",
    "guang",
    "guo",
    "hai",
    "han",
    "hao",
    "hong",
    "hua",
    "hui",
    "jia",
    "jian",
    "jie",
    "jing",
    "jun",
    "kai",
    "lan",
    "lei",
    "li",
    "lin",
    "ling",
    "long",
    "mei",
    "min",
    "ming",
    "na",
    "ning",
    "peng",
    "ping",
    "qi",
    "qiang",
    "qin",
    "qing",
    "rong",
    "rui",
    "shan",
    "shu",
    "tao",
    "ting",
    "wei",
    "wen",
    "xia",
    "xiang",
    "xiao",
    "xin",
    "xiu",
    "xue",
    "yan",
    "yang",
    "yi",
    "ying",
    "yong",
    "yu",
    "yuan",
    "yun",
    "ze",
    "zhen",
    "zhi",
    "zhong",
]
_PINYIN = [
    "wang",
    "li",
    "zhang",
    "liu",
    "chen",
    "yang",
    "huang",
    "zhao",
    "wu",
    "zhou",
    "xu",
    "sun",
    "ma",
    "zhu",
    "hu",
    "guo",
    "he",
    "gao",
    "lin",
    "luo",
    "zheng",
    "liang",
    "xie",
    "song",
    "tang",
    "han",
    "feng",
    "deng",
    "cao",
    "peng",
    "zeng",
    "xiao",
    "tian",
    "dong",
    "yuan",
    "pan",
    "jiang",
    "cai",
    "yu",
    "du",
    "ye",
    "cheng",
    "su",
    "wei",
    "lv",
    "ding",
    "ren",
    "shen",
    "yao",
    "lu",
    "jiang",
    "cui",
    "zhong",
    "tan",
]
_STREET_EN = [
    "Street",
    "Road",
    "Avenue",
    "Lane",
    "Drive",
    "Court",
    "Way",
    "Place",
    "Square",
    "Terrace",
    "Close",
    "Boulevard",
    "Crescent",
    "Row",
    "Hill",
    "Parkway",
    "St.",
    "Rd",
    "Ave.",
    "St",
    "Ave",
    "Blvd",
    "Ln",
    "Dr",
]
_STREET_FIRST = [
    "Rua",
    "Via",
    "Calle",
    "Avenida",
    "rue",
    "Rue",
    "avenue",
    "Avenue",
    "ul.",
    "Ulica",
    "Plaza",
    "Piazza",
    "Carrera",
    "Travessa",
    "chemin",
    "Λεωφ.",
    "Camino",
    "Estrada",
    "Largo",
    "C/",
    "boulevard",
]
_STREET_LAST = [
    "straße",
    "strasse",
    "gasse",
    "weg",
    "platz",
    "gatan",
    "vägen",
    "gade",
    "vej",
    "veien",
    "katu",
    "tie",
    "straat",
    "laan",
    "plein",
    "steenweg",
    "utca",
    "út",
    "tér",
    "allee",
    "ring",
    "damm",
    "sokak",
    "cadde",
]
_BRANDS = [
    "iPhone",
    "Samsung",
    "Galaxy",
    "Huawei",
    "Xiaomi",
    "Sony",
    "PlayStation",
    "Nike",
    "Adidas",
    "Toyota",
    "Tesla",
    "Kindle",
    "MacBook",
    "Windows",
    "Android",
    "Photoshop",
    "Excel",
    "WhatsApp",
    "Instagram",
    "YouTube",
    "Netflix",
    "Spotify",
    "PayPal",
    "Visa",
    "Mastercard",
    "Uber",
    "Zoom",
    "Bluetooth",
    "Canon",
    "Lego",
    "Ikea",
    "Starbucks",
]
_BRANDS_ZH = [
    "华为",
    "小米",
    "苹果",
    "三星",
    "联想",
    "海尔",
    "美的",
    "格力",
    "特斯拉",
    "比亚迪",
    "丰田",
    "大众",
    "奔驰",
    "宝马",
    "支付宝",
    "微信",
    "淘宝",
    "京东",
    "拼多多",
    "抖音",
    "美团",
    "滴滴",
    "携程",
    "百度",
    "腾讯",
    "阿里巴巴",
    "平安",
    "安踏",
    "李宁",
    "王者荣耀",
    "康师傅",
    "金龙鱼",
    "周黑鸭",
    "张裕",
    "马应龙",
    "白象",
]
_JOBS = [
    "teacher",
    "nurse",
    "lawyer",
    "software engineer",
    "sales manager",
    "chef",
    "driver",
    "accountant",
    "project manager",
    "waiter",
    "plumber",
    "journalist",
    "dentist",
    "architect",
    "Network administrator",
    "Operations geologist",
    "Marketing executive",
    "Civil Service officer",
    "Chief Executive",
    "Research scientist",
]
_JOBS_ZH = [
    "经理",
    "主任",
    "总经理",
    "副总裁",
    "工程师",
    "教授",
    "医生",
    "护士",
    "老师",
    "校长",
    "院长",
    "局长",
    "市长",
    "书记",
    "董事长",
    "会计",
    "律师",
    "记者",
    "教练",
    "导演",
    "演员",
    "司机",
    "客服",
    "店长",
    "保安",
    "程序员",
    "设计师",
    "处长",
    "科长",
    "部长",
    "总监",
    "秘书",
]
_RELATIVES = [
    "wife",
    "husband",
    "mother",
    "father",
    "son",
    "daughter",
    "brother",
    "sister",
    "partner",
    "boss",
    "colleague",
    "neighbour",
    "friend",
    "uncle",
    "grandmother",
]
_RELATIVES_ZH = [
    "妻子",
    "丈夫",
    "妈妈",
    "爸爸",
    "儿子",
    "女儿",
    "哥哥",
    "姐姐",
    "弟弟",
    "妹妹",
    "朋友",
    "同事",
    "同学",
    "邻居",
    "老公",
    "老婆",
    "爷爷",
    "奶奶",
    "室友",
    "领导",
]
_DOING = [
    "cancel the order",
    "change my password",
    "update the billing address",
    "return the shoes",
    "open an account",
    "talk to a person",
    "pay the invoice",
    "check the balance",
    "send it again",
    "book a table",
    "move the appointment",
    "block the card",
    "get a refund",
    "close my account",
    "reset the router",
    "sign the contract",
    "pick up the parcel",
    "log in",
    "upload the file",
    "answer the phone",
]
_DOING_ZH = [
    "退款",
    "换货",
    "改地址",
    "查物流",
    "开发票",
    "取消订单",
    "重置密码",
    "绑定银行卡",
    "注销账号",
    "预约挂号",
    "报名",
    "提现",
    "补办身份证",
    "修改手机号",
    "办理入住",
    "请假",
    "报销",
    "升级会员",
    "投诉",
    "签收",
]
_THINGS = [
    "parcel",
    "order",
    "invoice",
    "phone",
    "laptop",
    "contract",
    "car",
    "bike",
    "jacket",
    "camera",
    "report",
    "ticket",
    "refund",
    "card",
    "account",
    "table",
    "key",
    "washing machine",
    "book",
    "bag",
]
_THINGS_ZH = [
    "快递",
    "手机",
    "电脑",
    "衣服",
    "鞋子",
    "合同",
    "发票",
    "车",
    "相机",
    "报告",
    "订单",
    "会员卡",
    "钥匙",
    "洗衣机",
    "书",
    "包",
    "门票",
    "优惠券",
    "账户",
    "耳机",
]
_ADJECTIVES = [
    "late",
    "broken",
    "lovely",
    "rude",
    "helpful",
    "wrong",
    "expensive",
    "great",
    "missing",
    "slow",
    "polite",
    "terrible",
    "cheap",
    "old",
    "new",
    "funny",
    "angry",
    "quiet",
    "strange",
    "perfect",
]
_SOUNDS = "克斯尔特德罗拉里姆奥艾布卡马尼亚伊维莱罗兰森顿恩利瑞塔娜莎琳萨丹格鲁哈菲利浦普约翰逊杰弗劳伦沃贝蒂妮雷费尔南迪穆巴托梅洛佩萨科瓦基诺夫斯汉瑟琪乔治亨威廉查希戴凯文赫温詹姆埃阿加帕佛根肖"
_ROADS = [
    "人民",
    "建设",
    "中山",
    "解放",
    "和平",
    "新华",
    "长江",
    "黄河",
    "文化",
    "学府",
    "科技",
    "建国",
    "朝阳",
    "友谊",
    "光明",
    "胜利",
    "东风",
    "滨江",
    "环城",
    "迎宾",
    "创业",
    "工业",
    "湖滨",
    "天府",
    "南京",
    "北京",
    "延安",
    "淮海",
    "复兴",
    "学院",
    "龙华",
    "宝安",
    "新港",
    "珠江",
    "江南",
    "西湖",
    "文三",
    "天目山",
    "体育",
    "站前",
    "幸福",
    "红旗",
    "清河",
    "翠竹",
    "莲花",
    "香山",
    "银河",
    "金融",
    "软件园",
    "高新",
]
_COMMUNITIES = [
    "阳光",
    "幸福",
    "锦绣",
    "金色",
    "翠湖",
    "东方",
    "世纪",
    "碧水",
    "龙湖",
    "万科",
    "绿地",
    "保利",
    "华润",
    "丽景",
    "香榭",
    "和谐",
    "盛世",
    "天悦",
    "滨海",
    "御景",
    "水岸",
    "紫荆",
    "枫丹",
    "帝景",
    "星河",
    "康乐",
    "安居",
    "怡景",
    "明珠",
    "学府",
]
_COMMUNITY_ENDS = [
    "花园",
    "小区",
    "家园",
    "公寓",
    "苑",
    "城",
    "新村",
    "广场",
    "大厦",
    "名邸",
    "华府",
    "国际",
    "庄园",
    "里",
    "山庄",
    "中心",
]
_DISTRICTS = [
    "朝阳",
    "海淀",
    "东城",
    "西城",
    "浦东新",
    "徐汇",
    "黄浦",
    "天河",
    "越秀",
    "福田",
    "南山",
    "武侯",
    "锦江",
    "江宁",
    "鼓楼",
    "玄武",
    "西湖",
    "余杭",
    "滨江",
    "洪山",
    "武昌",
    "雁塔",
    "碑林",
    "和平",
    "沈河",
    "历下",
    "市南",
    "思明",
    "湖里",
    "岳麓",
    "芙蓉",
    "渝中",
    "江北",
    "高新",
    "新城",
    "桥西",
    "长安",
    "城关",
    "青秀",
    "观山湖",
    "五华",
    "蜀山",
    "包河",
    "金水",
    "二七",
]
_ORG_WORDS = [
    "North",
    "Blue",
    "Star",
    "Global",
    "Delta",
    "Prime",
    "Green",
    "United",
    "First",
    "Sun",
    "Alpha",
    "Omega",
    "River",
    "Stone",
    "Bright",
    "Data",
    "Cloud",
    "Vision",
    "Urban",
    "Fresh",
    "Smart",
    "Rapid",
    "Golden",
    "Silver",
    "Atlas",
    "Nova",
    "Apex",
    "Zenith",
    "Harbor",
    "Summit",
    "Pioneer",
    "Vertex",
]
_ORG_ENDS = [
    "Inc.",
    "Ltd",
    "Ltd.",
    "LLC",
    "GmbH",
    "Corp.",
    "Group",
    "Bank",
    "University",
    "Hospital",
    "Partners",
    "Systems",
    "Labs",
    "Foundation",
    "Industries",
    "Solutions",
    "Insurance",
    "Airlines",
    "Media",
    "Consulting",
    "Institute",
    "& Sons",
    "Holdings",
    "Energy",
    "AG",
    "Clinic",
    "College",
]
_ORG_ZH = [
    "科技",
    "网络",
    "实业",
    "贸易",
    "文化传媒",
    "生物医药",
    "建筑工程",
    "物流",
    "餐饮",
    "电子",
    "信息技术",
    "新能源",
    "投资",
    "教育",
]
_ORG_ZH_ENDS = [
    "有限公司",
    "有限责任公司",
    "股份有限公司",
    "集团",
    "公司",
    "大学",
    "医院",
    "银行",
    "中学",
    "小学",
    "研究所",
    "学院",
    "分公司",
    "法院",
    "派出所",
    "幼儿园",
]
_ORG_NAMES = [
    "华信",
    "天成",
    "鼎盛",
    "博远",
    "恒达",
    "金桥",
    "蓝天",
    "东方",
    "中兴",
    "宏图",
    "瑞丰",
    "安泰",
    "国泰",
    "新华",
    "星辰",
    "启明",
    "长城",
    "万达",
    "海天",
    "众诚",
]
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


@cache
def _lines(name: str) -> tuple[str, ...]:
    text = files("modelwright.privacy.lexicon").joinpath(f"{name}.txt").read_text(encoding="utf-8")
    return tuple(line.replace("\\n", "\n") for line in text.splitlines() if line.strip())


@cache
def _samples(name: str) -> tuple[str, ...]:
    """Return texts of the samples that come with the package, none of which holds a name."""
    text = files("modelwright.data.samples").joinpath(f"{name}.csv").read_text(encoding="utf-8")
    return tuple(row["text"] for row in csv.DictReader(io.StringIO(text)))


class Maker:
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

    def pick(self, pool: object) -> str:
        """Return one of a pool."""
        return str(pool[int(self.rng.integers(len(pool)))])  # type: ignore[index,arg-type]

    def chance(self, share: float) -> bool:
        """Return True in that share of calls."""
        return bool(self.rng.random() < share)

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
                [
                    "先生",
                    "女士",
                    "老师",
                    "医生",
                    "经理",
                    "师傅",
                    "总",
                    "教授",
                    "主任",
                    "律师",
                    "小姐",
                    "阿姨",
                    "大夫",
                    "警官",
                    "同学",
                ]
            ), (0, len(name))
        title = self.pick(
            ["Mr.", "Mrs.", "Ms.", "Dr.", "Mr", "Mrs", "Miss", "Prof.", "Professor", "Doctor", "Judge", "Captain"]
        )
        name = self._make_last(False) if self.chance(0.7) else self._make_person(False)
        return f"{title} {name}", (len(title) + 1, len(title) + 1 + len(name))

    # names of persons

    def _invented(self, ends: list[str], syllables: int = 2) -> str:
        n = int(self.rng.integers(1, syllables + 1))
        word = "".join(self.pick(_STARTS) + self.pick(_VOWELS) + self.pick(_ENDS) for _ in range(n))
        return (word + (self.pick(ends) if self.chance(0.55) else "")).capitalize()

    def _make_first(self, zh: bool) -> str:
        if zh:
            return self._chinese_name()
        draw = self.rng.random()
        if draw < 0.62:
            return self.pick(entries("first_names")).capitalize()
        if draw < 0.72:
            return "".join(self.pick(_SYLLABLES) for _ in range(1 + self.chance(0.6))).capitalize()
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
            return self.pick(_PINYIN).capitalize()
        if draw < 0.62:
            return self.pick(["O'", "Mc", "Mac", "D'"]) + self._invented(_PERSON_ENDS, 1)
        if draw < 0.66:
            return self.pick(["van der ", "de la ", "von ", "van ", "di ", "de ", "al-", "ben "]) + self._invented(
                _PERSON_ENDS
            )
        return self._invented(_PERSON_ENDS)

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
            return f"{self.pick(['阿卜杜拉', '买买提', '艾力', '古丽', '迪丽', '巴特尔', '扎西', '次仁', '卓玛'])}·{self.pick(['阿不力孜', '热合曼', '吐尔逊', '尼亚孜', '多吉', '旺堆', '艾山'])}"
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
        return "·".join("".join(self.pick(_SOUNDS) for _ in range(int(self.rng.integers(2, 5)))) for _ in range(parts))

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
        name = self._invented(_PLACE_ENDS)
        if self.chance(0.2):
            name = f"{self.pick(['San', 'Santa', 'Saint', 'New', 'Port', 'Fort', 'Villa', 'Bad', 'El', 'La', 'Upper', 'West', 'North', 'Mount', 'Monte'])} {name}"
        return name.upper() if self.chance(0.15) else name

    def _make_address(self, zh: bool) -> str:
        return self._chinese_address() if zh else self._latin_address()

    def _number(self, most: int = 300) -> str:
        return str(int(self.rng.integers(1, most)))

    def _latin_address(self) -> str:
        draw = self.rng.random()
        name = self.pick(entries("last_names")).capitalize() if self.chance(0.4) else self._invented(_PLACE_ENDS)
        if self.chance(0.2):
            name = f"{self._make_first(False)} {name}"
        if draw < 0.4:
            street = f"{self._number(9999)} {name} {self.pick(_STREET_EN)}"
        elif draw < 0.62:
            street = f"{self.pick(_STREET_FIRST)} {name}{self.pick([' ', ', '])}{self._number()}"
        elif draw < 0.84:
            street = f"{name}{self.pick(_STREET_LAST)} {self._number()}{self.pick(['', '', 'a', 'b', '/3'])}"
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
            state = self.pick(["NY", "CA", "TX", "FL", "IL", "WA", "MA", "CO", "GA", "OH", "PA", "NJ"])
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
            out += self.pick(_DISTRICTS) + self.pick(["区", "区", "区", "县", ""])
        if self.chance(0.15):
            out += self.pick(_ROADS) + self.pick(["街道", "镇", "乡"])
        draw = self.rng.random()
        if draw < 0.75:
            out += (
                self.pick(_ROADS)
                + self.pick(["路", "路", "大道", "街", "大街", "东路", "西路", "南路", "北路", "中路", "巷"])
                + self._number(999)
                + self.pick(["号", "号", "号", "弄"])
            )
        if draw > 0.5 or not out:
            out += self.pick(_COMMUNITIES) + self.pick(_COMMUNITY_ENDS)
        if self.chance(0.5):
            out += self._number(30) + self.pick(["号楼", "栋", "幢", "座", "号"])
            if self.chance(0.6):
                out += self._number(6) + "单元"
            out += self._number(2500) + self.pick(["室", "", "房"])
        if self.chance(0.05):
            out = (
                self.pick(_DISTRICTS)
                + "县"
                + self.pick(_ROADS)
                + "镇"
                + self.pick(_ROADS)
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
            end = self.pick(_ORG_ZH_ENDS)
            middle = self.pick(_ORG_NAMES) if self.chance(0.8) or not city else ""
            return city + middle + (self.pick(_ORG_ZH) if "公司" in end or "集团" in end else "") + end
        draw = self.rng.random()
        if draw < 0.25:
            return f"{self._make_last(False)} {self.pick(_ORG_ENDS)}"
        if draw < 0.35:
            return f"{self._make_last(False)}, {self._make_last(False)} and {self._make_last(False)}"
        if draw < 0.45:
            return f"University of {self._make_place(False)}"
        if draw < 0.6:
            return self._invented(["ly", "ify", "soft", "tech", "io", "ware", "gen", "corp", "nomics", "sys"])
        return f"{self.pick(_ORG_WORDS)} {self.pick([*_ORG_WORDS, *_ORG_ENDS])} {self.pick(_ORG_ENDS)}"

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
                [
                    "元",
                    "岁",
                    "个",
                    "次",
                    "年",
                    "月",
                    "日",
                    "万",
                    "亿",
                    "%",
                    "平",
                    "米",
                    "公里",
                    "号",
                    "楼",
                    "分钟",
                    "人",
                    "名",
                    "家",
                    "吨",
                    "台",
                    "折",
                    "期",
                    "届",
                    "室",
                    "万元",
                    "层",
                    "栋",
                    "天",
                ]
            )
        if draw < 0.09:  # what is Latin in a Chinese sentence is seldom a name
            return self.pick(
                [
                    *_BRANDS,
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
                [
                    "的",
                    "的",
                    "的",
                    "了",
                    "和",
                    "在",
                    "是",
                    "不",
                    "很",
                    "也",
                    "就",
                    "都",
                    "要",
                    "有",
                    "到",
                    "把",
                    "被",
                    "给",
                    "与",
                    "或",
                    "最",
                    "又",
                    "还",
                    "没",
                    "从",
                    "对",
                    "将",
                    "为",
                    "上",
                    "中",
                    "等",
                ]
            )
        return self.pick(self._words)

    def _code(self) -> str:
        return self._invented([""], 1)[:3].upper() + self._number(9000)

    def _make_zh_title(self, zh: bool) -> str:
        return "".join(self.pick(self._words) for _ in range(int(self.rng.integers(2, 7))))

    def _make_phone(self, zh: bool) -> str:
        return (
            f"1{self.pick('3578')}{self.rng.integers(10**8, 10**9)}"
            if zh
            else f"{self.rng.integers(200, 999)}-{self.rng.integers(200, 999)}-{self.rng.integers(1000, 9999)}"
        )

    def _make_email(self, zh: bool) -> str:
        return f"{self._invented(['']).lower()}{self._number(99)}@{self.pick(['example.com', 'mail.example.org', 'qq.com', '163.com'])}"

    def _make_date(self, zh: bool) -> str:
        y, m, d = int(self.rng.integers(1940, 2026)), int(self.rng.integers(1, 13)), int(self.rng.integers(1, 29))
        if zh:
            return self.pick([f"{y}年{m}月{d}日", f"{y}-{m:02}-{d:02}", f"{m}月{d}日"])
        return self.pick(
            [f"{y}-{m:02}-{d:02}", f"{m}/{d}/{y}", f"{_MONTHS[m - 1]} {d}, {y}", f"{d} {_MONTHS[m - 1]} {y}"]
        )

    def _make_idcard(self, zh: bool) -> str:
        return f"{self.rng.integers(110000, 650000)}{self.rng.integers(1950, 2010)}{self.rng.integers(1, 13):02}{self.rng.integers(1, 29):02}{self.rng.integers(1000, 9999)}"

    def _make_number(self, zh: bool) -> str:
        return self._number(int(self.pick([10, 100, 1000, 100000])))

    def _make_version(self, zh: bool) -> str:
        return f"{self._number(9)}.{self._number(20)}.{self._number(20)}"

    def _make_card(self, zh: bool) -> str:
        return str(self.rng.integers(4 * 10**15, 5 * 10**15))

    def _make_time(self, zh: bool) -> str:
        return f"{self.rng.integers(0, 24)}:{self.rng.integers(0, 60):02}"

    def _make_year(self, zh: bool) -> str:
        return str(self.rng.integers(1950, 2026))

    def _make_month_zh(self, zh: bool) -> str:
        return f"{self.rng.integers(1, 13)}月"

    def _pool(pool: object, chinese: object = None):  # type: ignore[no-untyped-def]  # noqa: N805
        return lambda self, zh: self.pick(chinese if zh and chinese is not None else pool)

    _make_month, _make_weekday = _pool(_MONTHS), _pool(_DAYS)
    _make_job, _make_relative = _pool(_JOBS, _JOBS_ZH), _pool(_RELATIVES, _RELATIVES_ZH)
    _make_doing, _make_thing = _pool(_DOING, _DOING_ZH), _pool(_THINGS, _THINGS_ZH)
    _make_adjective, _make_brand = _pool(_ADJECTIVES), _pool(_BRANDS, _BRANDS_ZH)
    _make_doing_ing = _pool(["working", "banking", "shopping", "flying"])
    del _pool

    def _make_nation(self, zh: bool) -> str:
        return self.pick(entries("nationalities")).capitalize()
