import json
import math

import pytest

from modelwright.core.plain_json import dumps, is_number


@pytest.mark.parametrize(
    ("value", "number"),
    [(1, True), (0.5, True), (True, False), ("1", False), (None, False), (math.nan, False), (math.inf, False)],
)
def test_numbers_of_json(value, number):
    assert is_number(value) is number


def test_what_json_has_no_number_for_is_null():
    assert json.loads(dumps({"a": [math.nan, 1.5], math.inf: 2})) == {"a": [None, 1.5], "null": 2}
