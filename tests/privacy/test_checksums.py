"""Check digits: published examples hold, and one changed digit is noticed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.privacy import checksums

digits = st.integers(0, 9).map(str)


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (checksums.id_card, "11010519491231002X", "110105194912310021"),  # the example of GB 11643
        (checksums.id_card, "11010519491231002x", "99010519491231002X"),
        (checksums.hong_kong_id, "A1234563", "A1234564"),
        (checksums.taiwan_id, "A123456789", "A123456788"),
        (checksums.luhn, "4111111111111111", "4111111111111112"),
        (checksums.luhn, "378282246310005", "378282246310050"),
        (checksums.iban, "GB82WEST12345698765432", "GB83WEST12345698765432"),
        (checksums.iban, "de89370400440532013000", "de8937040044053201300"),
        (checksums.credit_code, "91350100M000100Y43", "91350100M000100Y44"),
        (
            checksums.id_card,
            "911124198108030024",
            "911124198108030025",
        ),  # a foreigner who stays: the sample of the card
        (checksums.verhoeff, "2363", "2364"),
        (checksums.aadhaar, "999941057058", "999941057085"),
        (checksums.resident_number, "9001011234567", "9002301234567"),
        (checksums.vin, "1M8GDM9AXKP042788", "1M8GDM9AXKP042789"),
    ],
)
def test_examples(check, good, bad):
    assert check(good)
    assert not check(bad)


def test_days_of_birth_that_never_were():
    assert not checksums.id_form("110105194902300020")  # 30 February
    assert not checksums.id_form("110105299912310020")  # not yet
    assert checksums.id_form("110105491231002")
    assert not checksums.luhn("0000000000000000")


@given(st.text("0123456789", min_size=11, max_size=18), st.integers(0, 17), st.integers(1, 9))
def test_luhn_notices_every_single_slip(body, place, step):
    total = sum(int(d) if i % 2 else sum(divmod(2 * int(d), 10)) for i, d in enumerate(reversed(body)))
    number = body + str(-total % 10)
    if len(set(number)) > 1:
        assert checksums.luhn(number)
    at = place % len(number)
    assert not checksums.luhn(number[:at] + str((int(number[at]) + step) % 10) + number[at + 1 :])


@given(
    st.sampled_from(["110105", "440306", "510107"]),
    st.dates(__import__("datetime").date(1920, 1, 1), __import__("datetime").date(2020, 1, 1)),
    st.integers(0, 999),
    st.integers(0, 16),
    st.integers(1, 9),
)
def test_an_id_card_notices_every_single_slip(division, day, order, place, step):
    body = f"{division}{day:%Y%m%d}{order:03}"
    code = body + checksums.id_check_digit(body)
    assert checksums.id_card(code)
    assert not checksums.id_card(code[:place] + str((int(code[place]) + step) % 10) + code[place + 1 :])
