"""`--to grafana`: a dashboard of what the service tells Prometheus, and how both are set up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modelwright.core.run import write_json, write_text
from modelwright.release.formats.base import Packed

_BY = "sum by (release) ({})"


def _rate(metric: str, by: str = "release", where: str = "") -> str:
    inside = ",".join(filter(None, ('release=~"$release"', where)))
    return f"sum by ({by}) (rate({metric}{{{inside}}}[$__rate_interval]))"


def _quantile(q: float, metric: str, where: str = "") -> str:
    return f"histogram_quantile({q}, {_rate(f'{metric}_bucket', 'le, release', where)})"


def _gauge(metric: str, by: str = "release") -> str:
    return f'max by ({by}) ({metric}{{release=~"$release"}})'


def _increase(metric: str, by: str = "release") -> str:
    return f'sum by ({by}) (increase({metric}{{release=~"$release"}}[$__range]))'


_EQUAL = 'equal="yes"'
_WRONG = 'status=~"4..|5.."'
_PREDICT = 'route="/predict"'
# title in both languages, unit as Grafana names it, (expression, legend) of each line
PANELS: list[tuple[str, str, list[tuple[str, str]]]] = [
    ("Requests / 请求", "reqps", [(_rate("modelwright_requests_total", "release, status"), "{{release}} {{status}}")]),
    (
        "Refused and failed / 被拒绝与失败",
        "percentunit",
        [
            (
                f"{_rate('modelwright_requests_total', where=_WRONG)} / {_rate('modelwright_requests_total')}",
                "{{release}}",
            )
        ],
    ),
    (
        "Latency of /predict / 预测延迟",
        "s",
        [(_quantile(q, "modelwright_seconds", _PREDICT), f"p{round(100 * q)} {{{{release}}}}") for q in (0.5, 0.95, 0.99)],
    ),
    ("Rows answered / 已回答行数", "rowsps", [(_rate("modelwright_rows_total"), "{{release}}")]),
    (
        "Rows in a batch / 每批行数",
        "none",
        [
            (f"{_rate('modelwright_batch_rows_sum')} / {_rate('modelwright_batch_rows_count')}", "mean {{release}}"),
            (_quantile(0.95, "modelwright_batch_rows"), "p95 {{release}}"),
        ],
    ),
    ("Seconds of a batch in the model / 模型处理每批用时", "s", [(_quantile(0.95, "modelwright_batch_seconds"), "p95 {{release}}")]),
    (
        "Feedback / 反馈",
        "short",
        [
            (
                'sum by (release, verdict) (increase(modelwright_feedback_total{release=~"$release"}[$__range]))',
                "{{release}} {{verdict}}",
            )
        ],
    ),
    ("Rows that wait / 等待中的行数", "none", [(_gauge("modelwright_queue_rows"), "{{release}}")]),
    ("Drift: change of each column, 0 to 1 / 漂移：各列变化（0 到 1）", "none", [(_gauge("modelwright_drift_effect", "release, column"), "{{release}} {{column}}")]),
    (
        "Drift: columns with an alarm, and accuracy to expect / 漂移：告警的列数与预期准确率",
        "none",
        [
            ('sum by (release) (modelwright_drift_alarm{release=~"$release"})', "columns {{release}}"),
            (_gauge("modelwright_expected_accuracy"), "accuracy {{release}}"),
        ],
    ),
    ("Rows looked at for drift / 用于漂移检测的行数", "short", [(_gauge("modelwright_drift_rows"), "{{release}}")]),
    (
        "Canary: share of units, rollbacks / 金丝雀：占比与自动回退",
        "percentunit",
        [
            (_gauge("modelwright_trial_share"), "share {{release}}"),
            (_increase("modelwright_rollbacks_total", "release, reason"), "rollback {{release}} {{reason}}"),
        ],
    ),
    (
        "Canary and shadow: answers equal to the other version's / 金丝雀与影子：与对照版本相同的回答",
        "percentunit",
        [
            (
                f"{_rate('modelwright_compared_rows_total', where=_EQUAL)} / {_rate('modelwright_compared_rows_total')}",
                "equal {{release}}",
            )
        ],
    ),
    (
        "Shadow: requests not compared / 影子：未比较的请求",
        "short",
        [
            (_increase("modelwright_compared_dropped_total"), "dropped {{release}}"),
            (_increase("modelwright_compared_failed_total"), "failed {{release}}"),
        ],
    ),
    (
        "Jobs: open, ended / 任务：未完成与已结束",
        "short",
        [
            (_gauge("modelwright_jobs_open"), "open {{release}}"),
            (_increase("modelwright_jobs_ended_total", "release, state"), "{{state}} {{release}}"),
        ],
    ),
    ("Jobs: rows answered / 任务：已回答行数", "rowsps", [(_rate("modelwright_job_rows_total"), "{{release}}")]),
    (
        "Workers, and how often one was replaced / 工作进程数与替换次数",
        "short",
        [("max(modelwright_workers{})", "workers"), ("max(modelwright_worker_restarts{})", "replaced")],
    ),
    ("Calls of the model / 模型调用", "ops", [('sum by (release) (deriv(modelwright_batches{release=~"$release"}[$__rate_interval]))', "{{release}}")]),
]  # fmt: skip

_README = """\
# A dashboard for Grafana

`dashboard.json` shows requests, refusals, latency, rows, batches, waiting rows, feedback, drift, canaries and shadows, jobs and workers of the services that Prometheus reads, by release. A panel stays empty
as long as the service has nothing of the kind. In Grafana: Dashboards, New, Import, and choose your Prometheus as the source.

Prometheus needs a key of role viewer (`modelwright keys add {name} prometheus --role viewer`), in a file of its own:

```yaml
scrape_configs:
  - job_name: modelwright
    metrics_path: /metrics        # /NAME/metrics for each name, where a service has several
    authorization:
      credentials_file: /etc/prometheus/modelwright.key
    static_configs:
      - targets: ["127.0.0.1:8000"]
```
"""


def write(packed: Packed, folder: Path) -> None:
    """Fill a folder with `dashboard.json`."""
    write_json(folder / "dashboard.json", dashboard())
    write_text(folder / "README.md", _README.format(name=packed.name))


def dashboard() -> dict[str, Any]:
    """Return the dashboard as Grafana imports it."""
    source = {"type": "prometheus", "uid": "${source}"}
    panels = []
    for i, (title, unit, lines) in enumerate(PANELS):
        panels.append(
            {
                "id": i + 1,
                "type": "timeseries",
                "title": title,
                "datasource": source,
                "gridPos": {"h": 8, "w": 12, "x": 12 * (i % 2), "y": 8 * (i // 2)},
                "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
                "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
                "targets": [
                    {"refId": chr(65 + j), "expr": expression, "legendFormat": legend, "datasource": source}
                    for j, (expression, legend) in enumerate(lines)
                ],
            }
        )
    return {
        "title": "Modelwright",
        "uid": "modelwright",
        "tags": ["modelwright"],
        "schemaVersion": 39,
        "timezone": "browser",
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {
            "list": [
                {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"},
                {
                    "name": "release",
                    "label": "release / 发布版本",
                    "type": "query",
                    "datasource": source,
                    "query": "label_values(modelwright_requests_total, release)",
                    "includeAll": True,
                    "allValue": ".*",
                    "multi": True,
                    "current": {"text": "All", "value": "$__all"},
                    "refresh": 2,
                },
            ]
        },
        "panels": panels,
    }
