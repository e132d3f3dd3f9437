"""Gradients of networks: their weights sum to what the text adds, and the network stays as it was."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
import torch

from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.answers.label_sets import LabelSetsCodec
from modelwright.core.answers.value import ValueCodec
from modelwright.core.schema import Column, Schema, Table
from modelwright.evaluate.explain import _gradients
from modelwright.evaluate.explain.rows import explain_row
from modelwright.features.base import codec_class
from modelwright.models.network import ColumnNetwork
from modelwright.recipes.shared.network import NetworkModel
from modelwright.recipes.shared.network_options import NetworkOptions

TEXTS = ["refund my order please", "快递还没有送到 hello", "where is my parcel", "退款 退款 please"]
SCHEMA = Schema((Column("amount", "number"), Column("text", "text")))
TARGETS = {
    "classes": ClassesCodec(["a", "b", "c"], [1, 1, 1]),
    "label_sets": LabelSetsCodec(["a", "b"], [1, 1]),
    "value": ValueCodec(10.0, 4.0, 0.0, 20.0),
}


def made(encoder="cnn", kind="classes", bigrams=False):
    torch.manual_seed(0)
    data = pa.table({"amount": pa.array([1.0, 2.0, 3.0, 4.0]), "text": TEXTS})
    table = Table.of(data, SCHEMA)
    codecs = {}
    for column in SCHEMA:
        cls = codec_class(column.modality, "tensor")
        codecs[column.name] = (column, cls.fit(table.column(column.name), column, None, 0))
    options = NetworkOptions(encoders={"text": encoder}, embedding=16, filters=8, hidden=8, heads=2, bigrams=bigrams)
    target = TARGETS[kind]
    network = ColumnNetwork(codecs, target.outputs, options).eval()
    return NetworkModel(network, codecs, options, target, {}, []), table


def height(model, table, chosen, blank):
    """The answer's height with the text's vectors as they are, or all zero."""
    inputs = model.to_inputs(table)
    embed = model.network.encoders[1].embed
    vectors = embed({k[2:]: v for k, v in inputs.items() if k.startswith("1.")})[0]
    fed = _gradients._fed(model.network, 1)
    with torch.no_grad():
        raw = fed({**inputs, "1.vectors": torch.zeros_like(vectors) if blank else vectors})[0]
    if model.target.kind == "classes":
        others = [k for k in range(len(raw)) if k != chosen]
        return float(raw[chosen] - raw[others].logsumexp(0))
    return float(raw[chosen]) * model.unit[1]


@pytest.mark.parametrize(("encoder", "kind", "bigrams"), [
    ("cnn", "classes", False), ("cnn", "value", True), ("lstm", "label_sets", False), ("cnn", "classes", True),
])  # fmt: skip
def test_weights_sum_to_what_the_text_adds(encoder, kind, bigrams):
    model, table = made(encoder, kind, bigrams)
    one = table.take(np.array([1]))
    chosen = 0 if kind == "value" else 1
    found = _gradients.token_weights(model, one, "text", TEXTS[1], chosen, kind)
    assert [TEXTS[1][a:b] for a, b, _ in found] == [*"快递还没有送到", "hello"]
    adds = height(model, one, chosen, False) - height(model, one, chosen, True)
    assert adds != 0
    assert sum(w for _, _, w in found) == pytest.approx(adds, abs=0.05 * max(abs(adds), 0.2))


def test_weights_that_miss_their_sum_are_not_told():
    model, table = made("transformer")
    found = _gradients.token_weights(model, table.take(np.array([1])), "text", TEXTS[1], 1, "classes")
    one = table.take(np.array([1]))
    adds = height(model, one, 1, False) - height(model, one, 1, True)
    assert found is None or sum(w for _, _, w in found) == pytest.approx(
        adds, abs=0.15 * sum(abs(w) for *_, w in found)
    )
    told = explain_row(model.scores, one, SCHEMA, model.target, answer=1, model=model, seconds=1.0)
    assert {a.column for a in told} == {"amount", "text"}


def test_the_network_is_left_as_it_was():
    model, table = made()
    before = model.scores(table)
    modules = [id(x) for x in model.network.modules()]
    _gradients.token_weights(model, table.take(np.array([0])), "text", TEXTS[0], 0, "classes")
    assert [id(x) for x in model.network.modules()] == modules
    assert all(p.grad is None for p in model.network.parameters())
    assert (model.scores(table) == before).all()


def test_networks_are_explained_with_their_other_columns():
    model, table = made()
    one = table.take(np.array([0]))
    found = explain_row(model.scores, one, SCHEMA, model.target, model=model, seconds=20.0)
    assert {a.column for a in found} == {"amount", "text"}
    tokens = _gradients.token_weights(model, one, "text", TEXTS[0], int(model.scores(one)[0].argmax()), "classes")
    assert {(a.start, a.end, a.weight) for a in found if a.column == "text"} == set(tokens)


def test_what_cannot_be_done_is_left_to_hiding(monkeypatch):
    model, table = made()
    one = table.take(np.array([0]))
    assert _gradients.token_weights(SimpleNamespace(), one, "text", TEXTS[0], 0, "classes") is None
    assert _gradients.token_weights(model, one, "amount", "1", 0, "classes") is None
    ligature = Table.of(pa.table({"amount": [1.0], "text": ["ﬁnd it"]}), SCHEMA)  # two letters once normalised
    assert _gradients.token_weights(model, ligature, "text", "ﬁnd it", 0, "classes") is None
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert _gradients.token_weights(model, one, "text", TEXTS[0], 0, "classes") is None
