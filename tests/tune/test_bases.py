"""Which pretrained encoders a run is given."""

import pyarrow as pa
import pytest

from modelwright.core.bases import BaseModels
from modelwright.core.config import make_config
from modelwright.core.errors import OptionError
from modelwright.core.schema import Column, Schema, Table
from modelwright.tune import bases
from modelwright.tune.bases import bases_for
from pretrained_made import tiny_image, tiny_text

ENGLISH, CHINESE = ["where is my card and how do I get it"] * 3, ["我的卡在哪里"] * 3


def table(texts):
    schema = Schema((Column("t", "text"), Column("y", "category", "target")))
    return Table.of(pa.table({"t": texts, "y": ["a", "b", "a"]}), schema)


def test_named_encoders_go_by_modality(tmp_path):
    a, b = str(tiny_text(tmp_path / "a")), str(tiny_text(tmp_path / "b", "distilbert"))
    config = make_config(data="x", target="y", pretrained=[a, b, a])
    assert bases_for(config, table(CHINESE)) == BaseModels({"text": (a, b)})


def test_an_encoder_that_no_column_needs_is_refused(tmp_path):
    config = make_config(data="x", target="y", pretrained=[str(tiny_image(tmp_path / "a"))])
    with pytest.raises(OptionError, match="reads image columns"):
        bases_for(config, table(ENGLISH))


@pytest.mark.parametrize(
    ("texts", "installed", "found"), [(ENGLISH, True, {"text": ("minilm",)}), (CHINESE, True, {}), (ENGLISH, False, {})]
)
def test_the_packaged_one_is_offered_for_english(monkeypatch, texts, installed, found):
    monkeypatch.setattr(bases, "minilm_installed", lambda: installed)
    assert bases_for(make_config(data="x", target="y"), table(texts)) == BaseModels(found)


def test_a_short_budget_is_not_spent_on_what_nobody_named(monkeypatch):
    monkeypatch.setattr(bases, "minilm_installed", lambda: True)
    assert bases_for(make_config(data="x", target="y", budget="30s"), table(ENGLISH)) == BaseModels()
