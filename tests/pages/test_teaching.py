"""The pages of a learner, a class and an essay: both languages, light and dark, a phone's width; what they show and what they keep."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.release.bundle import Predictor
from modelwright.serve.app import create_app
from modelwright.serve.feedback.sealing import Sealing
from modelwright.serve.feedback.store import Feedback
from modelwright.serve.keys import KeyRing, ServiceKey, digest_of
from modelwright.serve.stores import Home
from modelwright.testing import context, sample_table
from pages_made import check_axe, check_fits, running

Open = Callable[..., Any]
LOOKS = [("en", False, 1280), ("zh", True, 390)]
ANSWERS = "\n".join(
    ["学生,知识点,对错", *(f"小明,fractions,{i % 2}" for i in range(4)), *(f"Ana,fractions,{1}" for _ in range(9)), "Ana,decimals,0", "Bo,geometry,1"]
)  # fmt: skip


def ring() -> KeyRing:
    return KeyRing({n: ServiceKey(n, digest_of(f"key-{n}"), "trainer") for n in ("ann",)})


def served(name: str, recipe_name: str, rows: int) -> Predictor:
    task = get_task(name)
    table, target = sample_table(task, rows)
    recipe = get_recipe(recipe_name)
    model = recipe.fit(table, None, recipe.variants(table.schema, target, rows)[0], context(task, target))
    return Predictor(task, task.served(table.schema), target, [(1.0, model)], name="desk")


@pytest.fixture(scope="module")
def tutor() -> Iterator[str]:
    with running(create_app(served("knowledge-tracing", "bkt", 240), keys=ring())) as address:
        yield address


@pytest.fixture
def marks(tmp_path: Path) -> Iterator[tuple[str, Feedback]]:
    home = Home("desk", "1", f"sqlite:///{tmp_path / 'records.db'}", tmp_path)
    predictor = served("essay-scoring", "rubric-ridge", 80)
    with running(create_app(predictor, keys=ring(), home=home)) as address:
        yield address, Feedback(home.url, home.name, Sealing([]))


@pytest.mark.parametrize(("lang", "dark", "width"), LOOKS)
def test_a_learner_sees_mastery_rise(tutor: str, open_page: Open, lang: str, dark: bool, width: int) -> None:
    page = open_page(tutor, "learn?", key="key-ann", lang=lang, dark=dark, width=width)
    page.wait_for_selector(".bars li")
    chosen = page.inner_text(".chosen")
    before = page.get_attribute(f'[role=meter][aria-label="{chosen}"]', "aria-valuenow")
    for i in range(3):
        page.select_option("#skill", chosen)
        page.click("button.go:not(.no)")
        page.wait_for_selector(f"ol.past li:nth-child({i + 1})")
    after = page.get_attribute(f'[role=meter][aria-label="{chosen}"]', "aria-valuenow")
    assert int(after) > int(before)
    page.click("button.go.no")
    page.wait_for_selector("ol.past li.no")
    check_axe(page)
    check_fits(page)


@pytest.mark.parametrize(("lang", "dark", "width"), LOOKS)
def test_a_teacher_sees_who_has_mastered_what(tutor: str, open_page: Open, lang: str, dark: bool, width: int) -> None:
    page = open_page(tutor, "class?", key="key-ann", lang=lang, dark=dark, width=width)
    page.fill("#answers", ANSWERS)
    page.click("button.go")
    page.wait_for_selector("table.heat")
    assert page.locator("table.heat tbody tr").count() == 4
    rows = {r.split("\t")[0]: r.split("\t")[1:] for r in page.inner_text("table.heat tbody").split("\n")}
    heads = [h.inner_text() for h in page.locator("table.heat th.skill").all()]
    assert set(heads) == {"fractions", "decimals", "geometry"}
    at = heads.index("fractions")
    assert int(rows["Ana"][at]) > int(rows["小明"][at])
    assert "geometry" in page.inner_text("section")
    check_axe(page)
    check_fits(page)
    page.fill("#answers", "小明,fractions,maybe")
    page.click("button.go")
    page.wait_for_selector("[role=alert]")
    assert "1" in page.inner_text("[role=alert]")


@pytest.mark.parametrize(("lang", "dark", "width"), LOOKS)
def test_an_essay_is_marked_and_a_teacher_corrects(
    marks: tuple[str, Feedback], open_page: Open, lang: str, dark: bool, width: int
) -> None:
    address, store = marks
    page = open_page(address, "essay?", key="key-ann", lang=lang, dark=dark, width=width)
    page.wait_for_selector("textarea")
    page.fill("textarea", "many facts, reasons, 例子 and 证据. bad bad words. <b>number</b> 7")
    page.click("button.go")
    page.wait_for_selector(".cards li")
    assert page.locator(".cards li").count() == 2
    page.locator("button[aria-pressed]").nth(1).click()
    assert page.locator(".text mark").count() > 0
    assert "<b>number</b>" in page.inner_text(".text")
    check_axe(page)
    check_fits(page)
    page.select_option("#m-style", "2")
    page.locator("button.go").last.click()
    page.wait_for_selector("[role=status]:not(:empty)")
    told = list(store.told(kinds=("answer",)))
    assert len(told) == 1
    assert told[0].value["style"] == 2
