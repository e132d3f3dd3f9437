"""Language models as recipes: probabilities that are ones, likelihoods, saving, tuning, memorisation."""

import json
import re
import time

import numpy as np
import pyarrow as pa
import pytest
import torch

from language_made import chats, folder, hub
from modelwright.core.bases import BaseModels
from modelwright.core.budget import Deadline
from modelwright.core.errors import OptionError
from modelwright.core.judged import judge
from modelwright.core.pretrained import find_causal
from modelwright.core.recipe import get_recipe
from modelwright.core.schema import Column, Schema, Table
from modelwright.core.task import get_task
from modelwright.data.corpus import read_corpus
from modelwright.evaluate.memorisation import copied, distinct, longest_shared, sections
from modelwright.recipes.language._causal import CausalModel
from modelwright.recipes.shared.lm import windows
from modelwright.testing import context, sample_table
from modelwright.train.tokens import TokenFeed

TASK = get_task("text-generation")


def table_of(cells, name="text"):
    schema = Schema((Column(name, "text", "target"),))
    table = Table.of(pa.table({name: pa.array(cells, pa.string())}), schema)
    return table, TASK.fit_target(table.column(name), schema[name])


def fitted(name, cells, column="text", **options):
    table, target = table_of(cells, column)
    recipe = get_recipe(name)
    return recipe.fit(table, table, recipe.options(**options), context(TASK, target)), table


CELLS = [f"the cat number {i} sees the red ball. 小猫看到球 {i}" for i in range(30)]


@pytest.mark.parametrize(("name", "options"), [("unigram", {}), ("ngram", {"order": 4})])
def test_n_grams_are_probabilities(name, options):
    model, _table = fitted(name, CELLS, **options)
    for history in ([], [5], [5, 6, 7], list(range(4, 30))):
        assert model.following(history).sum() == pytest.approx(1.0)
        assert (model.following(history) > 0).all()
    ids = np.array([0, *model.vocabulary.encode("the cat 猫x")])
    nats, _ = next(model.nats([ids]))
    by_hand = [-np.log(model.following(ids[: i + 1])[ids[i + 1]]) for i in range(len(ids) - 1)]
    unknown = (ids[1:] == model.vocabulary.unknown) * np.log(1_114_112)
    assert nats == pytest.approx(np.array(by_hand) + unknown)


def test_better_models_need_fewer_bits():
    values = {}
    for name, options in (("unigram", {}), ("ngram", {}), ("gpt", GPT)):
        model, table = fitted(name, CELLS, **options)
        judged = judge(table_of(CELLS)[1], table.column("text"), model.judge(table), table.rows)
        values[name] = TASK.metrics[0](judged)
        assert TASK.metric("perplexity")(judged) > 1
        assert 0 <= TASK.metric("token_accuracy")(judged) <= 1
    assert values["ngram"] < values["unigram"]
    assert values["gpt"] < 0.8 * values["unigram"]


GPT = {"width": 48, "layers": 2, "head": 16, "context": 32, "batch": 256, "epochs": 8, "patience": 8}


def test_long_rows_are_scored_in_windows_each_id_once():
    for length in (2, 5, 32, 33, 40, 100):
        for size in (4, 9, 32):
            found = windows(length, size)
            scored = [i for _, first, end in found for i in range(first, end)]
            assert scored == list(range(1, length))
            assert all(end - begin <= size + 1 for begin, _, end in found)
            assert all(first - begin >= min(first, size // 2) for begin, first, _ in found)


def test_an_unknown_character_costs_its_name():
    model, _ = fitted("gpt", CELLS, **{**GPT, "epochs": 1})
    table, _ = table_of(["the cat", "the c龘t"])
    known, unknown = model.judge(table)[:, 0]
    assert unknown["bits"] > known["bits"] + 20


def test_chats_are_answered_from_prompts_and_messages(tmp_path):
    raw, _ = read_corpus(chats(tmp_path))
    model, _table = fitted("gpt", raw.column("messages").to_pylist(), "messages", **{**GPT, "context": 64})
    assert model.speaks
    said = Schema((Column("prompt", "text"), Column("messages", "text")))
    cell = json.dumps([{"role": "user", "content": "你好"}], ensure_ascii=False)
    rows = pa.table({"prompt": pa.array(["你好", None, None]), "messages": pa.array([None, cell, "no messages"])})
    answers = model.scores(Table.of(rows, said))[:, 0]
    assert answers[0] == answers[1]
    assert isinstance(answers[0], str)
    assert answers[2] is None


def test_the_deadline_ends_a_fit_with_what_there_is():
    table, target = table_of(CELLS * 20)
    recipe, ctx = get_recipe("gpt"), context(TASK, target)
    ctx.deadline = Deadline.after(4.0)
    start = time.monotonic()
    model = recipe.fit(table, table.take(np.arange(20)), recipe.options(**{**GPT, "epochs": 10_000}), ctx)
    assert time.monotonic() - start < 20
    assert np.isfinite([r["bits"] for r in model.judge(table.take(np.arange(5)))[:, 0]]).all()


def test_windows_of_a_feed_follow_the_text():
    docs = [type("D", (), {"ids": np.arange(10, 300, dtype=np.int32), "trained": np.arange(290) % 7 > 0})()]
    feed = TokenFeed(docs, [9], 16, 4, 100)
    seen = set()
    for batch in feed.epoch(np.random.default_rng(0)):
        x, y = feed.load(batch, "cpu")
        assert torch.equal(y[y >= 0], (x + 1)[y >= 0])
        assert torch.equal(y < 0, (x + 1 - 10) % 7 == 0)
        seen |= set(x.flatten().tolist())
    assert len(seen) > 200
    assert feed.total == len(feed.epoch(np.random.default_rng(1))) * 4 * 16


def test_memorisation_is_seen():
    training = (
        "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness."
    )
    assert longest_shared("xx the age of wisdom yy", training) == " the age of wisdom"
    assert (
        copied(training[3:90], training, time.monotonic() + 9)[0]
        == copied(training[3:90], training, time.monotonic() + 9)[1]
        > 0
    )
    assert copied("z" * 80, training, time.monotonic() + 9)[0] == 0
    assert distinct(["a b a b"], 1) == 0.5
    assert distinct(["好好好好"], 2) == pytest.approx(1 / 3)
    model, table = fitted(
        "ngram",
        ["an endless sentence that says the same words over and over again, and again. "] * 20,
        "passage",
        order=12,
    )
    (found,) = sections(model, table.column("passage").to_pylist(), 10.0)
    assert found.private
    assert int(re.search(r"(\d+) % of their stretches", found.says.en)[1]) > 0
    (other,) = sections(model, ["nothing of all this was ever said here before, by anybody at all."] * 9, 10.0)
    assert "0 % of their stretches" in other.says.en
    assert found.rows


@pytest.mark.parametrize("kind", ["llama", "gpt2", "phi"])
def test_a_folder_as_it_came(kind, tmp_path):
    model = CausalModel.of_folder(folder(tmp_path, kind), "chats")
    table, _ = table_of(
        [json.dumps([{"role": "user", "content": "hello"}, {"role": "assistant", "content": "fine"}])], "messages"
    )
    told = model.judge(table)[0, 0]
    assert told["bits"] > 0
    assert told["bytes"] == 4
    asked = Table.of(pa.table({"prompt": pa.array(["hello", "你好"])}), Schema((Column("prompt", "text"),)))
    both = model.scores(asked)[:, 0]
    assert model.scores(asked.take(np.array([1])))[0, 0] == both[1]
    assert abs(np.linalg.norm(model.embed(["hello"])[0]) - 1) < 1e-4
    again = tmp_path / "again"
    again.mkdir()
    model.save(again)
    assert {p.suffix for p in again.iterdir()} <= {".json", ".safetensors"}
    loaded = CausalModel.load(again, None)
    assert loaded.judge(table)[0, 0]["bits"] == pytest.approx(told["bits"], rel=1e-4)


def test_folders_that_are_refused(tmp_path):
    from transformers import BertConfig, BertModel

    BertModel(
        BertConfig(vocab_size=30, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
    ).save_pretrained(tmp_path / "bert")
    hub("llama").save_pretrained(tmp_path / "code")
    config = json.loads((tmp_path / "code" / "config.json").read_text())
    (tmp_path / "code" / "config.json").write_text(json.dumps(config | {"auto_map": {"AutoModel": "x.py"}}))
    (tmp_path / "none").mkdir()
    for name, said in (
        ("bert", "not a causal"),
        ("code", "never done"),
        ("none", "config.json"),
        ("gone", "no folder"),
    ):
        with pytest.raises(OptionError, match=said):
            find_causal(str(tmp_path / name))


def tuned(tmp_path, form, way, cells, **options):
    base = folder(tmp_path / "base")
    table, target = table_of(cells, form)
    recipe = get_recipe("causal")
    recipe.bases = BaseModels(causal=(str(base),))
    made = recipe.options(base=str(base), way=way, **options)
    before = CausalModel.of_folder(base, target.form).judge(table)[:, 0]
    model = recipe.fit(table, table, made, context(TASK, target))
    return before, model, table


@pytest.mark.parametrize("way", ["lora", "full"])
def test_supervised_tuning_learns(way, tmp_path):
    cells = read_corpus(chats(tmp_path))[0].column("messages").to_pylist()
    before, model, table = tuned(tmp_path, "messages", way, cells, lr=1e-2 if way == "lora" else 5e-3, epochs=6)
    after = model.judge(table)[:, 0]
    assert sum(a["bits"] for a in after) < 0.8 * sum(b["bits"] for b in before)
    assert model.origins[0]["name"] == "base"
    assert str(tmp_path) not in json.dumps(model.told())
    assert model.history[-1]["loss"] < model.history[0]["loss"]


def test_preferences_move_what_is_likelier(tmp_path):
    pairs = [{"prompt": [{"role": "user", "content": f"hello {i}"}], "chosen": [{"role": "assistant", "content": "fine"}],
              "rejected": [{"role": "assistant", "content": "name is"}]} for i in range(24)]  # fmt: skip
    cells = [json.dumps(p) for p in pairs]
    before, model, table = tuned(tmp_path, "preference", "full", cells, lr=5e-3, epochs=4)
    after = model.judge(table)[:, 0]
    rejected = [json.dumps({**p, "chosen": p["rejected"], "rejected": p["chosen"]}) for p in pairs]
    worse = model.judge(table_of(rejected, "preference")[0])[:, 0]
    assert sum(a["won"] for a in after) == 24 >= sum(b["won"] for b in before)
    assert sum(w["won"] for w in worse) == 0


def test_tuning_without_a_base_says_so():
    table, target = sample_table(TASK, 20)
    assert "--base" in get_recipe("causal").refuses(table.schema, target, 20).en
