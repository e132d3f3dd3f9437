"""Signs of hundredths and of money as they are spoken with a number: five percent, one dollar, drei Euro fünfzig.

Tables of words, by language; forms of a word by the number before it follow CLDR's plural rules.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Said:
    """A word beside a number: with one (its numeral included, since that goes by the word's gender), with two to four, with others, and with a part."""

    one: str
    few: str
    many: str
    part: str

    @classmethod
    def of(cls, one: str, many: str, few: str = "", part: str = "") -> Said:
        """Make one of what is told apart; most languages have one form for all that is not one."""
        return cls(one, few or many, many, part or few or many)


_ONE_BY_LAST_DIGIT = frozenset({"ru"})  # 21 goes like 1 there, in Polish like 25
PERCENT = {
    "en": Said.of("one percent", "percent"),
    "de": Said.of("ein Prozent", "Prozent"),
    "fr": Said.of("un pour cent", "pour cent"),
    "es": Said.of("uno por ciento", "por ciento"),
    "it": Said.of("uno per cento", "per cento"),
    "pt": Said.of("um por cento", "por cento"),
    "nl": Said.of("één procent", "procent"),
    "sv": Said.of("en procent", "procent"),
    "da": Said.of("en procent", "procent"),
    "no": Said.of("en prosent", "prosent"),
    "nb": Said.of("en prosent", "prosent"),
    "nn": Said.of("ein prosent", "prosent"),
    "fi": Said.of("yksi prosentti", "prosenttia"),
    "pl": Said.of("jeden procent", "procent"),
    "ru": Said.of("один процент", "процентов", "процента"),
    "hu": Said.of("egy százalék", "százalék"),
    "id": Said.of("satu persen", "persen"),
    "vi": Said.of("một phần trăm", "phần trăm"),
    "ja": Said.of("一パーセント", "パーセント"),
    "ko": Said.of("일 퍼센트", "퍼센트"),
}
_DOLLAR, _EURO, _POUND, _YEN = "$", "€", "£", "¥"
MONEY = {
    "en": {
        _DOLLAR: Said.of("one dollar", "dollars"),
        _EURO: Said.of("one euro", "euros"),
        _POUND: Said.of("one pound", "pounds"),
        _YEN: Said.of("one yuan", "yuan"),
    },
    "de": {
        _DOLLAR: Said.of("ein Dollar", "Dollar"),
        _EURO: Said.of("ein Euro", "Euro"),
        _POUND: Said.of("ein Pfund", "Pfund"),
        _YEN: Said.of("ein Yen", "Yen"),
    },
    "fr": {
        _DOLLAR: Said.of("un dollar", "dollars"),
        _EURO: Said.of("un euro", "euros"),
        _POUND: Said.of("une livre", "livres"),
        _YEN: Said.of("un yen", "yens"),
    },
    "es": {
        _DOLLAR: Said.of("un dólar", "dólares"),
        _EURO: Said.of("un euro", "euros"),
        _POUND: Said.of("una libra", "libras"),
        _YEN: Said.of("un yen", "yenes"),
    },
    "it": {
        _DOLLAR: Said.of("un dollaro", "dollari"),
        _EURO: Said.of("un euro", "euro"),
        _POUND: Said.of("una sterlina", "sterline"),
        _YEN: Said.of("uno yen", "yen"),
    },
    "pt": {
        _DOLLAR: Said.of("um dólar", "dólares"),
        _EURO: Said.of("um euro", "euros"),
        _POUND: Said.of("uma libra", "libras"),
        _YEN: Said.of("um iene", "ienes"),
    },
    "nl": {
        _DOLLAR: Said.of("één dollar", "dollar"),
        _EURO: Said.of("één euro", "euro"),
        _POUND: Said.of("één pond", "pond"),
        _YEN: Said.of("één yen", "yen"),
    },
    "pl": {
        _DOLLAR: Said.of("jeden dolar", "dolarów", "dolary", "dolara"),
        _EURO: Said.of("jeden euro", "euro"),
        _POUND: Said.of("jeden funt", "funtów", "funty", "funta"),
        _YEN: Said.of("jeden jen", "jenów", "jeny", "jena"),
    },
    "ru": {
        _DOLLAR: Said.of("один доллар", "долларов", "доллара"),
        _EURO: Said.of("один евро", "евро"),
        _POUND: Said.of("один фунт", "фунтов", "фунта"),
        "₽": Said.of("один рубль", "рублей", "рубля"),
    },
    "ja": {
        _DOLLAR: Said.of("一ドル", "ドル"),
        _EURO: Said.of("一ユーロ", "ユーロ"),
        _POUND: Said.of("一ポンド", "ポンド"),
        _YEN: Said.of("一円", "円"),
    },
    "ko": {
        _DOLLAR: Said.of("일 달러", "달러"),
        _EURO: Said.of("일 유로", "유로"),
        _POUND: Said.of("일 파운드", "파운드"),
        _YEN: Said.of("일 엔", "엔"),
        "₩": Said.of("일 원", "원"),
    },
}


# what joins millions to what is counted, and how before a vowel where that differs
_OF: dict[str, tuple[str, str]] = {"es": ("de", ""), "pt": ("de", ""), "it": ("di", ""), "fr": ("de", "d'")}
_MILLIONS = ("mill", "milh", "bill", "bilh", "mili")  # millón, million, milliard, milhão, milione, billón
# endings of number words before a feminine noun
_FEMININE: dict[str, tuple[tuple[str, str], ...]] = {
    "es": (("uno", "una"), ("ientos", "ientas")),
    "fr": (("un", "une"),),
    "pt": (("um", "uma"), ("dois", "duas"), ("entos", "entas")),
}

# what stands between money and its hundredths, and the word for these where they have one: `3.50` is three dollars fifty cents, tre euro e cinquanta
HUNDREDTHS: dict[str, tuple[str, Said | None]] = {
    "en": ("", Said.of("one cent", "cents")),
    "de": ("", None),
    "fr": ("", None),
    "nl": ("", None),
    "pl": ("", None),
    "ru": ("", None),
    "es": ("con", None),
    "it": ("e", None),
    "pt": ("e", None),
}


def beside(said: str, value: int, part: bool, word: Said, language: str) -> str:
    """Return a number's words with a word beside them: `value` is the whole of it, `part` tells whether digits follow its point."""
    if part:
        return f"{said} {word.part}"
    if value == 1:
        return word.one
    if value and value % 1_000_000 == 0 and language in _OF:  # millions are a noun there: un millón de euros
        of, elided = _OF[language]
        form = _form(value, word, language)
        return f"{said} {elided}{form}" if elided and form[0] in "aeiou" else f"{said} {of} {form}"
    if word.one.startswith("un ") and said.endswith("uno"):  # Spanish: veintiuno, but veintiún euros
        said = f"{said[:-3]}ún" if said.endswith("veintiuno") else said[:-1]
    if word.one.startswith(("una ", "une ", "uma ")):
        said = _feminine(said, language)
    return f"{said} {_form(value, word, language)}"


def _feminine(said: str, language: str) -> str:
    """Return a number's words as they stand before a feminine noun; millions in it are masculine whatever is counted."""
    changes = _FEMININE.get(language)
    if changes is None:
        return said
    words = said.split(" ")
    begins = max((i + 1 for i, w in enumerate(words) if w.startswith(_MILLIONS)), default=0)
    for i in range(begins, len(words)):
        for ending, feminine in changes:
            before_noun = i + 1 == len(words) or ending.endswith("s")  # a lone `one` before a thousand stays as it is
            if words[i].endswith(ending) and before_noun:
                words[i] = words[i][: -len(ending)] + feminine
                break
    return " ".join(words)


def _form(value: int, word: Said, language: str) -> str:
    last, teen = value % 10, 10 < value % 100 < 20
    if language in _ONE_BY_LAST_DIGIT and last == 1 and not teen:
        return word.one.partition(" ")[2]
    return word.few if 2 <= last <= 4 and not teen else word.many
