"""A causal language model from a local folder: how likely it finds a continuation, and what it writes next.

Any folder that transformers loads without code of its own: config.json, safetensors, a tokenizer. Llama, Mistral, Qwen2,
Qwen3 and GPT-2 are read and decoded by the house's own network and engine, as language models that were trained here are;
other kinds run in transformers. Legend: N texts, T tokens.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.core.errors import BundleError, MissingExtra, ModelwrightError, OptionError

Message = dict[str, str]
_FILES = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
          "vocab.json", "merges.txt", "added_tokens.json")  # fmt: skip
_LENGTH = 2048  # tokens of a prompt that are read at most; of longer ones the beginning is cut
_TOGETHER = 8  # continuations that are decoded at a time


class Causal:
    """A model with its tokenizer, on one device."""

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        """Load a folder. Raises OptionError for one that is none, MissingExtra where transformers is absent."""
        try:
            import transformers
            from transformers import AutoTokenizer
        except ImportError as e:
            raise MissingExtra("pretrained", "A causal language model", "因果语言模型") from e
        from modelwright.models import gpt_layout
        from modelwright.models.pretrained import quiet_transformers

        self.folder, self.device = folder, device
        try:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            if "auto_map" in config or not list(folder.glob("*.safetensors")):
                raise ValueError("no safetensors, or code of its own")
            with quiet_transformers(transformers):
                self.tokenizer: Any = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
                # what is packed into fewer bits is not read here
                self.own = gpt_layout.reads(config) and "quantization_config" not in config
                self.model: Any = gpt_layout.read(folder).to(device) if self.own else _other(folder, device)
        except (OSError, ValueError, KeyError, RuntimeError, TypeError, BundleError) as e:
            raise OptionError(
                f"`{folder.name}` is not the folder of a causal language model ({type(e).__name__}). Expected config.json, "
                "tokenizer.json and *.safetensors, as `save_pretrained` writes them.",
                f"`{folder.name}` 不是因果语言模型文件夹（{type(e).__name__}）。应含 config.json、tokenizer.json 与 "
                "*.safetensors（即 `save_pretrained` 写出的内容）。",
            ) from e
        self.config: dict[str, Any] = config
        most = self.model.config.context if self.own else getattr(self.model.config, "max_position_embeddings", _LENGTH)
        self.length = min(_LENGTH, int(most or _LENGTH))

    def prompt(self, chat: Sequence[Message]) -> list[int]:
        """Return the ids of a chat up to where the answer begins: in the folder's own template, else plainly."""
        if getattr(self.tokenizer, "chat_template", None):
            text = self.tokenizer.apply_chat_template(list(chat), tokenize=False, add_generation_prompt=True)
            return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])
        text = "\n\n".join(m["content"] for m in chat) + "\n"
        return list(self.tokenizer(text)["input_ids"])

    def likelihood(
        self, prompts: Sequence[Sequence[int]], endings: Sequence[str], expired: Callable[[], bool] = lambda: False
    ) -> np.ndarray:
        """Return the mean log-likelihood of a token of each ending after each prompt [N, endings], float64.

        Raises ModelwrightError where `expired()` comes true.
        """
        import torch

        ends = [list(self.tokenizer(e, add_special_tokens=False)["input_ids"]) or [0] for e in endings]
        room = self.length - max(map(len, ends))
        out = np.zeros((len(prompts), len(ends)))
        for i, whole in enumerate(prompts):
            if expired():
                raise ModelwrightError("time ran out while the model read rows", "模型读取数据时时间已用尽")
            prompt = list(whole)[-room:]
            longest = max(map(len, ends))
            ids = torch.tensor([prompt + e + [0] * (longest - len(e)) for e in ends], device=self.device)
            with torch.inference_mode():
                # nothing looks ahead, so what pads the shorter endings counts for nothing
                if self.own:
                    logits = self.model.logits(self.model(ids)[:, len(prompt) - 1 : -1])
                else:
                    mask = torch.tensor(
                        [[1] * (len(prompt) + len(e)) + [0] * (longest - len(e)) for e in ends], device=self.device
                    )
                    logits = self.model(input_ids=ids, attention_mask=mask).logits[:, len(prompt) - 1 : -1]
                found = logits.float().log_softmax(-1).gather(2, ids[:, len(prompt) :, None])[..., 0].cpu().numpy()
            out[i] = [found[k, : len(e)].mean() for k, e in enumerate(ends)]
        return out

    def write(self, chat: Sequence[Message], most: int = 160) -> str:
        """Return the likeliest continuation of a chat, by greedy choice, `most` tokens at most."""
        return self.write_all([chat], most)[0]

    def write_all(self, chats: Sequence[Sequence[Message]], most: int = 160) -> list[str]:
        """Return the continuations of chats, decoded together where the engine can; each is what `write` returns."""
        prompts = [self.prompt(c)[-max(1, self.length - most) :] for c in chats]
        made = self._decoded(prompts, most) if self.own else [self._generated(p, most) for p in prompts]
        return [str(self.tokenizer.decode(ids, skip_special_tokens=True)).strip() for ids in made]

    def _decoded(self, prompts: Sequence[list[int]], most: int) -> list[list[int]]:
        from modelwright.models.decode import CachedGPT, Engine, Stream, run
        from modelwright.models.sampling import Sampling

        settings = self._settings()
        ends = settings.get("eos_token_id")
        stops = frozenset([ends] if isinstance(ends, int) else ends or ())
        penalty = float(settings.get("repetition_penalty") or 1.0)
        pieces = [b""] * self.model.config.vocab  # the tokenizer makes text of ids at the end
        sampling = Sampling(temperature=0, max_tokens=most, repetition_penalty=penalty)
        streams = [Stream(p, sampling, stops, pieces) for p in prompts]
        slots = max(1, min(_TOGETHER, len(streams)))
        run(Engine(CachedGPT(self.model, slots, self.length), slots), streams)
        return [s.ids for s in streams]

    def _settings(self) -> dict[str, Any]:
        """Return what the folder says of writing: where texts end, whether repeating costs."""
        path = self.folder / "generation_config.json"
        try:
            told = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        except (OSError, ValueError):
            told = {}
        told = told if isinstance(told, dict) else {}
        return {"eos_token_id": self.config.get("eos_token_id"), **told}

    def _generated(self, prompt: list[int], most: int) -> list[int]:
        import torch

        ids = torch.tensor([prompt], device=self.device)
        pad = self.tokenizer.pad_token_id if self.tokenizer.pad_token_id is not None else self.tokenizer.eos_token_id
        with torch.inference_mode():
            made = self.model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                do_sample=False,
                max_new_tokens=most,
                pad_token_id=pad,
            )
        return list(made[0, len(prompt) :].tolist())

    def save(self, folder: Path) -> None:
        """Copy what is needed to load it again: weights, config, tokenizer. A chat template goes into the tokenizer's config."""
        folder.mkdir(parents=True, exist_ok=True)
        for path in [*self.folder.glob("*.safetensors"), *self.folder.glob("*.safetensors.index.json")]:
            shutil.copyfile(path, folder / path.name)
        for name in _FILES:
            if (self.folder / name).is_file():
                shutil.copyfile(self.folder / name, folder / name)
        template = getattr(self.tokenizer, "chat_template", None)
        told = folder / "tokenizer_config.json"
        if isinstance(template, str):
            settings = json.loads(told.read_text(encoding="utf-8")) if told.is_file() else {}
            told.write_text(json.dumps({**settings, "chat_template": template}, ensure_ascii=False), encoding="utf-8")
        if not (folder / "tokenizer.json").is_file() and hasattr(self.tokenizer, "backend_tokenizer"):
            (folder / "tokenizer.json").write_text(self.tokenizer.backend_tokenizer.to_str(), encoding="utf-8")

    def origin(self) -> dict[str, str]:
        """Return where it comes from, for cards: the folder's name and a digest of its weights, never its path."""
        from modelwright.core.pretrained import digest_of_weights, facts_of_card

        kind = str(self.config["model_type"])
        return {"name": self.folder.name, "kind": kind, "sha256": digest_of_weights(self.folder)} | facts_of_card(
            self.folder / "README.md"
        )


def _other(folder: Path, device: str) -> Any:
    """Return a model of another kind, as transformers runs it."""
    import torch
    from transformers import AutoModelForCausalLM

    made: Any = AutoModelForCausalLM.from_pretrained(
        str(folder), local_files_only=True, use_safetensors=True, dtype=torch.float32
    )
    return made.to(device).eval()
