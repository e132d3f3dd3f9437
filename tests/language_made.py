"""Tiny language models with random weights, made offline, and folders of them as `save_pretrained` writes them."""

import json

import torch

from modelwright.features.shared.vocabulary import TEMPLATE, Subwords

TEXTS = [
    "hello how are you today",
    "the weather is fine",
    "what is your name",
    "我的名字是模型",
    "你好 请问天气怎么样",
    '{"a": 1}',
] * 10


def hub(kind: str, vocab: int = 90, seed: int = 0):
    """A random model of `transformers`, weights large enough that its words differ."""
    import transformers as t

    torch.manual_seed(seed)
    common = {"vocab_size": vocab, "eos_token_id": 2, "bos_token_id": 0, "initializer_range": 0.2}
    if kind == "gpt2":
        config = t.GPT2Config(
            n_embd=32, n_layer=2, n_head=4, n_positions=96, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0, **common
        )
        return t.GPT2LMHeadModel(config).eval()
    shape = {
        "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
        "max_position_embeddings": 96,
    }  # fmt: skip
    made = {
        "llama": lambda: t.LlamaForCausalLM(t.LlamaConfig(**shape, **common, rope_scaling={
            "rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 32,
        })),
        "qwen2": lambda: t.Qwen2ForCausalLM(t.Qwen2Config(**shape, **common)),
        "qwen3": lambda: t.Qwen3ForCausalLM(t.Qwen3Config(**shape, **common, head_dim=8, tie_word_embeddings=True)),
        "phi": lambda: t.PhiForCausalLM(t.PhiConfig(**{**shape, "num_key_value_heads": 4}, **common)),
    }  # fmt: skip
    model = made[kind]()
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "norm" in name or name.endswith("bias"):
                p.add_(0.1 * torch.randn_like(p))
    return model.eval()


def folder(place, kind: str = "llama", template: str | None = TEMPLATE):
    """A folder with a random model, a byte-level tokeniser and a chat template."""
    from transformers import PreTrainedTokenizerFast

    vocabulary = Subwords.fit(TEXTS, 330)
    vocabulary.tokenizer.encode_special_tokens = False
    tokens = PreTrainedTokenizerFast(tokenizer_object=vocabulary.tokenizer, eos_token="<|im_end|>", bos_token="<|end|>")
    tokens.chat_template = template
    hub(kind, vocabulary.size).save_pretrained(place)
    tokens.save_pretrained(place)
    return place


def chats(place, rows: int = 40):
    """A file of short chats that can be learnt."""
    path = place / "chats.jsonl"
    turns = [
        ("what is your name", "my name is model"),
        ("how is the weather", "the weather is fine"),
        ("你好", "今天很好"),
    ]
    with path.open("w", encoding="utf-8") as f:
        for i in range(rows):
            q, a = turns[i % 3]
            said = [{"role": "user", "content": f"{q} {i}"}, {"role": "assistant", "content": f"{a} {i % 7}"}]
            f.write(json.dumps({"messages": said}, ensure_ascii=False) + "\n")
    return path
