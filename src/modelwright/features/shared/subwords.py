"""Subwords of both sides of text pairs: one BPE over sources and answers, with bytes for what it never saw.

Nothing is normalised: case, full-width forms and spaces come back as they went in. Texts without spaces (Chinese) are
cut at punctuation and at changes of script, and merged from characters on. Source: Sennrich et al. 2016,
arXiv 1508.07909; byte fallback as in SentencePiece (Kudo & Richardson 2018, arXiv 1808.06226).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np

from modelwright.core.errors import MissingExtra
from modelwright.features.base import Ragged, Stored

PAD, BEGIN, END = 0, 1, 2
SLOTS = 32  # places for values that are copied, see `source.py`
NAMES = 64  # signs for the names of slots
SLOT = 0xE000  # the first of their characters, in Unicode's private use area; those of the names follow
_SPACE = "\u2581"
_BYTES = [f"<0x{i:02X}>" for i in range(256)]
_RARE = 3  # a character or merge seen less often is spelt in smaller pieces, since it may tell who wrote a row
_ALPHABET = 12_000


class Subwords(Stored):
    """A trained BPE. Ids: 0 padding, 1 begin, 2 end, then bytes, places of values, characters and merges."""

    def __init__(self, tokenizer: str) -> None:
        self.tokenizer = tokenizer
        self._made = _tokenizers().Tokenizer.from_str(tokenizer)
        self._made.no_truncation()
        self.size: int = self._made.get_vocab_size()

    @classmethod
    def fit(cls, texts: Iterable[str], size: int) -> Subwords:
        """Learn at most `size` pieces from training texts. Raises MissingExtra without the extra `language`."""
        t = _tokenizers()
        texts = [clean(x) for x in texts]
        counts = Counter(c for x in texts for c in x)
        initial = [_SPACE, *(chr(SLOT + i) for i in range(SLOTS + NAMES))]
        # cut between two counts: among characters that are equally rare the library's limit takes other ones each time
        common = sum(n >= _RARE for c, n in counts.items() if c != " " and c not in initial)
        made = t.Tokenizer(t.models.BPE(byte_fallback=True))
        han = "[\u3400-\u9fff\uf900-\ufaff]+"
        mark = f"[{chr(SLOT)}-{chr(SLOT + SLOTS + NAMES - 1)}]|[\\p{{P}}\\p{{Sc}}\\p{{Sm}}\\p{{N}}]"
        made.pre_tokenizer = t.pre_tokenizers.Sequence(
            [
                t.pre_tokenizers.Metaspace(replacement=_SPACE, prepend_scheme="always"),
                t.pre_tokenizers.Split(t.Regex(f"{han}|{mark}"), "isolated"),
            ]
        )
        trainer = t.trainers.BpeTrainer(
            vocab_size=size + 3 + len(_BYTES), min_frequency=_RARE, show_progress=False,
            special_tokens=["<pad>", "<s>", "</s>", *_BYTES], limit_alphabet=min(common + len(initial), _ALPHABET),
            initial_alphabet=initial,
        )  # fmt: skip
        made.train_from_iterator(texts, trainer)
        state = json.loads(made.to_str())
        state["added_tokens"] = []  # a text that holds "<pad>" is a text
        state["decoder"] = {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]}
        return cls(json.dumps(state, ensure_ascii=False))

    def encode(self, texts: Sequence[str], most: int | None = None) -> Ragged:
        """Return the ids of texts, int64, cut after `most`; neither begin nor end is added."""
        rows = [e.ids[:most] for e in self._made.encode_batch([clean(x) for x in texts], add_special_tokens=False)]
        return Ragged.of_ids(rows)

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids; bytes that make no character become U+FFFD."""
        text: str = self._made.decode([i for i in ids if i > END], skip_special_tokens=False)
        return text.replace(_SPACE, " ").strip()

    def signs(self) -> list[str]:
        """Return the pieces by id; those that begin a word begin with U+2581."""
        return [str(self._made.id_to_token(i)) for i in range(self.size)]

    def state(self) -> dict[str, Any]:
        """Return JSON values from which `restore` makes the same."""
        made: dict[str, Any] = json.loads(self.tokenizer)
        return made

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        return cls(json.dumps(state, ensure_ascii=False))


def clean(text: str) -> str:
    """Return a text without the sign that stands for spaces, and without spaces at its ends."""
    return text.replace(_SPACE, " ").strip()


def padded(rows: Ragged, index: np.ndarray) -> np.ndarray:
    """Return the rows at `index` [B] padded with 0 to the longest of them, [B, T], T at least 1."""
    sizes = rows.lengths[index]
    out = np.zeros((len(index), max(1, int(sizes.max(initial=0)))), np.int64)
    inside = np.arange(out.shape[1])[None] < sizes[:, None]
    at = rows.offsets[index][:, None] + np.arange(out.shape[1])[None]
    out[inside] = rows.values[at[inside]]
    return out


def _tokenizers() -> Any:
    try:
        import tokenizers
        import tokenizers.models
        import tokenizers.pre_tokenizers
        import tokenizers.trainers
    except ImportError as e:
        raise MissingExtra("language", "Making texts", "生成文本") from e
    return tokenizers
