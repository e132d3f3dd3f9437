"""Texts to ids and back for language models: characters, byte-level sub-words (`tokenizers`), and tokenisers of folders.

Control tokens (end of a text, marks of a chat) have ids that no text encodes to, whatever it says.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from modelwright.core.errors import BundleError, MissingExtra

END, START_TURN, END_TURN, UNKNOWN = "<|end|>", "<|im_start|>", "<|im_end|>", "<|unknown|>"
SPECIALS = (END, START_TURN, END_TURN)
# ChatML, as the own chats are written; other programs read it from tokenizer_config.json
TEMPLATE = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


class Vocabulary(ABC):
    """What turns texts into ids. `end` is the id after a text, `stops` the ids that end an answer."""

    kind: ClassVar[str]
    size: int
    end: int
    stops: frozenset[int]
    start: tuple[int, ...]  # what stands before a text

    @abstractmethod
    def encode(self, text: str) -> list[int]:
        """Return the ids of a text; marks written out in it are plain text."""

    @abstractmethod
    def special(self, name: str) -> int | None:
        """Return the id of a control token; None where there is none of that name."""

    @cached_property
    @abstractmethod
    def pieces(self) -> list[bytes | None]:
        """The bytes that each id stands for; None for control tokens."""

    @abstractmethod
    def tokenizer_json(self) -> str:
        """Return the tokenizer.json that other programs read."""

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of ids, control tokens left out."""
        return b"".join(self.pieces[i] or b"" for i in ids).decode("utf-8", "replace")

    def lengths(self) -> np.ndarray:
        """Return how many bytes each id stands for [V]."""
        return np.array([len(p or b"") for p in self.pieces], np.int64)

    def save(self, folder: Path) -> None:
        """Write tokenizer.json and tokenizer_config.json, and which vocabulary it is."""
        (folder / "tokenizer.json").write_text(self.tokenizer_json(), encoding="utf-8")
        config = {
            "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": END, "eos_token": END,
            "clean_up_tokenization_spaces": False, "chat_template": TEMPLATE,
        }  # fmt: skip
        text = json.dumps(config, ensure_ascii=False, indent=1)
        (folder / "tokenizer_config.json").write_text(text, encoding="utf-8")
        (folder / "vocabulary.json").write_text(json.dumps({"kind": self.kind}), encoding="utf-8")


class Characters(Vocabulary):
    """One id for each character of the training texts, and one for all others, whose cost is counted honestly."""

    kind = "characters"

    def __init__(self, characters: Sequence[str]) -> None:
        self.characters = tuple(characters)
        names = [*SPECIALS, UNKNOWN, *self.characters]
        self.index = {c: i for i, c in enumerate(names)}
        self.size, self.end, self.unknown = len(names), 0, 3
        self.stops = frozenset({0, 2})
        self.start = (0,)
        most = max((ord(c) for c in self.characters), default=0) + 1
        self._table = np.full(most, self.unknown, np.int32)
        for c in self.characters:
            self._table[ord(c)] = self.index[c]

    @classmethod
    def fit(cls, texts: Iterable[str], least: int = 1) -> Characters:
        """Learn the characters that occur at least `least` times."""
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(text)
        return cls(sorted(c for c, n in counts.items() if n >= least and not "\ud800" <= c <= "\udfff"))

    def encode(self, text: str) -> list[int]:
        codes = np.frombuffer(text.encode("utf-32-le", "replace"), np.uint32)
        inside = codes < len(self._table)
        out = np.full(len(codes), self.unknown, np.int32)
        out[inside] = self._table[codes[inside]]
        found: list[int] = out.tolist()
        return found

    def special(self, name: str) -> int | None:
        return self.index[name] if name in SPECIALS else None

    @cached_property
    def pieces(self) -> list[bytes | None]:
        return [None, None, None, None, *(c.encode() for c in self.characters)]

    def tokenizer_json(self) -> str:
        added = [
            {"id": i, "content": n, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
            for i, n in enumerate((*SPECIALS, UNKNOWN))
        ]  # fmt: skip
        model: dict[str, Any] = {
            "type": "BPE", "dropout": None, "unk_token": UNKNOWN, "continuing_subword_prefix": None,
            "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
            "vocab": self.index, "merges": [],
        }  # fmt: skip
        whole = {
            "version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None,
            "pre_tokenizer": None, "post_processor": None, "decoder": {"type": "Fuse"}, "model": model,
        }  # fmt: skip
        return json.dumps(whole, ensure_ascii=False)


class Subwords(Vocabulary):
    """Byte-level byte-pair encoding: every text can be written, common stretches are one id (Sennrich et al. 2016)."""

    kind = "subwords"

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        tokenizer.encode_special_tokens = True
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self.size = tokenizer.get_vocab_size(with_added_tokens=True)
        end = tokenizer.token_to_id(END)
        self.end = 0 if end is None else end
        turn = tokenizer.token_to_id(END_TURN)
        self.stops = frozenset({self.end} | ({turn} if turn is not None else set()))
        self.start = (self.end,)

    @classmethod
    def fit(cls, texts: Iterable[str], size: int) -> Subwords:
        """Learn merges until there are `size` ids. Raises MissingExtra without `tokenizers`."""
        tokenizers = _tokenizers()
        made = tokenizers.Tokenizer(tokenizers.models.BPE())
        made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
        made.decoder = tokenizers.decoders.ByteLevel()
        trainer = tokenizers.trainers.BpeTrainer(
            vocab_size=size, special_tokens=list(SPECIALS), show_progress=False, max_token_length=24,
            initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        )  # fmt: skip
        made.train_from_iterator(texts, trainer)
        return cls(made)

    def encode(self, text: str) -> list[int]:
        found: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return found

    def special(self, name: str) -> int | None:
        found: int | None = self.tokenizer.token_to_id(name)
        return found

    @cached_property
    def pieces(self) -> list[bytes | None]:
        return pieces_of(self.tokenizer, self.size)

    def tokenizer_json(self) -> str:
        text: str = self.tokenizer.to_str()
        return text


def pieces_of(tokenizer: Any, size: int) -> list[bytes | None]:
    """Return the bytes of every id of a byte-level or sentencepiece-like tokeniser."""
    data = json.loads(tokenizer.to_str())
    special = {a["id"] for a in data["added_tokens"] if a["special"]}
    plain = {a["id"]: a["content"].encode() for a in data["added_tokens"] if not a["special"]}
    byte_level = "ByteLevel" in json.dumps([data.get("decoder"), data.get("pre_tokenizer")])
    back = {c: b for b, c in _byte_letters().items()}
    out: list[bytes | None] = []
    for i in range(size):
        token = tokenizer.id_to_token(i)
        if token is None or i in special:
            out.append(None)
        elif i in plain:
            out.append(plain[i])
        elif byte_level:
            out.append(bytes(back[c] for c in token) if all(c in back for c in token) else token.encode())
        elif len(token) == 6 and token.startswith("<0x"):
            out.append(bytes([int(token[3:5], 16)]))
        else:
            out.append(token.replace("\u2581", " ").encode())
    return out


def _byte_letters() -> dict[int, str]:
    """Return the letter that byte-level vocabularies write for each byte (Radford et al. 2019)."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    out = {b: chr(b) for b in shown}
    for n, b in enumerate(b for b in range(256) if b not in out):
        out[b] = chr(256 + n)
    return out


def _tokenizers() -> Any:
    try:
        import tokenizers
        import tokenizers.decoders
        import tokenizers.models
        import tokenizers.pre_tokenizers
        import tokenizers.trainers
    except ImportError as e:
        raise MissingExtra("text", "Sub-words", "子词切分") from e
    return tokenizers


class Foreign(Subwords):
    """The tokeniser of a folder that another program wrote, with the ids that end an answer there."""

    kind = "foreign"

    def __init__(self, tokenizer: Any, folder: Path) -> None:
        super().__init__(tokenizer)
        settings: dict[str, Any] = {}
        for name in ("config.json", "generation_config.json"):
            if (folder / name).is_file():
                settings |= json.loads((folder / name).read_text(encoding="utf-8"))
        path = folder / "tokenizer_config.json"
        self.settings: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        template = folder / "chat_template.jinja"
        if template.is_file():
            self.settings["chat_template"] = template.read_text(encoding="utf-8")
        ends = settings.get("eos_token_id")
        stops = [] if ends is None else list(ends) if isinstance(ends, list) else [ends]
        named = self.special(self.text_of("eos_token"))
        stops += [named] if named is not None else []
        self.size = max(int(settings.get("vocab_size", 0)), self.size)
        self.end = stops[-1] if stops else 0
        self.stops = frozenset(stops)
        first = tokenizer.encode("", add_special_tokens=True).ids
        self.start = tuple(first) if first else (self.end,)

    @cached_property
    def marks(self) -> list[str]:
        """How the control tokens are written."""
        added = json.loads(self.tokenizer_json())["added_tokens"]
        return [a["content"] for a in added if a["special"] and a["content"].strip()]

    def text_of(self, name: str) -> str:
        """Return how a control token such as `eos_token` is written; empty where there is none."""
        found = self.settings.get(name) or ""
        return str(found.get("content", "")) if isinstance(found, dict) else str(found)

    def save(self, folder: Path) -> None:
        (folder / "tokenizer.json").write_text(self.tokenizer_json(), encoding="utf-8")
        text = json.dumps(self.settings, ensure_ascii=False, indent=1)
        (folder / "tokenizer_config.json").write_text(text, encoding="utf-8")
        (folder / "vocabulary.json").write_text(json.dumps({"kind": self.kind}), encoding="utf-8")


def load_vocabulary(folder: Path) -> Vocabulary:
    """Return the vocabulary of a folder, own or of another program. Raises BundleError where it cannot be read."""
    try:
        own = folder / "vocabulary.json"
        kind = json.loads(own.read_text(encoding="utf-8"))["kind"] if own.is_file() else Foreign.kind
        if kind == Characters.kind:
            data = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
            index: dict[str, int] = data["model"]["vocab"]
            return Characters(sorted(index, key=lambda c: index[c])[len(SPECIALS) + 1 :])
        made = _tokenizers().Tokenizer.from_file(str(folder / "tokenizer.json"))
        return Subwords(made) if kind == Subwords.kind else Foreign(made, folder)
    except MissingExtra:
        raise
    except Exception as e:  # `tokenizers` raises bare Exception for what it cannot read
        raise BundleError(
            f"The tokenizer.json in {folder} cannot be read ({type(e).__name__}). Save the folder again with a fast tokeniser.",
            f"无法读取 {folder} 中的 tokenizer.json（{type(e).__name__}）。请用快速分词器重新保存。",
        ) from e
