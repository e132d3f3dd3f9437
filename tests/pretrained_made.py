"""Tiny encoders with random weights, as `save_pretrained` would write them: for tests, never fetched from anywhere."""

import json
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors

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
