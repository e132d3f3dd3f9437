"""The models that a run may start from or ask, declared by kind: pretrained encoders, language models, hosted models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class HostedModel:
    """A large model behind an OpenAI-compatible endpoint. Prices are per million tokens, in a currency of the user's."""

    url: str
    model: str
    price_in: float = 0.0
    price_out: float = 0.0


@dataclass(frozen=True)
class BaseModels:
    """What a run may use beside its rows; names are those of packaged or hub models, or folders, the first choice first.

    `encoders` are pretrained encoders by the modality that they read; `text2text` read a text and write another,
    `text2speech` read it aloud, `vocoders` make their spectra sound, `voice_vectors` says whose voices they speak with; `causal` are language models that go on with a text, `forecasters` go on with series; `detectors`
    find boxes in pictures, `diffusers` make pictures; `hosted` answer from elsewhere. `public` says that the data was declared
    public: rows may be shown to hosted models and stored as examples.
    """

    encoders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    text2text: tuple[str, ...] = ()
    text2speech: tuple[str, ...] = ()
    vocoders: tuple[str, ...] = ()
    voice_vectors: str = ""
    causal: tuple[str, ...] = ()
    forecasters: tuple[str, ...] = ()
    detectors: tuple[str, ...] = ()
    diffusers: tuple[str, ...] = ()
    hosted: tuple[HostedModel, ...] = ()
    public: bool = False
