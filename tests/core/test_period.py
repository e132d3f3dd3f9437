"""Periods of options such as --retain say their unit."""

import pytest

from modelwright.core.budget import parse_amount, parse_period
from modelwright.core.errors import OptionError


def test_a_period_has_a_unit():
    assert parse_period("90d", "--retain") == 90 * 86400
    assert parse_period(" 1h ", "--grace") == 3600


def test_an_amount_has_a_unit_too():
    assert parse_amount("80g", "--memory") == 80 << 30
    with pytest.raises(OptionError, match=r"`--memory` needs a unit: write 80g or 80m"):
        parse_amount("80", "--memory")


@pytest.mark.parametrize("bare", ["90", "1.5", " 7 "])
def test_a_bare_number_is_refused(bare):
    with pytest.raises(OptionError) as caught:
        parse_period(bare, "--retain")
    assert "--retain" in caught.value.words.en
    assert f"{bare.strip()}d" in caught.value.words.en
    assert f"{bare.strip()}d" in caught.value.words.zh
