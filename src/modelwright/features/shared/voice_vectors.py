"""Vectors of speakers, by which a pretrained voice of many speakers is told whose voice to speak with. Legend: D numbers of a vector."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from modelwright.core.errors import OptionError

_MOST = 10_000  # files of a folder
_MOST_BYTES = 1 << 20  # of one file


def read_vectors(asked: str, width: int) -> dict[str, np.ndarray]:
    """Return the vectors float32 [D] of a `.npy` file, or of those of a folder, by the files' names without their ending.

    Raises OptionError where there is none, or one that does not have `width` numbers.
    """
    place = Path(asked)
    files = sorted(p for p in place.glob("*.npy") if p.is_file()) if place.is_dir() else [place]
    if not files or not place.exists():
        raise OptionError(
            f"--voice-vectors `{asked}` holds no .npy file; expected a file with the {width} numbers of a speaker, or a folder of such files named as the speakers.",
            f"--voice-vectors `{asked}` 中没有 .npy 文件；应为含某说话人 {width} 个数值的文件，或以说话人命名的此类文件的文件夹。",
        )
    if len(files) > _MOST:
        raise OptionError(
            f"--voice-vectors `{asked}` holds {len(files)} files; at most {_MOST} are read.",
            f"--voice-vectors `{asked}` 中有 {len(files)} 个文件；最多读取 {_MOST} 个。",
        )
    return {p.stem: _vector(p, width) for p in files}


def _vector(path: Path, width: int) -> np.ndarray:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError("too large")
        found = np.load(path, allow_pickle=False)
        made = np.asarray(found, np.float32).reshape(-1)
    except (OSError, ValueError, TypeError, EOFError) as e:
        raise OptionError(
            f"`{path.name}` of --voice-vectors cannot be read as numbers ({type(e).__name__}); expected what numpy.save writes of {width} numbers.",
            f"无法将 --voice-vectors 的 `{path.name}` 读作数值（{type(e).__name__}）；应为 numpy.save 写出的 {width} 个数值。",
        ) from e
    if len(made) != width or not np.isfinite(made).all() or not made.any():
        shape = "×".join(map(str, np.shape(found)))
        raise OptionError(
            f"`{path.name}` of --voice-vectors holds {shape or 1} numbers; the voice expects {width} finite ones of one speaker, not all 0.",
            f"--voice-vectors 的 `{path.name}` 含 {shape or 1} 个数值；该声音需要一位说话人的 {width} 个有限且不全为 0 的数值。",
        )
    return made
