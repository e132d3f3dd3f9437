"""What has a form is found where it stands, and what only looks like it is left alone."""

import itertools
from collections import Counter

import pytest

from modelwright.core.errors import OptionError
from modelwright.privacy import detect
from modelwright.privacy.detect import find, find_cells
from modelwright.privacy.recognisers.base import get_recogniser, reason_words
from privacy.chinese import sentences

NAMES = {"person", "place", "address"}
ENGLISH = [
    ("Call me at 555-867-5309 after six", "phone", "555-867-5309"),
    ("mobile: +44 7700 900123", "phone", "+44 7700 900123"),
    ("(415) 555-2671 x12 is my office", "phone", "(415) 555-2671 x12"),
    ("You can reach us under 089 72 63 41", "phone", "089 72 63 41"),
    ("0664 123 45 67 is my number", "phone", "0664 123 45 67"),
    ("see (06 20) 123-4567 for more", "phone", "(06 20) 123-4567"),
    ("Text 867-5309 back", "phone", "867-5309"),
    ("office 0221 / 4710 123", "phone", "0221 / 4710 123"),
    ("for Jo\n??? Suite 3\n??? Montzen\n??? Macedonia 64733", "postcode", "64733"),
    ("mail jo.doe+shop@mail.example.co.uk please", "email", "jo.doe+shop@mail.example.co.uk"),
    ("write to jane [at] example [dot] org", "email", "jane [at] example [dot] org"),
    ("card 4111 1111 1111 1111 exp 12/29", "bank-card", "4111 1111 1111 1111"),
    ("amex 378282246310005", "bank-card", "378282246310005"),
    ("IBAN DE89 3704 0044 0532 0130 00 thanks", "iban", "DE89 3704 0044 0532 0130 00"),
    ("my SSN is 078-05-1120", "ssn", "078-05-1120"),
    ("social security number 078 05 1120", "ssn", "078 05 1120"),
    ("driver's license F2551009", "driver-licence", "F2551009"),
    ("Passport no. C01X00T47", "passport", "C01X00T47"),
    ("from 203.0.113.77 port 22", "ip", "203.0.113.77"),
    ("host 2001:db8:85a3::8a2e:370:7334 down", "ip", "2001:db8:85a3::8a2e:370:7334"),
    ("nic 00:1B:44:11:3A:B7", "mac", "00:1B:44:11:3A:B7"),
    ("see https://example.com/u/42?x=1.", "url", "https://example.com/u/42?x=1"),
    ("DOB: 03/17/1985", "birth-date", "03/17/1985"),
    ("born on 17 March 1985 in Bonn", "birth-date", "17 March 1985"),
    ("MRN 00482913", "medical-record", "00482913"),
    ("patient id: A-481-223", "medical-record", "A-481-223"),
    ("password: hunter2!", "secret", "hunter2!"),
    ("AWS key AKIAIOSFODNN7EXAMPLE", "secret", "AKIAIOSFODNN7EXAMPLE"),
    ("postgres://app:s3cr3t@db/x", "secret", "s3cr3t"),
    ("-----BEGIN PRIVATE KEY-----\nMIIabc\n-----END PRIVATE KEY-----", "secret", "-----BEGIN PRIVATE KEY-----\nMIIabc\n-----END PRIVATE KEY-----"),
    ("VIN 1M8GDM9AXKP042788", "vin", "1M8GDM9AXKP042788"),
    ("ZIP code 90210", "postcode", "90210"),
    ("position 48.858370, 2.294481 now", "gps", "48.858370, 2.294481"),
]  # fmt: skip
NOTHING = [
    "order 4111111111111112 is late",
    "tracking number 1Z999AA10123456784",
    "invoice 2024-000123 of 2024-05-06",
    "version 10.2.3.4 of the app",
    "released 1.2.3.4",
    "it took 12:34:56",
    "total 1,234,567.89 dollars",
    "ratio 0.13812345678",
    "timestamp 1700000000000",
    "the password must have 8 characters",
    "forgot my password, what is the password policy",
    "token ring network",
    "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "md5: 5d41402abc4b2a76b9719d911017c592",
    "room 404, floor 12",
    "ISBN 978-3-16-148410-0",
    "on 2021-03-04 we met",
    "pages 123-456",
    "call me later",
    "Order 0123 456 7890 is late",
    "the score 03 12 45 67",
    "Dear all,\nin total 64733\nthanks",
    "Room 12\n2048 tests",
    "666-12-3456 is no number of anybody's",
]


@pytest.mark.parametrize(("text", "kind", "value"), ENGLISH, ids=lambda x: str(x)[:30])
def test_english(text, kind, value):
    assert (kind, value) in [(m.type, text[m.start : m.end]) for m in find(text)]


@pytest.mark.parametrize("text", NOTHING, ids=lambda t: t[:30])
def test_near_misses(text):
    assert [(m.type, text[m.start : m.end]) for m in find(text) if m.type not in NAMES] == []


def test_chinese_set_meets_its_bar():
    made = sentences(seed=1, copies=2)
    assert len(made) >= 500
    found, read = find_cells([text for text, _ in made])
    assert read.all()
    hit: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for (_, truth), matches in zip(made, found):
        said = {(m.start, m.end, m.type) for m in matches if m.type not in NAMES}
        for span in truth:
            (hit if span in said else missed)[span[2]] += 1
        for span in said - set(truth):
            wrong[span[2]] += 1
    total = sum(hit.values())
    assert total / (total + sum(missed.values())) >= 0.95, missed
    assert total / (total + sum(wrong.values())) >= 0.9, wrong
    assert len(hit) >= 18


def test_a_find_says_how_sure_it_is_and_why():
    typo, right = "身份证号110105194912310021", "身份证号11010519491231002X"
    (weak,), (sure,) = find(typo), find(right)
    assert weak.score < sure.score
    assert sure.reason == "checksum+context"
    assert reason_words(sure.reason).en == "its check digit, words beside it"
    assert "校验位" in reason_words(sure.reason).zh


def test_a_wrong_check_digit_counts_only_where_words_say_what_it_is():
    assert find("编号110105194912310021") == []
    assert find("110105194912310021") == []


def test_the_columns_name_is_a_word_beside_every_cell():
    assert find("12345678") == []
    assert find("12345678", "text") == []  # whatever may stand in a column of texts
    assert find("12345678", "联系电话")[0].type == "phone"
    assert find("12345678", "qq")[0].type == "qq"
    assert find("110105491231002", "身份证号")[0].reason == "checksum+column"
    assert find("4111111111111111", "order_no") == []
    assert find("Zq8#kkw92", "password")[0].type == "secret"


def test_full_width_digits_and_hidden_characters():
    text = "电话１３８１２３４５６７８和身份证1101\u200b0519491231002X"
    assert [(m.type, text[m.start : m.end]) for m in find(text)] == [
        ("phone", "１３８１２３４５６７８"), ("id-card", "1101\u200b0519491231002X"),
    ]  # fmt: skip


def test_finds_do_not_overlap_and_the_surer_one_stays():
    matches = find("微信13812345678 身份证11010519491231002X邮箱a@b.com")
    assert [m.type for m in matches] == ["phone", "id-card", "email"]
    assert all(a.end <= b.start for a, b in itertools.pairwise(matches))


def test_an_unknown_recogniser_is_named():
    with pytest.raises(OptionError, match="presidio"):
        get_recogniser("presido")


@pytest.mark.parametrize(
    ("text", "names"),
    [("客户来电：我的快递三天没动了", []), ("联系人：来电", []), ("客户高兴，", []), ("投诉人要求：退款", []),
     ("客户张伟，", ["张伟"]), ("姓名：高峰", ["高峰"]), ("收货人李明 ", ["李明"])],
)  # fmt: skip
def test_words_after_a_lead_are_names_only_where_they_can_be(text, names):
    assert [text[m.start : m.end] for m in find(text) if m.type == "person"] == names


def test_cells_of_many_characters_are_read_until_the_time_ends(monkeypatch):
    monkeypatch.setattr(detect, "_ENOUGH", 5_000)
    monkeypatch.setattr(detect, "_CHARACTERS", 1_000)
    cells = ["call 13912345678 " + "word " * 200] * 20
    _, read = detect.find_cells(cells, until=0.0, slow=False, at_least=20_000)
    assert 3 <= read.sum() <= 7  # whatever the time, as many as make enough characters
    _, all_read = detect.find_cells(["call 13912345678"] * 20, until=0.0, slow=False, at_least=20_000)
    assert all_read.all()


@pytest.mark.parametrize(
    ("text", "card"),
    [
        (
            "我的身份证号是一一零一零五一九四九一二三一零零二九",
            "一一零一零五一九四九一二三一零零二九",
        ),  # a wrong check digit, as in digits
        ("登记一一零一零五一九四九一二三一零零二叉", "一一零一零五一九四九一二三一零零二叉"),
        ("身份证 1 1 0 1 0 5 1 9 4 9 1 2 3 1 0 0 2 X", "1 1 0 1 0 5 1 9 4 9 1 2 3 1 0 0 2 X"),
        ("订单一一零一零五一九四九一二三一零零二九", None),  # nothing says that it is one
        ("身份证号一一零一零五二零零零一三三一零零二九", None),  # no day
    ],
)
def test_id_cards_in_words_are_found_as_those_in_digits(text, card):
    assert [text[m.start : m.end] for m in find(text) if m.type == "id-card"] == ([card] if card else [])


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (
            "寄到杭州市西湖区文三路 478 号华星时代广场 A 座 8 楼，谢谢",
            "杭州市西湖区文三路 478 号华星时代广场 A 座 8 楼",
        ),
        ("我家在广州天河区体育西路103号维多利广场B塔", "广州天河区体育西路103号维多利广场B塔"),
        ("住在北京市朝阳区建国路88号院 3 号楼 2 单元 1501 室", "北京市朝阳区建国路88号院 3 号楼 2 单元 1501 室"),
        ("祖冲之路1500弄9号 3 天没人取件", "祖冲之路1500弄9号"),
        ("ship to 221B Baker Street, London NW1 6XE please", "221B Baker Street, London NW1 6XE"),
        ("at 1600 Pennsylvania Ave NW, Washington, DC 20500", "1600 Pennsylvania Ave NW, Washington, DC 20500"),
        ("to 10 Main St W, Toronto, ON M5V 2T6.", "10 Main St W, Toronto, ON M5V 2T6"),
    ],
)
def test_an_address_is_found_to_its_end(text, address):
    assert [text[m.start : m.end] for m in find(text) if m.type in ("address", "postcode")] == [address]
