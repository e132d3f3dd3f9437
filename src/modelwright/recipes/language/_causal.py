"""Causal language models of folders: read into the own network where it can be one, else run by `transformers`."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from modelwright.core.answers.base import TargetCodec
from modelwright.core.errors import BundleError, MissingExtra
from modelwright.core.recipe import Estimate, FitContext, Options, Recipe
from modelwright.core.saved import Loading, read_state, write_state
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.features.shared.vocabulary import load_vocabulary
from modelwright.recipes.language._gpt import GPTModel

_LONGEST = 32_768


class CausalModel(GPTModel):
    """A model of a folder, tuned or as it came."""

    @classmethod
    def of_folder(
        cls, folder: Path, form: str, *, origins: Sequence[dict[str, str]] = (), history: Sequence[dict[str, float]] = (),
        extent: dict[str, Any] | None = None, device: str = "cpu",
    ) -> CausalModel:  # fmt: skip
        """Return the model of a folder as `save_pretrained` writes it. Raises BundleError, OptionError, MissingExtra."""
        from modelwright.models.gpt_layout import read, read_config, reads

        network: Any = read(folder) if reads(read_config(folder)) else hub_network(folder)
        return cls(
            network.to(device), load_vocabulary(folder), form, dict(extent or {}), list(history), device, origins
        )

    def net(self, slots: int, context: int | None = None) -> Any:
        if hasattr(self.network, "hub"):
            return HubNet(self.network, slots, context)
        return super().net(slots, context)

    def save(self, folder: Path) -> None:
        if not hasattr(self.network, "hub"):
            super().save(folder)
            return
        self.network.hub.save_pretrained(folder)
        self.vocabulary.save(folder)
        write_state(folder, self.told())

    @classmethod
    def load(cls, folder: Path, target: TargetCodec | None) -> CausalModel:
        with Loading(folder, Words("language model", "语言模型")):
            data = read_state(folder)
            return cls.of_folder(folder, data["form"], origins=data.get("origins", ()))


def hub_model(folder: Path) -> Any:
    """Return the folder's model as `transformers` makes it, in float32. Raises MissingExtra, BundleError."""
    try:
        import torch
        from transformers import AutoModelForCausalLM
        from transformers.utils import logging
    except ImportError as e:
        raise MissingExtra("llm", "Models of this kind", "该类模型") from e
    logging.disable_progress_bar()
    try:
        return AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, use_safetensors=True, local_files_only=True
        )
    except (OSError, ValueError, KeyError, RuntimeError) as e:
        raise BundleError(
            f"The model in {folder} cannot be loaded ({type(e).__name__}: {str(e)[:120]}).",
            f"无法加载 {folder} 中的模型（{type(e).__name__}）。",
        ) from e


def hub_network(folder: Path) -> Any:
    """Return a folder's model in the shape that likelihoods and vectors are taken from."""
    import torch
    from torch import nn

    class HubNetwork(nn.Module):
        """A model of `transformers`: what it gives are logits already."""

        def __init__(self) -> None:
            super().__init__()
            self.hub = hub_model(folder).eval().requires_grad_(False)
            c = self.hub.config.get_text_config()
            longest = getattr(c, "max_position_embeddings", None) or getattr(c, "n_positions", None) or 2048
            self.config = SimpleNamespace(context=min(_LONGEST, int(longest)), vocab=c.vocab_size)
            self.compute = torch.float32

        def forward(self, ids: Any) -> Any:
            return self.hub(input_ids=ids, use_cache=False).logits

        def logits(self, logits: Any) -> Any:
            return logits.float()

    return HubNetwork()


class HubNet:
    """A model of `transformers` as the decoding engine runs it: one cache for each slot, one slot after the other."""

    def __init__(self, network: Any, slots: int, context: int | None) -> None:
        self.network, self.context = network, min(network.config.context, context or network.config.context)
        self.vocab = network.config.vocab
        self._caches: list[Any] = [None] * (slots + 1)

    def _on(self, ids: Sequence[int], slot: int) -> Any:
        import torch

        hub = self.network.hub
        if self._caches[slot] is None:
            from transformers import DynamicCache

            self._caches[slot] = DynamicCache(config=hub.config)
        # the name of the argument changed with transformers 5.24
        name = "cache" if "cache" in inspect.signature(hub.forward).parameters else "past_key_values"
        given = torch.tensor([list(ids)], device=hub.device)
        with torch.inference_mode():
            logits = hub(input_ids=given, use_cache=True, **{name: self._caches[slot]}).logits
        return logits[0, -1].float()

    def read(self, ids: Sequence[int], slot: int, at: int) -> Any:
        """As Net.read."""
        if at == 0:
            self._caches[slot] = None
        return self._on(ids, slot)

    def step(self, ids: Sequence[int], at: Sequence[int]) -> Any:
        """As Net.step."""
        import torch

        return torch.stack([self._on([i], slot) for slot, i in enumerate(ids)])

    def move(self, source: int, goal: int) -> None:
        """As Net.move."""
        self._caches[goal], self._caches[source] = self._caches[source], None


class CausalRecipe(Recipe):
    """What the recipes that start from `--base` share."""

    tasks = frozenset({"text-generation"})

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        if not self.bases.causal:
            return Words("no language model was named: --base FOLDER", "未指定语言模型：--base 文件夹")
        return None

    def base(self, options: Options) -> Any:
        """Return what was found under the name of the base model."""
        from modelwright.core.pretrained import find_causal

        name: Any = options
        return find_causal(str(name.base))

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        found = self.base(options)
        size = sum(p.stat().st_size for p in found.folder.glob("*.safetensors"))
        return Estimate(1.0 + size / 500e6, int(5 * size) + (500 << 20))
