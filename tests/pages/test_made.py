"""The page where a model makes pictures: two pictures under one slider, in both languages, on a phone, by the keyboard; and its report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from modelwright.evaluate.report.compared import compared, data_url
from modelwright.serve.app import create_app
from modelwright.serve.keys import KeyRing
from pages_made import check_axe, check_fits, running
from pictures_made import enlarger, picture, png

Open = Callable[..., Any]
KEY = "a-key-for-this-page"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with running(create_app(enlarger(), keys=KeyRing.of({"test": KEY}))) as found:
        yield found


@pytest.mark.parametrize(("lang", "dark", "width"), [("en", False, 1200), ("zh", True, 390)])
def test_a_picture_is_dropped_and_compared(
    address: str, open_page: Open, tmp_path: Path, lang: str, dark: bool, width: int
):
    page = open_page(address, "", key=KEY, lang=lang, dark=dark, width=width)
    (tmp_path / "p.png").write_bytes(png(picture(3, 120, 160)))
    page.set_input_files("input[type=file]", str(tmp_path / "p.png"))
    page.click("button.go")
    page.wait_for_selector("figure.made .compare img")
    sizes = page.evaluate(
        "[...document.querySelectorAll('.compare img')].map((i) => [i.naturalWidth, i.clientWidth, i.clientHeight])"
    )
    assert sorted(s[0] for s in sizes) == [160, 320], "what was given and what was made of it"
    assert sizes[0][1:] == sizes[1][1:], "both are shown at one size"
    slider = page.locator(".compare input[type=range]")
    slider.focus()
    before = page.evaluate("document.querySelector('.compare .before').style.clipPath")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.querySelector('.compare .before').style.clipPath") != before
    assert page.get_attribute("a.save", "href").startswith("data:image/png;base64,")
    check_fits(page)
    check_axe(page)


@pytest.fixture(scope="module")
def maker() -> Iterator[str]:
    from modelwright.core.answers.media import MediaCodec
    from modelwright.core.recipe import get_recipe
    from modelwright.core.schema import Column, Schema
    from modelwright.core.task import get_task
    from modelwright.recipes.generate._conditions import Asked
    from modelwright.release.bundle import Predictor

    task, recipe = get_task("unconditional-image-generation"), get_recipe("image-flow")
    model = recipe.model(
        Asked("label", labels=("a", "b")), (3, 32, 32), recipe.options(width=16, steps=4)
    )  # learnt nothing
    model.network = model.make()
    schema = task.served(Schema((Column("label", "category"), Column("picture", "image", "target"))))
    made = Predictor(task, schema, MediaCodec(task.name, "image/png"), [(1.0, model)], name="maker")
    with running(create_app(made, keys=KeyRing.of({"test": KEY}))) as found:
        yield found


@pytest.mark.parametrize(("lang", "dark", "width"), [("zh", False, 390), ("en", True, 1200)])
def test_a_mask_is_painted_over_a_picture(
    maker: str, open_page: Open, tmp_path: Path, lang: str, dark: bool, width: int
):
    page = open_page(maker, "", key=KEY, lang=lang, dark=dark, width=width)
    (tmp_path / "p.png").write_bytes(png(picture(3, 96, 120)))
    page.set_input_files('.media[data-column="init_image"] input[type=file]', str(tmp_path / "p.png"))
    page.click(".painter button")
    box = page.locator(".painter canvas").bounding_box()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + box["height"] / 2, steps=6)
    page.mouse.up()
    mask = page.wait_for_selector('.media[data-column="mask_image"].full img.preview')
    assert mask.evaluate("(i) => [i.naturalWidth, i.naturalHeight]") == [120, 96]
    share = mask.evaluate("""(i) => { const c = document.createElement('canvas'); c.width = 120; c.height = 96;
        const d = c.getContext('2d'); d.drawImage(i, 0, 0); const p = d.getImageData(0, 0, 120, 96).data;
        return p.filter((v, k) => k % 4 === 0 && v > 127).length / (120 * 96); }""")
    assert 0.02 < share < 0.1, "a stroke across the middle"
    page.click("button.go")
    page.wait_for_selector("figure.made .compare img")
    assert page.evaluate("document.querySelector('.compare img').naturalWidth") == 32
    check_fits(page)
    check_axe(page)


@pytest.mark.parametrize("width", [1200, 390])
def test_the_report_needs_no_script(browser: Any, tmp_path: Path, width: int):
    from modelwright.evaluate.report.page import write_report

    a, b = (data_url(picture(i, 200, 288)) for i in (1, 2))
    pictures = [
        {"title": ["row 1: 30.1 dB", "第 1 行"], "before": a, "after": b, "wanted": a},
        {"title": ["7", "7"], "after": a, "wanted": b},
    ]
    section: Any = {
        "name": "p",
        "title": ["Pictures", "图片"],
        "says": ["Drag.", "拖动。"],
        "head": [],
        "rows": [],
        "private": True,
    }
    facts: Any = {
        "name": "mended", "task": "image-to-image", "metric": "psnr", "leaderboard": [], "metrics": [],
        "sections": [{**section, "pictures": pictures[:1]}, {**section, "pictures": pictures[1:]}],
    }  # fmt: skip
    (tmp_path / "report.html").write_text(write_report(facts, "en"), encoding="utf-8")
    page = browser.new_context(viewport={"width": width, "height": 900}, java_script_enabled=True).new_page()
    page.problems = []
    page.goto(f"file://{tmp_path}/report.html")
    assert page.evaluate("getComputedStyle(document.querySelector('.slide .over')).resize") == "horizontal"
    assert page.evaluate("[...document.images].every((i) => i.naturalWidth > 0)")
    check_fits(page)
    page.context.close()


def test_what_is_no_picture_is_left_out():
    assert "javascript" not in compared(
        [{"title": ["x", "x"], "before": "javascript:alert(1)", "after": "data:image/png;base64,AA=="}], "en"
    )


@pytest.mark.parametrize(
    ("lang", "caption"),
    [("en", "row 3: 30.12 dB. given | made, wanted"), ("zh", "第 3 行：30.12 dB。输入 | 结果，目标")],
)
def test_captions_have_the_marks_of_their_language(lang: str, caption: str):
    url = "data:image/png;base64,AA=="
    title = ["row 3: 30.12 dB", "第 3 行：30.12 dB"]
    shown = compared([{"title": title, "before": url, "after": url, "wanted": url}], lang)
    assert f"<figcaption>{caption}</figcaption>" in shown
