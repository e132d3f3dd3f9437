"""The product page: both languages, light and dark, a phone's width, the keyboard alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.improve.experiments import Experiments
from modelwright.improve.feedback_source import feedback_of
from modelwright.improve.record import Improvement, keep
from modelwright.release.bundle import Predictor, save
from modelwright.release.registry import places
from modelwright.release.registry.store import Registry
from modelwright.serve.app import create_app
from modelwright.serve.feedback.store import Told
from modelwright.serve.keys import KeyRing, ServiceKey, digest_of
from modelwright.serve.stores import home_of_release
from modelwright.testing import context, sample_table
from pages_made import check_axe, check_fits, running

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    task = get_task("classification")
    table, target = sample_table(task, 60)
    recipe = get_recipe("linear")
    options = recipe.variants(table.schema, target, len(table))[0]
    model = recipe.fit(table, table.take(range(20)), options, context(task, target))
    return Predictor(task, table.schema, target, [(1.0, model)], name="desk")


@pytest.fixture
def desk(predictor: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Registry]]:
    """A service of the name `desk`, of which much is known, its address and its registry."""
    for name in ("MODELWRIGHT_DB", "MODELWRIGHT_BLOBS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    registry = Registry(tmp_path / "registry.db")
    card: Any = {"name": "desk", "asked": False, "metric": "macro_f1", "value": 0.9, "low": 0.8, "high": 0.95}
    predictor.card = card
    save(predictor, tmp_path / "bundle", {"card.md": "# 1\n"})
    for _ in range(2):
        registry.release(tmp_path / "bundle", "desk")
    registry.promote("desk", 2, "challenger")
    facts = {
        "reasons": [["it is better", "更好"]],
        "old": None,
        "fresh": {"champion": 0.4, "challenger": 0.6},
        "rows": {"learnt": 9},
    }
    keep(registry, Improvement("desk", 0, 1, 2, 0.0, "better", facts))
    Experiments(registry).start("desk", 2)
    now = time.time()
    feedback_of(registry, "desk").add(
        [
            Told(f"1.{i}", "answer", "a", "ann", "1", now, correct=i % 2 == 0, row={"message": f"退款 {i}"}, new=i < 3)
            for i in range(80)
        ]
    )
    keys = {n: ServiceKey(n, digest_of(f"key-{n}"), role) for n, role in {"ada": "admin", "eve": "viewer"}.items()}
    predictor.name, predictor.version = "desk", "1"
    home = home_of_release("desk", "1", registry.url, places.state_of(registry.url, "desk"))
    with running(create_app(predictor, keys=KeyRing(keys), home=home)) as address:
        yield address, registry


@pytest.mark.parametrize(
    ("lang", "dark", "width"), [("en", False, 1280), ("zh", True, 1280), ("en", True, 390), ("zh", False, 390)]
)
def test_the_page_is_accessible_and_fits(
    desk: tuple[str, Registry], open_page: Open, lang: str, dark: bool, width: int
):
    page = open_page(desk[0], "product?price=0.1", key="key-ada", lang=lang, dark=dark, width=width)
    assert page.locator("h2").first.inner_text() == {"en": "What to do next", "zh": "下一步"}[lang]
    check_axe(page)
    check_fits(page)


def test_the_keyboard_alone_promotes_and_goes_back(desk: tuple[str, Registry], open_page: Open):
    address, registry = desk
    page = open_page(address, "product", key="key-ada")
    for said, version in (("Let 2 answer", 2), ("Back to 1", 1)):
        for _ in range(30):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.innerText") == said:
                break
        else:
            raise AssertionError(f"no way to `{said}` by the keyboard")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert registry.get("desk").version == version
        assert page.url.endswith("/product?lang=en")


def test_a_viewer_sees_no_buttons_that_change_anything(desk: tuple[str, Registry], open_page: Open):
    page = open_page(desk[0], "product", key="key-eve")
    assert page.locator("form[method=post]").count() == 0
