import pytest

from modelwright.core.words import shortened


@pytest.mark.parametrize(("text", "shown"), [("", ""), ("abcd", "abcd"), ("abcde", "abc…"), ("一二三四五", "一二三…")])
def test_a_text_is_shortened_to_its_bound_ellipsis_included(text, shown):
    assert shortened(text, 4) == shown
