"""`modelwright run`: from data to a bundle that serves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelwright.cli.exits import stopping
from modelwright.cli.options import (
    Base,
    Channel,
    Columns,
    Dates,
    Decimal,
    Delimiter,
    Encoding,
    Endpoint,
    EndpointModel,
    Header,
    Json,
    Lang,
    Missing,
    PriceIn,
    PriceOut,
    Private,
    Public,
    Quiet,
    Series,
    SeriesId,
    SeriesTime,
    Teacher,
    Vault,
    opt,
    pairs,
)
from modelwright.cli.output import LANG, print_json, w
from modelwright.core.words import Words

if TYPE_CHECKING:
    from modelwright.cli.terminal import Display
    from modelwright.core.run import RunFolder


def add(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command(
        help=w(
            "Make a model from data: train, test, check against the gate, bundle, report.",
            "从数据得到模型：训练、测试、核对门槛、打包、生成报告。",
        )
    )
    def run(
        data: Annotated[
            str | None,
            typer.Argument(
                metavar="DATA", help=w("file, folder of media, or database URL", "文件、媒体文件夹或数据库 URL")
            ),
        ] = None,
        target: Annotated[str | None, typer.Option("--target", "-t", help=w("column to predict", "要预测的列"))] = None,
        test: Annotated[str | None, opt("file with the official test rows", "官方测试集文件")] = None,
        budget: Annotated[
            str | None,
            typer.Option(
                "--budget", "-b", help=w("time until a usable bundle stands (5m)", "得到可用模型包的时间（5m）")
            ),
        ] = None,
        gate: Annotated[
            str | None,
            typer.Option(
                "--gate", "-g", help=w("conditions for release, e.g. macro_f1>=0.9", "发布门槛，如 macro_f1>=0.9")
            ),
        ] = None,
        cost: Annotated[
            list[str] | None,
            typer.Option(metavar="LABEL:missed=500,false_alarm=5", help=w("what wrong answers cost", "错误的代价")),
        ] = None,
        metric: Annotated[
            str | None, typer.Option("--metric", "-m", help=w("metric that ranks the models", "排名所用的指标"))
        ] = None,
        task: Annotated[str | None, opt("task; chosen from the target if not given", "任务；默认由目标列决定")] = None,
        column: Columns = None,
        ignore: Annotated[list[str] | None, opt("column to leave out", "要忽略的列")] = None,
        group: Annotated[
            str | None, opt("column of groups; one group is never split", "分组列：同组的行不会被分开")
        ] = None,
        series: Series = None,
        series_id: SeriesId = None,
        series_time: SeriesTime = None,
        channel: Channel = None,
        time: Annotated[str | None, opt("time column: later rows are held out", "时间列：较晚的数据留作测试")] = None,
        split: Annotated[
            str | None, opt("random, or scaffold for molecules", "random，或 scaffold（按分子骨架划分）")
        ] = None,
        memory: Annotated[str | None, opt("memory the run may use, e.g. 4g", "可用内存，如 4g")] = None,
        latency: Annotated[
            str | None, opt("longest time for one answer, e.g. 20ms", "单次回答最长时间，如 20ms")
        ] = None,
        folds: Annotated[int | None, opt("folds of cross-validation", "交叉验证折数")] = None,
        repeats: Annotated[int | None, opt("repeats of cross-validation", "交叉验证重复次数")] = None,
        test_fraction: Annotated[float | None, opt("share of rows for the test (0.2)", "测试集比例（0.2）")] = None,
        recipe: Annotated[list[str] | None, opt("only this recipe (may repeat)", "只用此方案（可重复）")] = None,
        search: Annotated[str | None, typer.Option(help="tpe, random, grid, none")] = None,
        ensemble: Annotated[
            bool | None, typer.Option("--ensemble/--no-ensemble", help=w("combine models", "是否组合模型"))
        ] = None,
        refit: Annotated[
            bool | None,
            typer.Option(
                "--refit/--no-refit",
                help=w("train the winner again on all but the test rows", "用测试集以外的全部数据重新训练选中的模型"),
            ),
        ] = None,
        missing: Missing = None,
        class_weight: Annotated[
            bool | None,
            typer.Option(
                "--class-weight/--no-class-weight", help=w("give rare classes more weight", "提高稀有类别权重")
            ),
        ] = None,
        epsilon: Annotated[
            float | None, opt("differential privacy of training rows: the budget", "训练数据差分隐私预算 epsilon")
        ] = None,
        delta: Annotated[float | None, opt("used with --epsilon (1e-5)", "与 --epsilon 同用（1e-5）")] = None,
        bounds: Annotated[
            list[str] | None,
            typer.Option(metavar="NAME=LOW..HIGH", help=w("bounds known beforehand", "事先已知的取值范围")),
        ] = None,
        sensitive: Annotated[
            list[str] | None, opt("column whose groups are compared (may repeat)", "比较各组公平性的列（可重复）")
        ] = None,
        sensitive_input: Annotated[
            bool | None,
            typer.Option("--sensitive-input/--no-sensitive-input", help=w("use it as an input too", "仍作为输入")),
        ] = None,
        favourable: Annotated[str | None, opt("the favourable label", "有利的标签")] = None,
        mitigate: Annotated[str | None, typer.Option(help="none, reweigh, thresholds")] = None,
        wrong: Annotated[
            float | None,
            opt("share of unanswerable questions that may be answered (0.1)", "无答案问题中允许误答的比例（0.1）"),
        ] = None,
        vectors: Annotated[
            str | None, opt("word vectors (GloVe/word2vec text)", "词向量（GloVe/word2vec 文本格式）")
        ] = None,
        pretrained: Annotated[
            list[str] | None,
            typer.Option(
                metavar="NAME",
                help=w(
                    "pretrained encoder: a folder, minilm, or a hub name", "预训练编码器：文件夹、minilm 或模型库名称"
                ),
            ),
        ] = None,
        public: Public = None,
        endpoint: Endpoint = None,
        endpoint_model: EndpointModel = None,
        price_in: PriceIn = None,
        price_out: PriceOut = None,
        base: Base = None,
        teacher: Teacher = None,
        query: Annotated[str | None, opt("SQL query, for a database URL", "SQL 查询（数据库 URL）")] = None,
        table: Annotated[str | None, opt("SQL table, for a database URL", "SQL 表（数据库 URL）")] = None,
        sheet: Annotated[str | None, opt("Excel sheet", "Excel 工作表")] = None,
        header: Header = None,
        delimiter: Delimiter = None,
        decimal: Decimal = None,
        encoding: Encoding = None,
        dates: Dates = None,
        private: Private = None,
        device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, mps")] = None,
        seed: Annotated[int | None, opt("random seed", "随机种子")] = None,
        vault: Vault = None,
        consent: Annotated[str | None, opt("table of consents", "同意记录表")] = None,
        subject: Annotated[str | None, opt("column that says whose row it is", "每行所属主体的列")] = None,
        purpose: Annotated[
            str | None, opt("rows without consent for this purpose are left out", "未就此目的同意的行不使用")
        ] = None,
        retain: Annotated[
            str | None, opt("leave out rows older than this, e.g. 90d", "略去早于此期限的行，如 90d")
        ] = None,
        name: Annotated[str | None, opt("name of the run", "运行名称")] = None,
        out: Annotated[str, opt("folder of runs", "运行文件夹所在目录")] = "runs",
        config: Annotated[Path | None, opt("YAML file with these options", "含以上选项的 YAML 文件")] = None,
        resume: Annotated[str | None, opt("resume this run", "继续此前的运行")] = None,
        quiet: Quiet = False,
        json_: Json = False,
        lang: Lang = None,
    ) -> None:
        given: dict[str, Any] = {
            "data": data, "target": target, "test": test, "budget": budget, "gate": gate, "cost": cost, "metric": metric, "task": task,
            "series": series, "series_id": series_id, "series_time": series_time, "channel": channel,
            "column": pairs(column) or None, "ignore": ignore, "group": group, "time": time, "split": split, "memory": memory,
            "latency": latency, "folds": folds, "repeats": repeats, "test_fraction": test_fraction, "recipes": recipe,
            "search": search, "ensemble": ensemble, "refit": refit, "missing": missing, "class_weight": class_weight, "vectors": vectors,
            "pretrained": pretrained, "query": query, "table": table, "sheet": sheet, "header": header, "device": device,
            "delimiter": delimiter, "decimal": decimal, "encoding": encoding, "dates": dates,
            "private": private, "seed": seed, "public": public, "endpoint": endpoint, "endpoint_model": endpoint_model, "price_in": price_in,
            "price_out": price_out, "base": base, "teacher": teacher, "vault": vault, "consent": consent, "subject": subject,
            "purpose": purpose, "retain": retain,
            "epsilon": epsilon, "delta": delta, "bounds": pairs(bounds) or None, "sensitive": sensitive,
            "sensitive_input": sensitive_input, "favourable": favourable, "mitigate": mitigate, "wrong": wrong,
        }  # fmt: skip
        given = {k: v for k, v in given.items() if v is not None}
        code = run_and_print(given, config, name, Path(out), resume, LANG, quiet, json_)
        if code:
            raise typer.Exit(code)


def run_and_print(
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
    from modelwright.cli.terminal import Display
    from modelwright.core.budget import Deadline, parse_duration
    from modelwright.core.config import load_config, make_config
    from modelwright.core.device import process_start
    from modelwright.core.errors import OptionError
    from modelwright.core.events import Done, Event, EventStream
    from modelwright.core.run import RunFolder, slug

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
        from modelwright.pipeline.walk import run

        result = run(config, config.data, events, folder=folder, deadline=deadline, resume=bool(resume), lang=lang)
        print_end(display, result.facts, folder, lang)
    if json_:
        print_json(results[-1])
    if deadline.stopped:
        return 130
    return 3 if result.judgement.met is False else 0


def print_end(display: Display, facts: dict[str, Any], folder: RunFolder, lang: str) -> None:
    """Print verdict, winner, where the report is, and what to do next."""
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
