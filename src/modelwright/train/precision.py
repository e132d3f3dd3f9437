"""In which precision matrices are multiplied: bf16 where the device is made for it, else float32.

A processor without instructions for bf16 imitates them and takes some twenty times as long.
"""

from __future__ import annotations

from typing import Any

import torch


def bf16_helps(device: str) -> bool:
    """Return whether this device multiplies matrices faster in bf16 than in float32."""
    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported())
    able: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)() if device == "cpu" else {}
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def in_bf16(precision: str, device: str) -> bool:
    """Return whether a network of that `precision` option multiplies in bf16 on this device."""
    return precision == "bf16" or (precision == "auto" and bf16_helps(device))
