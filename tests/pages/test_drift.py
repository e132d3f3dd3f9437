"""The page of drift: both languages, light and dark, a phone's width, the keyboard alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.evaluate.drift.answers import fit_answers
from modelwright.evaluate.drift.reference import Reference, make_reference
from modelwright.improve.drift.store import DriftStore
from modelwright.release.bundle import Predictor
from modelwright.serve.app import create_app
from modelwright.serve.keys import KeyRing, ServiceKey, digest_of
from modelwright.serve.stores import Home
from modelwright.testing import context, sample_table
from pages_made import check_axe, check_fits, running

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service whose rows have changed, and its address."""
    folder: Path = tmp_path_factory.mktemp("desk")
    task = get_task("classification")
    table, target = sample_table(task, 300)
    recipe = get_recipe("linear")
    model = recipe.fit(
        table, table.take(np.arange(40)), recipe.variants(table.schema, target, 300)[0], context(task, target)
    )
    made = Predictor(task, table.schema, target, [(1.0, model)], name="desk")
    truth = [str(v) for v in table.column(table.schema.target.name).to_pylist()] if table.schema.target else []
    reference = make_reference(table, table.schema, fit_answers(made.answers(made.scores(table)), target.labels, truth))
    made.reference = reference.to_json()
    rows = [
        {"amount": 1000.0 + i, "channel": "a-very-long-name-of-a-channel-" * 3, "member": True, "message": "退款 " * 9}
        for i in range(300)
    ]
    read, _ = made.table(rows)
    codes, tally = Reference.from_json(made.reference).read(read, made.answers(made.scores(read)))
    home = Home("desk", "1", f"sqlite:///{folder / 'records.db'}", folder)
    store = DriftStore(home.url, home.name)
    store.update("1", reference, lambda state: state.add(codes, tally, np.random.default_rng(0), time.time()))
    ring = KeyRing({"ann": ServiceKey("ann", digest_of("key-ann"), "viewer")})
    with running(create_app(made, keys=ring, home=home)) as address:
        yield address


@pytest.mark.parametrize(
    ("lang", "dark", "width"), [("en", False, 1280), ("zh", True, 1280), ("zh", False, 390), ("en", True, 390)]
)
def test_it_is_accessible_and_fits(desk: str, open_page: Open, lang: str, dark: bool, width: int) -> None:
    page = open_page(desk, "drift?", key="key-ann", lang=lang, dark=dark, width=width)
    page.wait_for_selector("article.drifted svg")
    assert page.locator("h1").inner_text().startswith({"en": "Drift", "zh": "数据漂移"}[lang])
    check_axe(page)
    check_fits(page)
    for summary in page.locator("summary").all():
        summary.click()
    check_axe(page)
    check_fits(page)


def test_by_the_keyboard_alone(desk: str, open_page: Open) -> None:
    page = open_page(desk, "drift?", key="key-ann")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "A"
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "SUMMARY":
            break
    page.keyboard.press("Enter")
    page.wait_for_selector("details[open] svg")
    page.locator("header a").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("html[lang=zh-CN]")
