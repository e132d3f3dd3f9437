"""The pages of voices in a browser: a recording is asked, heard and answered; a voice is not enrolled without consent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.data.wav import as_wav
from modelwright.release.bundle import Predictor
from modelwright.serve.app import create_app
from modelwright.serve.keys import KeyRing
from modelwright.serve.stores import home_of_folder
from modelwright.serve.voice_front import Companions
from modelwright.testing import context, sample_table
from pages_made import check_axe, check_fits, running
from served_made import KEY
from talk_made import RATE, Fake, Speaks, answering, hearing, said

Open = Callable[..., Any]
LOOKS = [("en", False, 1280), ("zh", True, 390)]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    companions = Companions(hearing(), Fake(Speaks()))
    answers = answering(tmp_path_factory.mktemp("docs"))
    with running(create_app(answers, keys=KeyRing.of({"test": KEY}), companions=companions), ws="auto") as address:
        yield address


@pytest.mark.parametrize(("lang", "dark", "width"), LOOKS)
def test_a_recording_is_answered(desk: str, open_page: Open, tmp_path: Path, lang: str, dark: bool, width: int) -> None:
    page = open_page(desk, "talk", key=KEY, lang=lang, dark=dark, width=width)
    samples = np.frombuffer(said("low"), "<i2") / 32768
    (tmp_path / "low.wav").write_bytes(as_wav(samples, RATE))
    page.set_input_files("input[type=file]", str(tmp_path / "low.wav"))
    page.wait_for_selector(".stages")
    assert "The low tone opens the door." in page.inner_text(".said")
    assert "tones.csv" in page.inner_text(".said")
    check_axe(page)
    check_fits(page)


def test_a_voice_needs_consent(open_page: Open, tmp_path: Path) -> None:
    task, recipe = get_task("speaker-verification"), get_recipe("voice-none")
    table, target = sample_table(task, 16)
    model = recipe.fit(table, None, recipe.variants(table.schema, target, 16)[0], context(task, target))
    predictor = Predictor(task, task.served(table.schema), target, [(1.0, model)], name="voices")
    home = home_of_folder("voices", "1", tmp_path / "keys.json")
    with running(create_app(predictor, keys=KeyRing.of({"test": KEY}), home=home)) as address:
        page = open_page(address, "voices", key=KEY)
        page.fill("input.hot >> nth=0", "Ada")
        (tmp_path / "a.wav").write_bytes(as_wav(np.zeros(RATE), RATE))
        page.set_input_files("input[type=file]", str(tmp_path / "a.wav"))
        assert page.is_disabled("#enrol")
        page.check("#agree")
        assert page.is_enabled("#enrol")
        check_axe(page)
        check_fits(page)
