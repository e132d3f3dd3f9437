"""Rules of transcripts, and numbers as they are spoken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.features.shared.spoken_numbers import chinese_number
from modelwright.features.shared.transcript_rules import Rules, joined, language_of, words_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, WORLD!  It’s me [laughs]", "hello world it's me"),
        ("I have 1,234.5 of the 3rd", "i have one thousand two hundred thirty four point five of the third"),
        ("50% for $5, call 0123", "fifty percent for five dollars call zero one two three"),
    ],
)
def test_english(text, expected):
    assert Rules(language="en").apply(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("你好，世 界！ＡＢＣ", "你好世界 abc"),
        ("2024年有10%、1.05元", "二零二四年有百分之十一点零五元"),
        ("电话010", "电话零一零"),
    ],
)
def test_chinese(text, expected):
    assert Rules(language="zh").apply(text) == expected


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("de", "-5 bis -0.5 Grad", "minus fünf bis minus null komma fünf grad"),
        ("fr", "-2.05 et 3.5", "moins deux virgule zéro cinq et trois virgule cinq"),
        ("pl", "-2 i 2.5", "dwa i dwa przecinek pięć"),  # num2words says nothing below 0 in Polish,
        ("vi", "-1", "một"),  # and nineteen in Vietnamese
        ("en", "-0.5", "minus zero point five"),
        ("de", "-0,5 und 1.234,5", "minus null komma fünf und eintausendzweihundertvierunddreißig komma fünf"),
        ("de", "1.234 zu 3,5 %", "eintausendzweihundertvierunddreißig zu drei komma fünf prozent"),
        ("fr", "1.234,5 et 50 %", "mille deux cent trente quatre virgule cinq et cinquante pour cent"),
        ("es", "-2,5", "menos dos punto cinco"),
        ("de", "am 3.5.2024", "am drei fünf zweitausendvierundzwanzig"),
        ("nb", "7 og 3,5 %", "syv og tre komma fem prosent"),
        ("nn", "7", "syv"),
        ("kk", "7", "жеті"),
        ("yue", "7個", "七個"),
        ("tr", "%50 ve 5%", "elli ve beş"),
        ("hi", "1985 और 1,250", "1985 और 1 250"),  # no words are known: digits stay as they are
        ("de", "10–15, 2, 3", "zehn fünfzehn zwei drei"),
        ("en", "−5 and –6, 10–15", "minus five and minus six ten fifteen"),
        ("zh", "−5度，3-5个", "负五度三五个"),
    ],
)
def test_numbers_below_nothing_and_decimals(language, text, expected):
    assert Rules(language=language).apply(text) == expected


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "1%, $1 and 5€", "one percent one dollar and five euros"),
        ("en", "$3.50, $0.99, £1.20, $2.00", "three dollars fifty cents ninety nine cents one pound twenty cents two dollars"),
        ("en", "-$5, $-5, $5 $10", "minus five dollars minus five dollars five dollars ten dollars"),
        ("en", "$1.5 billion for 5 thousand", "one point five billion dollars for five thousand"),
        ("zh", "¥5、5€、-$3", "五元五欧元负三美元"),
        ("de", "1 %, 1 €, 21 €, $5", "ein prozent ein euro einundzwanzig euro fünf dollar"),
        ("de", "3,50 €, 1.234,56 €, 5,00 €", "drei euro fünfzig eintausendzweihundertvierunddreißig euro sechsundfünfzig fünf euro"),
        ("fr", "1 %, £1, 1 234,5 et 2 €", "un pour cent une livre mille deux cent trente quatre virgule cinq et deux euros"),
        ("fr", "06 12 34", "zéro six douze trente quatre"),
        ("es", "1 %, 1 €, 21 €, 31 €, 3,50 €", "uno por ciento un euro veintiún euros treinta y un euros tres euros con cincuenta"),
        ("es", "£21, £200, £21.000, £1.000.200", "veintiuna libras doscientas libras veintiún mil libras un millón doscientas libras"),
        ("es", "1.000.000 €, 1.000.500 €", "un millón de euros un millón quinientos euros"),
        ("fr", "£21, £200, 1 000 000 €", "vingt et une livres deux cents livres un million d'euros"),
        ("pt", "£2, £221, £2.000.000, 2.002 €", "duas libras duzentas e vinte e uma libras dois milhões de libras dois mil e dois euros"),
        ("it", "£1.000.000, £31", "un milione di sterline trentuno sterline"),
        ("it", "3,50 €", "tre euro e cinquanta"),
        ("pt", "1 %, 2 €", "um por cento dois euros"),
        ("ja", "5%、¥500、$2.5", "五パーセント五百円二点五ドル"),
        ("ko", "5%, ₩500", "오 퍼센트 오백 원"),
        ("pl", "1 %, 2 $, 5 $, 12 $, 1,5 $, 22 $", "jeden procent dwa dolary pięć dolarów dwanaście dolarów jeden przecinek pięć dolara dwadzieścia dwa dolary"),
        ("ru", "1 %, 2 %, 5 %, 11 %, 21 %, 22 ₽", "один процент два процента пять процентов одиннадцать процентов двадцать один процент двадцать два рубля"),
    ],
)  # fmt: skip
def test_percent_and_money(language, text, expected):
    assert Rules(language=language).apply(text) == expected


def test_money_of_a_language_without_its_words_leaves_the_number():
    assert Rules(language="sv").apply("5 €") == "fem"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "零"), (10, "十"), (15, "十五"), (110, "一百一十"), (105, "一百零五"), (1010, "一千零一十"), (10_010, "一万零一十"),
        (100_000, "十万"), (10_203_040, "一千零二十万三千零四十"), (100_000_001, "一亿零一"),
    ],
)  # fmt: skip
def test_chinese_numbers(value, said):
    assert chinese_number(value) == said


def test_what_is_kept_on_request():
    assert Rules(case="keep", punctuation="keep", numbers="keep", language="en").apply("Hi, 5!") == "Hi, 5!"
    assert Rules(width="keep").apply("ＡＢ") == "ａｂ"


def test_the_language_is_told_where_it_shows():
    assert language_of(["the cat is on the mat", "and it was good"]) == "en"
    assert language_of(["今天天气很好"]) == "zh"
    assert language_of(["ja", "nein"]) == ""
    assert Rules().apply("7") == "7"  # no language: digits stay


def test_words_and_back():
    assert words_of("你好 hello 世界") == ["你", "好", "hello", "世", "界"]
    assert joined(["你", "好", "hello", "there", "世"]) == "你好 hello there 世"


@given(st.text(max_size=60))
def test_rules_applied_twice_change_nothing(text):
    for language in ("", "en", "zh"):
        once = Rules(language=language).apply(text)
        assert Rules(language=language).apply(once) == once


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("de", "Größe, Äpfel: Donau\u00addampf", "größe äpfel donaudampf"),
        ("es", "¿Dónde está el niño?", "dónde está el niño"),
        ("fr", "L’été, c’est ça", "l'été c'est ça"),
        ("ru", "Привет, ёлка!", "привет ёлка"),
        ("tr", "İstanbul ILIK", "istanbul ılık"),
        ("", "İstanbul", "istanbul"),
        ("fa", "می\u200cخواهم، سلام", "می\u200cخواهم سلام"),
        ("hi", "नमस्ते दुनिया।", "नमस्ते दुनिया"),
    ],
)
def test_no_letter_of_other_languages_is_lost(language, text, expected):
    assert Rules(language=language).apply(text) == expected
