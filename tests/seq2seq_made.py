"""Tiny encoder-decoders with random weights and tokenisers of a few pieces: for tests, never fetched from anywhere."""

import json
import struct
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers

PIECES = ["<pad>", "</s>", "<unk>", "<s>", *(chr(0x2581) + c for c in "abcdefghijklmnopqrstuvwxyz"), *"abcdefghijklmnopqrstuvwxyz",
          chr(0x2581), "小", "红", "猫", "狗", "鸟", "老", "看", "见", "喜", "欢", "。", "."]  # fmt: skip
SHAPE = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2,
         "encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "max_position_embeddings": 128}  # fmt: skip


def varint(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def spm(pieces):
    """Return the bytes of a unigram SentencePiece model, as its protocol buffer is written."""
    out = b""
    for i, piece in enumerate(pieces):
        text = piece.encode()
        own = b"\x0a" + varint(len(text)) + text + b"\x15" + struct.pack("<f", -float(i))
        own += b"\x18" + varint(2) if piece == "<unk>" else b""
        out += b"\x0a" + varint(len(own)) + own
    trainer, normalizer = b"\x18\x01", b"\x18\x01\x20\x01"
    return out + b"\x12" + varint(len(trainer)) + trainer + b"\x1a" + varint(len(normalizer)) + normalizer


def tiny_pairs(folder: Path, kind: str) -> Path:
    """Write an encoder-decoder of one layer with its tokeniser, as `save_pretrained` and the hub have them."""
    import transformers

    folder.mkdir(parents=True)
    torch.manual_seed(0)
    pieces = [*PIECES, "__en__", "__zh__"] if kind == "m2m_100" else PIECES
    ids = {p: i for i, p in enumerate(pieces)}
    shape = {"vocab_size": len(pieces), "pad_token_id": 0, "eos_token_id": 1}
    if kind in ("t5", "mt5"):
        shape |= {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 1, "num_heads": 2, "decoder_start_token_id": 0}
    elif kind == "marian":
        shape |= {**SHAPE, "decoder_start_token_id": 0, "decoder_vocab_size": len(pieces)}
    else:
        shape |= {**SHAPE, "decoder_start_token_id": 1, "bos_token_id": 3}
    config = transformers.AutoConfig.for_model(kind, **shape)
    transformers.AutoModelForSeq2SeqLM.from_config(config).save_pretrained(str(folder))
    if kind in ("marian", "m2m_100"):
        own = [p for p in pieces if not p.startswith("__")]
        for name in ("source.spm", "target.spm") if kind == "marian" else ("sentencepiece.bpe.model",):
            (folder / name).write_bytes(spm(own))
        (folder / "vocab.json").write_text(json.dumps(ids), encoding="utf-8")
    else:
        made = Tokenizer(models.Unigram([(p, -float(i)) for i, p in enumerate(pieces)], ids["<unk>"], False))
        made.pre_tokenizer = pre_tokenizers.Metaspace()
        from tokenizers import decoders

        made.decoder = decoders.Metaspace()
        made.save(str(folder / "tokenizer.json"))
    return folder
