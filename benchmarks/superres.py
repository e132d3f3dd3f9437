"""Super-resolution and denoising: Set5 after training on T91, through the command line; BM3D beside the denoiser; tiles in memory.

    MODELWRIGHT_DATA=/path/to/data python benchmarks/superres.py [x2|x3|x4|noise|tiles ...] [--budget 30m] [--recipe edsr]

`superres` in that folder holds T91 and Set5 with the low-resolution pictures of the papers. PSNR is that of luma with the border cut
as wide as the scale; the leaderboard's `bicubic` on Set5 is printed beside it. `noise` is noise of 25 on the luma of Set5, beside the
package `bm3d`, which is a peer and no part of the product.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

BARS = {"x2": 37.0, "x3": 33.1, "x4": 30.7}


def run(data: Path, degrade: str, test: Path, recipe: str, budget: str, work: Path) -> Path:
    """Train through the command line and return the run's folder."""
    command = [
        sys.executable,
        "-m",
        "modelwright.cli",
        "run",
        str(data),
        "--task",
        "image-to-image",
        "--degrade",
        degrade,
        "--test",
        str(test),
    ]
    command += [
        "--recipe",
        "bicubic",
        "--recipe",
        recipe,
        "--search",
        "none",
        "--no-refit",
        "--budget",
        budget,
        "--name",
        "run",
    ]
    subprocess.run(command, cwd=work, check=False)
    return work / "runs" / "run"


def judged(bundle: Path, test: Path, ensemble: bool, kernel: str | None = None) -> tuple[float, float, float]:
    """Return PSNR, SSIM and seconds a picture of a bundle on pairs; of the baseline `kernel` instead where one is named."""
    from modelwright.core.recipe import get_recipe
    from modelwright.data.pairs import pairs_table
    from modelwright.release.bundle import load
    from modelwright.tasks._picture_pairs import paired

    predictor = load(bundle)
    model = predictor.members[0][1]
    if ensemble:
        model.options = model.options.model_copy(update={"ensemble": True})
    if kernel is not None:
        model = get_recipe(kernel).model(model.geometry, {})
    from modelwright.core.schema import Column, Schema
    from modelwright.data.coerce import coerce

    schema = Schema((Column("picture", "image"), Column("good", "image", "target")))
    table, _ = paired(coerce(pairs_table(test), schema, folder=test)[0])
    start = time.process_time()
    found = [s["figures"] for s in model.judge(table)[:, 0]]
    took = (time.process_time() - start) / len(found)
    return float(np.mean([f["psnr"] for f in found])), float(np.mean([f["ssim"] for f in found])), took


def enlarge(name: str, data: Path, args: argparse.Namespace) -> None:
    """Measure one scale on Set5."""
    scale = int(name[1:])
    test = data / "Set5" / f"image_SRF_{scale}"
    with tempfile.TemporaryDirectory() as work:
        place = run(data / "T91", f"bicubic x{scale}", test, args.recipe, args.budget, Path(work))
        base = judged(place / "bundle", test, False, "bicubic")
        plain, eight = (judged(place / "bundle", test, e) for e in (False, True))
        print(
            f"{name} {args.recipe} {args.budget}: bicubic {base[0]:.2f} / {base[1]:.4f}; PSNR {plain[0]:.2f}, SSIM {plain[1]:.4f} "
            f"({plain[2]:.2f} s a picture); self-ensemble {eight[0]:.2f} / {eight[1]:.4f}; bar {BARS[name]}; load {os.getloadavg()[1]:.1f}",
            flush=True,
        )


def _grey(source: Path, out: Path) -> None:
    """Write the luma of pictures, which is what is denoised."""
    from PIL import Image

    from modelwright.data.colour import luma

    out.mkdir(parents=True)
    for path in sorted(source.glob("*.png")):
        pixels = np.asarray(Image.open(path).convert("RGB"))
        Image.fromarray(np.rint(luma(pixels)).astype(np.uint8)).save(out / path.name)


def denoise(data: Path, args: argparse.Namespace) -> None:
    """Measure noise of 25 on the luma of Set5, beside BM3D on the very same noisy pictures."""
    from PIL import Image

    from modelwright.data.degrade import degraded, parse_degrade
    from modelwright.data.image_quality import psnr

    with tempfile.TemporaryDirectory() as place:
        work = Path(place)
        _grey(data / "T91", work / "train")
        (work / "hr").mkdir()
        for path in sorted((data / "Set5" / "image_SRF_2").glob("*_HR.png")):
            Image.open(path).save(work / "hr" / path.name)
        _grey(work / "hr", work / "test" / "clean")
        (work / "test" / "noisy").mkdir()
        for i, path in enumerate(sorted((work / "test" / "clean").glob("*.png"))):
            noisy = degraded(np.asarray(Image.open(path))[:, :, None], parse_degrade("noise 25"), i)
            Image.fromarray(noisy[:, :, 0]).save(work / "test" / "noisy" / path.name)
        found = run(work / "train", "noise 25", work / "test", args.recipe, args.budget, work)
        plain, eight = (judged(found / "bundle", work / "test", e) for e in (False, True))
        import bm3d

        values, took = [], 0.0
        for path in sorted((work / "test" / "noisy").glob("*.png")):
            clean = np.asarray(Image.open(work / "test" / "clean" / path.name)).astype(float)
            start = time.process_time()
            made = bm3d.bm3d(np.asarray(Image.open(path)).astype(float), 25.0)
            took += time.process_time() - start
            values.append(psnr(np.clip(made, 0, 255), clean))
        print(
            f"noise 25 {args.recipe} {args.budget}: PSNR {plain[0]:.2f} ({plain[2]:.2f} s a picture), self-ensemble {eight[0]:.2f} ({eight[2]:.2f} s); "
            f"BM3D {np.mean(values):.2f} ({took / len(values):.2f} s); load {os.getloadavg()[1]:.1f}",
            flush=True,
        )


_TILES = """
import json, resource, sys, time
import numpy as np
from modelwright.core.recipe import get_recipe
from modelwright.recipes.pictures._pictures import Geometry, png
import modelwright.train.tiles as t
name, height, width = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
recipe = get_recipe(name)
geometry, options = Geometry(2, 3, 3), recipe.options()
model = recipe.model(recipe.network(geometry, options), geometry, options)
pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
start = time.monotonic()
made = png(model.made(pixels))
print(json.dumps({"bytes": len(made), "seconds": time.monotonic() - start, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10}))
"""


def memory(args: argparse.Namespace) -> None:
    """Measure what enlarging 6,000 x 4,000 pixels twice takes, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", _TILES, args.recipe, "4000", "6000"], check=True, capture_output=True, text=True
    )
    print("tiles 6000 x 4000 x2", args.recipe, json.loads(done.stdout), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=["x2", "x3", "x4", "noise", "tiles"])
    parser.add_argument("--budget", default="30m")
    parser.add_argument("--recipe", default="edsr")
    options = parser.parse_args()
    folder = Path(os.environ.get("MODELWRIGHT_DATA", "")) / "superres"
    if not (folder / "T91").is_dir():
        sys.exit("MODELWRIGHT_DATA names no folder with superres/T91 in it: nothing was measured.")
    for wanted in options.names:
        if wanted == "tiles":
            memory(options)
        elif wanted == "noise":
            denoise(folder, options)
        else:
            enlarge(wanted, folder, options)
