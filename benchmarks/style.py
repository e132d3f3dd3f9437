"""Pictures painted in styles that are drawn here: what is missed of style and content, and the seconds of one picture.

    python benchmarks/style.py FOLDER OUT [--side 512] [--pretrained efficientnet-lite0] [--steps 80] [--recipe style-optimised]

FOLDER holds photographs, the first of which are painted in three styles each (a mosaic, strokes, waves). What is missed of a style is a
share of what the photograph as it came misses (`style_left`) and of what noise does, of the content of what noise misses. Writes the pictures into OUT and prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np


def drawn(side: int = 384) -> dict[str, np.ndarray]:
    """Return three styles as pictures uint8 [side, side, 3]."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:side, :side]
    seeds, colours = rng.uniform(0, side, (260, 2)), rng.integers(20, 250, (260, 3))
    far = np.stack([(y - a) ** 2 + (x - b) ** 2 for a, b in seeds])
    order = np.sort(far, axis=0)
    mosaic = colours[far.argmin(0)]
    mosaic[np.sqrt(order[1]) - np.sqrt(order[0]) < 3] = 25
    strokes = np.full((side, side, 3), (226, 214, 180), np.int64)
    for _ in range(1400):
        a, b, turn, long = *rng.uniform(0, side, 2), rng.normal(0.6, 0.4), rng.uniform(15, 45)
        along, across = (
            (y - a) * np.sin(turn) + (x - b) * np.cos(turn),
            (x - b) * np.sin(turn) - (y - a) * np.cos(turn),
        )
        strokes[(np.abs(along) < long / 2) & (np.abs(across) < 2.5)] = rng.choice(
            [(24, 40, 92), (190, 70, 30), (236, 180, 60), (60, 110, 90)]
        )
    phase = np.hypot(y - side / 3, x - side / 2) / 9 + 2 * np.sin(x / 40)
    waves = np.stack([127 + 100 * np.sin(phase + k) for k in (0.0, 0.5, 2.4)], 2)
    return {"mosaic": mosaic.astype(np.uint8), "strokes": strokes.astype(np.uint8), "waves": waves.astype(np.uint8)}


def of_noise(model: Any, made: np.ndarray, name: str) -> float:
    """Return what is missed of a style as a share of what noise misses, with which Gatys et al. begin."""
    import torch

    from modelwright.models.style.filters import gram, style_loss
    from modelwright.recipes.style._style import noise_like, tensor_of

    with torch.inference_mode():
        now, start = ([gram(s) for s in model.features.stages(tensor_of(p))] for p in (made, noise_like(made)))
        wanted = [model.styles[name][f"gram.{i}"][None] for i in range(len(now))]
        return float(style_loss(now, wanted) / style_loss(start, wanted))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--pretrained", default="")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--style", type=float)
    parser.add_argument("--recipe", default="style-optimised")
    parser.add_argument("--photos", type=int, default=2)
    parser.add_argument(
        "--seconds", type=float, default=600.0, help="of a fit; little time makes it paint with fewer looks"
    )
    said = parser.parse_args()
    from PIL import Image

    from modelwright.core.config import make_config
    from modelwright.core.events import EventStream
    from modelwright.core.recipe import get_recipe
    from modelwright.core.task import get_task
    from modelwright.data.kinds.image import decode
    from modelwright.pipeline.intake import get_data
    from modelwright.recipes.style._style import fitted_to
    from modelwright.testing import context

    said.out.mkdir(parents=True, exist_ok=True)
    for name, pixels in drawn().items():
        Image.fromarray(pixels).save(said.out / f"style-{name}.png")
    styles = [str(p) for p in sorted(said.out.glob("style-*.png"))]
    task = get_task("style-transfer")
    table = get_data(
        make_config(data=str(said.folder), task=task.name, style=styles), str(said.folder), EventStream()
    ).table
    target = task.fit_target(table.column("good"), table.schema["good"])
    recipe = get_recipe(said.recipe)
    told = {"pretrained": said.pretrained} | {
        k: v for k, v in (("steps", said.steps), ("style", said.style)) if v is not None
    }
    model = recipe.fit(table, None, recipe.options(**told), context(task, target, seconds=said.seconds))
    rows = []
    for i in range(min(said.photos, len(table))):
        photo = fitted_to(decode(table.column(table.schema.inputs[0].name)[i].as_py()), said.side)
        Image.fromarray(photo).save(said.out / f"photo-{i}.png")
        for name in model.styles:
            began, clock = time.process_time(), time.monotonic()
            made = model.painted(photo, model.styles[name], 1.0)
            took = {
                "processor_s": round(time.process_time() - began, 1),
                "wall_s": round(time.monotonic() - clock, 1),
            }
            Image.fromarray(made).save(said.out / f"{i}-{name}.png")
            missed = {**model._missed(photo, made, model.styles[name]), "style_of_noise": of_noise(model, made, name)}
            rows.append({"photo": i, "style": name, "size": list(photo.shape[:2]), **took, **missed})
            print(json.dumps(rows[-1]), flush=True)
    print(
        json.dumps(
            {
                k: {"mean": float(np.mean([r[k] for r in rows])), "worst": max(r[k] for r in rows)}
                for k in ("style_left", "style_of_noise", "content_left", "processor_s")
            }
            | {"load": os.getloadavg()[0]}
        )
    )


if __name__ == "__main__":
    main()
