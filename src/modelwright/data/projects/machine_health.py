"""Health of a machine: readings in which something is not as it usually is."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping

from modelwright.core.words import Words
from modelwright.data.projects import Project, table

_ROWS = 3000
_MODES = (("cutting", "切削", 0.7), ("idle", "空转", 0.1), ("polishing", "抛光", 0.4))


def _reading(rng: random.Random, hour: float) -> dict[str, object]:
    """Return a reading of a spindle in good health: heat follows load and the hall, vibration follows speed."""
    mode, _, load = _MODES[rng.choices(range(3), (6, 2, 3))[0]]
    load = min(1.0, max(0.02, load + rng.gauss(0, 0.08)))
    speed = 1200 + 2600 * load + rng.gauss(0, 60)
    hall = 19 + 4 * math.sin((hour - 9) / 24 * 2 * math.pi) + rng.gauss(0, 0.5)
    return {
        "mode": mode,
        "load_percent": round(100 * load, 1),
        "speed_rpm": round(speed),
        "hall_celsius": round(hall, 1),
        "bearing_celsius": round(hall + 8 + 34 * load + rng.gauss(0, 1.2), 1),
        "vibration_mm_s": round(0.6 + speed / 2600 + abs(rng.gauss(0, 0.12)), 2),
        "coolant_l_min": round(3 + 6 * load + rng.gauss(0, 0.25), 2),
    }


def _files() -> Mapping[str, str]:
    rng = random.Random(11)
    rows = [_reading(rng, i / 60) for i in range(_ROWS)]
    return {"readings.csv": table(list(rows[0]), [list(r.values()) for r in rows])}


PROJECT = Project(
    title=Words("Health of a machine", "设备健康监测"),
    about=Words(
        "Says how unusual a machine's reading is, which sensors make it so, and whether that is reason for an alarm; one usual reading in a hundred may raise one.",
        "判断设备的一条读数有多异常、是哪些传感器造成的，以及是否应当报警；正常读数中允许百分之一误报。",
    ),
    data=Words(
        f"`readings.csv`: {_ROWS:,} readings of a spindle in good health, made by a formula: the bearing's heat follows load and hall, vibration follows speed. There are no labels and no faults in it.",
        f"`readings.csv`：健康主轴的 {_ROWS:,} 条读数，由公式生成：轴承温度随负载与车间温度变化，振动随转速变化。其中没有标签，也没有故障。",
    ),
    own=Words(
        "Replace `readings.csv` by your own: one reading a row, as many columns as there are sensors. Where readings stand in time and depend on those before, "
        "name the column of times with `--time`, and that of the machine with `--machine`. Known faults may stand in a column of their own, named by `--target`: they judge and do not train.",
        "用自己的数据替换 `readings.csv`：每行一条读数，每个传感器一列。若读数按时间排列并与之前的读数相关，请用 `--time` 指定时间列，用 `--machine` 指定设备列。"
        "已知故障可放在单独一列并用 `--target` 指定：它们只用于评估，不用于训练。",
    ),
    task="anomaly-detection",
    settings={"data": "readings.csv", "budget": "1m", "false_alarms": "1%", "gate": "planted_found>=0.65, false_alarms<=0.04"},
    files=_files,
    asks=(
        {"mode": "cutting", "load_percent": "70", "speed_rpm": "3020", "hall_celsius": "20", "bearing_celsius": "52", "vibration_mm_s": "1.9", "coolant_l_min": "7.2"},
        {"mode": "idle", "load_percent": "10", "speed_rpm": "1460", "hall_celsius": "20", "bearing_celsius": "52", "vibration_mm_s": "1.2", "coolant_l_min": "3.6"},
        {"mode": "polishing", "load_percent": "40", "speed_rpm": "2240", "hall_celsius": "20", "bearing_celsius": "42", "vibration_mm_s": "4.5", "coolant_l_min": "5.4"},
    ),
)  # fmt: skip
