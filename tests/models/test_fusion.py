"""Fusion of columns, hidden columns in training, blended rows."""

import torch

from modelwright.models.fusion import AttentionFusion, GatedFusion


class Wanted:
    fusion_width, fusion_layers = 16, 1


def parts():
    torch.manual_seed(0)
    return [torch.randn(4, 5), torch.randn(4, 7)]


def test_gates_start_as_plain_concatenation():
    assert torch.equal(GatedFusion([5, 7])(parts()), torch.cat(parts(), 1))


def test_attention_gives_what_it_says_and_looks_at_every_column():
    fusion = AttentionFusion([5, 7], Wanted).eval()
    out = fusion(parts())
    assert out.shape == (4, fusion.width)
    other = [parts()[0], parts()[1] + 1]
    assert not torch.allclose(out, fusion(other))
    assert torch.allclose(out[1:2], fusion([p[1:2] for p in parts()]), atol=1e-5)
