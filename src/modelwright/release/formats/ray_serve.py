"""`--to ray-serve`: an application for Ray Serve, with its bundle and what it needs."""

from __future__ import annotations

from pathlib import Path

from modelwright.core.run import write_text
from modelwright.release.formats.base import Packed, copy_modelwright, write_yaml
from modelwright.release.formats.shared.requirements import extras_of, write_requirements
from modelwright.release.formats.shared.secrets import write_secrets

_APP = '''\
"""{name} as an application of Ray Serve: `serve run app:app`, in this folder."""

import os
from pathlib import Path

from modelwright.serve.ray_app import application

HERE = Path(__file__).resolve().parent
KEY = os.environ.get("MODELWRIGHT_KEY") or (HERE / "secrets" / "key").read_text().strip()

app = application(
    str(HERE / "bundle"),
    KEY,
    autoscaling_config={{"min_replicas": 1, "max_replicas": 4, "target_ongoing_requests": 32}},
    ray_actor_options={{"num_cpus": 1}},
    max_ongoing_requests=128,
    health_check_period_s=10,
)
'''

_README = """\
# {name} on Ray Serve

```sh
pip install -r requirements.txt -c constraints.txt
RAY_USAGE_STATS_ENABLED=0 serve run app:app
curl -s http://127.0.0.1:8000/predict -H "Authorization: Bearer $(cat secrets/key)" -d '{{"rows": [{{...}}]}}'
```

`serve deploy config.yaml` hands it to a cluster whose nodes have this folder. Every request but `/healthz` needs the key in `secrets/key`
(or MODELWRIGHT_KEY); let a proxy in front do TLS. Ray tells its makers that it was used unless RAY_USAGE_STATS_ENABLED=0 is set.

Answers, bounds and messages are those of `modelwright serve`; requests that arrive together are answered in one call of the model. Other
deployments of yours ask by handle: `await handle.predict.remote([{{...}}])`. Quotas, pages, feedback and drift belong to `modelwright serve`.
"""


def write(packed: Packed, folder: Path) -> None:
    """Fill a folder with the application, its bundle, Modelwright and requirements."""
    packed.copy_bundle(folder / "bundle")
    copy_modelwright(folder)
    write_requirements(folder, extras_of(packed.predictor, "serve", "ray"))
    write_secrets(folder, "key")
    write_text(folder / "app.py", _APP.format(name=packed.name))
    write_yaml(
        folder / "config.yaml",
        f"{packed.name}: serve deploy config.yaml",
        {
            "proxy_location": "EveryNode",
            "http_options": {"host": "127.0.0.1", "port": 8000},
            "applications": [{"name": packed.host, "route_prefix": "/", "import_path": "app:app"}],
        },
    )
    write_text(folder / "README.md", _README.format(name=packed.name))
