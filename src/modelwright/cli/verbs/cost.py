"""The verb `cost`: what a training would take on 1 to 4,096 devices, on paper, from a step that was measured."""

from __future__ import annotations

import json
import struct
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import typer

from modelwright.cli.options import Json, Lang, opt
from modelwright.cli.output import LANG, print_json, w
from modelwright.core.words import Words

_MOST = 4096
_COUNTS = "1,2,4,8,16,64,256,1024,4096"


def add(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command(
        help=w(
            "Estimate time, memory and price of training on 1 to 4,096 devices, from one measured step.",
            "根据实测的一步，估算在 1 到 4096 个设备上训练的耗时、内存与费用。",
        ),
    )
    def cost(
        model: Annotated[
            str | None, typer.Argument(metavar="RUN", help=w("run whose networks were measured", "已测得网络的运行"))
        ] = None,
        candidate: Annotated[str | None, opt("candidate of the run", "运行中的候选", metavar="NAME")] = None,
        parameters: Annotated[
            str | None, opt("parameters, e.g. 110m or 7b", "参数量，如 110m 或 7b", metavar="N")
        ] = None,
        step: Annotated[
            str | None, opt("time of a step on one device, e.g. 350ms", "单设备一步的时间，如 350ms", metavar="TIME")
        ] = None,
        batch: Annotated[int | None, opt("rows of that step", "该步的行数", metavar="ROWS")] = None,
        half_step: Annotated[
            str | None, opt("time of a step with half as many rows", "行数减半时一步的时间", metavar="TIME")
        ] = None,
        two_step: Annotated[
            str | None,
            opt("time of a step of two devices, set beside", "两个设备一步的实测时间，列在旁边", metavar="TIME"),
        ] = None,
        gpus: Annotated[str, opt("numbers of devices", "设备数", metavar="N,N")] = _COUNTS,
        rows: Annotated[
            float, opt("rows in all: of an epoch times epochs", "总行数：每轮行数乘以轮数", metavar="N")
        ] = 1e9,
        grow: Annotated[
            bool, opt("a batch for each device, rather than one shared out", "每个设备一个批次，而非分摊一个批次")
        ] = False,
        zero: Annotated[int, opt("ZeRO stage 0 to 3", "ZeRO 阶段 0 到 3", metavar="STAGE")] = 0,
        per_node: Annotated[int, opt("devices of a machine", "每台机器的设备数", metavar="N")] = 8,
        inside: Annotated[str, opt("bytes a second within a machine", "机器内每秒字节数", metavar="RATE")] = "300g",
        between: Annotated[
            str, opt("bytes a second between machines, per device", "机器间每设备每秒字节数", metavar="RATE")
        ] = "25g",
        memory: Annotated[str, opt("memory of a device", "设备内存", metavar="SIZE")] = "80g",
        row_memory: Annotated[str, opt("memory of a row's activations", "一行激活值的内存", metavar="SIZE")] = "1m",
        precision: Annotated[str, opt("mixed or float32", "mixed 或 float32", metavar="NAME")] = "mixed",
        overlap: Annotated[
            float,
            opt("share of the way backward in which gradients travel", "反向传播中可传输梯度的比例", metavar="SHARE"),
        ] = 0.5,
        price: Annotated[float, opt("price of a device hour", "设备每小时价格", metavar="MONEY")] = 0.0,
        json_: Json = False,
        lang: Lang = None,
    ) -> None:
        from modelwright.core.budget import parse_amount, parse_period
        from modelwright.core.errors import OptionError
        from modelwright.train.scaling import Machines, Measured, table, until_linear

        counts = _counts(gpus)
        for flag, value, least in (
            ("--batch", batch, 1), ("--rows", rows, 1), ("--price", price, 0), ("--per-node", per_node, 1),
        ):  # fmt: skip
            if value is not None and value < least:
                raise OptionError(
                    f"{flag} takes {least} or more, received {value:g}.",
                    f"{flag} 应不小于 {least}，收到的是 {value:g}。",
                )
        if zero not in (0, 1, 2, 3):
            raise OptionError(f"--zero takes 0 to 3, received {zero}.", f"--zero 应为 0 到 3，收到的是 {zero}。")
        if not 0 <= overlap <= 1:
            raise OptionError(
                f"--overlap takes 0 to 1, received {overlap:g}.", f"--overlap 应为 0 到 1，收到的是 {overlap:g}。"
            )
        if precision not in ("mixed", "float32"):
            raise OptionError(
                f"--precision takes mixed or float32, received `{precision}`.",
                f"--precision 应为 mixed 或 float32，收到的是 `{precision}`。",
            )
        if candidate is not None and model is None:
            raise OptionError(
                f"--candidate names one of a run: write modelwright cost RUN --candidate {candidate}",
                f"--candidate 指某次运行中的候选：请写 modelwright cost 运行 --candidate {candidate}",
            )
        name, found = "", None
        if model is not None:
            name, found = measured_in(Path(model), candidate)
        p = _number(parameters, "--parameters") if parameters else (found.parameters if found else None)
        seconds = parse_period(step, "--step", "ms", "s") if step else (found.seconds if found else None)
        b = batch if batch is not None else (found.rows if found else None)
        if p is None or seconds is None or b is None:
            raise OptionError(
                "Name a run with a network, or say what was measured: --parameters 110m --step 350ms --batch 32.",
                "请给出含网络的运行，或说明实测值：--parameters 110m --step 350ms --batch 32。",
            )
        measured = Measured(p, b, seconds)
        if half_step:
            half = parse_period(half_step, "--half-step", "ms", "s")
            if b < 2 or half > seconds:
                raise OptionError(
                    f"--half-step is the time of half the rows: expected at most {1000 * seconds:g}ms and a batch of two or more.",
                    f"--half-step 是行数减半时的时间：应不超过 {1000 * seconds:g}ms，且批次不少于两行。",
                )
            measured = Measured.of_two(p, b, seconds, b // 2, half)
        sizes = (
            {"weight": 2, "gradient": 2, "state": 12}
            if precision == "mixed"
            else {"weight": 4, "gradient": 4, "state": 8}
        )
        on = Machines(
            per_node=per_node, inside=float(parse_amount(inside, "--inside")), between=float(parse_amount(between, "--between")),
            overlap=overlap, memory=float(parse_amount(memory, "--memory")),
            activation=float(parse_amount(row_memory, "--row-memory")), **sizes,
        )  # fmt: skip
        lines = table(measured, counts, on, stage=zero, shared=not grow, rows=rows, price=price)
        told: dict[str, Any] = {
            "candidate": name or None, "parameters": p, "batch": b, "step": seconds, "stage": zero, "lines": lines,
            "linear_until": until_linear(lines), "measured": {"1": seconds, **({"2": parse_period(two_step, "--two-step", "ms", "s")} if two_step else {})},
        }  # fmt: skip
        print_json(told) if json_ else _print(told, price)


def _counts(text: str) -> list[int]:
    from modelwright.core.errors import OptionError

    parts = [p.strip() for p in text.split(",")]
    if not all(p.isdecimal() and 1 <= int(p) <= _MOST for p in parts):
        raise OptionError(
            f"--gpus takes numbers from 1 to {_MOST}, such as 1,8,64, received `{text}`.",
            f"--gpus 应为 1 到 {_MOST} 的数字，如 1,8,64，收到的是 `{text}`。",
        )
    return sorted({int(p) for p in parts})


def _number(text: str, flag: str) -> int:
    """Read 110m or 7b as a number. Raises OptionError."""
    from modelwright.core.errors import OptionError

    units = {"k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}
    low = text.strip().lower()
    try:
        value = float(low[:-1]) * units[low[-1]] if low[-1:] in units else float(low)
    except ValueError:
        value = 0.0
    if not 1 <= value < 1e15:
        raise OptionError(
            f"{flag} takes a number such as 110m or 7b, received `{text}`.",
            f"{flag} 应为 110m 或 7b 这样的数字，收到的是 `{text}`。",
        )
    return int(value)


def measured_in(run: Path, candidate: str | None) -> tuple[str, Any]:
    """Return a candidate of a run whose network took steps, and what one took: the best one where none is named. Raises OptionError."""
    from modelwright.core.config import stored_config
    from modelwright.core.errors import OptionError, unknown
    from modelwright.core.run import RunFolder, read_json
    from modelwright.train.scaling import Measured

    folder = RunFolder.find(run)
    processes = int(stored_config(folder.config).get("devices") or 1)
    if processes > 1:
        raise OptionError(
            f"The networks of {folder.path} were trained by {processes} processes, so what a step takes on one device was not measured: "
            "name a run without --devices, or say --parameters, --step and --batch.",
            f"{folder.path} 的网络由 {processes} 个进程训练，没有单设备一步的实测值：请给出未用 --devices 的运行，或给出 --parameters、--step 与 --batch。",
        )
    splits = read_json(folder.data / "splits.json")
    found: dict[str, tuple[float, Measured]] = {}
    for place in sorted(folder.candidates.glob("*/candidate.json")):
        about = read_json(place)
        weights, curves = place.parent / "model-0" / "weights.safetensors", place.parent / "curves-0.json"
        if not weights.is_file() or not curves.is_file() or "batch" not in about["options"]:
            continue
        history = read_json(curves)
        rows = int(splits["rows"]) - len(splits["test"]) - len(splits["folds"][0][0])
        batch = min(int(about["options"]["batch"]), rows)
        ends = [0.0, *(float(h["seconds"]) for h in history)]
        epochs = sorted(b - a for a, b in pairwise(ends) if b > a)
        if epochs and rows > 0:
            steps = max(1, round(rows / batch))
            found[about["name"]] = float(about["value"] or 0), Measured(_parameters(weights), batch, epochs[0] / steps)
    if not found:
        raise OptionError(
            f"{folder.path} holds no network whose steps were measured: say --parameters, --step and --batch.",
            f"{folder.path} 中没有测得步长的网络：请给出 --parameters、--step 与 --batch。",
        )
    if candidate is not None and candidate not in found:
        raise unknown(Words("candidate", "候选"), candidate, found, OptionError)
    name = candidate or max(found, key=lambda n: found[n][0])
    return name, found[name][1]


def _parameters(path: Path) -> int:
    """Return how many numbers a file of tensors holds, from its header."""
    with path.open("rb") as file:
        size = struct.unpack("<Q", file.read(8))[0]
        header = json.loads(file.read(size))
    total = 0
    for key, about in header.items():
        if key != "__metadata__":
            count = 1
            for side in about["shape"]:
                count *= side
            total += count
    return total


def _short(value: float) -> str:
    """Return a number in three figures, and never with an exponent where it is large."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def _print(told: dict[str, Any], price: float) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    who = f"{told['candidate']}: " if told["candidate"] else ""
    console.print(
        w(
            f"{who}{told['parameters']:,} parameters, {told['step'] * 1000:.4g} ms a step of {told['batch']} rows on one device",
            f"{who}{told['parameters']:,} 个参数，单设备每步 {told['batch']} 行 {told['step'] * 1000:.4g} 毫秒",
        )
    )
    stage = told["stage"]
    # eighty columns hold these: what is left out stands in --json, or follows from the others
    heads = [("N", "数量"), ("ms", "毫秒"), ("compute", "计算"), ("waiting", "等待"), ("gain", "加速"), ("linear", "线性"),
             ("hours", "小时"), ("cost", "费用") if price else ("N hours", "设备时"), ("GB", "GB"), ("ZeRO", "ZeRO")]  # fmt: skip
    out = Table(box=None, pad_edge=False, padding=(0, 1))
    for en, zh in heads:
        out.add_column(Words(en, zh).to(LANG), justify="right", no_wrap=True)
    for line in told["lines"]:
        ms = [_short(1000 * line[k]) for k in ("step", "compute", "waiting")]
        fits = f"{min(line['fits'])}-3" if line["fits"] else w("no", "否")
        out.add_row(
            str(line["devices"]), *ms, _short(line["efficiency"] * line["devices"]), f"{line['efficiency']:.0%}",
            _short(line["hours"]), _short(line["cost" if price else "device_hours"]), _short(line["memory"][str(stage)] / 1e9), fits,
        )  # fmt: skip
    console.print(out)
    if "2" in told["measured"]:
        two = next((x["step"] for x in told["lines"] if x["devices"] == 2), None)
        took = told["measured"]["2"]
        beside = f" ({two / took - 1:+.0%})" if two else ""
        console.print(
            w(
                f"measured with 2: {1000 * took:.4g} ms a step{beside}",
                f"两个设备实测：每步 {1000 * took:.4g} 毫秒{beside}",
            )
        )
    console.print(
        w(
            f"GB: of one device at ZeRO stage {stage}; ZeRO: the stages that fit",
            f"GB：ZeRO 阶段 {stage} 时单设备的占用；ZeRO：放得下的阶段",
        )
    )
    n = told["linear_until"]
    console.print(w(f"at least 80 % of a linear gain up to {n} devices", f"在 {n} 个设备以内至少保有线性加速的 80%"))
