"""Recipes in order: what each declares of itself says when it is tried."""

from typing import ClassVar

import pyarrow as pa

from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.bases import BaseModels
from modelwright.core.config import make_config
from modelwright.core.recipe import Turn, get_recipe
from modelwright.core.schema import Column, Schema, Table
from modelwright.core.task import get_task
from modelwright.tune import order

OF_TABLES = ("trees", "catboost", "tabm", "extratrees")


def tried(columns, *more):
    cells = {"number": [1.0, 2.0, 3.0], "text": ["a b", "c d", "e f"]}
    names = {f"c{i}": m for i, m in enumerate(columns)}
    schema = Schema((*(Column(n, m) for n, m in names.items()), Column("y", "category", "target")))
    table = Table.of(pa.table({**{n: cells[m] for n, m in names.items()}, "y": ["a", "b", "a"]}), schema)
    target = ClassesCodec.fit(table.column("y"))
    config = make_config(data="x", target="y", recipes=[*OF_TABLES, *more])
    return [r.name for r in order.fitting(get_task("classification"), config, table, target, BaseModels()).recipes]


def test_trees_lead_on_plain_tables_and_a_network_beside_texts():
    assert tried(["number"]) == ["trees", "catboost", "tabm", "extratrees"]
    assert tried(["number", "text"], "textcnn") == ["textcnn", "tabm", "trees", "catboost", "extratrees"]


def test_a_recipe_says_itself_when_its_turn_is(monkeypatch):
    monkeypatch.setattr(type(get_recipe("extratrees")), "turn", Turn(alone=-1, beside=9))
    assert tried(["number"])[0] == "extratrees"
    monkeypatch.setattr(type(get_recipe("trees")), "turn", None)
    assert tried(["number"])[-1] == "trees"


def test_recipes_of_one_family_are_alike():
    class Other(type(get_recipe("trees"))):  # type: ignore[misc]
        family: ClassVar[str] = ""

    assert order.alike(get_recipe("trees"), get_recipe("catboost"))
    assert not order.alike(get_recipe("trees"), get_recipe("tabm"))
    assert not order.alike(Other(), Other()), "one without a family is like no other"


def test_weights_that_were_named_come_first_whatever_their_extra_is_called():
    config = make_config(data="x", target="y", pretrained=["some-folder"])
    named = [get_recipe(n) for n in ("image-lora", "hibari", "finetune", "detr-pretrained")]
    assert all(order.wanted(r, config) for r in named)
    assert not order.only_reads(get_recipe("image-lora")), "it trains what it begins from"
    assert not order.wanted(get_recipe("image-flow"), config)
