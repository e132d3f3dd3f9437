"""Causal language models of plain folders as predictors, without a run: to be served as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modelwright.core.pretrained import Found, find_causal
from modelwright.core.recipe import get_recipe
from modelwright.core.schema import Column, Schema
from modelwright.core.task import get_task
from modelwright.release.bundle import Predictor


def is_causal_folder(path: str | Path) -> bool:
    """Return whether a path is a folder as `save_pretrained` writes it, and no bundle."""
    folder = Path(path)
    return (folder / "config.json").is_file() and not (folder / "manifest.json").is_file()


def wrap_causal(asked: str) -> Predictor:
    """Return a folder's (or hub name's) causal language model as a predictor.

    Raises OptionError where it is none, BundleError where it cannot be loaded, MissingExtra where a library is missing.
    """
    found: Found = find_causal(asked)
    made: Any = type(get_recipe("untuned")).model
    model = made.of_folder(found.folder, "texts", origins=[found.origin()])
    settings = getattr(model.vocabulary, "settings", {})
    if settings.get("chat_template"):
        model.form = "chats"
    task = get_task("text-generation")
    target = task.restore_target({"form": model.form})
    columns = [Column("prompt", "text"), *([Column("messages", "text")] if model.form == "chats" else [])]
    return Predictor(task, Schema(tuple(columns)), target, [(1.0, model)], name=found.name.split("/")[-1])
