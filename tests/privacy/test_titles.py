"""Titles of goods: brands that are called as people are stay, people in sentences do not."""

from __future__ import annotations

import pytest

from modelwright.privacy._titles import is_title
from modelwright.privacy.catalogue import get_type
from modelwright.privacy.detect import find

TITLES = [
    "Carlton Hughes Men Black Leather Belt",
    "Anna Field Women Printed Cotton Scarf",
    "Jack Wills Boys Navy Hooded Sweatshirt",
    "Laura Ashley Pink Floral Duvet Cover Set",
    "Paul Smith Striped Socks Pack Of 3",
    "Silver Watches With Leather Strap",
    "henry lloyd men waterproof jacket navy",
    "张小泉不锈钢菜刀家用套装",
    "李宁男士运动鞋轻便透气跑鞋",
    "周大生足金手链女款",
]
SENTENCES = [
    ("John Miller asked for a black leather belt.", "John Miller"),
    ("Please Send The Black Belt To Maria Santos In Berlin", "Maria Santos"),
    ("Meeting With Emily Clark About Quarterly Budget", "Emily Clark"),
    ("客户王建国投诉说运动鞋开胶", "王建国"),
    ("收件人：李晓梅，男士运动鞋一双", "李晓梅"),
]


def replaced(text: str) -> list[str]:
    """Return the names that a run would replace."""
    return [text[m.start : m.end] for m in find(text) if m.type == "person" and m.score >= get_type("person").sure]


@pytest.mark.parametrize("title", TITLES)
def test_brands_in_titles_stay(title: str) -> None:
    assert is_title(title)
    assert replaced(title) == []


@pytest.mark.parametrize(("text", "name"), SENTENCES)
def test_people_in_sentences_are_found(text: str, name: str) -> None:
    assert not is_title(text)
    assert replaced(text) == [name]


def test_a_name_ends_before_goods() -> None:
    text = "Susan Lyons sneakers arrived yesterday, she is happy."
    found = [text[m.start : m.end] for m in find(text) if m.type == "person"]
    assert found == ["Susan Lyons"]
    assert [m for m in find("We sell Grey Tshirts and Silver Watches here") if m.type == "person"] == []


def test_addresses_and_lists_are_no_titles() -> None:
    assert not is_title("Robert Fiorentini\nBox 2412\nBlack Street 4")
    assert not is_title("Dear Anna Berg, your black belt was sent")
    assert not is_title("Anna Berg")
