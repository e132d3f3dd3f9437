"""The options of a run as keyword arguments of Python, for editors and type checkers; `core/config.py` says what each means.

A test holds that both name the same options with the same types.
"""

from __future__ import annotations

from typing import Literal, TypedDict


class RunOptions(TypedDict, total=False):
    """What `fit` takes beside data and target, under the names and units of `modelwright run`."""

    test: str | None
    query: str | None
    table: str | None
    sheet: str | None
    header: bool | None
    delimiter: str | None
    decimal: str | None
    encoding: str | None
    dates: str | None
    task: str | None
    column: dict[str, str]
    ignore: list[str]
    group: str | None
    time: str | None
    series: list[str]
    series_id: str | None
    series_time: str | None
    channel: str | None
    split: Literal["random", "scaffold"]
    metric: str | None
    gate: str | None
    cost: list[str]
    budget: str
    memory: str | None
    latency: str | None
    folds: int | None
    repeats: int
    test_fraction: float
    recipes: list[str]
    search: Literal["tpe", "random", "grid", "none"]
    ensemble: bool
    refit: bool | None
    epsilon: float | None
    delta: float | None
    bounds: dict[str, str]
    sensitive: list[str]
    sensitive_input: bool
    favourable: str | None
    mitigate: Literal["none", "reweigh", "thresholds"]
    missing: Literal["keep", "median", "refuse"]
    class_weight: bool
    wrong: float | None
    vectors: str | None
    pretrained: list[str]
    public: bool
    endpoint: str | None
    endpoint_model: str | None
    price_in: float
    price_out: float
    base: str | None
    teacher: str | None
    private: list[str]
    device: str
    seed: int
    consent: str | None
    subject: str | None
    purpose: str | None
    retain: str | None
    vault: str | None
