"""The command line: parse, call, print. Heavy imports happen inside commands, so that `--help` answers at once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from modelwright.cli.exits import answered
from modelwright.cli.output import (
    LANG,
    AllowMissing,
    AllowOrigin,
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
    Rename,
    RunArg,
    Series,
    SeriesId,
    SeriesTime,
    ShowValues,
    Teacher,
    Vault,
    opt,
    pairs,
    print_json,
    w,
)
from modelwright.core.registry import load_file, names_in
from modelwright.core.words import Words

app = typer.Typer(
    name="modelwright",
    help=w(
        "From your data to a model that serves inside your product.",
        "从数据到产品中可用的模型，一条命令，在自己的机器上。",
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _root(
    ctx: typer.Context,
    version: Annotated[bool, typer.Option("--version", help=w("print the version", "显示版本"))] = False,
) -> None:
    if version:
        from modelwright import __version__

        sys.stdout.write(f"modelwright {__version__}\n")
        raise typer.Exit


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
        typer.Option("--budget", "-b", help=w("time until a usable bundle stands (5m)", "得到可用模型包的时间（5m）")),
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
    latency: Annotated[str | None, opt("longest time for one answer, e.g. 20ms", "单次回答最长时间，如 20ms")] = None,
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
        typer.Option("--class-weight/--no-class-weight", help=w("give rare classes more weight", "提高稀有类别权重")),
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
            help=w("pretrained encoder: a folder, minilm, or a hub name", "预训练编码器：文件夹、minilm 或模型库名称"),
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
    retain: Annotated[str | None, opt("leave out rows older than this, e.g. 90d", "略去早于此期限的行，如 90d")] = None,
    name: Annotated[str | None, opt("name of the run", "运行名称")] = None,
    out: Annotated[str, opt("folder of runs", "运行文件夹所在目录")] = "runs",
    config: Annotated[Path | None, opt("YAML file with these options", "含以上选项的 YAML 文件")] = None,
    resume: Annotated[str | None, opt("resume this run", "继续此前的运行")] = None,
    quiet: Quiet = False,
    json_: Json = False,
    lang: Lang = None,
) -> None:
    from modelwright.cli.commands import run_command

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
    code = run_command(given, config, name, Path(out), resume, LANG, quiet, json_)
    if code:
        raise typer.Exit(code)


@app.command(help=w("Show what is in the data and what is wrong with it.", "检查数据：有什么、有什么问题。"))
def inspect(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA", help=w("file, folder of media, or database URL", "文件、媒体文件夹或数据库 URL")
        ),
    ],
    target: Annotated[str | None, typer.Option("--target", "-t", help=w("column to predict", "要预测的列"))] = None,
    column: Columns = None,
    query: Annotated[str | None, opt("SQL query", "SQL 查询")] = None,
    table: Annotated[str | None, opt("SQL table", "SQL 表")] = None,
    sheet: Annotated[str | None, opt("Excel sheet", "Excel 工作表")] = None,
    header: Header = None,
    delimiter: Delimiter = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
    dates: Dates = None,
    series: Series = None,
    series_id: SeriesId = None,
    series_time: SeriesTime = None,
    channel: Channel = None,
    vault: Vault = None,
    private: Private = None,
    show_values: ShowValues = False,
    json_: Json = False,
    lang: Lang = None,
) -> None:
    from modelwright.api import inspect as look
    from modelwright.cli.terminal import print_inspection

    spread: dict[str, Any] = {"series": series, "series_id": series_id, "series_time": series_time, "private": private}
    reading = {"delimiter": delimiter, "decimal": decimal, "encoding": encoding, "dates": dates, "channel": channel}
    more = {"query": query, "table": table, "sheet": sheet, "header": header, "vault": vault, **spread, **reading}
    found = look(data, target, column=pairs(column), show_values=show_values, **more)
    print_json(found) if json_ else print_inspection(found, LANG)


@app.command(help=w("Predict the rows of a file.", "对文件中的每一行给出预测。"))
def predict(
    model: RunArg,
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help=w(
                "file with the rows to predict, media file, folder of them, or -",
                "待预测的表格、媒体文件或其文件夹；- 表示标准输入",
            ),
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help=w(
                "file to write (.csv, .jsonl, .parquet, .xlsx); standard output if not given",
                "输出文件（.csv、.jsonl、.parquet、.xlsx）；默认标准输出",
            ),
        ),
    ] = None,
    allow_missing: AllowMissing = False,
    rename: Rename = None,
    scores: Annotated[bool, opt("add a column score_<label> per label", "为每个标签添加 score_<标签> 列")] = False,
    strict: Annotated[bool, opt("stop at the first bad row", "遇到坏行即停止")] = False,
    bom: Annotated[bool, opt("mark CSV as UTF-8 for Excel", "在 CSV 开头写入 BOM，便于 Excel 识别 UTF-8")] = False,
    header: Header = None,
    delimiter: Delimiter = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
    vault: Vault = None,
    json_: Json = False,
    lang: Lang = None,
) -> None:
    from modelwright.cli.commands import predict_command

    reading = {"header": header, "delimiter": delimiter, "decimal": decimal, "encoding": encoding}
    summary = predict_command(model, data, out, scores, strict, LANG, vault, bom, allow_missing, rename, **reading)
    if json_ and out is not None:
        print_json(summary)


@app.command(
    help=w(
        "Write a run's report again, in either language, and print where it is.",
        "重新生成报告（中文或英文）并给出位置。",
    )
)
def report(
    model: RunArg,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help=w("file to write; with --vault it quotes rows", "输出文件；配合 --vault 时会引用数据行"),
        ),
    ] = None,
    vault: Vault = None,
    json_: Json = False,
    lang: Lang = None,
) -> None:
    from modelwright.core.run import RunFolder
    from modelwright.core.sealed import unlocked
    from modelwright.pipeline.report import facts as reporting

    with unlocked(vault):
        path = reporting.write(RunFolder.find(model), LANG, out)
    print_json({"report": str(path)}) if json_ else sys.stdout.write(f"{path}\n")


@app.command(help=w("Serve a model over HTTP on this machine.", "在本机以 HTTP 提供模型服务。"))
def serve(
    model: RunArg,
    host: Annotated[str, opt("address to bind", "绑定地址")] = "127.0.0.1",
    port: Annotated[int, opt("port", "端口")] = 8000,
    tls_cert: Annotated[Path | None, opt("TLS certificate", "TLS 证书")] = None,
    tls_key: Annotated[Path | None, opt("TLS key", "TLS 私钥")] = None,
    behind_proxy: Annotated[bool, opt("a proxy in front does TLS", "前置代理负责 TLS")] = False,
    key_file: Annotated[Path | None, opt("where key hashes are kept", "密钥哈希的存放位置")] = None,
    allow_origin: AllowOrigin = None,
    allow_missing: AllowMissing = False,
    backend: Annotated[
        str, opt("own, or vllm for language models on GPUs", "own，或 vllm（GPU 上的语言模型）")
    ] = "own",
    lang: Lang = None,
) -> None:
    from modelwright.cli.commands import serve_command

    more = (allow_origin or (), allow_missing)
    serve_command(model, host, port, tls_cert, tls_key, behind_proxy, key_file, LANG, backend, *more)


@app.command(help=w("Check the installation.", "检查安装是否完好。"))
def doctor(json_: Json = False, lang: Lang = None) -> None:
    from modelwright.cli.about import doctor_facts, print_doctor

    facts = doctor_facts()
    print_json(facts) if json_ else print_doctor(facts, LANG)
    if not facts["well"]:
        raise typer.Exit(2)


for _name in names_in("modelwright.cli.verbs"):
    load_file("modelwright.cli.verbs", _name, Words("verb", "命令")).add(app)


def main() -> None:
    """Run the command line; errors end it with their own exit code and without a traceback."""
    with answered(LANG):
        code = app(standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
