"""The review page: both languages, light and dark, a phone's width, the keyboard alone; labels, numbers, spans, texts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.release.bundle import Predictor
from modelwright.serve.app import create_app
from modelwright.serve.feedback.ids import AnswerIds
from modelwright.serve.feedback.keep import Keep
from modelwright.serve.feedback.sealing import Sealing
from modelwright.serve.feedback.secret import secret_of
from modelwright.serve.feedback.shapes import Kept
from modelwright.serve.feedback.store import Feedback
from modelwright.serve.keys import KeyRing, ServiceKey, digest_of
from modelwright.serve.stores import Home
from modelwright.testing import context, sample_table
from pages_made import check_axe, check_fits, running

Open = Callable[..., Any]


def made(task_name: str, recipe_name: str) -> Predictor:
    task = get_task(task_name)
    table, target = sample_table(task, 120)
    recipe = get_recipe(recipe_name)
    options = recipe.variants(table.schema, target, len(table))[0]
    model = recipe.fit(table, table.take(np.arange(40)), options, context(task, target))
    return Predictor(task, table.schema, target, [(1.0, model)], name="desk")


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return made("classification", "linear")


def ring() -> KeyRing:
    roles = {"ann": "trainer", "bob": "trainer", "app": "predictor"}
    return KeyRing({n: ServiceKey(n, digest_of(f"key-{n}"), role) for n, role in roles.items()})


def kept(
    store: Feedback, ids: AnswerIds, answers: list[tuple[dict[str, Any], Any, dict[str, float] | None]]
) -> list[str]:
    """Keep requests as a service would; return their ids."""
    out = []
    for i, (row, prediction, scores) in enumerate(answers):
        answer = {"prediction": prediction}
        ids.give([answer])
        best = sorted((scores or {"": 1.0}).values())[::-1]
        margin = best[0] - best[1] if len(best) > 1 else None
        now = time.time() - 100 + i
        store.keep(
            [Kept(answer["id"], "3", now, now + 1e6, row, prediction, scores, best[0] if scores else None, margin)]
        )
        out.append(str(answer["id"]))
    return out


@pytest.fixture
def desk(predictor: Predictor, tmp_path: Path) -> Iterator[tuple[str, Feedback]]:
    """A service with twelve kept requests, its address and its store."""
    home = Home("desk", "3", f"sqlite:///{tmp_path / 'records.db'}", tmp_path)
    app = create_app(predictor, keys=ring(), home=home, keep=Keep(86_400.0))
    store = Feedback(home.url, home.name, Sealing([]))
    labels = predictor.target.labels
    ids = AnswerIds(secret_of(home), "desk", "3", predictor.target)
    rows = []
    for i in range(12):
        share = 0.5 + i / 30
        scores = {label: (1 - share) / (len(labels) - 1) for label in labels} | {labels[0]: share}
        rows.append(({"message": f"message number {i} 退款", "amount": float(i), "channel": "mail"}, labels[0], scores))
    kept(store, ids, rows)
    with running(app) as address:
        yield address, store


@pytest.mark.parametrize(
    ("lang", "dark", "width"), [("en", False, 1280), ("zh", True, 1280), ("zh", False, 390), ("en", True, 390)]
)
def test_it_is_accessible_and_fits(
    desk: tuple[str, Feedback], open_page: Open, lang: str, dark: bool, width: int
) -> None:
    page = open_page(desk[0], "review?", key="key-ann", lang=lang, dark=dark, width=width)
    page.wait_for_selector("#card .choices button")
    assert page.locator("h1").inner_text() == {"en": "Review", "zh": "审核"}[lang]
    assert "null" not in page.inner_text("main")
    check_axe(page)
    check_fits(page)
    page.click("summary")
    page.wait_for_selector("#agreement .wide p")
    check_axe(page)


def test_by_the_keyboard_alone(desk: tuple[str, Feedback], open_page: Open, predictor: Predictor) -> None:
    address, store = desk
    page = open_page(address, "review?", key="key-ann")
    page.wait_for_selector("#card .choices button")
    # the order is chosen with arrows
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("text=message number 0")
    page.wait_for_function("document.querySelector('[name=order]:checked').value === 'uncertain'")
    second = page.locator("#card .choices button").nth(1).locator("span").first.inner_text()
    page.keyboard.press("2")
    page.wait_for_selector("text=message number 1")
    assert [t.value for t in store.told()] == [second]
    page.keyboard.press("Enter")  # what was answered is right
    page.wait_for_selector("text=message number 2")
    page.keyboard.press("s")
    page.wait_for_selector("text=message number 3")
    told = {t.value: t for t in store.told()}
    assert (told[second].correct, told[predictor.target.labels[0]].correct) == (False, True)
    assert {(t.by, t.source) for t in told.values()} == {("ann", "review")}
    page.keyboard.press("z")
    page.wait_for_selector("text=message number 1")
    assert len(list(store.told())) == 1
    page.keyboard.press("/")
    page.keyboard.type("brand new")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=message number 3")
    new = next(t for t in store.told() if t.new)
    assert new.value == "brand new"
    assert page.problems == []


def test_two_reviewers_and_their_agreement(desk: tuple[str, Feedback], open_page: Open) -> None:
    address, _ = desk
    for key, keys in (("key-ann", "1212"), ("key-bob", "1211")):
        page = open_page(address, "review?", key=key)
        page.wait_for_selector("#card .choices button")
        page.check("[value=uncertain]", force=True)
        page.wait_for_selector("text=message number 0")
        for i, k in enumerate(keys):
            page.keyboard.press(k)
            page.wait_for_selector(f"text=message number {i + 1}")
    page.click("summary")
    page.wait_for_selector("#agreement td")
    assert page.locator("#agreement td").all_inner_texts() == ["ann, bob", "4", "75 %", "0.50"]
    page.check("[value=contested]", force=True)
    page.wait_for_selector("text=4 answered by you")
    check_axe(page)


def test_nothing_kept_says_how_to_keep(predictor: Predictor, tmp_path: Path, open_page: Open) -> None:
    home = Home("desk", "3", f"sqlite:///{tmp_path / 'records.db'}", tmp_path)
    with running(create_app(predictor, keys=ring(), home=home)) as address:
        page = open_page(address, "review", lang="zh")
        page.fill("#key", "key-ann")  # the form of the key leads back here
        page.press("#key", "Enter")
        page.wait_for_selector("code")
        assert page.locator("#card code").inner_text() == "--keep-requests 30d"
        check_axe(page)
        page = open_page(address, "review", key="key-app")
        assert "trainer" in page.content()


@pytest.mark.parametrize(
    ("task", "recipe"),
    [("regression", "linear"), ("token-classification", "spans-crf"), ("multi-label-classification", "linear")],
)
def test_other_answers(task: str, recipe: str, tmp_path: Path, open_page: Open) -> None:
    from modelwright.core.recipe import own_recipes

    name = recipe if task != "token-classification" else next(n for n in own_recipes(task) if get_recipe(n).rank > 0)
    predictor = made(task, name)
    home = Home("desk", "3", f"sqlite:///{tmp_path / 'records.db'}", tmp_path)
    app = create_app(predictor, keys=ring(), home=home, keep=Keep(86_400.0))
    store = Feedback(home.url, home.name, Sealing([]))
    ids = AnswerIds(secret_of(home), "desk", "3", predictor.target)
    labels = list(predictor.target.labels)
    row, prediction = {
        "regression": ({"amount": 3.0, "message": "x"}, 2.5),
        "token-classification": ({"text": "😀 李明到了北京"}, []),
        "multi-label-classification": ({"message": "x"}, labels[:1]),
    }[task]
    kept(store, ids, [(row, prediction, None)])
    with running(app) as address:
        page = open_page(address, "review", key="key-ann", width=390)
        page.wait_for_selector("#card .go")
        check_axe(page)
        check_fits(page)
        if task == "regression":
            page.fill("#right", "three")
            page.press("#right", "Enter")
            page.wait_for_selector("text=Write a number")
            page.fill("#right", "3,5")
            page.press("#right", "Enter")
            wanted: Any = 3.5
        elif task == "token-classification":
            page.focus("#span")
            page.keyboard.press("Control+Home")
            for _ in range(2):
                page.keyboard.press("ArrowRight")
            for _ in range(2):
                page.keyboard.press("Shift+ArrowRight")
            page.keyboard.press("1")
            page.wait_for_selector("mark")
            page.keyboard.press("Enter")
            wanted = [{"start": 2, "end": 4, "label": labels[0]}]
        else:
            page.keyboard.press("2")
            page.wait_for_selector(f"button[aria-pressed=true] >> text={labels[1]}")
            page.keyboard.press("Enter")
            wanted = sorted(labels[:2], key=labels.index)
        page.wait_for_selector("text=Nothing is left to review")
        assert [t.value for t in store.told()] == [wanted]
        assert page.problems == []
