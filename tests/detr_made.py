"""Tiny detectors with random weights, as `save_pretrained` would write them: for tests, never fetched from anywhere."""

from pathlib import Path

import torch


def tiny_detr(folder: Path, kind: str = "rt_detr") -> str:
    """Write a detector of one layer with 80 labels and 20 queries, and return its path."""
    import transformers as t

    torch.manual_seed(0)
    backbone = {"embedding_size": 8, "hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1], "layer_type": "basic"}
    few = {
        "encoder_in_channels": [16, 24, 32], "encoder_hidden_dim": 32, "d_model": 32, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32,
        "num_queries": 20, "decoder_layers": 2, "encoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2,
        "num_denoising": 8, "decoder_in_channels": [32, 32, 32], "hidden_expansion": 0.5, "num_labels": 80,
    }  # fmt: skip
    if kind == "deformable_detr":
        plain = t.ResNetConfig(
            embedding_size=8, hidden_sizes=[8, 16, 24, 32], depths=[1, 1, 1, 1], layer_type="basic", out_features=["stage2", "stage3", "stage4"]
        )  # fmt: skip
        config = t.DeformableDetrConfig(
            backbone_config=plain, use_timm_backbone=False, d_model=32, num_queries=20, encoder_layers=1, decoder_layers=2, num_labels=80,
            encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32, num_feature_levels=3,
        )  # fmt: skip
    elif kind == "conditional_detr":
        plain = t.ResNetConfig(
            embedding_size=8,
            hidden_sizes=[8, 16, 24, 32],
            depths=[1, 1, 1, 1],
            layer_type="basic",
            out_features=["stage4"],
        )
        config = t.ConditionalDetrConfig(
            backbone_config=plain, use_timm_backbone=False, d_model=32, num_queries=20, encoder_layers=1, decoder_layers=1, num_labels=80,
            encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32,
        )  # fmt: skip
    elif kind == "d_fine":
        config = t.DFineConfig(**few, backbone_config=t.HGNetV2Config(
            stem_channels=[3, 8, 8], stage_in_channels=[8, 16, 16, 24], stage_mid_channels=[8, 8, 8, 8], stage_out_channels=[16, 16, 24, 32],
            stage_num_blocks=[1, 1, 1, 1], stage_numb_of_layers=[1, 1, 1, 1], hidden_sizes=[16, 16, 24, 32], depths=[1, 1, 1, 1], embedding_size=8,
            out_features=["stage2", "stage3", "stage4"], return_idx=[1, 2, 3],
        ))  # fmt: skip
    else:
        config = t.RTDetrConfig(
            **few, backbone_config=t.RTDetrResNetConfig(**backbone, out_features=["stage2", "stage3", "stage4"])
        )
    t.AutoModelForObjectDetection.from_config(config).save_pretrained(folder)
    return str(folder)


def awaken(network: torch.nn.Module, inputs: dict[str, torch.Tensor]) -> None:
    """Scale every layer so that what it gives varies by 1: what is seen reaches the scores, which random weights let fade to nothing."""
    spread = (torch.nn.Conv2d, torch.nn.Linear)

    def scaled(layer, given, out):
        layer.weight.data.div_(max(float(out.detach().std()), 1e-6))
        if layer.bias is not None:
            layer.bias.data.zero_()
        if isinstance(layer, torch.nn.Conv2d):
            return layer._conv_forward(given[0], layer.weight, layer.bias)
        return torch.nn.functional.linear(given[0], layer.weight, layer.bias)

    for _ in range(2):
        hooks = [m.register_forward_hook(scaled) for m in network.modules() if isinstance(m, spread)]
        with torch.no_grad():
            network.eval()(inputs)
        for hook in hooks:
            hook.remove()
    with torch.no_grad():
        far = float(network.eval()(inputs).logits.mean())
    for name, p in network.named_parameters():
        if "class_embed" in name and name.endswith("bias"):
            p.data.sub_(far)  # layers before the last are weighed by others: their sums lie far from 0
