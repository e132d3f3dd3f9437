"""Tiny encoders with random weights, as `save_pretrained` would write them: for tests, never fetched from anywhere."""

import json
import socket
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from modelwright.core.bases import BaseModels
from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.testing import context, sample_table

WORDS = [
    "refund",
    "please",
    "parcel",
    "late",
    "where",
    "is",
    "my",
    "the",
    "password",
    "app",
    "退",
    "款",
    "快",
    "递",
    "密",
    "码",
    "hello",
    "thanks",
    "today",
    "urgent",
]


def tiny_text(folder: Path, kind: str = "bert") -> Path:
    """Write a text encoder of two layers, with a tokenizer of a few words and single characters."""
    import transformers

    folder.mkdir(parents=True)
    torch.manual_seed(0)
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    if kind == "roberta":  # its padding id is 1
        special[:2] = ["[UNK]", "[PAD]"]
    vocabulary = [
        *special,
        *dict.fromkeys(WORDS),
        *"abcdefghijklmnopqrstuvwxyz",
        *(f"##{c}" for c in "abcdefghijklmnopqrstuvwxyz"),
    ]
    ids = {w: i for i, w in enumerate(vocabulary)}
    made = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])]
    )
    made.save(str(folder / "tokenizer.json"))
    shape = {"vocab_size": len(vocabulary), "pad_token_id": ids["[PAD]"], "max_position_embeddings": 48}
    if kind == "distilbert":
        shape |= {"dim": 24, "n_layers": 2, "n_heads": 2, "hidden_dim": 48}
    else:
        shape |= {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
    config = transformers.AutoConfig.for_model(kind, **shape)
    transformers.AutoModel.from_config(config).save_pretrained(folder)
    return folder


def tiny_image(folder: Path, kind: str = "vit") -> Path:
    """Write an encoder of pictures of 16 x 16 pixels."""
    import transformers

    torch.manual_seed(0)
    layers = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    shapes = {
        "vit": {**layers, "image_size": 16, "patch_size": 8},
        "dinov2": {**layers, "image_size": 16, "patch_size": 8, "mlp_ratio": 2},
        "clip_vision_model": {**layers, "image_size": 16, "patch_size": 8},
        "convnext": {"hidden_sizes": [8, 16], "depths": [1, 1], "num_stages": 2, "patch_size": 2},
        "resnet": {"hidden_sizes": [8, 16], "depths": [1, 1], "embedding_size": 8, "layer_type": "basic"},
    }
    config = transformers.AutoConfig.for_model(kind, **shapes[kind])
    transformers.AutoModel.from_config(config).save_pretrained(folder)
    told = {
        "size": {"height": 16, "width": 16},
        "image_mean": [0.4, 0.5, 0.6],
        "image_std": [0.2, 0.3, 0.2],
        "resample": 2,
    }
    if kind == "convnext":
        told["size"], told["crop_pct"] = {"shortest_edge": 16}, 0.875
    (folder / "preprocessor_config.json").write_text(json.dumps(told))
    return folder


_SPEECH = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32,
    "conv_dim": [8, 8, 8], "conv_kernel": [10, 8, 4], "conv_stride": [5, 8, 8], "num_feat_extract_layers": 3,
    "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4,
}  # fmt: skip


def tiny_audio(folder: Path, kind: str = "wav2vec2", **changes) -> Path:
    """Write an encoder of sound: of 16-wide layers, for 16 kHz."""
    import transformers

    torch.manual_seed(0)
    shapes = {
        "whisper": {
            "d_model": 16, "encoder_layers": 2, "encoder_attention_heads": 2, "encoder_ffn_dim": 32,
            "decoder_layers": 1, "decoder_attention_heads": 2, "decoder_ffn_dim": 32, "num_mel_bins": 20,
            "max_source_positions": 100, "vocab_size": 32, "max_target_positions": 8, "pad_token_id": 0,
            "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1,
        },
        "audio-spectrogram-transformer": {
            "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32,
            "max_length": 128, "num_mel_bins": 32, "patch_size": 16,
        },
    }  # fmt: skip
    config = transformers.AutoConfig.for_model(kind, **{**shapes.get(kind, _SPEECH), **changes})
    transformers.AutoModel.from_config(config).save_pretrained(folder)
    told = {"sampling_rate": 16000, "do_normalize": True}
    if kind == "whisper":
        told |= {"feature_size": 20, "hop_length": 160, "n_fft": 400}
    (folder / "preprocessor_config.json").write_text(json.dumps(told))
    return folder


def tiny_video(folder: Path, kind: str = "videomae") -> Path:
    """Write an encoder of clips of 4 frames of 16 x 16 pixels."""
    import transformers

    torch.manual_seed(0)
    layers = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    config = transformers.AutoConfig.for_model(kind, **layers, image_size=16, patch_size=8, num_frames=4)
    transformers.AutoModel.from_config(config).save_pretrained(folder)
    told = {
        "size": {"shortest_edge": 16}, "do_center_crop": True, "crop_size": {"height": 16, "width": 16},
        "image_mean": [0.4, 0.5, 0.6], "image_std": [0.2, 0.3, 0.2],
    }  # fmt: skip
    (folder / "preprocessor_config.json").write_text(json.dumps(told))
    return folder


QUICK = {"epochs": 3, "encoder_lr": 1e-3, "lr": 5e-3}


@pytest.fixture
def offline(monkeypatch):
    """Any socket that is opened fails the test."""

    def refuse(*args, **kwargs):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def fitted(name, encoders, modality="", rows=48, **changes):
    task = get_task("classification")
    table, target = sample_table(task, rows, modality=modality)
    recipe = get_recipe(name)
    recipe.bases = BaseModels(encoders)
    options = recipe.variants(table.schema, target, len(table))[0]
    quick = {k: v for k, v in QUICK.items() if k in type(options).model_fields}
    options = type(options)(**{**options.model_dump(), **quick, **changes})
    return recipe, recipe.fit(table, table, options, context(task, target)), table, target
