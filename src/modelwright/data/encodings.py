"""Which encoding bytes are in that are no UTF-8: each candidate's text is scored by how well it reads as a language.

East Asian encodings hold their frequent characters apart from the rare ones, so the place of a character in its own code tells how
frequent it is (GB/T 2312, Big5, JIS X 0208, KS X 1001); the most frequent ones decide between encodings that share places. Single-byte
encodings are scored by the letters of one language at a time, and by how those stand in words.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from modelwright.core.errors import DataError
from modelwright.core.reading import known_as
from modelwright.core.words import Words

_ENOUGH = 20_000  # bytes beyond ASCII that are looked at
_FEW = 24  # bytes beyond ASCII that are hardly a sample
_EAST = ("cp950", "cp932", "euc_jp", "cp949")
_CLOSE = 0.05  # scores that are nearer than this cannot be told apart
_POOR = 0.4  # no language reads like this

_ZH = "的一是不了在人有我他这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可她里后小么心多天而能好都然没日于起还发成事只作当想看文无开手用主行方又如前所本见经头面公同三已老从动两长知民样现分将外但身些与高意进把法此实回二理美点月明其种声全工己话儿者向情部正名定女问力机给等几很业最间新什打便位因重被走电四第门相次东政海口使教西再平真听世气信北少关并内加化由却代军产入先山五太水万市眼体别处总才场师书比住员九笑性通目华报立马命张活难神数件安表原车白应路期叫死常提感金何更反合放做系计或司利受光王果亲界及今京务制解各任至清物台象记边共风战干接它许八特觉望直服毛林题建南度统色字请交爱让认算论百吃义科怎元社术结六功指思非流每青管夫连远资队跟带花快条院变联言权往展该领传近留红治决周保达办运武半候七必城父强步完革深区即求品士转量空甚众技轻程告江语英基派满式李息写呢识极令黄德收脸钱党倒未持取设始版双历越史商千片容研像找友孩站广改议形委早房音火际则首单据导影失拿网香似斯专石若兵弟谁校读志飞观争究包组造落视济喜离虽坏宝谢谈费退货客户产价质量服务差评男否无省州龙厦津沪渝"
_ZHT = "的一是不了在人有我他這中大來上國個到說們為子和你地出道也時年得就那要下以生會自著去之過家學對可她裡後小麼心多天而能好都然沒日於起還發成事只作當想看文無開手用主行方又如前所本見經頭面公同三已老從動兩長知民樣現分將外但身些與高意進把法此實回二理美點月明其種聲全工己話兒者向情部正名定女問力機給等幾很業最間新什打便位因重被走電四第門相次東政海口使教西再平真聽世氣信北少關並內加化由卻代軍產入先山五太水萬市眼體別處總才場師書比住員台灣臺縣區路號男否無省新竹桃園雄"
_KO = "이다는에가을의고하지로사기도리은나시를어한자인대해서아라일정수있스장보전그과오부주제니상비원만우들여구게으면거조유선내세요든문학국동안무물트호실생마분성위경화공모바소진용방미음관중신계입연습차후개양더않식당간말영결때심재된서울산"
_JA = "日一国人年大十二本中長出三時行見月分後前生五間上東四今金九入学高円子外八六下来気小七山話女北午百書先名川千水半男西電校語土木聞食車何南万毎白天母火右読友左休父雨京都市県店品物"
_LANGUAGES = {
    "cp1252": (
        "áéíóúüñçºª¿¡",
        "àâçéèêëîïôùûüœæ",
        "äöüßéèàéô",
        "áâãàçéêíóôúü",
        "àèéìòùî",
        "åäöæøéü",
        "áéíóúýþðæö",
        "éëïóöüèê",
    ),
    "cp1250": ("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíľĺňóôŕšťúýž", "áéíóöőúüű", "ăâîşţ", "čćđšž", "äöüß"),
    "cp1254": ("çğıöşüâîû",),
    "cp1257": ("āčēģīķļņšūž", "ąčęėįšųūž", "äõöüšž"),
}
_OLD = ("mac_roman", "cp850", "cp437")  # of old Macs and of DOS
_LANGUAGES |= dict.fromkeys(_OLD, _LANGUAGES["cp1252"])
_NEVER = {"cp1252": r"^ð|þ$", "cp1254": r"(?:^|[^aeıioöuüâîû])ğ"}  # in Icelandic; in Turkish
_SIGNS = "€°±²³µ·×÷§©®™«»“”„‘’‚–—…£¥½¼¾¿¡ºª\u00a0"
_WITHIN = re.compile(r"(?<=[a-z])[^\w\s’·ªº\x00-\x7f](?=[a-z])")  # signs that stand within no word
# signs beside letters where nobody sets them: quotes that open behind a word or close before one, dashes, bullets and sums within or at one
_ODD = re.compile(
    r"(?<=\w)[“‘‚„¿¡](?=\w)|\w[‘‚„¿¡•€£¥]|[”•€™…¼½¾][^\W\d_]|[^\W\d_][–—]|[–—][^\W\d_]|’(?<!n’)(?<!\bO’)(?!(?:s|t|re|ve|ll|d|m)\b)"
)
_BY_A_DIGIT = re.compile(r"\d[^\W\d_\x00-\x7f]|[^\W\d_\x00-\x7f]\d")
_SCRIPTS = {  # letters, and those of the script from the most to the least frequent one
    "cp1251": (r"[А-Яа-яЁёІіЇїЄєҐґЎў]", "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфёіїє"),
    "koi8_r": (r"[А-Яа-яЁё]", "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфё"),
    "cp866": (r"[А-Яа-яЁё]", "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфё"),
    "cp1253": (r"[Α-Ωα-ωάέήίόύώϊϋΐΰΆΈΉΊΌΎΏς]", "αοιετσνηυρπκμςλωγίάόδέθήχύφώβξζψ"),
    "cp1255": (r"[א-ת]", "יהולארמתבשעםנדחקפכטןצגסזךץף"),
    "cp1256": (r"[ء-يپچژگ]", "الينمتروبةعدسفهكقحأجشىصطخضإزذثئءغظآؤ"),
    "cp874": (r"[ก-๛]", "านรอกเงมยลวดท่้สต์ะปบคหแจพช็ใไขโผถึี"),
}
_PRIOR = {"gb18030": 0.06, "cp1252": 0.08, "cp932": 0.02, "cp1251": 0.03, "cp950": 0.02, "cp949": 0.02}


@dataclass(frozen=True)
class Guess:
    """An encoding, how well its text reads (up to about 1), and words of it that hold letters beyond ASCII."""

    encoding: str
    score: float
    shown: str

    @property
    def name(self) -> str:
        """Return the name under which people know it."""
        return known_as(self.encoding)


def guesses(sample: bytes) -> list[Guess]:
    """Return what bytes that are no UTF-8 may be in, the best first; encodings of one text count once."""
    found: dict[str, Guess] = {}
    start = _beginning(sample)
    for encoding in _CANDIDATES:
        try:
            text = codecs.getincrementaldecoder(encoding)().decode(start)
        except UnicodeDecodeError:
            continue
        if any("\x80" <= c <= "\x9f" for c in text):
            continue
        score = _CANDIDATES[encoding](text, encoding) + _PRIOR.get(encoding, 0.0)
        if encoding not in _EAST and not encoding.startswith("cp125") and not _has_a_word(text):
            score = 0.0  # single letters among marks read as a language in any encoding
        if text not in found or score > found[text].score:
            found[text] = Guess(encoding, score, _words_shown(text))
    if any(g.encoding == "cp1252" and _only_signs(t) for t, g in found.items()):
        found = {t: g for t, g in found.items() if g.encoding not in _OLD}
    if sum(b > 127 for b in start) < _FEW and not any(g.score > 0.85 for g in found.values() if g.encoding in _EAST):
        # a name or two tell little of a language: what is one in GB/T 2312 is read so, rather than as letters of another script
        found = {
            t: replace(g, score=g.score + 0.3) if g.encoding == "gb18030" and _in_gb2312(t) else g
            for t, g in found.items()
        }
    return sorted(found.values(), key=lambda g: -g.score)


def _only_signs(text: str) -> bool:
    """Whether all characters beyond ASCII are signs that stand as people set them: `don’t – “so”` is no `doník ñ ìsoî` of an old Mac."""
    many = Counter(text)
    closed = many["‘"] <= many["’"] + many["‚"] and many["“"] <= many["”"] + many["„"]
    closed = closed and many["‚"] <= many["‘"] and many["„"] <= many["“"] + many["”"]
    return closed and all(c.isascii() or c in _SIGNS for c in many) and _ODD.search(text) is None


def _has_a_word(text: str) -> bool:
    """Return whether two letters beyond ASCII stand side by side, or three stand anywhere."""
    letters = [c.isalpha() and not c.isascii() for c in text]
    return sum(letters) > 2 or any(a and b for a, b in pairwise(letters))


def is_close(ranked: list[Guess]) -> bool:
    """Whether the best guess reads badly, or no better than the next."""
    return ranked[0].score < _POOR or (len(ranked) > 1 and ranked[0].score - ranked[1].score < _CLOSE)


def _in_gb2312(text: str) -> bool:
    try:
        text.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


def find_encoding(sample: bytes, path: Path, asked: str | None = None) -> str:
    """Return the encoding asked for, or that of a text's beginning: by its mark, else UTF-8, else the one in which it reads best.

    Raises DataError where the bytes are no text.
    """
    return asked or _best(sample, path)[0]


def tell_encoding(sample: bytes, path: Path, usual: str = "") -> tuple[str, Words | None]:
    """Return the encoding and, where it is a guess, what is told of it. `usual` is that of earlier files of the same make.

    Raises DataError where the bytes are no text, and where two encodings fit as well as each other.
    """
    encoding, ranked = _best(sample, path)
    if not ranked:
        return encoding, None
    fits = {g.encoding: g for g in ranked}
    if usual in fits and ranked[0].score - fits[usual].score < 4 * _CLOSE:
        return usual, None
    first, others = ranked[0], ranked[1:2]
    if is_close(ranked):
        second = others[0] if others else first
        raise DataError(
            f"{path} is no UTF-8 and may be in {first.name} (`{first.shown}`) or in {second.name} (`{second.shown}`). "
            f"Say which: --encoding {first.name}.",
            f"{path} 不是 UTF-8，可能是 {first.name}（`{first.shown}`）或 {second.name}（`{second.shown}`）。请指定：--encoding {first.name}。",
        )
    if not others:
        return encoding, Words(f"it reads `{first.shown}`", f"读作 `{first.shown}`")
    other = others[0]
    return encoding, Words(
        f"it reads `{first.shown}`; next best would be {other.name}: `{other.shown}`",
        f"读作 `{first.shown}`；其次可能为 {other.name}：`{other.shown}`",
    )


def _best(sample: bytes, path: Path) -> tuple[str, list[Guess]]:
    """Return an encoding, and the guesses where it is one."""
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if sample.startswith(mark):
            return name, []
    if b"\x00" in sample:
        wide = _wide(sample)
        if wide is not None:
            return wide, []
        at = sample.index(b"\x00")
        line = sample.count(b"\n", 0, at) + 1
        raise DataError(
            f"{path} is not text: byte {at + 1} (line {line}) is zero. Give CSV, TSV, JSON Lines, Parquet, Arrow or Excel.",
            f"{path} 不是文本：第 {at + 1} 字节（第 {line} 行）为零字节。支持 CSV、TSV、JSON Lines、Parquet、Arrow、Excel。",
        )
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
        return "utf-8", []
    except UnicodeDecodeError as e:
        at = e.start
    ranked = guesses(sample)
    if not ranked or ranked[0].score < _POOR:
        line = sample.count(b"\n", 0, at) + 1
        raise DataError(
            f"{path}, line {line}: the text is neither UTF-8, UTF-16 nor GB18030, and in no other encoding does it read as a language. "
            "Name it with --encoding, or save it as UTF-8.",
            f"{path} 第 {line} 行：文本既不是 UTF-8、UTF-16，也不是 GB18030，按其他编码也无法读通。请用 --encoding 指定，或另存为 UTF-8。",
        )
    return ranked[0].encoding, ranked


def _wide(sample: bytes) -> str | None:
    """Return which UTF-16 without a mark a text is in: the zeros of its line ends and digits all stand on one side."""
    zeros = sample[::2].count(0), sample[1::2].count(0)
    if max(zeros) < 10 * min(zeros) or len(sample) < 4:
        return None
    name = "utf-16-le" if zeros[1] > zeros[0] else "utf-16-be"
    try:
        text = codecs.getincrementaldecoder(name)().decode(sample)
    except UnicodeDecodeError:
        return None
    odd = sum(unicodedata.category(c) in ("Cn", "Co", "Cs") or (c < " " and c not in "\t\r\n\f") for c in text)
    return name if odd <= 0.01 * len(text) and "\n" in text else None


def _beginning(sample: bytes) -> bytes:
    """Return whole lines with enough bytes beyond ASCII."""
    lines, seen = [], 0
    for line in sample.splitlines(keepends=True):
        high = sum(b > 127 for b in line)
        if high:
            lines.append(line)
            seen += high
            if seen > _ENOUGH:
                break
    return b"".join(lines)


def _words_shown(text: str) -> str:
    words = dict.fromkeys(w for w in re.findall(r"\w+", text) if not w.isascii())
    return ", ".join(w[:12] for w in list(words)[:3])


def _glued(text: str) -> float:
    """Return the share of characters beyond ASCII that stand in the middle of a Latin word, as those of East Asia hardly ever do."""
    high = sum(not c.isascii() for c in text)
    return len(re.findall(r"(?<=[A-Za-z])[^\x00-\x7f](?=[A-Za-z])", text)) / max(1, high)


def _east(frequent: str, weigh: Callable[[str, bytes], float]) -> Callable[[str, str], float]:
    """Return the score of a text in an East Asian encoding: `weigh` tells a character by its bytes."""
    often = set(frequent)

    def score(text: str, encoding: str) -> float:
        total = weight = common = 0.0
        for char, n in Counter(c for c in text if not c.isascii()).items():
            raw = char.encode(encoding)
            size = n * len(raw)
            total += size
            w = weigh(char, raw)
            weight += size * w
            common += size * (char in often or w >= 1)
        return 0.5 * weight / max(1, total) + 0.5 * min(1.0, common / max(1, total) / 0.5) - 0.5 * _glued(text)

    return score


def _gb(char: str, raw: bytes) -> float:
    if len(raw) != 2 or raw[1] < 0xA1:
        return 0.4 if char in _ZHT else -0.5 if len(raw) == 2 and raw[0] < 0xAA else -0.8
    lead = raw[0]
    return 0.9 if 0xB0 <= lead <= 0xD7 or lead in (0xA1, 0xA3) else -0.2 if lead >= 0xD8 else -0.7


def _big5(char: str, raw: bytes) -> float:
    lead = raw[0]
    return 0.9 if 0xA4 <= lead <= 0xC6 or lead in (0xA1, 0xA2, 0xA3) else -0.3


def _japanese(char: str, raw: bytes) -> float:
    if "\u3041" <= char <= "\u3096":
        return 1.0
    if "\u30a1" <= char <= "\u30fc":
        return 0.9
    if "\uff61" <= char <= "\uff9f" or len(raw) == 3:
        return -0.7
    try:
        lead = char.encode("euc_jp")[0]
    except UnicodeEncodeError:
        return -0.5
    return 0.7 if 0xB0 <= lead <= 0xCF or lead in (0xA1, 0xA3) else -0.4


def _korean(char: str, raw: bytes) -> float:
    if raw[1] < 0xA1 or raw[0] < 0xA1:
        return -0.3
    return 0.9 if 0xB0 <= raw[0] <= 0xC8 else 0.5 if raw[0] in (0xA1, 0xA3) else -0.5


def _words(text: str) -> list[str]:
    return [w for w in re.findall(r"[^\W\d_]+", text) if not w.isascii()]


def _latin(text: str, encoding: str) -> float:
    """Score a text by the one language whose letters cover most of it, and by how its letters stand in words."""
    plain = text.replace("İ", "ı").lower().replace("õe", "ãe")  # in Portuguese õ stands before e alone
    high = Counter(c for c in plain if not c.isascii())
    total = sum(high.values())
    if not total:
        return 0.0
    cover = (
        max(sum(n for c, n in high.items() if c in letters or c in _SIGNS) for letters in _LANGUAGES[encoding]) / total
    )
    strange, never = 0, _NEVER.get(encoding)
    words = _words(text)
    for word in words:
        accents = sum(not c.isascii() for c in word)
        mixed = not (word.islower() or word.isupper() or word.istitle())
        odd = never is not None and re.search(never, word.lower()) is not None
        strange += mixed or odd or accents > max(2, 0.5 * len(word))
    letters = sum(c.isalpha() for c in high.elements())
    alone = 1 - letters / total  # signs only: nothing of a language is seen
    inside = len(_WITHIN.findall(plain)) / total  # `avi—n`: a letter of another encoding
    if encoding in _OLD:  # `£5`, `×3` would be `ú5`, `Î3`
        inside += len(_BY_A_DIGIT.findall(plain)) / total
    told = _turkish(high) if encoding == "cp1254" and not strange else 0.0
    return told + 0.9 * cover - 0.7 * strange / max(1, len(words)) - 0.3 * alone - 0.7 * inside


def _turkish(high: Counter[str]) -> float:
    """Return what ğ, ı, ş tell of Turkish: Icelandic has ð, ý, þ in their places, but more ð than ý, and vowels with accents."""
    if high["ğ"] + high["ş"] == 0 or sum(high[c] for c in "ğış") <= 0.8 * sum(high.values()):
        return 0.0
    return 0.17 if high["ı"] >= high["ğ"] else 0.1


def _script(text: str, encoding: str) -> float:
    pattern, often = _SCRIPTS[encoding]
    high = [c for c in text if not c.isascii()]
    inside = [c for c in high if re.match(pattern, c)]
    if not inside:
        return -1.0
    words = _words(text)
    odd = sum(not (w.islower() or w.isupper() or w.istitle() or w.lower() == w.upper()) for w in words)
    beside = len(re.findall(r"[A-Za-z][^\x00-\x7f]|[^\x00-\x7f][A-Za-z]", text))
    frequent = sum(1 - often.find(c.lower()) / len(often) for c in inside if c.lower() in often) / len(inside)
    signs = sum(c in _SIGNS for c in high)
    short = 0.15 if sum(map(len, words)) < 3 * len(words) else 0.0
    share = (len(inside) + signs) / len(high)
    return 0.3 * share + 0.8 * frequent - 0.8 * odd / max(1, len(words)) - 0.8 * beside / len(high) - short


_CANDIDATES: dict[str, Callable[[str, str], float]] = {
    "gb18030": _east(_ZH, _gb),
    "cp950": _east(_ZHT, _big5),
    "cp932": _east(_JA, _japanese),
    "euc_jp": _east(_JA, _japanese),
    "cp949": _east(_KO, _korean),
    **dict.fromkeys(_LANGUAGES, _latin),
    **dict.fromkeys(_SCRIPTS, _script),
}
