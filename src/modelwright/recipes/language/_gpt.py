"""A GPT as a model of a run: likelihoods, decoding, vectors, and a folder that `transformers` loads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.core.answers.base import TargetCodec
from modelwright.core.saved import Loading, read_state, write_state
from modelwright.core.words import Words
from modelwright.features.shared.chats import Chat
from modelwright.features.shared.vocabulary import Vocabulary, load_vocabulary
from modelwright.recipes.shared.lm import LanguageModel, windows

_BATCH_TOKENS = 8192
_ACCOUNT = 1_114_112  # characters that an unknown one may be: its cost is that of naming it


class GPTModel(LanguageModel):
    """A trained GPT. `named` says where a pretrained one came from."""

    def __init__(
        self, network: Any, vocabulary: Vocabulary, form: str, extent: dict[str, Any], history: list[dict[str, float]],
        device: str = "cpu", origins: Sequence[dict[str, str]] = (),
    ) -> None:  # fmt: skip
        self.network, self.vocabulary, self.form = network, vocabulary, form
        self.extent, self.history, self.device = extent, history, device
        self.chat = Chat(vocabulary)
        self.context = network.config.context
        self._origins = list(origins)

    @property
    def origins(self) -> list[dict[str, str]]:
        return self._origins

    def net(self, slots: int, context: int | None = None) -> Any:
        from modelwright.models.decode import CachedGPT

        return CachedGPT(self.network, slots, context)

    def nats(self, full: Sequence[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        out = [(np.zeros(max(0, len(f) - 1)), np.zeros(max(0, len(f) - 1), bool)) for f in full]
        cuts = [(i, *w) for i, f in enumerate(full) for w in windows(len(f), self.context)]
        cuts.sort(key=lambda c: c[3] - c[1])
        at = 0
        while at < len(cuts):
            size = cuts[min(at + 63, len(cuts) - 1)][3] - cuts[min(at + 63, len(cuts) - 1)][1]
            some = cuts[at : at + max(1, min(64, _BATCH_TOKENS // size))]
            at += len(some)
            for (i, begin, first, end), nats, hits in self._score(full, some):
                out[i][0][first - 1 : end - 1] = nats[first - begin - 1 :]
                out[i][1][first - 1 : end - 1] = hits[first - begin - 1 :]
        yield from out

    def _score(self, full: Sequence[np.ndarray], some: Sequence[tuple[int, int, int, int]]) -> Iterator[Any]:
        import torch
        from torch.nn import functional as F

        longest = max(end - begin for _, begin, _, end in some)
        ids = np.zeros((len(some), longest), np.int64)
        for row, (i, begin, _, end) in enumerate(some):
            ids[row, : end - begin] = full[i][begin:end]
        self.network.eval()
        with torch.inference_mode():
            x = torch.from_numpy(ids).to(self.device)
            logits = self.network.logits(self.network(x[:, :-1]))
            nats = F.cross_entropy(logits.flatten(0, 1), x[:, 1:].flatten(), reduction="none").view(len(some), -1)
            hits = logits.argmax(-1) == x[:, 1:]
        unknown = getattr(self.vocabulary, "unknown", None)
        all_nats, all_hits = nats.double().cpu().numpy(), hits.cpu().numpy()
        if unknown is not None:
            all_nats = all_nats + np.log(_ACCOUNT) * (ids[:, 1:] == unknown)
        for row, cut in enumerate(some):
            size = cut[3] - cut[1] - 1
            yield cut, all_nats[row, :size], all_hits[row, :size]

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Return the mean of the last hidden states of each text [N, D], brought to length 1."""
        import torch

        out = []
        with torch.inference_mode():
            for text in texts:
                ids = self.prompt_ids(text)[: self.context] or [self.vocabulary.end]
                hidden = self.network(torch.tensor([ids], device=self.device))[0].float().mean(0)
                out.append(torch.nn.functional.normalize(hidden, dim=0).cpu().numpy())
        return np.stack(out)

    def told(self) -> dict[str, Any]:
        return super().told() | {"origins": self._origins}

    def save(self, folder: Path) -> None:
        from modelwright.models.gpt_layout import write

        super().save(folder)
        write(self.network, folder, self.vocabulary.end)
        if self.vocabulary.stops - {self.vocabulary.end}:
            ends = sorted(self.vocabulary.stops, key=lambda i: i != self.vocabulary.end)
            settings = {"bos_token_id": self.vocabulary.end, "eos_token_id": ends}
            write_state(folder, settings, "generation_config.json")

    @classmethod
    def load(cls, folder: Path, target: TargetCodec | None) -> GPTModel:
        from modelwright.models.gpt_layout import read

        with Loading(folder, Words("language model", "语言模型")):
            data = read_state(folder)
            return cls(read(folder), load_vocabulary(folder), data["form"], {}, [], origins=data.get("origins", ()))
