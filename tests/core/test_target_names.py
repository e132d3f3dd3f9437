"""Several targets as one text, and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.target_names import names_in, one_text

_NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="，"), min_size=1).filter(
    lambda n: n == n.strip()
)


@given(st.lists(_NAMES, min_size=2, unique=True))
def test_names_come_back(names):
    assert names_in(one_text(names)) == names


def test_one_name_stays_as_it_is():
    assert one_text(["a, b"]) == "a, b"
    assert one_text(["a", "a"]) == "a"
    assert one_text([]) is None
    assert one_text("x") == "x"


@pytest.mark.parametrize(
    "text", ["toxic,insult", "toxic, insult", "toxic，insult", 'toxic,"insult"', "toxic,insult,toxic,"]
)
def test_as_people_write_them(text):
    assert names_in(text) == ["toxic", "insult"]
