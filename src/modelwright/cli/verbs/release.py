"""`modelwright release RUN --name NAME`: a model under a name, as its next version."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from modelwright.cli.options import Json, Lang, RunArg
from modelwright.cli.output import LANG, print_json, w
from modelwright.cli.verbs._releases import Blobs, Db, beside_champion, line_of, registry_at, say_next, say_notes


def add(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command(
        help=w("Release a run's model under a name, as its next version.", "以某个名称发布模型，成为其下一个版本。")
    )
    def release(
        model: RunArg,
        name: Annotated[str, typer.Option("--name", "-n", help=w("name of the releases", "发布名称"), metavar="NAME")],
        in_spite: Annotated[
            str | None,
            typer.Option(
                "--in-spite",
                metavar="REASON",
                help=w(
                    "why it is released although its gate was not met or consent is lacking; the ledger keeps it",
                    "未达门槛或缺少同意时仍要发布的理由；会记入账本",
                ),
            ),
        ] = None,
        engine: Annotated[
            str,
            typer.Option(
                "--engine",
                metavar="auto|own|onnx|int8",
                help=w(
                    "what answers when it is served: the fastest that answers alike, or the one named",
                    "提供服务时由哪个引擎作答：auto 选回答一致者中最快的，或直接指定",
                ),
            ),
        ] = "auto",
        db: Db = None,
        blobs: Blobs = None,
        json_: Json = False,
        lang: Lang = None,
    ) -> None:
        from modelwright.release.engines import told
        from modelwright.release.pace import SaidLate

        registry = registry_at(db, blobs)
        with SaidLate(lambda words: print(words.to(LANG), file=sys.stderr, flush=True)) as say:
            made = registry.release(model, name, in_spite=in_spite, engine=engine, say=say)
        notes = beside_champion(registry, made)
        if json_:
            print_json({**made.to_json(), "notes": [list(n) for n in notes]})
            return
        sys.stdout.write(line_of(made) + "\n")
        if (said := told(made.facts).to(LANG)) and made.facts["engine"].get("measured"):
            sys.stderr.write(said + "\n")
        say_notes(notes, made)
        say_next(made)
