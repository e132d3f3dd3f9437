"""Recordings with transcripts, in the layouts that they come in: LJSpeech, Common Voice, Kaldi, ESPnet, Label Studio, and recordings with
cues (SRT, WebVTT, TextGrid, CTM) or a text beside each.

Each becomes a table of `recording` (a path, or a part of one: `talk.mp3#t=12.5,14`), `text`, and `speaker` where it is told.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from modelwright.core.errors import DataError
from modelwright.core.events import EventStream
from modelwright.core.reading import Detected, Reading
from modelwright.data._cut_recordings import cut_table
from modelwright.data._espnet_speech import utterances
from modelwright.data._label_studio_speech import Row, annotated
from modelwright.data.collect import collect
from modelwright.data.cues import SUFFIXES as CUES
from modelwright.data.cues import Cue, read_cues, read_labels, text_of
from modelwright.data.kinds.audio import SPILL, SUFFIXES, length_of, name_part
from modelwright.data.kinds.base import Unreadable
from modelwright.data.sources import read_table

_COMMON_VOICE = ("validated.tsv", "train.tsv", "other.tsv")
_TEXTS = (".txt", ".lab")
_SHOWN = 5
_MIXED = 0.1  # share of a cue in which somebody else speaks, above which its text is not what the recording holds
_TO_THE_END = -1.0  # what Kaldi writes as the end of a segment that goes on to the end of its recording


def read_transcripts(
    source: Any, reading: Reading, events: EventStream | None = None
) -> tuple[pa.Table, Detected] | None:
    """Return a source in one of these layouts as a table; None for tables in the usual forms. Raises DataError for what does not fit."""
    place = str(source).removeprefix("file://") if isinstance(source, (str, Path)) else "://"
    if "://" in place:
        return None
    path = Path(place)
    rows = _rows(path, reading, events)
    if rows is None:
        return cut_table(path, reading, events) if path.is_file() else None
    table = collect(_tables(_with_transcript(rows, path, events)), reading, str(path), events)
    if table.column("speaker").null_count == table.num_rows:
        table = table.drop_columns(["speaker"])
    return table, Detected(names=tuple(table.column_names))


def _rows(path: Path, reading: Reading, events: EventStream | None) -> Iterator[Row] | None:
    if path.is_dir():
        for fits, reader in _FOLDERS:
            if fits(path):
                return reader(path)
        return _beside(path, events)
    if not path.is_file():
        return None
    if path.suffix.lower() in SUFFIXES:
        return _beside(path, events)
    if path.suffix.lower() == ".tsv" and (path.parent / "clips").is_dir():
        return _common_voice_table(path, reading)
    if path.suffix.lower() == ".json":
        rows = annotated(path)
        return utterances(path) if rows is None else rows
    return None


def _tables(rows: Iterator[Row]) -> Iterator[pa.Table]:
    held: list[Row] = []
    for row in rows:
        held.append(row)
        if len(held) == 8192:
            yield _table(held)
            held = []
    yield _table(held)


def _table(rows: list[Row]) -> pa.Table:
    return pa.table({
        "recording": pa.array([r[0] for r in rows], pa.string()),
        "text": pa.array([r[1] for r in rows], pa.string()),
        "speaker": pa.array([r[2] for r in rows], pa.string()),
    })  # fmt: skip


def _with_transcript(rows: Iterator[Row], path: Path, events: EventStream | None) -> Iterator[Row]:
    """Yield rows with a transcript; at the end say how many had none, and which."""
    none: list[str] = []
    for row in rows:
        if row[1] is None or not row[1].strip():
            none.append(row[0])
            continue
        yield row
    if none and events is not None:
        shown = ", ".join(Path(n).name for n in none[:_SHOWN]) + (" ..." if len(none) > _SHOWN else "")
        events.warn(
            f"{len(none)} recordings of {path} have no transcript and are left out: {shown}",
            f"{path} 中有 {len(none)} 段录音没有转写文本，已略去：{shown}",
        )


def _there(place: Path, named: str, where: str, where_zh: str) -> str:
    if not place.is_file():
        raise DataError(f"{where}: there is no recording {named}.", f"{where_zh}：找不到录音 {named}。")
    return str(place.resolve())


# -- folders -----------------------------------------------------------------------------------------------------------


def _ljspeech(folder: Path) -> Iterator[Row]:
    """`metadata.csv`: id|text|normalised text, and `wavs/ID.wav`; the recordings may lie beside it as well."""
    meta = folder / "metadata.csv"
    for number, line in enumerate(text_of(meta).splitlines(), 1):
        if not line.strip():
            continue
        cells = line.split("|")
        where = f"{meta}, line {number}", f"{meta} 第 {number} 行"
        if len(cells) < 2:
            raise DataError(
                f"{where[0]}: expected `ID|TEXT|NORMALISED`, received `{line[:60]}`.",
                f"{where[1]}：应为 `编号|文本|规范文本`，收到的是 `{line[:60]}`。",
            )
        name = cells[0].strip()
        places = [at / (name + s) for at in (folder / "wavs", folder) for s in ("", ".wav", ".flac", ".mp3")]
        place = next((p for p in places if p.is_file()), places[1])
        text = cells[2] if len(cells) > 2 and cells[2].strip() else cells[1]
        yield _there(place, f"wavs/{name}.wav", *where), text, None


def _is_ljspeech(folder: Path) -> bool:
    if not (folder / "metadata.csv").is_file():
        return False
    return (folder / "wavs").is_dir() or "|" in _first_line(folder / "metadata.csv")


def _audiofolder(folder: Path) -> Iterator[Row]:
    """`metadata.csv` with a column `file_name`, as Hugging Face's audio folders have it, and the files that it names."""
    meta = folder / "metadata.csv"
    raw, _ = read_table(meta, Reading(), None)
    names = {re.sub(r"[\W_]", "", n).lower(): n for n in raw.column_names}
    text = next((names[n] for n in ("text", "transcription", "transcript", "sentence") if n in names), None)
    if text is None:
        raise DataError(
            f"{meta}: expected a column text, transcription or sentence, found {', '.join(raw.column_names[:8])}.",
            f"{meta}：应有 text、transcription 或 sentence 列，现有：{'、'.join(raw.column_names[:8])}。",
        )
    speaker = next((names[n] for n in ("speaker", "speakerid", "clientid") if n in names), None)
    speakers = raw.column(speaker).to_pylist() if speaker else [None] * raw.num_rows
    rows = zip(raw.column(names["filename"]).to_pylist(), raw.column(text).to_pylist(), speakers, strict=True)
    for number, (name, said, who) in enumerate(rows, 2):
        where = f"{meta}, line {number}", f"{meta} 第 {number} 行"
        yield _there(folder / str(name or ""), str(name), *where), said, None if who is None else str(who)


def _is_audiofolder(folder: Path) -> bool:
    meta = folder / "metadata.csv"
    return meta.is_file() and "file_name" in re.split(r"[,;\t]", _first_line(meta).replace('"', ""))


def _first_line(path: Path) -> str:
    with path.open("rb") as f:
        return f.readline(4096).decode("utf-8-sig", "replace").strip()


def _kaldi(folder: Path) -> Iterator[Row]:
    """`wav.scp`, `text`, maybe `segments` and `utt2spk`."""
    places = dict(_pairs(folder / "wav.scp"))
    speakers = dict(_pairs(folder / "utt2spk")) if (folder / "utt2spk").is_file() else {}
    cut = (folder / "segments").is_file()
    parts = dict(_segments(folder / "segments")) if cut else {}
    lengths: dict[str, float | None] = {}
    for name, text in _pairs(folder / "text"):
        where = f"{folder / 'text'}: `{name}`", f"{folder / 'text'}：`{name}`"
        if cut and name not in parts:
            raise DataError(f"{where[0]} is not in segments.", f"{where[1]} 不在 segments 中。")
        recording, start, end = parts.get(name, (name, 0.0, 0.0))
        given = places.get(recording)
        if given is None:
            raise DataError(f"{where[0]} is not in wav.scp.", f"{where[1]} 不在 wav.scp 中。")
        if given.rstrip().endswith("|"):
            raise DataError(
                f"{folder / 'wav.scp'}: `{recording}` is a command; commands are never run. Write the path of a file.",
                f"{folder / 'wav.scp'}：`{recording}` 是命令；不会执行命令。请写文件路径。",
            )
        # relative paths go from where the recipe was run, most often two folders above
        near = next((p for p in (folder, *folder.resolve().parents[:3]) if (p / given).is_file()), folder)
        place = _there(near / given, given, *where)
        if cut:
            if place not in lengths:
                lengths[place] = _length(place)
            whole = lengths[place]
            if end == _TO_THE_END and whole is not None:
                end = max(whole, start)
            _check_end(end, whole, place, f"{folder / 'segments'}: `{name}`", f"{folder / 'segments'}：`{name}`")
        yield name_part(place, start, end) if cut else place, text, speakers.get(name)


def _segments(path: Path) -> Iterator[tuple[str, tuple[str, float, float]]]:
    """Yield each utterance of a file `segments` with its recording, start and end in seconds; an end of -1 is that of the recording."""
    for name, rest in _pairs(path):
        cells = rest.split()
        try:
            recording, start, end = cells[0], float(cells[1]), float(cells[2])
        except (IndexError, ValueError):
            raise DataError(
                f"{path}: `{name}` has no `RECORDING START END`.", f"{path}：`{name}` 缺少 `录音 开始 结束`。"
            ) from None
        if not (0 <= start < end or (start >= 0 and end == _TO_THE_END)):
            raise DataError(
                f"{path}: `{name}` ends at {end:g} s, and begins at {start:g} s; correct its times.",
                f"{path}：`{name}` 从 {start:g} 秒开始，到 {end:g} 秒结束；请更正时间。",
            )
        yield name, (recording, start, end)


def _pairs(path: Path) -> Iterator[tuple[str, str]]:
    for line in text_of(path).splitlines():
        name, _, rest = line.strip().partition(" ") if " " in line.strip() else line.strip().partition("\t")
        if name:
            yield name, rest.strip()


def _common_voice(folder: Path) -> Iterator[Row]:
    name = next(n for n in _COMMON_VOICE if (folder / n).is_file())
    return _common_voice_table(folder / name, Reading())


def _common_voice_table(path: Path, reading: Reading) -> Iterator[Row]:
    """A table of `path`, `sentence`, `client_id` beside a folder `clips/`."""
    raw, _ = read_table(path, reading, None)
    if not {"path", "sentence"} <= set(raw.column_names):
        raise DataError(
            f"{path}: expected the columns path and sentence, found {', '.join(raw.column_names[:8])}.",
            f"{path}：应有 path 和 sentence 列，现有：{'、'.join(raw.column_names[:8])}。",
        )
    speakers = raw.column("client_id").to_pylist() if "client_id" in raw.column_names else [None] * raw.num_rows
    clips = path.parent / "clips"
    rows = zip(raw.column("path").to_pylist(), raw.column("sentence").to_pylist(), speakers, strict=True)
    for number, (name, text, speaker) in enumerate(rows, 2):
        given = str(name or "")
        place = clips / given if Path(given).suffix else clips / f"{given}.mp3"
        yield _there(place, f"clips/{given}", f"{path}, line {number}", f"{path} 第 {number} 行"), text, speaker


def _beside(path: Path, events: EventStream | None) -> Iterator[Row]:
    """Recordings with cues, or a text, of the same name beside them; `*.trans.txt` lists as LibriSpeech has them."""
    files = (
        [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file() and p.suffix.lower() in SUFFIXES)
    )
    listed = {} if path.is_file() else dict(p for f in sorted(path.rglob("*.trans.txt")) for p in _pairs(f))
    if not files:
        shown = ", ".join(sorted(SUFFIXES))
        raise DataError(
            f"{path} holds no recordings ({shown}) and no metadata.csv, wav.scp or validated.tsv.",
            f"{path} 中没有录音（{shown}），也没有 metadata.csv、wav.scp 或 validated.tsv。",
        )
    found = False
    stems = {f.stem for f in files}
    for file in files:
        cues, text = (_with_name_of(file, suffixes, stems) for suffixes in (CUES, _TEXTS))
        said = text_of(text) if text is not None else listed.get(file.stem)
        place = str(file.resolve())
        timed = read_cues(cues) if cues is not None else read_labels(said, text) if said and text is not None else None
        if timed is not None:
            found = True
            timed = within(timed, cues or text or file, place)
            for cue in _alone(timed, cues or text or file, events):
                yield name_part(place, cue.start, cue.end), cue.text, cue.speaker
        else:
            found = found or bool(said and said.strip())
            yield place, said, None
    if not found:
        raise DataError(
            f"No recording of {path} has a transcript: put NAME.srt, .vtt, .TextGrid, .ctm or .txt beside NAME.wav, or give a table with the columns "
            "recording and text; transcripts in the names of files are not read.",
            f"{path} 中的录音都没有转写文本：请在 NAME.wav 旁放 NAME.srt、.vtt、.TextGrid、.ctm 或 .txt，或提供含 recording 和 text 两列的表格；"
            "不会从文件名读取转写文本。",
        )


def _with_name_of(recording: Path, suffixes: Sequence[str], stems: set[str]) -> Path | None:
    """Return the file beside a recording that is called as it is, maybe with a language (`talk.en.srt`). Raises DataError for several languages."""
    beside = [
        p
        for suffix in suffixes
        for p in sorted(recording.parent.glob(_escaped(recording.stem) + ".*"))
        if p.suffix.lower() == suffix
    ]
    own = next((p for p in beside if p.stem == recording.stem), None)
    others = [p for p in beside if p.stem not in stems]
    if own is None and len(others) > 1 and others[0].suffix == others[1].suffix:
        names = ", ".join(p.name for p in others)
        raise DataError(
            f"{recording} has several transcripts ({names}): call the one to learn from {recording.stem}{others[0].suffix}.",
            f"{recording} 有多份转写文本（{names.replace(', ', '、')}）：请把要使用的一份命名为 {recording.stem}{others[0].suffix}。",
        )
    return own or next(iter(others), None)


def within(cues: list[Cue], path: Path, recording: str) -> list[Cue]:
    """Return the cues of a recording, from `path`. Raises DataError for one that runs past its end: the cues may be another recording's."""
    whole = _length(recording)
    for cue in cues:
        _check_end(cue.end, whole, recording, f"{path}, line {cue.line}", f"{path} 第 {cue.line} 行")
    return cues


def _alone(cues: list[Cue], path: Path, events: EventStream | None) -> list[Cue]:
    """Return the cues in which hardly anybody else speaks: a part of the recording holds both voices, and the text one of them.

    What is left out is told, with the first line. `cues` are in the order of their times.
    """
    starts = [c.start for c in cues]
    longest = max((c.end - c.start for c in cues), default=0.0)
    mixed = []
    for cue in cues:
        near = cues[bisect_left(starts, cue.start - longest) : bisect_left(starts, cue.end)]
        both = sum(max(0.0, min(cue.end, c.end) - max(cue.start, c.start)) for c in near if c.speaker != cue.speaker)
        mixed.append(both > _MIXED * (cue.end - cue.start))
    if any(mixed) and events is not None:
        line = cues[mixed.index(True)].line
        events.warn(
            f"{sum(mixed)} of {len(cues)} cues of {path} are left out, the first one in line {line}: somebody else speaks at the same time.",
            f"{path} 的 {len(cues)} 个时间段中有 {sum(mixed)} 个已略去（首个在第 {line} 行）：同一时间另有人在说话。",
        )
    return [c for c, both in zip(cues, mixed, strict=True) if not both]


def _check_end(end: float, whole: float | None, recording: str, where: str, where_zh: str) -> None:
    if whole is not None and end > whole + SPILL:
        name = Path(recording).name
        raise DataError(
            f"{where}: the part ends at {end:g} s, and the recording {name} at {whole:g} s; correct the times, or take those of this recording.",
            f"{where_zh}：片段到 {end:g} 秒结束，而录音 {name} 在 {whole:g} 秒结束；请更正时间，或换成该录音的时间。",
        )


def _length(recording: str) -> float | None:
    """Return the seconds of a recording; None where it does not tell or cannot be read, which is named where cells are read."""
    try:
        return length_of({"path": recording})
    except Unreadable:
        return None


def _escaped(name: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", name)


_FOLDERS: tuple[tuple[Callable[[Path], bool], Callable[[Path], Iterator[Row]]], ...] = (
    (lambda p: (p / "wav.scp").is_file() and (p / "text").is_file(), _kaldi),
    (_is_audiofolder, _audiofolder),
    (_is_ljspeech, _ljspeech),
    (lambda p: (p / "clips").is_dir() and any((p / n).is_file() for n in _COMMON_VOICE), _common_voice),
)
