"""Texts as a pretrained encoder-decoder reads and writes them: Marian, T5 and mT5, BART, mBART, M2M-100, Pegasus.

Ids are shifted by one, so that 0 is padding. The tokenisers become part of the state, so a bundle needs no base.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from modelwright.core.errors import MissingExtra, OptionError
from modelwright.core.pretrained import Found
from modelwright.data.check import text_languages
from modelwright.features._spm import tokenizer_of
from modelwright.features.base import Ragged

_LANGUAGED = ("m2m_100", "mbart")  # families whose texts begin with the code of their language


class HubPairs:
    """`state` holds: tokenizer.json of both sides ("source", "target", the latter None where it is the same), "ids" (id by
    piece, where the tokeniser's own do not count), "config", "origin", and the ids "pad", "end", "start", "unknown",
    "lead" (before sources) and "first" (before answers)."""

    def __init__(self, state: Mapping[str, Any]) -> None:
        try:
            from tokenizers import Tokenizer
        except ImportError as e:
            raise MissingExtra("pretrained", "Using pretrained models", "使用预训练模型") from e
        self.state = dict(state)
        self.source = Tokenizer.from_str(json.dumps(state["source"], ensure_ascii=False))
        told = state["target"]
        self.target = Tokenizer.from_str(json.dumps(told, ensure_ascii=False)) if told else self.source
        for made in (self.source, self.target):
            made.no_padding()
            made.no_truncation()
        self.ids: dict[str, int] | None = state["ids"]
        self._pieces = {i: p for p, i in self.ids.items()} if self.ids else {}
        self.special = {int(state[k]) for k in ("pad", "end", "start")} | set(state["first"]) | set(state["lead"])

    @classmethod
    def fit(cls, found: Found, sources: Sequence[str], answers: Sequence[str]) -> HubPairs:
        """Read the tokenisers of a model's folder; `sources` and `answers` tell the languages where these have codes.

        Raises OptionError where the folder holds none that can be read.
        """
        folder, config = found.folder, found.config
        kind = str(config["model_type"])
        ids = target = None
        try:
            if (folder / "source.spm").is_file():
                source = tokenizer_of((folder / "source.spm").read_bytes(), f"{found.asked}/source.spm")
                target = json.loads(tokenizer_of((folder / "target.spm").read_bytes(), f"{found.asked}/target.spm"))
                ids = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
            elif (folder / "tokenizer.json").is_file():
                source = (folder / "tokenizer.json").read_text(encoding="utf-8")
            else:
                place = next((p for p in sorted(folder.glob("*.model"))), folder / "spiece.model")
                source = tokenizer_of(place.read_bytes(), f"{found.asked}/{place.name}")
                named = folder / "vocab.json"
                ids = json.loads(named.read_text(encoding="utf-8")) if named.is_file() else None
            state: dict[str, Any] = {"source": json.loads(source), "target": target, "ids": ids}
        except (OSError, ValueError) as e:
            raise OptionError(
                f"`{found.asked}` holds no tokeniser that can be read ({type(e).__name__}): expected tokenizer.json, or "
                "source.spm, target.spm and vocab.json.",
                f"`{found.asked}` 中没有可读的分词器（{type(e).__name__}）：应有 tokenizer.json，或 source.spm、target.spm 与 vocab.json。",
            ) from e
        pad, end = int(config.get("pad_token_id") or 0), int(config.get("eos_token_id", 1))
        start = config.get("decoder_start_token_id")
        state |= {
            "config": {k: v for k, v in config.items() if k not in ("auto_map", "_name_or_path")}, "origin": found.origin(),
            "pad": pad, "end": end, "start": int(start if start is not None else pad), "lead": [], "first": [],
        }  # fmt: skip
        out = cls({**state, "unknown": 0})
        state["unknown"] = next((i for p in ("<unk>", "[UNK]") if (i := out._id(p)) is not None), pad)
        if kind == "bart" and config.get("bos_token_id") is not None:
            state["lead"] = state["first"] = [int(config["bos_token_id"])]
        if kind in _LANGUAGED:
            state["lead"], state["first"] = out._codes(sources, found), out._codes(answers, found)
        return cls(state)

    def _id(self, piece: str) -> int | None:
        found = self.ids.get(piece) if self.ids else self.source.token_to_id(piece)
        return None if found is None else int(found)

    def _codes(self, texts: Sequence[str], found: Found) -> list[int]:
        """Return the id of the language that most texts are in; of families with codes one must be known."""
        shares = Counter(text_languages([t for t in texts[:500] if t]))
        known = self.ids or self.source.get_vocab()
        for language, _ in shares.most_common():
            for piece in known:
                if piece == f"__{language}__" or (
                    piece.startswith(f"{language}_") and piece[3:].isupper() and len(piece) == 5
                ):
                    return [int(known[piece])]
        raise OptionError(
            f"`{found.asked}` knows texts by the code of their language, and has none for the texts given.",
            f"`{found.asked}` 按语言代码区分文本，但没有与所给文本对应的代码。",
        )

    def encode(self, texts: Sequence[str], most: int, *, answers: bool = False) -> Ragged:
        """Return ids + 1 of sources with their end, or of answers without it, cut to `most`."""
        made = self.target if answers else self.source
        lead = self.state["first"] if answers else self.state["lead"]
        rows = []
        for e in made.encode_batch(list(texts), add_special_tokens=False):
            own = e.ids if self.ids is None else [self.ids.get(t, self.state["unknown"]) for t in e.tokens]
            rows.append([*lead, *own[: most - 1 - len(lead)], *([] if answers else [self.state["end"]])])
        found = Ragged.of_ids(rows)
        return Ragged(found.values + 1, found.offsets)

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids as the model gives them."""
        kept = [int(i) for i in ids if int(i) not in self.special]
        if self.ids is None:
            return str(self.target.decode(kept, skip_special_tokens=True)).strip()
        pieces = [self._pieces.get(i, "") for i in kept]
        return "".join(p for p in pieces if p not in ("<unk>", "</s>", "<pad>")).replace("\u2581", " ").strip()
