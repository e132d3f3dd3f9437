"""`modelwright anonymise IN OUT`: a copy without personal data."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from modelwright.cli.options import Json, Lang, Quiet, Vault, opt, takes
from modelwright.cli.output import print_json, say, w
from modelwright.core.option_groups.source import SOURCE_OPTIONS
from modelwright.core.words import Words, counted


def add(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command(
        help=w(
            "Write a copy without personal data: tables, JSON Lines, or a folder of pictures or recordings.",
            "写出不含个人数据的副本：表格、JSON Lines，或图片、录音文件夹。",
        )
    )
    @takes(*(name for name in SOURCE_OPTIONS if name not in ("dates", "decimal")))  # cells are copied as they stand
    def anonymise(
        source: Annotated[
            str, typer.Argument(metavar="IN", help=w("file, folder or database URL", "文件、文件夹或数据库 URL"))
        ],
        copy: Annotated[
            Path | None,
            typer.Argument(
                metavar="OUT",
                help=w(
                    "file to write (.csv .tsv .jsonl .parquet .xlsx), or folder",
                    "输出文件（.csv .tsv .jsonl .parquet .xlsx）或文件夹",
                ),
            ),
        ] = None,
        out: Annotated[
            Path | None, typer.Option("--out", "-o", help=w("the same, as an option", "同上，写成选项"))
        ] = None,
        private: Annotated[
            list[str] | None,
            typer.Option(
                metavar="ACTION[:NAME]",
                help=w(
                    "keep, placeholder, mask, generalise, pseudonym, surrogate or drop; for all, a type or a column",
                    "keep、placeholder、mask、generalise、pseudonym、surrogate 或 drop；对全部、某类型或某列",
                ),
            ),
        ] = None,
        key_file: Annotated[
            Path | None,
            opt(
                "key of the pseudonyms: the same key gives the same ones; made if absent",
                "假名密钥文件：同一密钥得到同样的假名；不存在则新建",
            ),
        ] = None,
        k: Annotated[
            int | None,
            typer.Option(
                "--k",
                help=w("rows that must share the values of --quasi", "--quasi 各列取值至少由多少行共享"),
                metavar="N",
            ),
        ] = None,
        quasi: Annotated[
            str | None,
            opt(
                "columns that tell a person together: age,zip,gender",
                "合起来能认出人的列：age,zip,gender",
                metavar="COLUMNS",
            ),
        ] = None,
        remember: Annotated[
            Path | None,
            opt(
                "keep originals beside their pseudonyms in this encrypted store; needs --vault",
                "把原值与假名的对应关系存入该加密库；需要 --vault",
            ),
        ] = None,
        reveal: Annotated[
            Path | None,
            opt(
                "turn the pseudonyms of this store back instead; needs --vault, is written into the ledger",
                "改为用该库还原假名；需要 --vault，并记入账本",
            ),
        ] = None,
        vault: Vault = None,
        recogniser: Annotated[
            list[str] | None, opt("another recogniser: presidio", "附加识别器：presidio", metavar="NAME")
        ] = None,
        hear: Annotated[
            str | None,
            opt(
                "recogniser of speech (run) that says what is said in recordings without cues",
                "为没有时间标注的录音识别内容的语音识别模型（运行）",
                metavar="RUN",
            ),
        ] = None,
        *,
        given: dict[str, Any],
        force: Annotated[bool, opt("replace an existing file", "覆盖已有文件")] = False,
        quiet: Quiet = False,
        json_: Json = False,
        lang: Lang = None,
    ) -> None:
        from modelwright.core.encrypted_files import unlocked

        place = _one_place(copy, out)
        with unlocked(vault):
            if reveal is not None:
                _refuse_beside_reveal(private, key_file, k, quasi, remember, recogniser)
                facts, lines = _revealed(source, place, reveal, force, given)
            else:
                facts, lines = _copied(
                    source, place, private or [], key_file, remember, k, quasi, recogniser or [], force, given, hear
                )
        for words in lines:
            say(words, quiet)
        if json_:
            print_json(facts)


def _one_place(copy: Path | None, out: Path | None) -> Path:
    """Return where to write, given as an argument or as -o. Raises OptionError where it is given twice or not at all."""
    from modelwright.core.errors import OptionError

    if (copy is None) == (out is None):
        raise OptionError(
            f"Say where to write the copy, once: modelwright anonymise IN -o OUT{'' if copy is None else f'; received {copy} and -o {out}'}.",
            f"请给出副本的写入位置（只需一次）：modelwright anonymise IN -o OUT{'' if copy is None else f'；收到的是 {copy} 和 -o {out}'}。",
        )
    chosen = copy if copy is not None else out
    assert chosen is not None
    return chosen


def _refuse_beside_reveal(*others: object) -> None:
    from modelwright.core.errors import OptionError

    if any(others):
        raise OptionError(
            "--reveal turns pseudonyms back and does nothing else: leave out --private, --key-file, --k, --quasi, --remember and --recogniser.",
            "--reveal 只用于还原假名：请去掉 --private、--key-file、--k、--quasi、--remember 和 --recogniser。",
        )


def _copied(
    source: str,
    out: Path,
    private: list[str],
    key_file: Path | None,
    remember: Path | None,
    k: int | None,
    quasi: str | None,
    also: list[str],
    force: bool,
    reading: dict[str, Any],
    hear: str | None = None,
) -> tuple[dict[str, Any], list[Words]]:
    """Make the copy, write into the ledger that it was made, and return facts and lines."""
    from modelwright.core.errors import OptionError
    from modelwright.privacy import anonymise as making
    from modelwright.privacy.anonymity import parse_quasi
    from modelwright.privacy.files import clean_folder
    from modelwright.privacy.ledger import ready, record
    from modelwright.privacy.policy import Policy
    from modelwright.privacy.pseudonyms import Pseudonyms, key_from
    from modelwright.privacy.reveal import remember_in
    from modelwright.privacy.reversible import PseudonymStore
    from modelwright.privacy.sound import holds_sound

    # refused before a key or a store is made
    ready()
    if Path(source).is_dir() and holds_sound(Path(source)):
        return _silenced(Path(source), out, private, hear, force, (key_file, remember, k, quasi, also))
    if hear is not None:
        raise OptionError(
            "--hear is for a folder of recordings; there is none in the source.",
            "--hear 用于录音文件夹，而来源中没有录音。",
        )
    making.check_out(source, out, force)
    Policy.parse(private)
    made, said = False, []
    with contextlib.ExitStack() as open_:
        told = remember_in(open_.enter_context(PseudonymStore.open(remember))) if remember is not None else None
        if key_file is not None:
            key, made = key_from(key_file)
            pseudonyms = Pseudonyms(key, told)
        else:
            pseudonyms = Pseudonyms.fresh(told)
        if Path(source).is_dir():
            cleaned = clean_folder(Path(source), out, rules=private, pseudonyms=pseudonyms, force=force)
            facts, lines = cleaned.to_json(), cleaned.lines()
        else:
            copied = making.anonymise(
                source, out, rules=private, pseudonyms=pseudonyms, k=k, quasi=parse_quasi(quasi or ""), also=also,
                force=force, **reading,
            )  # fmt: skip
            facts, lines = copied.to_json(), copied.redactor.lines()
            lines += [copied.anonymous.words] if copied.anonymous else []
            said += making.stand_empty(source, copied.unread)
            said.append(Words(f"{counted(copied.rows, 'row')} written to {out}", f"已写出 {copied.rows:,} 行：{out}"))
    record(
        None, "copy anonymised", rows=facts.get("rows"), files=facts.get("files"), k=k, remembered=remember is not None
    )
    if made:
        said.append(
            Words(
                f"A new key was made: {key_file}. Keep it apart from the data.",
                f"已生成新密钥：{key_file}。请与数据分开保存。",
            )
        )
    elif key_file is None:
        said.append(
            Words(
                "No --key-file was named: pseudonyms agree within this copy only.",
                "未指定 --key-file：假名只在本副本内一致。",
            )
        )
    return facts, [*lines, *said]


def _silenced(
    source: Path, out: Path, private: list[str], hear: str | None, force: bool, others: Sequence[object]
) -> tuple[dict[str, Any], list[Words]]:
    """Write recordings with personal data silenced, enter that into the ledger, and return facts and lines."""
    from modelwright.core.errors import OptionError
    from modelwright.privacy.ledger import record
    from modelwright.privacy.sound import silence_folder

    if any(others):
        raise OptionError(
            "Recordings are silenced, nothing is put in: leave out --key-file, --remember, --k, --quasi and --recogniser.",
            "录音只做静音处理，不做替换：请去掉 --key-file、--remember、--k、--quasi 与 --recogniser。",
        )
    done = silence_folder(source, out, hear=_listener(hear) if hear else None, rules=private, force=force)
    record(None, "recordings silenced", files=done.files, spans=sum(done.found.values()))
    return done.to_json(), done.lines()


def _listener(run: str) -> Any:
    """Return what tells the words of a recording with their times, by a model of speech. Raises OptionError for another model."""
    from modelwright.core.errors import OptionError
    from modelwright.data.cues import Cue
    from modelwright.data.kinds.audio import blocks
    from modelwright.recipes.shared.listening import in_turn, placed
    from modelwright.release.bundle import load
    from modelwright.release.registry.find import find_bundle

    predictor = load(find_bundle(run))
    model: Any = predictor.members[0][1]
    if not hasattr(model, "hear"):
        raise OptionError(
            f"--hear takes a model of automatic-speech-recognition; {run} is one of {predictor.task.name}.",
            f"--hear 需要语音识别模型（automatic-speech-recognition）；{run} 的任务是 {predictor.task.name}。",
        )

    def hear(path: Path) -> list[Cue]:
        parts = in_turn(model, blocks({"path": str(path.resolve()), "bytes": None}, model.front.rate))
        words = [w for at, part in parts for w in placed(model.hear([part])[0], at)]
        return [Cue(w["start"], w["end"], w["word"], i) for i, w in enumerate(words, 1)]

    return hear


def _revealed(
    source: str, out: Path, store: Path, force: bool, reading: dict[str, Any]
) -> tuple[dict[str, Any], list[Words]]:
    """Turn pseudonyms back, write into the ledger that it was done, and return facts and lines."""
    from modelwright.core.errors import DataError
    from modelwright.privacy import ledger
    from modelwright.privacy.reveal import reveal
    from modelwright.privacy.reversible import PseudonymStore

    if not store.is_file():
        raise DataError(
            f"There is no store {store}. `modelwright anonymise --remember {store}` makes one.",
            f"没有假名库 {store}。可用 `modelwright anonymise --remember {store}` 建立。",
        )
    ledger.ready()
    with PseudonymStore.open(store) as kept:
        done = reveal(source, out, kept, force=force, **reading)
    ledger.record(None, "pseudonyms turned back", rows=done.rows, values=done.revealed, unknown=done.unknown)
    return done.to_json(), done.lines()
