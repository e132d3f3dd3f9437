"""What stands instead of a value: every action on every type, the same under the same key and for all spellings."""

import pytest

from modelwright.core.errors import OptionError
from modelwright.privacy import checksums
from modelwright.privacy.catalogue import TYPES
from modelwright.privacy.policy import ACTIONS, Policy
from modelwright.privacy.pseudonyms import Pseudonyms
from modelwright.privacy.replace import replaced, safe_cells
from modelwright.privacy.reveal import PSEUDONYM

VALUES = {
    "person": "Wilhelmina Zyskowitz", "place": "Lappeenranta", "address": "北京市朝阳区建国路88号", "postcode": "100022",
    "gps": "48.858370, 2.294481", "phone": "13812345678", "email": "wilma@mail.example.org", "id-card": "11010519491231002X",
    "passport": "E12345678", "ssn": "078-05-1120", "driver-licence": "F2551009", "plate": "京A·12345",
    "vin": "1M8GDM9AXKP042788", "bank-card": "4111111111111111", "iban": "DE89370400440532013000",
    "credit-code": "91350100M000100Y43", "ip": "203.0.113.77", "mac": "00:1B:44:11:3A:B7", "url": "https://shop.example.net/u/42?x=1",
    "wechat": "wilma_1987", "qq": "123456789", "birth-date": "1985-03-17", "medical-record": "MZ10293847", "secret": "hunter2!hunter2",
}  # fmt: skip
KEYS = Pseudonyms(b"k" * 32), Pseudonyms(b"o" * 32)


def test_every_type_has_an_example():
    assert set(VALUES) == set(TYPES)


@pytest.mark.parametrize("kind", VALUES)
def test_each_action_on_each_type(kind):
    value = VALUES[kind]
    ours, other = KEYS
    made = {a: replaced(value, kind, a, ours) for a in ACTIONS}
    assert made["keep"] == value
    assert made["drop"] == ""
    assert made["placeholder"] == f"<{kind.replace('-', '_').upper()}>"
    assert "*" in made["mask"]
    assert sum(c != "*" for c in made["mask"]) < len(value)
    assert made["generalise"]
    for action in ("placeholder", "mask", "generalise", "pseudonym", "surrogate"):
        assert value not in made[action], action
    assert PSEUDONYM.fullmatch(made["pseudonym"])
    for action in ("pseudonym", "surrogate"):
        again = Pseudonyms(b"k" * 32)
        assert replaced(value, kind, action, again) == made[action]
        assert replaced(value, kind, action, other) != made[action]


@pytest.mark.parametrize(
    ("kind", "value", "coarse"),
    [
        ("birth-date", "1985-03-17", "1985-03"),
        ("birth-date", "1985年3月17日", "1985年3月"),
        ("address", "北京市朝阳区建国路88号", "北京市"),
        ("ip", "203.0.113.77", "203.0.113.0"),
        ("gps", "48.858370, 2.294481", "48.9, 2.3"),
        ("email", "wilma@mail.example.org", "*@mail.example.org"),
        ("url", "https://shop.example.net/u/42?x=1", "https://shop.example.net/"),
        ("id-card", "11010519491231002X", "11****1949********"),
        ("person", "欧阳娜娜", "欧阳某"),
        ("postcode", "100022", "100***"),
    ],
)
def test_what_coarser_means(kind, value, coarse):
    assert replaced(value, kind, "generalise") == coarse


@pytest.mark.parametrize(
    ("kind", "spellings"),
    [
        ("phone", ["13812345678", "138-1234-5678", "+86 138 1234 5678", "0086 13812345678"]),
        ("id-card", ["11010519491231002X", "110105 19491231 002x"]),
        ("bank-card", ["4111111111111111", "4111 1111 1111 1111"]),
        ("email", ["Wilma@Example.org", "wilma@example.org"]),
        ("person", ["Anna  Holm", "anna holm"]),
    ],
)
def test_all_spellings_of_a_value_have_one_pseudonym(kind, spellings):
    assert len({KEYS[0].of(kind, s) for s in spellings}) == 1


def test_surrogates_keep_the_form_and_are_nobodys():
    ours = KEYS[0]
    for day in range(10, 28):
        made = replaced(f"110105194912{day}002X", "id-card", "surrogate", ours)
        assert len(made) == 18
        assert not checksums.id_card(made)
    assert not checksums.luhn(replaced("4111111111111111", "bank-card", "surrogate", ours))
    assert replaced("a@b.com", "email", "surrogate", ours).endswith("@example.com")
    assert replaced("138 1234 5678", "phone", "surrogate", ours)[3] == " "
    assert replaced("1985年3月17日", "birth-date", "surrogate", ours).startswith("1985年")


def test_rules_that_name_more_win():
    policy = Policy.parse(["mask", "pseudonym:phone", "keep:notes", "drop:notes/phone"])
    assert policy.action(TYPES["email"], "a", "keep") == "mask"
    assert policy.action(TYPES["phone"], "a", "keep") == "pseudonym"
    assert policy.action(TYPES["email"], "notes", "mask") == "keep"
    assert policy.action(TYPES["phone"], "notes", "mask") == "drop"


@pytest.mark.parametrize(
    ("rule", "nearest"), [("masc:phone", "mask"), ("mask:notes/phonee", "phone"), ("mask:", "ACTION")]
)
def test_rules_that_cannot_be_followed_are_told_in_both_languages(rule, nearest):
    with pytest.raises(OptionError, match=nearest) as told:
        Policy.parse([rule])
    assert "\n" not in told.value.words.en + told.value.words.zh
    assert any("\u4e00" <= c <= "\u9fff" for c in told.value.words.zh)


def test_messages_hold_placeholders():
    assert safe_cells(["could not read 13812345678 of a@b.com", "fine"]) == [
        "could not read <PHONE> of <EMAIL>",
        "fine",
    ]
