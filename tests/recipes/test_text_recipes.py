"""Recipes that make texts: baselines, the network, pretrained encoder-decoders, refusals, damaged bundles."""

import json
import shutil

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.bases import BaseModels
from modelwright.core.errors import BundleError, ModelwrightError, OptionError
from modelwright.core.pretrained import find
from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.data.coerce import coerce
from modelwright.data.infer import infer_schema
from modelwright.features.shared.hub_pairs import HubPairs
from modelwright.recipes.texts.copy import lead
from modelwright.testing import context, sample_table
from seq2seq_made import tiny_pairs


def fitted(name, task, rows=40, bases=None, table=None, **changes):
    task = get_task(task)
    made, target = sample_table(task, rows) if table is None else table
    recipe = get_recipe(name)
    recipe.bases = bases or BaseModels()
    options = recipe.variants(made.schema, target, len(made))[0]
    options = type(options)(**{**options.model_dump(), **changes})
    return recipe.fit(made, made, options, context(task, target)), made, target


def texts(model, table):
    return [s["text"] for s in model.scores(table)[:, 0]]


def test_copying():
    model, table, _ = fitted("copy", "translation")
    assert texts(model, table) == table.column("en").to_pylist()
    model, table, _ = fitted("copy", "summarization")
    assert all(table.column("message")[i].as_py().startswith(t) for i, t in enumerate(texts(model, table)))


def test_a_template_is_filled():
    model, table, _ = fitted("copy", "text2text-generation")
    assert texts(model, table) == table.column("copy").to_pylist()
    assert "Kara" not in json.dumps(model.templates)


@pytest.mark.parametrize(
    ("text", "count", "first"),
    [("One. Two! Three?", 2, "One. Two!"), ("第一句。第二句！", 1, "第一句。"), ("no end", 3, "no end"), ("", 1, "")],
)
def test_lead(text, count, first):
    assert lead(text, count) == first


def test_the_most_alike_row_answers():
    model, table, _ = fitted("retrieval", "translation", rows=60)
    assert np.mean([a == b for a, b in zip(texts(model, table), table.column("zh").to_pylist())]) > 0.9


def test_unknown_names_are_copied():
    """The network never saw the name, and says it: it stands behind a placeholder."""
    model, table, _ = fitted("seq2seq", "text2text-generation", rows=64, epochs=40)
    assert "name" in model.reader.hidden
    schema = table.schema
    row, _ = coerce(pa.table({"name": ["Zyxwv Öl"], "kind": ["lamp"], "price": [77], "copy": [""]}), schema)
    (found,) = model.scores(row)[:, 0]
    assert "Zyxwv Öl" in found["text"]
    assert found["slots"] >= 2


def test_answers_are_chosen_by_their_slots():
    model, table, _ = fitted("copy", "text2text-generation")
    sources = model.reader.read(table)[:1]
    good = f"{dict(sources[0].slots)['name']} {dict(sources[0].slots)['kind']} {dict(sources[0].slots)['price']}"
    (chosen,) = model._choose(sources, [["nothing said", good]])
    assert chosen["text"] == good


def test_time_that_runs_out_in_a_refit_is_told():
    task = get_task("translation")
    table, target = sample_table(task, 30)
    recipe = get_recipe("seq2seq")
    ctx = context(task, target, seconds=0.01, extent={"epochs": 50})
    with pytest.raises(ModelwrightError, match="refit"):
        recipe.fit(table, None, recipe.variants(table.schema, target, 30)[0], ctx)


@pytest.mark.parametrize("name", ["seq2seq", "copy", "retrieval"])
def test_damaged_bundles_are_refused(tmp_path, name):
    model, _, target = fitted(name, "translation", rows=20, **({"epochs": 1} if name == "seq2seq" else {}))
    model.save(tmp_path)
    (tmp_path / "model.json").write_text("{}")
    with pytest.raises(BundleError):
        type(model).load(tmp_path, target)


@pytest.mark.parametrize(
    ("kind", "name"),
    [("marian", "seq2seqtuned"), ("t5", "seq2seqtuned"), ("bart", "seq2seqlora"), ("m2m_100", "seq2seqtuned")],
)
def test_pretrained_models(tmp_path, kind, name):
    base = tiny_pairs(tmp_path / "secret-place" / "base", kind)
    changes = {"epochs": 2, "beams": 2, "lr": 3e-3}
    model, table, target = fitted(name, "translation", rows=24, bases=BaseModels(text2text=(str(base),)), **changes)
    first = texts(model, table)
    assert model.origins[0]["name"] == "base"
    folder = tmp_path / "saved"
    folder.mkdir()
    model.save(folder)
    shutil.rmtree(base.parent)
    again = type(model).load(folder, target)
    assert texts(again, table) == first
    assert texts(again, table.take(np.array([3]))) == first[3:4]
    assert {p.suffix for p in folder.iterdir()} <= {".json", ".safetensors"}
    assert not [p for p in folder.glob("*.json") if "secret-place" in p.read_text()]


def test_languages_have_their_codes(tmp_path):
    found = find(str(tiny_pairs(tmp_path / "base", "m2m_100")))
    pieces = HubPairs.fit(found, ["the cat is old and red"] * 3, ["小猫喜欢狗"] * 3)
    assert pieces.state["lead"] == [pieces.ids["__en__"]]
    assert pieces.state["first"] == [pieces.ids["__zh__"]]
    with pytest.raises(OptionError, match="code"):
        HubPairs.fit(found, ["これはペンです"] * 3, ["小猫喜欢狗"] * 3)


def test_texts_of_a_pretrained_model_come_back(tmp_path):
    for kind in ("marian", "t5"):
        pieces = HubPairs.fit(find(str(tiny_pairs(tmp_path / kind, kind))), ["a"], ["a"])
        ids = pieces.encode(["abc 猫"], 30, answers=True).values - 1
        assert pieces.decode([pieces.state["start"], *ids, pieces.state["end"]]) == "abc 猫"


def test_a_folder_without_a_tokeniser_is_refused(tmp_path):
    base = tiny_pairs(tmp_path / "base", "t5")
    (base / "tokenizer.json").unlink()
    with pytest.raises(OptionError, match="tokeniser"):
        HubPairs.fit(find(str(base)), ["a"], ["a"])


def test_no_model_was_named():
    task = get_task("translation")
    table, target = sample_table(task, 20)
    for name in ("seq2seqtuned", "seq2seqlora"):
        recipe = get_recipe(name)
        recipe.bases = BaseModels()
        why = recipe.refuses(table.schema, target, 20)
        assert "--pretrained" in why.en
        assert "--pretrained" in why.zh


def test_schema_of_short_chinese_sources_is_read():
    raw = pa.table({"zh": ["嗨。", "你好。", "我赢了。"] * 20, "en": ["Hi.", "Hello.", "I won!"] * 20})
    schema = infer_schema(raw, target="en", overrides={"en": "text"})
    assert [c.name for c in schema.inputs] == ["zh"]
