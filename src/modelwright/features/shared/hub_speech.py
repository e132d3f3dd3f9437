"""How pretrained recognisers of speech write: Whisper's tokens, and the letters that the head of a wav2vec 2.0 has.

Everything is read from the folder once and kept as JSON, so that a bundle needs neither the folder nor a network.
Legend: L tokens, V columns of a head.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Self

import numpy as np

from modelwright.core.errors import MissingExtra, OptionError
from modelwright.core.pretrained import Found
from modelwright.features._hub_sound import whisper
from modelwright.features.shared.transcript_rules import UNSPACED

_SPECIAL = re.compile(r"<\|?[^<>]*\|?>|\[[A-Z]+\]")
_WORD = re.compile(f"[{UNSPACED}]|[^\\s{UNSPACED}]+")
_LANGUAGE = re.compile(r"<\|([a-z]{2,3})\|>")


class WhisperText:
    """Whisper's tokens (Radford et al., arXiv 2212.04356): `state` holds the tokeniser, and the ids that begin and end a transcript."""

    def __init__(self, state: Mapping[str, Any]) -> None:
        self.state = dict(state)
        self.end = int(state["end"])

    @classmethod
    def fit(cls, found: Found, language: str) -> Self:
        """Return how a folder writes in a language; a folder of one language needs none. Raises OptionError for a folder without tokens."""
        try:
            told = (found.folder / "tokenizer.json").read_text(encoding="utf-8")
        except OSError as e:
            raise OptionError(
                f"`{found.asked}` holds no tokenizer.json, by which a recogniser writes ({type(e).__name__}).",
                f"`{found.asked}` 中没有 tokenizer.json，无法写出文字（{type(e).__name__}）。",
            ) from e
        made = json.loads(told)
        config = found.config | found.json("generation_config.json")
        ids = {t["content"]: int(t["id"]) for t in made.get("added_tokens", [])}
        known = [m[1] for t in ids if (m := _LANGUAGE.fullmatch(t))]
        prompt = [int(config.get("decoder_start_token_id", ids.get("<|startoftranscript|>", 0)))]
        if config.get("is_multilingual", "<|transcribe|>" in ids and len(known) > 1) and known:
            prompt += [ids[f"<|{language if language in known else 'en' if 'en' in known else known[0]}|>"]]
            prompt += [ids[t] for t in ("<|transcribe|>",) if t in ids]
        prompt += [ids[t] for t in ("<|notimestamps|>",) if t in ids]
        end = config.get("eos_token_id", ids.get("<|endoftext|>", 0))
        times = [i for t, i in ids.items() if re.fullmatch(r"<\|\d+\.\d+\|>", t)]
        return cls({
            "tokenizer": made, "prompt": prompt, "end": int(end[0] if isinstance(end, list) else end),
            "never": sorted({*map(int, config.get("suppress_tokens") or ()), *times, *prompt}),
            "first": [int(i) for i in config.get("begin_suppress_tokens") or ()],
            "heads": [[int(a), int(b)] for a, b in config.get("alignment_heads") or ()],
        })  # fmt: skip

    @cached_property
    def _made(self) -> Any:
        try:
            from tokenizers import Tokenizer
        except ImportError as e:
            raise MissingExtra("pretrained", "Using pretrained models", "使用预训练模型") from e
        return Tokenizer.from_str(json.dumps(self.state["tokenizer"], ensure_ascii=False))

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the tokens of texts, without those that begin and end a transcript."""
        return [list(e.ids) for e in self._made.encode_batch([f" {t}" for t in texts], add_special_tokens=False)]

    def words(self, ids: Sequence[int]) -> list[tuple[str, int, int]]:
        """Return the words that tokens write, each with the first and the last of its tokens' places; Han characters one by one."""
        ends, text = [], ""
        for k in range(1, len(ids) + 1):
            part = self._made.decode(list(ids[:k]), skip_special_tokens=True)
            if not part.endswith("\ufffd"):  # else a character is not whole yet
                text = part
            ends.append(len(text))
        places = np.array(ends)
        out = []
        for m in _WORD.finditer(_SPECIAL.sub(lambda g: " " * len(g[0]), text)):
            first = int(np.searchsorted(places, m.start(), side="left"))
            first += int(m.start() > 0 and first < len(ids) and places[first] == m.start())  # a token ended there
            last = int(np.searchsorted(places, m.end(), side="left"))
            out.append((m[0], min(first, len(ids) - 1), min(last, len(ids) - 1)))
        return out


class WhisperFront:
    """What Whisper hears: samples a second, frames, bands; `frames` may be fewer than the 3,000 of its makers after tuning."""

    def __init__(self, state: Mapping[str, Any]) -> None:
        self.state = {k: int(state[k]) for k in ("rate", "frames", "bands", "window", "hop")}

    @classmethod
    def fit(cls, found: Found, seconds: float | None) -> Self:
        """Return the front end of a folder, cut to so many seconds where they are given."""
        told, config = found.told(), found.config
        rate, hop = int(told.get("sampling_rate", 16_000)), int(told.get("hop_length", 160))
        most = 2 * int(config.get("max_source_positions", 1500))
        frames = most if seconds is None else max(2, min(most, 2 * int(seconds * rate / hop / 2)))
        bands = int(told.get("feature_size", config.get("num_mel_bins", 80)))
        return cls({"rate": rate, "frames": frames, "bands": bands, "window": told.get("n_fft", 400), "hop": hop})

    @property
    def rate(self) -> int:
        """Samples a second."""
        return self.state["rate"]

    @property
    def seconds(self) -> float:
        """How long a recording it hears at a time."""
        return self.state["frames"] * self.state["hop"] / self.rate

    def mel(self, samples: np.ndarray) -> np.ndarray:
        """Return the spectrogram float32 [bands, frames] of samples [T], filled up with silence or cut."""
        s = self.state
        return np.ascontiguousarray(whisper(samples, s["rate"], s["frames"], s["bands"], s["window"], s["hop"]).T)


def letters_of(found: Found, texts: Sequence[str]) -> tuple[list[str], list[int]] | None:
    """Return the signs that the head of a folder writes, and their columns with that of the blank before them [V].

    None where it has no head, or one that does not write what the transcripts are written in.
    """
    vocab = found.json("vocab.json")
    if not vocab or not all(isinstance(v, int) for v in vocab.values()) or "lm_head.weight" not in tensors_in(found):
        return None
    told = found.json("tokenizer_config.json")
    blank = vocab.get(str(told.get("pad_token", "<pad>")), found.config.get("pad_token_id"))
    between = str(told.get("word_delimiter_token", "|"))
    signs: dict[str, int] = {}
    for sign, column in sorted(vocab.items(), key=lambda p: p[1]):
        written = " " if sign == between else sign.lower()
        if column != blank and len(written) == 1 and written not in signs:
            signs[written] = column
    seen = "".join(texts)
    known = sum(c in signs for c in seen)
    if blank is None or not signs or known < 0.98 * max(1, len(seen)):
        return None
    return list(signs), [int(blank), *signs.values()]


def tensors_in(found: Found) -> set[str]:
    """Return the names of the tensors of a folder."""
    from safetensors import safe_open

    names: set[str] = set()
    for path in sorted(found.folder.glob("*.safetensors")):
        with safe_open(str(path), framework="numpy") as f:
            names |= set(f.keys())
    return names


def head_of(found: Found, columns: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return weights [V, D] and biases [V] of some columns of a folder's head."""
    from safetensors import safe_open

    out: dict[str, np.ndarray] = {}
    for path in sorted(found.folder.glob("*.safetensors")):
        with safe_open(str(path), framework="numpy") as f:
            out |= {k: f.get_tensor(k) for k in f.keys() if k.startswith("lm_head.")}  # noqa: SIM118 - no mapping
    index = np.array(columns)
    weight = out["lm_head.weight"].astype(np.float32)
    bias = out.get("lm_head.bias", np.zeros(len(weight), np.float32)).astype(np.float32)
    return weight[index], bias[index]
