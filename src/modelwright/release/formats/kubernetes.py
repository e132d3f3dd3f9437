"""`--to kubernetes`: the image, and manifests that `kubectl apply -k` takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modelwright.core.run import write_text
from modelwright.release.formats.base import Packed, write_yaml
from modelwright.release.formats.docker import PORT, STATE, USER, memory, told, write_image
from modelwright.release.formats.shared.requirements import extras_of
from modelwright.release.formats.shared.secrets import write_secrets

_CLIENT = "modelwright-client"  # label of the pods that may ask

_README = """\
# {name} on Kubernetes

```sh
docker build -t registry.example.com/{host}:1 . && docker push registry.example.com/{host}:1
kustomize edit set image {host}=registry.example.com/{host}:1
kubectl apply -k .
```

| file | what |
|---|---|
| `deployment.yaml` | two copies, unprivileged, on read-only file systems, with probes and limits |
| `service.yaml` | the address inside the cluster: `http://{host}:{port}` |
| `autoscaler.yaml` | 2 to 6 copies, by processor use |
| `disruption.yaml` | one copy stays while nodes are emptied |
| `network.yaml` | only pods labelled `modelwright-client: "true"` may ask; what goes out is DNS, PostgreSQL and HTTPS |
| `kustomization.yaml` | puts it together, and makes the secret from `secrets/` |

The key for clients is in `secrets/key`. Limits are estimates: measure yours.

Each copy keeps its state (counts of rows, what is told of answers) for itself, and loses it with the pod. For a state in common name a PostgreSQL:

```sh
printf %s 'postgresql://modelwright:PASSWORD@db.example.com/modelwright' > secrets/db_url
```

Then add `- secrets/db_url` to the files in `kustomization.yaml`. The model is released there as `{name}` at the first start, and the champion of that name answers in all copies.
Versions that are released from elsewhere must lie where all copies reach them: set MODELWRIGHT_BLOBS to a URL such as `s3://...`, and install the extra that it needs.
"""


def write(packed: Packed, folder: Path) -> None:
    """Fill a folder with the image's files, manifests and secrets."""
    write_image(packed, folder, extras_of(packed.predictor, "serve", "live", "postgres"))
    write_secrets(folder, "key")
    files = {
        "deployment.yaml": _deployment(packed),
        "service.yaml": _service(packed),
        "autoscaler.yaml": _autoscaler(packed),
        "disruption.yaml": _disruption(packed),
        "network.yaml": _network(packed),
    }
    for name, manifest in files.items():
        write_yaml(folder / name, f"{packed.name}: README.md says how to use it.", manifest)
    write_yaml(
        folder / "kustomization.yaml",
        f"{packed.name}: kubectl apply -k .",
        {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": list(files),
            "images": [{"name": packed.host, "newName": packed.host, "newTag": "latest"}],
            "secretGenerator": [{"name": packed.host, "files": ["secrets/key"]}],
        },
    )
    write_text(folder / "README.md", _README.format(**told(packed)))


def _meta(packed: Packed) -> dict[str, Any]:
    return {"name": packed.host, "labels": {"app.kubernetes.io/name": packed.host}}


def _mine(packed: Packed) -> dict[str, Any]:
    return {"matchLabels": {"app.kubernetes.io/name": packed.host}}


def _deployment(packed: Packed) -> dict[str, Any]:
    spite = [{"name": "MODELWRIGHT_IN_SPITE", "value": packed.in_spite}] if packed.in_spite else []
    probe = {"httpGet": {"path": "/readyz", "port": "http"}, "timeoutSeconds": 4}
    container = {
        "name": "model",
        "image": packed.host,
        "ports": [{"name": "http", "containerPort": PORT}],
        "env": [{"name": "MODELWRIGHT_HOST", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}, *spite],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "resources": {
            "requests": {"cpu": "500m", "memory": f"{memory(packed) // 2}Mi"},
            "limits": {"cpu": "2", "memory": f"{memory(packed)}Mi"},
        },
        "startupProbe": {**probe, "periodSeconds": 5, "failureThreshold": 60},
        "readinessProbe": {**probe, "periodSeconds": 5, "failureThreshold": 2},
        "livenessProbe": {
            **probe,
            "httpGet": {"path": "/healthz", "port": "http"},
            "periodSeconds": 20,
            "failureThreshold": 3,
        },
        "volumeMounts": [
            {"name": "state", "mountPath": STATE},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - in a container
            {"name": "secrets", "mountPath": "/run/secrets", "readOnly": True},
        ],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _meta(packed),
        "spec": {
            "replicas": 2,
            "selector": _mine(packed),
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "template": {
                "metadata": {"labels": {"app.kubernetes.io/name": packed.host}},
                "spec": {
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "terminationGracePeriodSeconds": 40,
                    "securityContext": {
                        "runAsNonRoot": True,
                        "runAsUser": USER,
                        "runAsGroup": USER,
                        "fsGroup": USER,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "containers": [container],
                    "volumes": [
                        {"name": "state", "emptyDir": {"sizeLimit": "2Gi"}},
                        {"name": "tmp", "emptyDir": {"sizeLimit": "256Mi"}},
                        {"name": "secrets", "secret": {"secretName": packed.host, "defaultMode": 0o440}},
                    ],
                    "topologySpreadConstraints": [
                        {
                            "maxSkew": 1,
                            "topologyKey": "kubernetes.io/hostname",
                            "whenUnsatisfiable": "ScheduleAnyway",
                            "labelSelector": _mine(packed),
                        }
                    ],
                },
            },
        },
    }


def _service(packed: Packed) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _meta(packed),
        "spec": {
            "selector": _mine(packed)["matchLabels"],
            "ports": [{"name": "http", "port": PORT, "targetPort": "http"}],
        },
    }


def _autoscaler(packed: Packed) -> dict[str, Any]:
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": _meta(packed),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": packed.host},
            "minReplicas": 2,
            "maxReplicas": 6,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
                }
            ],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 300}},
        },
    }


def _disruption(packed: Packed) -> dict[str, Any]:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": _meta(packed),
        "spec": {"minAvailable": 1, "selector": _mine(packed)},
    }


def _network(packed: Packed) -> dict[str, Any]:
    def tcp(port: int) -> dict[str, Any]:
        return {"protocol": "TCP", "port": port}

    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": _meta(packed),
        "spec": {
            "podSelector": _mine(packed),
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [
                {
                    "from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {_CLIENT: "true"}}}],
                    "ports": [{"protocol": "TCP", "port": PORT}],
                }
            ],
            "egress": [{"ports": [{"protocol": "UDP", "port": 53}, tcp(53), tcp(5432), tcp(443)]}],
        },
    }
