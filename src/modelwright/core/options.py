"""The options of a run as keyword arguments of Python, for editors and type checkers.

Made by `docs/make_options.py` from the groups in `core/option_groups/` and beside the tasks; edit those, not this file.
"""

from __future__ import annotations

from typing import Literal, TypedDict


class RunOptions(TypedDict, total=False):
    """What `fit` takes beside data and target, under the names and units of `modelwright run`."""

    # Data
    test: str | None
    query: str | None
    table: str | None
    sheet: str | None
    header: bool | None
    delimiter: str | None
    decimal: str | None
    encoding: str | None
    dates: str | None

    # Target and columns
    task: str | None
    column: dict[str, str]
    ignore: list[str]
    na: list[str]
    group: str | None
    time: str | None
    weight: str | None

    # Training
    budget: str
    gate: str | None
    metric: str | None
    cost: list[str]
    memory: str | None
    latency: str | None
    folds: int | None
    repeats: int
    test_fraction: float
    device: str
    seed: int

    # Models
    recipes: list[str]
    search: Literal["tpe", "random", "grid", "none"]
    ensemble: bool
    refit: bool | None
    student: bool | None
    class_weight: bool
    missing: Literal["keep", "median", "refuse"]
    vectors: str | None
    pretrained: list[str]

    # Privacy
    private: list[str]
    public: bool
    vault: str | None
    epsilon: float | None
    delta: float | None
    bounds: dict[str, str]

    # Fairness
    sensitive: list[str]
    sensitive_input: bool
    favourable: str | None
    mitigate: Literal["none", "reweigh", "thresholds"]

    # Consent
    consent: str | None
    subject: str | None
    purpose: str | None
    retain: str | None

    # Scale
    devices: int
    accumulate: int
    shard: bool
    activation_checkpointing: bool
    compile: bool
    cluster: str | None

    # Anomalies (for anomaly-detection)
    false_alarms: str
    normal: str | None
    machine: str | None
    period: int | None

    # Answers from documents (for question-answering)
    wrong: float | None

    # Series (for classification, multi-label-classification, ordinal, regression)
    series: list[str]
    series_id: str | None
    series_time: str | None

    # Sound (for classification, multi-label-classification, ordinal, regression)
    channel: str | None

    # Molecules (for classification, multi-label-classification, ordinal, regression)
    split: Literal["random", "scaffold"]

    # Marks by rubric (for essay-scoring)
    rubric: list[str]

    # Forecasting (for time-series-forecasting)
    horizon: int | None
    frequency: str | None
    season: int | None
    key: list[str]
    known: list[str]
    totals: bool
    holidays: str | None
    fill: Literal["linear", "zero", "previous", "mean", "seasonal", "refuse"]
    duplicates: Literal["mean", "sum", "last", "refuse"]
    quantiles: list[float]
    windows: int | None
    gap: int
    recent: bool

    # Image generation (for unconditional-image-generation, text-to-image)
    resolution: int | None
    few_steps: bool

    # Knowledge tracing (for knowledge-tracing)
    skill: str | None

    # Large language models
    base: str | None
    endpoint: str | None
    endpoint_model: str | None
    price_in: float
    price_out: float
    teacher: str | None

    # Quantities to order (for regression, time-series-forecasting)
    too_much: float | None
    too_little: float | None

    # Pictures from pictures (for image-to-image)
    degrade: str | None
    lpips: str | None

    # Events (for click-through, knowledge-tracing, recommendation)
    user: str | None
    hold_out: Literal["auto", "time", "last", "random"]

    # Items and users (for click-through, recommendation)
    at_least: float | None
    items: str | None
    users: str | None

    # Click-through (for click-through)
    item: str | None

    # Recommendation (for recommendation)
    rating: str | None
    histories: bool

    # Speech (for automatic-speech-recognition, text-to-speech)
    language: str | None
    speaker: str | None

    # Transcripts (for automatic-speech-recognition)
    lm: str | None
    case: Literal["lower", "keep"]
    punctuation: Literal["drop", "keep"]
    numbers: Literal["spoken", "keep"]
    full_width: Literal["half", "keep"]

    # Voices (for text-to-speech)
    voice_consent: str | None
    voice_vectors: str | None
    hears: str | None

    # Style transfer (for style-transfer)
    style: list[str]

    # Speakers told apart (for speaker-verification)
    false_accepts: str
