"""Small pictures for tests: smooth grounds with edges, saved as PNG."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image


def picture(seed: int, height: int = 48, width: int = 56, channels: int = 3) -> np.ndarray:
    """Return pixels [height, width, channels] uint8: waves, and squares upon them."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    waves = [
        128 + 60 * np.sin(x * rng.uniform(0.05, 0.5) + y * rng.uniform(-0.4, 0.4) + rng.uniform(0, 6))
        for _ in range(channels)
    ]
    out = np.stack(waves, 2)
    for _ in range(4):
        top, left = rng.integers(0, max(1, height - 8)), rng.integers(0, max(1, width - 8))
        out[top : top + 6, left : left + 8] = rng.integers(0, 256, channels)
    return np.clip(out, 0, 255).astype(np.uint8)


def deep_png(values: np.ndarray) -> bytes:
    """Return pixels [H, W, 3 or 4] as a PNG of 16 bits a channel."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    values = np.asarray(values, ">u2")
    head = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], 16, {3: 2, 4: 6}[values.shape[2]], 0, 0, 0)
    lines = b"".join(b"\0" + line.tobytes() for line in values)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


def png(pixels: np.ndarray) -> bytes:
    """Return pixels as a PNG."""
    held = io.BytesIO()
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(held, "PNG")
    return held.getvalue()


def folder_of(place: Path, count: int, height: int = 48, width: int = 56) -> Path:
    """Write good pictures into a folder and return it."""
    place.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        (place / f"p{i:02d}.png").write_bytes(png(picture(i, height, width)))
    return place


def tiny_vgg(place: Path) -> str:
    """Write a VGG of random weights into a folder and return its path."""
    import json

    import torch
    from safetensors.torch import save_file

    from modelwright.models.backbones.vgg import VGG

    torch.manual_seed(0)
    config = {"model_type": "vgg", "depth": 11}
    (place / "config.json").write_text(json.dumps(config))
    told = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
    (place / "preprocessor_config.json").write_text(json.dumps(told))
    weights = {**VGG(config).state_dict(), "classifier.0.weight": torch.zeros(2, 2)}
    save_file(weights, str(place / "model.safetensors"))
    return str(place)


def enlarger(scale: int = 2):
    """Return a predictor that enlarges by the cubic, without a run."""
    from modelwright.core.answers.media import MediaCodec
    from modelwright.core.recipe import get_recipe
    from modelwright.core.schema import Column, Schema
    from modelwright.core.task import get_task
    from modelwright.recipes.pictures._pictures import Geometry
    from modelwright.release.bundle import Predictor

    schema = Schema(
        (Column("picture", "image", "input", {"scale": scale, "channels": [3, 3]}), Column("good", "image", "target"))
    )
    model = get_recipe("bicubic").model(Geometry(scale, 3, 3), {})
    return Predictor(
        get_task("image-to-image"), schema, MediaCodec("image-to-image", "image/png"), [(1.0, model)], name="larger"
    )
