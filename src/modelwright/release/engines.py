"""Which engine answers a release: the model itself, ONNX Runtime, or ONNX Runtime with 8-bit weights; measured when it is released.

Another engine is taken only where it answers as the model does on validation rows of the run (`APART` says how near), and is
faster: for one row and for a row in a batch together, by `_GAIN` at least, and by neither much slower. Its files are kept beside the
bundle under a digest of their own, which the release names; the bundle stays as it is, and explains. Nobody waits long for it: `auto` ends after `AUTO_SECONDS`, between two steps, and says which
engines could not be judged by then.

8-bit weights: dynamic quantisation, Krishnamoorthi 2018 (arXiv 1806.08342, section 3).
"""

from __future__ import annotations

import contextlib
import math
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelwright.core.answers.objects import ObjectsCodec
from modelwright.core.errors import MissingExtra, ModelwrightError, unknown
from modelwright.core.extras import need
from modelwright.core.quiet import errors_alone
from modelwright.core.run import RunFolder, read_json, write_json
from modelwright.core.version import VERSION
from modelwright.core.words import Words
from modelwright.release.check import sha256_of, verify
from modelwright.release.pace import OutOfTime, Pace, Say
from modelwright.release.validation_rows import source_bytes, validation_rows

if TYPE_CHECKING:
    import numpy as np

    from modelwright.core.schema import Table
    from modelwright.release.bundle import Predictor

ENGINES = ("own", "onnx", "int8")
ASKED = ("auto", *ENGINES)
APART = {
    "onnx": 1e-4,
    "int8": 0.01,
}  # most that a score may differ by; of numbers, in standard deviations of the answers
_GAIN, _LOSS = 0.95, 1.1  # times what the model itself takes: on both together at most, and on each at most
AUTO_SECONDS = 20.0  # that `auto` may take
_HALF = (
    AUTO_SECONDS / 2
)  # writing a graph cannot be broken off: the first is begun only with so many left, the next with what that took
_ROWS, _AUTO_ROWS = 5000, 500  # validation rows at most
_AUTO_BYTES = 256 << 20  # of a source that `auto` reads again
_PART = 64  # rows that are scored between two looks at the clock
_BATCH, _BATCH_SECONDS = 256, 0.5  # rows that are timed together: as many, or as many as take so long
_LEAST_TURNS, _MOST_TURNS, _SECONDS = 3, 30, 4.0
_NETWORKS = ("network", "frozen")  # kinds of members in an export


@dataclass(frozen=True)
class Choice:
    """The engine of a release, what was measured, and the folder of its files (None for the model itself)."""

    engine: str
    facts: dict[str, Any] = field(default_factory=dict)
    folder: Path | None = None


@contextlib.contextmanager
def chosen(bundle: Path, asked: str, say: Say = lambda words: None) -> Iterator[Choice]:
    """Give the engine that is to answer for a bundle; the files are there within the block.

    `auto` measures for `AUTO_SECONDS` at most and takes the best, and the model itself where nothing can be measured; `say` is
    told of each step. Raises OptionError for an unknown
    engine, ModelwrightError where one that was asked for by name cannot answer as the model does, MissingExtra.
    """
    if asked not in ASKED:
        raise unknown(Words("engine", "引擎"), asked, ASKED)
    if asked == "own":
        yield Choice("own", {"engine": "own", "why": list(_ASKED)})
        return
    if asked != "auto":
        need("export", f"modelwright release --engine {asked}")
    with tempfile.TemporaryDirectory(prefix="modelwright-engine-") as place:
        yield _choose(bundle, asked, Path(place), Pace(AUTO_SECONDS if asked == "auto" else None, say))


_ASKED = Words("it was asked for", "按要求选用")
_GONE = Words(
    "the validation rows of its run are not there any more, so nothing could be measured",
    "其运行的验证集已不可用，无法测量",
)
_BARE = Words(
    'measuring others needs pip install "modelwright[export]"', '测量其他引擎需要 pip install "modelwright[export]"'
)
_BEST = Words("it was the fastest of those that answer alike", "在回答一致的引擎中最快")


_LATE = Words("it could not be judged in the time that a release takes", "未能在发布所允许的时间内完成评估")
_ALL_LATE = Words(
    "there was no time to judge others; --engine onnx or int8 takes as long as it needs",
    "来不及评估其他引擎；--engine onnx 或 int8 不限时间",
)
_LARGE = Words(
    "the source of its run is too large to be read again in time; --engine onnx or int8 takes as long as it needs",
    "其运行的数据源过大，来不及重新读取；--engine onnx 或 int8 不限时间",
)
_READING = Words(
    "Measuring which engine answers fastest: reading validation rows ...", "正在测量哪个引擎最快：读取验证集……"
)
_LOADING = Words("Loading the model ...", "正在加载模型……")
_SCORING = Words("Scoring validation rows by the model itself ...", "正在由模型自身为验证集打分……")
_TRYING = {
    "onnx": Words("Writing and judging ONNX Runtime ...", "正在导出并评估 ONNX Runtime……"),
    "int8": Words(
        "Writing and judging ONNX Runtime with weights of 8 bits ...", "正在导出并评估 8 位权重的 ONNX Runtime……"
    ),
}
_TIMING = Words("Timing the engines ...", "正在为各引擎计时……")


def _choose(bundle: Path, asked: str, place: Path, pace: Pace) -> Choice:
    def own(why: Words, **more: Any) -> Choice:
        if asked != "auto":
            raise ModelwrightError(
                f"The engine `{asked}` cannot be taken: {why.en}. Release with --engine own or auto.",
                f"无法使用引擎 `{asked}`：{why.zh}。请用 --engine own 或 auto 发布。",
            )
        return Choice("own", {"engine": "own", "why": list(why), **more})

    if not installed():
        return own(_BARE)
    measured: dict[str, dict[str, Any]] = {}
    try:
        pace.step(_READING)
        run = RunFolder(bundle.parent) if bundle.name == "bundle" else None
        if run is not None and pace.bounded and source_bytes(run) > _AUTO_BYTES:
            return own(_LARGE)
        rows = None if run is None else validation_rows(run, _AUTO_ROWS if pace.bounded else _ROWS)
        if rows is None:
            return own(_GONE)
        pace.step(_LOADING)
        from modelwright.release.bundle import load  # much is imported for it, and most releases come no further

        predictor = load(bundle)
        if not predictor.target.link or any(m.remote for _, m in predictor.members):
            made = Words("answers of this task are made by the model alone", "该任务的答案只能由模型自身生成")
            return own(made)
        table, _ = predictor.table(rows)
        if not len(table):
            return own(_GONE)
        why = _measure(predictor, table, asked, place, pace, measured)
        if why is not None:
            return own(why, **({"rows": len(table), "measured": measured} if measured else {}))
        pace.step(_TIMING)
        _time(predictor, rows.slice(0, _BATCH).to_pylist(), place, measured, pace)
    except OutOfTime:
        for engine in ("onnx", "int8"):
            if engine not in measured or measured[engine]["alike"]:
                measured[engine] = {**measured.get(engine, {}), "alike": False, "why": list(_LATE), "late": True}
        return own(_ALL_LATE, measured=measured)
    taken = asked if asked != "auto" else _best(measured)
    why = _BEST if asked == "auto" else _ASKED
    about = {"engine": taken, "why": list(why), "rows": len(table), "measured": measured}
    if taken == "own":
        return Choice("own", about)
    if not measured[taken]["alike"]:
        apart = measured[taken].get("apart")
        if apart is None:
            return own(Words(*measured[taken]["why"]))
        return own(
            Words(
                f"its answers differ from the model's on validation rows (scores by up to {apart:.2g})",
                f"在验证集上与模型的回答不一致（得分最大相差 {apart:.2g}）",
            )
        )
    return Choice(taken, about, place / taken)


def _measure(
    predictor: Predictor, table: Table, asked: str, place: Path, pace: Pace, measured: dict[str, dict[str, Any]]
) -> Words | None:
    """Judge how near the engines' answers are to the model's; return why there is nothing to choose from.

    Raises OutOfTime where none could be judged; one that could not, beside another that was, is left out by itself.
    """
    pace.step(_SCORING)
    wanted = _scored(predictor, table, pace)
    took = _HALF if pace.bounded else 0.0
    for engine in ("onnx", "int8"):
        began = pace.left
        try:
            pace.step(_TRYING[engine], took)
            measured[engine] = _tried(predictor, table, engine, place, wanted, pace)
        except OutOfTime:
            if engine == "onnx":
                raise
            measured[engine] = {"alike": False, "why": list(_LATE), "late": True}
        except ModelwrightError as e:  # no graph, or a graph that answers otherwise
            if engine == "onnx":
                return Words(e.words.en.rstrip("."), e.words.zh.rstrip("。"))
            measured[engine] = {"alike": False, "why": list(e.words)}
        except Exception as e:  # whatever the library raises, the model itself answers
            measured[engine] = {"alike": False, "why": [type(e).__name__] * 2}
            if engine == "onnx":
                return Words(f"it could not be written ({type(e).__name__})", f"无法写出（{type(e).__name__}）")
        took = began - pace.left if pace.bounded else 0.0
    return None


def _scored(predictor: Predictor, table: Table, pace: Pace) -> np.ndarray:
    """Return scores [N, K]. Raises OutOfTime between two parts of the table."""
    import numpy as np

    out = []
    for first in range(0, len(table), _PART):
        pace.check()
        out.append(predictor.scores(table.take(np.arange(first, min(first + _PART, len(table))))))
    return np.concatenate(out)


def installed() -> bool:
    """Whether other engines can be had here."""
    try:
        need("export", "")
    except MissingExtra:
        return False
    return True


def _tried(
    predictor: Predictor, table: Table, engine: str, place: Path, wanted: np.ndarray, pace: Pace
) -> dict[str, Any]:
    """Write the files of an engine, and return how near its answers on `table` are to the model's, `wanted` [N, K].

    Raises OutOfTime.
    """
    import numpy as np

    from modelwright.release.export import fill_onnx

    folder = place / engine
    folder.mkdir()
    if engine == "onnx":
        fill_onnx(predictor, folder, engine, pace=pace)
        for path in (folder / "README.md", *folder.glob("encode.*")):
            path.unlink(missing_ok=True)
    else:
        _quantised(place / "onnx", folder)
    _list(folder)
    pace.check()
    got = _scored(with_engine(predictor, folder), table, pace)
    if isinstance(predictor.target, ObjectsCodec):
        alike = predictor.target.alike(wanted, got)
        return {"apart": 0.0 if alike else 1.0, "labels_equal": alike, "alike": alike}
    spread = 1.0 if predictor.target.probabilities else max(float(np.std(wanted)), 1e-12)
    apart = float(np.abs(wanted - got).max()) / spread
    same = not predictor.target.probabilities or _labels(predictor, wanted) == _labels(predictor, got)
    return {"apart": apart, "labels_equal": same, "alike": same and apart <= APART[engine]}


def _labels(predictor: Predictor, scores: np.ndarray) -> list[Any]:
    return list(predictor.target.decode(scores, predictor.thresholds).predictions)


def _quantised(source: Path, folder: Path) -> None:
    """Write an export with weights of 8 bits."""
    if not any(m["kind"] in _NETWORKS for m in read_json(source / "ensemble.json")["members"]):
        raise ModelwrightError("no member has weights that 8 bits would make faster", "没有可用 8 位权重加速的成员")
    from onnxruntime.quantization import QuantType, quantize_dynamic

    for entry in source.iterdir():
        if entry.name == "manifest.json":
            continue
        if entry.is_dir():
            shutil.copytree(entry, folder / entry.name)
        elif entry.suffix == ".onnx":
            with errors_alone(None):  # the library advises by the root's log
                quantize_dynamic(str(entry), str(folder / entry.name), weight_type=QuantType.QInt8)
        else:
            shutil.copyfile(entry, folder / entry.name)


def _list(folder: Path) -> None:
    """Write the manifest: the digest of every file, as in a bundle."""
    (folder / "manifest.json").unlink(missing_ok=True)
    files = {p.relative_to(folder).as_posix(): sha256_of(p) for p in sorted(folder.rglob("*")) if p.is_file()}
    write_json(folder / "manifest.json", {"format": 1, "modelwright": VERSION, "files": files})


def _time(
    predictor: Predictor, rows: list[dict[str, Any]], place: Path, measured: dict[str, dict[str, Any]], pace: Pace
) -> None:
    """Measure what each engine takes for an answer, from the values of rows on: by turns, so that a machine that is busy is
    so for all, and the least of several times, which others disturb least. Raises OutOfTime before there were several."""
    measured["own"] = {"apart": 0.0, "labels_equal": True, "alike": True}
    able = {
        "own": predictor,
        **{e: with_engine(predictor, place / e) for e in ("onnx", "int8") if measured[e]["alike"]},
    }

    def seconds(one: Predictor, asked: list[dict[str, Any]]) -> float:
        began = time.perf_counter()
        one.predict(asked, allow_missing=True)
        return (time.perf_counter() - began) / len(asked)

    some = rows[: min(32, _BATCH)]
    for one in able.values():  # the first answers warm up
        pace.check()
        seconds(one, some)
    many = rows[: max(len(some), min(_BATCH, int(_BATCH_SECONDS / max(seconds(predictor, some), 1e-9))))]
    least = {engine: {"one_ms": math.inf, "batch_ms": math.inf} for engine in able}
    until = time.monotonic() + _SECONDS
    for turn in range(_MOST_TURNS):
        if turn >= _LEAST_TURNS and (time.monotonic() > until or pace.left <= 0):
            break
        for engine, one in able.items():
            if turn < _LEAST_TURNS:
                pace.check()
            for name, asked in (("one_ms", rows[turn % len(rows) :][:1]), ("batch_ms", many)):
                least[engine][name] = min(least[engine][name], 1000 * seconds(one, asked))
    for engine, found in least.items():
        measured[engine] |= found


def _best(measured: dict[str, dict[str, Any]]) -> str:
    """Return the engine that is fastest on one row and on batches together, the model itself where none gains enough."""
    own = measured["own"]
    best, least = "own", _GAIN
    for engine in ("onnx", "int8"):
        found = measured[engine]
        if "one_ms" not in found:  # it does not answer alike, or could not be judged in time
            continue
        ratios = [found[k] / max(own[k], 1e-9) for k in ("one_ms", "batch_ms")]
        together = math.sqrt(ratios[0] * ratios[1])
        if together <= least and max(ratios) <= _LOSS:
            best, least = engine, together
    return best


def with_engine(predictor: Predictor, folder: Path) -> Predictor:
    """Return a predictor that scores rows with the engine in a folder, and is the same in all else.

    Raises BundleError where the files are damaged or not those of this model, MissingExtra without the extra `export`.
    """
    from dataclasses import replace

    from modelwright.release.onnx_runtime import load_onnx

    verify(folder)
    found = load_onnx(folder)
    weights = [w for w, _ in predictor.members]
    if [w for w, _ in found.members] != weights or read_json(folder / "ensemble.json")[
        "target"
    ] != predictor.target.state():
        raise ModelwrightError("The engine is not one of this model.", "该引擎与此模型不符。")
    return replace(predictor, engine=[m for _, m in found.members], _made=None)


def told(facts: dict[str, Any]) -> Words:
    """Return one line on the engine of a release, from its facts; "" where none was measured or asked for."""
    about = facts.get("engine") or {}
    name = about.get("engine")
    if not name:
        return Words("", "")
    measured = about.get("measured") or {}
    times = [
        f"{e} {m['one_ms']:.2g}/{m['batch_ms']:.2g} ms"
        for e, m in sorted(measured.items())
        if m.get("one_ms") is not None
    ]
    en, zh = about.get("why") or ("", "")
    if late := [e for e in ("onnx", "int8") if (measured.get(e) or {}).get("late")]:
        en = f"{en}; not judged in time: {', '.join(late)}"
        zh = f"{zh}；未能及时评估：{'、'.join(late)}"
    more = (
        Words(f"; one row/a row in a batch: {', '.join(times)}", f"；单行/批中每行：{'、'.join(times)}")
        if times
        else Words("", "")
    )
    return Words(f"engine {name}: {en}{more.en}", f"引擎 {name}：{zh}{more.zh}")
