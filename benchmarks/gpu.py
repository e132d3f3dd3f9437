"""The parts of `benchmarks/gpu.sh`: `python benchmarks/gpu.py PART [--tiny]`; with --tiny in seconds, on a processor too.

tf32         how far products and convolutions in TF32 lie from those in float32
steps        steps a second of a small CNN and a text Transformer: as they are, and with `torch.compile` over CUDA graphs; then what the
             training loop measures and decides with --compile
shakespeare  tiny Shakespeare with a GPT of 10.7 M parameters and dropout, bar <= 1.47 nats a character
cifar        CIFAR-10 in 30 s of training, bar >= .925
recipes      a fit of every recipe for columns and texts on the device, from a sample
"""

from __future__ import annotations

import argparse
import math
import os
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from devices import made

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def tf32(tiny: bool) -> None:
    """Print the largest relative distance of a product and a convolution in TF32 from float32, and what torch has set."""
    size = 256 if tiny else 4096
    torch.manual_seed(0)
    a, b = (torch.randn(size, size, device=DEVICE) for _ in range(2))
    x, w = torch.randn(8, 32, 32, 32, device=DEVICE), torch.randn(64, 32, 3, 3, device=DEVICE)
    print(f"set: matrices {torch.backends.cuda.matmul.allow_tf32}, convolutions {torch.backends.cudnn.allow_tf32}")
    found = {}
    for on in (False, True):
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = on
        found[on] = a @ b, torch.nn.functional.conv2d(x, w)
    for name, plain, quick in zip(("matrices", "convolutions"), found[False], found[True], strict=True):
        far = float((plain - quick).abs().max() / plain.abs().max())
        print(f"{name}: at most {far:.1e} of the largest value apart")


def steps(tiny: bool) -> None:
    """Print steps a second, eager and compiled; a network that does not compile is told."""
    for what in ("cnn", "transformer"):
        speeds = {}
        for how in ("eager",) if tiny else ("eager", "compiled"):
            network, feed = made(what, True, 2 if tiny else 64)
            network.to(DEVICE)
            step: Any = network if how == "eager" else torch.compile(network, mode="reduce-overhead")
            optimizer = torch.optim.AdamW(network.parameters(), fused=DEVICE == "cuda")
            batches = feed.epoch(np.random.default_rng(0))
            loaded = [feed.load(b, DEVICE) for b in batches if len(b) == len(batches[0])]
            try:
                for turn in range(2):  # the first to warm up
                    rounds = (1 if tiny else 10) if turn == 0 else (2 if tiny else 60)
                    if DEVICE == "cuda":
                        torch.cuda.synchronize()
                    start = time.perf_counter()
                    for _ in range(rounds):
                        for tensors, truth in loaded:
                            torch.nn.functional.cross_entropy(step(tensors), truth).backward()
                            optimizer.step()
                            optimizer.zero_grad(set_to_none=True)
                    if DEVICE == "cuda":
                        torch.cuda.synchronize()
                    speeds[how] = rounds * len(loaded) / (time.perf_counter() - start)
            except Exception as e:  # what a compiler says is told, and the eager figure stands
                print(f"{what} {how}: {type(e).__name__}: {str(e).splitlines()[0][:160]}")
        print(f"{what}: " + ", ".join(f"{how} {speed:.1f} steps/s" for how, speed in speeds.items()))
        _in_loop(what, tiny)


def _in_loop(what: str, tiny: bool) -> None:
    """Print what the one training loop says of compiled steps."""
    from types import SimpleNamespace

    from modelwright.core.answers.classes import ClassesCodec
    from modelwright.core.budget import Deadline
    from modelwright.core.events import EventStream, Note
    from modelwright.core.recipe import FitContext
    from modelwright.core.task import get_task
    from modelwright.train.loop import train as run

    network, feed = made(what, True, 2 if tiny else 64)
    events, task = EventStream(), get_task("classification")
    events.listen(lambda event: print(event.words.en) if isinstance(event, Note) else None)
    ctx = FitContext(
        loss=task.loss, target=ClassesCodec([str(i) for i in range(10)], [1] * 10), deadline=Deadline.after(8 if tiny else 120), events=events,
        metric=task.metrics[0], name=what, device=DEVICE, compiles=True,
    )  # fmt: skip
    options = SimpleNamespace(
        lr=1e-3, weight_decay=0.01, optimizer="adamw", ema=0.0, clip=1.0, patience=9, precision="float32"
    )
    epochs = 5 if tiny else 30
    run(network, feed, torch.nn.functional.cross_entropy, None, options, ctx, epochs=epochs)


def shakespeare(tiny: bool) -> None:
    """Print the loss on the last tenth of tiny Shakespeare."""
    text = "To be, or not to be: that is the question.\n" * 400
    place = Path(os.environ.get("MODELWRIGHT_DATA", "")) / "tinyshakespeare" / "input.txt"
    if not tiny:
        text = place.read_text(encoding="utf-8")
    cut = int(0.9 * len(text))
    seconds = 8 if tiny else 120
    _train_gpt(text[:cut], text[cut:], seconds, tiny)


def _train_gpt(train: str, valid: str, seconds: float, tiny: bool) -> None:
    from types import SimpleNamespace

    from modelwright.core.budget import Deadline
    from modelwright.core.events import EventStream
    from modelwright.core.recipe import FitContext
    from modelwright.core.task import get_task
    from modelwright.features.shared.chats import Document
    from modelwright.models.gpt import GPT, GPTConfig
    from modelwright.train.loop import train as run
    from modelwright.train.tokens import TokenFeed

    signs = sorted(set(train + valid))
    ids = {c: i for i, c in enumerate(signs)}
    told, held = (np.array([ids[c] for c in part], np.int32) for part in (train, valid))
    shape = {"width": 32, "layers": 1, "heads": 2, "kv_heads": 2, "head": 16, "hidden": 64, "context": 32}
    if not tiny:
        shape = {"width": 384, "layers": 6, "heads": 6, "kv_heads": 6, "head": 64, "hidden": 1024, "context": 256}
    torch.manual_seed(0)
    network = GPT(GPTConfig(vocab=len(signs), **shape), torch.bfloat16 if DEVICE == "cuda" else torch.float32)
    network.dropping(0.2)
    context = shape["context"]
    feed = TokenFeed(
        [Document(told, np.ones(len(told), bool), len(told))], [0], context, 4 if tiny else 64, 10 if tiny else 60
    )

    def look(net: Any) -> tuple[float, float]:
        at = np.arange(0, len(held) - context - 1, context)
        total = []
        with torch.no_grad():
            for some in np.array_split(at, max(1, len(at) // 64)):
                index = some[:, None] + np.arange(context)
                x, y = (torch.from_numpy(held[i].astype(np.int64)).to(DEVICE) for i in (index, index + 1))
                total.append(float(net.loss(net(x), y)))
        return sum(total) / len(total), -sum(total) / len(total)

    options = SimpleNamespace(
        lr=4e-3 if tiny else 1e-3,
        weight_decay=0.1,
        optimizer="muon",
        ema=0.0,
        clip=1.0,
        patience=8,
        precision="float32",
    )
    task = get_task("classification")
    ctx = FitContext(
        loss=task.loss,
        target=None,
        deadline=Deadline.after(seconds),
        events=EventStream(),
        metric=task.metrics[0],
        device=DEVICE,
    )  # type: ignore[arg-type]
    done = run(network, feed, lambda hidden, y: network.loss(hidden, y), look, options, ctx, epochs=2 if tiny else 80)
    size = sum(p.numel() for p in network.parameters())
    best = min(h["valid_loss"] for h in done.history)
    assert math.isfinite(best)
    print(f"{size / 1e6:.1f} M parameters, {done.steps} steps: {best:.4f} nats a character on the last tenth")


def cifar(tiny: bool) -> None:
    """Print the accuracy on CIFAR-10's test pictures after 30 s."""
    from PIL import Image

    from modelwright.api import fit

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "pictures"
        if tiny:
            rng = np.random.default_rng(0)
            for label, shade in (("dark", 40), ("light", 200)):
                (place / label).mkdir(parents=True)
                for i in range(30):
                    pixels = np.clip(rng.normal(shade, 20, (16, 16, 3)), 0, 255).astype(np.uint8)
                    Image.fromarray(pixels).save(place / label / f"{i}.png")
        else:
            with tarfile.open(Path(os.environ["MODELWRIGHT_DATA"]) / "cifar10-images" / "cifar10-jpg.tar.gz") as tar:
                tar.extractall(folder, filter="data")
            place = next(p for p in Path(folder).rglob("train") if p.is_dir())
        test = None if tiny else str(place.parent / "test")
        recipes = ["constant"] if tiny else []
        done = fit(str(place), "label", out=Path(folder) / "runs", budget="15s" if tiny else "60s", test=test, recipes=recipes,
                   folds=1, search="none", refit=False, progress=False)  # fmt: skip
        print({k: round(v, 4) for k, v in done.metrics.items()})
        print([(r["name"], round(r.get("seconds", 0), 1)) for r in done.leaderboard if r.get("value") is not None])


def recipes(tiny: bool) -> None:
    """Fit every network recipe that fits a sample on the device, and say how long it took."""
    from modelwright.api import fit
    from modelwright.core.recipe import get_recipe, on_torch, recipe_names

    names = [
        n
        for n in recipe_names()
        if on_torch(get_recipe(n)) and get_recipe(n).tasks is None and get_recipe(n).leads in ("", "text")
    ]
    names = [n for n in names if get_recipe(n).extra == "nn"][: 1 if tiny else None]
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 240)
    words = (["late", "parcel", "where"], ["refund", "money", "paid"], ["broken", "screen", "cracked"])
    texts = [" ".join([*rng.choice(words[k], 3), *rng.choice(["the", "my", "a", "is"], 5)]) for k in labels]
    made_up = {"text": texts, "n": rng.normal(size=240).tolist(), "label": [f"k{k}" for k in labels]}
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            start = time.perf_counter()
            try:
                done = fit(
                    made_up,
                    "label",
                    out=folder,
                    budget="12s",
                    recipes=[name],
                    folds=1,
                    search="none",
                    refit=False,
                    progress=False,
                )
                print(f"{name}: {done.metrics['macro_f1']:.3f} in {time.perf_counter() - start:.1f} s")
            except Exception as e:
                print(f"{name}: {type(e).__name__}: {str(e)[:160]}")


PARTS = {"tf32": tf32, "steps": steps, "shakespeare": shakespeare, "cifar": cifar, "recipes": recipes}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--tiny", action="store_true")
    told = parser.parse_args()
    PARTS[told.part](told.tiny)
