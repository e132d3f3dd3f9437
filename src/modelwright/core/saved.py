"""What a fitted model leaves in its folder, read and written in one way: JSON, arrays, weights, and one error for damaged files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from modelwright.core.errors import BundleError
from modelwright.core.words import Words

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

STATE = "model.json"
# errors of libraries that read and write models, by name: the libraries are not imported for this
LIBRARY_ERRORS = frozenset({"SafetensorError", "LightGBMError", "CatBoostError"})
_MODEL = Words("model", "模型")
_DAMAGE = (OSError, LookupError, ValueError, TypeError, RuntimeError)


class Loading:
    """Within `with Loading(folder):`, whatever a damaged file leads to becomes a BundleError.

    `what` names what is read. `detail` tells the text of a plain ValueError, for code that raises it with words for
    people; otherwise the type of the error alone is told. Errors that already say what is wrong pass as they are.
    """

    def __init__(self, folder: Path, what: Words = _MODEL, *, detail: bool = False) -> None:
        self.folder, self.what, self.detail = folder, what, detail

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, _DAMAGE) or type(error).__name__ in LIBRARY_ERRORS:
            raise self.damaged(error) from error

    def damaged(self, error: BaseException | None) -> BundleError:
        """Return the error for files that cannot be read because of `error`."""
        why = str(error) if self.detail and type(error) is ValueError else type(error).__name__
        name = f" {self.what.zh}" if self.what.zh[:1].isascii() else self.what.zh
        return BundleError(
            f"The {self.what.en} in {self.folder} cannot be read ({why}). Copy the bundle again.",
            f"无法读取 {self.folder} 中的{name}（{why}）。请重新复制模型包。",
        )


def read_state(folder: Path, name: str = STATE) -> Any:
    """Return the JSON of a saved model. Raises OSError or ValueError; call it within `Loading`."""
    return json.loads((folder / name).read_text(encoding="utf-8"))


def write_state(folder: Path, state: Any, name: str = STATE) -> None:
    """Write what `read_state` reads."""
    (folder / name).write_text(json.dumps(state, ensure_ascii=False), encoding="utf-8")


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a safetensors file by name, in the shapes and types they were written with.

    Raises OSError or SafetensorError; call it within `Loading`.
    """
    from safetensors.numpy import load_file

    return load_file(str(path))


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write what `read_arrays` reads: arrays of any shape, whatever their order in memory. Raises OSError or SafetensorError."""
    import numpy as np
    from safetensors.numpy import save_file

    save_file({k: np.asarray(a, order="C") for k, a in arrays.items()}, str(path))


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file by name, in the shapes and types they were written with, in main memory.

    Raises OSError or SafetensorError; call it within `Loading`.
    """
    from safetensors.torch import load_file

    return load_file(str(path))


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write what `read_tensors` reads: tensors of any shape, on any device. Raises OSError or SafetensorError."""
    from safetensors.torch import save_file

    save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, str(path))
