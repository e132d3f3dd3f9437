"""Networks over columns: shapes, masks, members, missing values, word vectors."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
import torch

from modelwright.core.errors import OptionError
from modelwright.core.schema import Column, arrow_type
from modelwright.features.base import codec_class
from modelwright.features.shared.tensors import NumberTensor
from modelwright.models.encoders.base import encoder_class
from modelwright.models.network import ColumnNetwork, TabM, to_scores
from modelwright.train.batches import collate

VALUES = {
    "number": [1.0, None, 3.0, 400.0] * 4,
    "category": ["a", "b", None, "rare"] * 4,
    "boolean": [True, None, False, True] * 4,
    "timestamp": [np.datetime64("2026-03-01", "us"), None] * 8,
    "text": ["where is my card", "卡在哪里", None, "where"] * 4,
}


def options(**changes):
    plain = {
        "encoders": {"text": "cnn"}, "fusion": "gate", "column_dropout": 0.0, "mixup": 0.0, "embedding": 16, "filters": 8, "widest": 3, "hidden": 8, "layers": 2, "heads": 2,
        "bigrams": False, "vectors": None, "word_dropout": 0.0, "number_width": 4, "members": 0, "depth": 1,
        "width": 16, "dropout": 0.1,
    }  # fmt: skip
    return SimpleNamespace(**{**plain, **changes})


def fitted(modality):
    values = pa.array(VALUES[modality], arrow_type(modality))
    codec = codec_class(modality, "tensor").fit(values, Column("x", modality), None, 0)
    return values, codec


def inputs(modalities):
    codecs, arrays = {}, {}
    for i, m in enumerate(modalities):
        values, codec = fitted(m)
        codecs[m] = (Column(m, m), codec)
        arrays |= {f"{i}.{k}": v for k, v in codec.encode(values).items()}
    return codecs, collate(arrays, np.arange(16))


@pytest.mark.parametrize("modality", list(VALUES))
@pytest.mark.parametrize("encoder", ["cnn", "lstm", "transformer"])
def test_an_encoder_gives_what_it_says(modality, encoder):
    if modality != "text" and encoder != "cnn":
        encoder = "none such"  # another modality's name gives the default
    codecs, tensors = inputs([modality])
    network = encoder_class(modality, encoder)(codecs[modality][1], options(encoders={"text": encoder})).eval()
    out = network({k[2:]: v for k, v in tensors.items()})
    assert out.vector.shape == (16, network.width)
    assert torch.isfinite(out.vector).all()
    if out.sequence is not None:
        assert out.mask.dtype == torch.bool
        assert out.sequence.shape[:2] == out.mask.shape


@pytest.mark.parametrize("bigrams", [False, True])
@pytest.mark.parametrize("encoder", ["cnn", "lstm", "transformer"])
def test_padding_changes_nothing(encoder, bigrams):
    codecs, tensors = inputs(["text"])
    torch.manual_seed(0)
    network = ColumnNetwork(codecs, 3, options(encoders={"text": encoder}, bigrams=bigrams)).eval()
    longer = {k: torch.nn.functional.pad(v, (0, 11)) for k, v in tensors.items()}
    assert torch.allclose(network(tensors), network(longer), atol=1e-6)


@pytest.mark.parametrize("encoder", ["cnn", "lstm", "transformer"])
@pytest.mark.parametrize("members", [0, 4])
def test_any_mix_of_columns_reaches_every_parameter(encoder, members):
    codecs, tensors = inputs(list(VALUES))
    network = ColumnNetwork(codecs, 3, options(encoders={"text": encoder}, members=members, bigrams=True, dropout=0.0))
    out = network(tensors)
    assert out.shape == ((16, 4, 3) if members else (16, 3))
    out.square().sum().backward()
    assert [n for n, p in network.named_parameters() if p.grad is None] == []


def test_order_of_words_matters_to_every_text_encoder():
    codec = codec_class("text", "tensor").fit(pa.array(["not good bad"] * 2), Column("x", "text"), None, 0)
    tensors = collate(codec.encode(pa.array(["not good bad", "bad good not"])), np.arange(2))
    for encoder in ("cnn", "lstm", "transformer"):
        torch.manual_seed(1)
        out = encoder_class("text", encoder)(codec, options(encoders={"text": encoder})).eval()(tensors).vector
        assert not torch.allclose(out[0], out[1], atol=1e-3), encoder


def test_numbers_are_piecewise_linear_and_missing_is_a_state_of_its_own():
    values = pa.array([float(v) for v in range(100)])
    codec = NumberTensor.fit(values, Column("x", "number"), None, 0)
    encoder = encoder_class("number")(codec, options())
    x = torch.linspace(-1, 1, 9)[:, None]
    bins = ((x[:, :, None] - encoder.low) * encoder.inverse).clamp(0, 1)
    assert (bins.diff(dim=0) >= 0).all()  # grows with the number
    assert ((bins > 0) & (bins < 1)).sum(-1).max() <= 1  # one bin is partly filled
    out = encoder({k: torch.from_numpy(v) for k, v in codec.encode(pa.array([None, 49.5, 1e300, -1e300])).items()})
    assert torch.isfinite(out.vector).all()
    assert not torch.allclose(out.vector[0], out.vector[1])


def test_members_of_tabm_share_weights_and_differ():
    torch.manual_seed(0)
    trunk = TabM(6, 2, options(members=5, depth=2)).eval()
    out = trunk(torch.randn(3, 6))
    assert out.shape == (3, 5, 2)
    assert out.std(1).min() > 1e-4
    assert sum(p.numel() for p in trunk.linears.parameters()) == 6 * 16 + 16 * 16  # once, not five times


@pytest.mark.parametrize("kind", ["classes", "label_sets", "value"])
def test_members_are_averaged_as_answers(kind):
    outputs = torch.randn(4, 3, 2)
    scores = to_scores(outputs, kind, 10.0, 2.0)
    alone = torch.stack([to_scores(outputs[:, m], kind, 10.0, 2.0) for m in range(3)])
    assert torch.allclose(scores, alone.mean(0), atol=1e-6)
    if kind == "classes":
        assert torch.allclose(scores.sum(1), torch.ones(4))


@pytest.mark.parametrize("header", ["", "2 16\n"])
def test_word_vectors_in_text_format(tmp_path, header):
    path = tmp_path / "vectors.txt"
    path.write_text(header + "where " + " ".join(["1"] * 16) + "\nnone " + " ".join(["0"] * 16) + "\n", "utf-8")
    codecs, _ = inputs(["text"])
    codec = codecs["text"][1]
    table = (
        ColumnNetwork(codecs, 2, options(encoders={"text": "lstm"}, vectors=str(path))).encoders[0].embed.words.weight
    )
    row = table[codec.encode(pa.array(["where"]))["ids"].values[0]]
    assert torch.allclose(row, row[0].expand(16))
    assert float(row.detach()[0]) > 0


@pytest.mark.parametrize("text", ["where 1 2\n", "where " + " ".join(["x"] * 16) + "\n", None])
def test_bad_word_vectors_are_named(tmp_path, text):
    path = tmp_path / "vectors.txt"
    if text is not None:
        path.write_text(text, "utf-8")
    with pytest.raises(OptionError, match=r"vectors\.txt"):
        ColumnNetwork(inputs(["text"])[0], 2, options(vectors=str(path)))
