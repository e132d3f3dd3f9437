"""`--to kubernetes`: a Job whose pods share a volume; of several, the first is found by a name inside the cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modelwright.release.formats.base import write_yaml
from modelwright.release.jobs.base import PORT, Job

_BODY = (
    'set -e; cd /work; [ -x venv/bin/python ] || [ "${JOB_COMPLETION_INDEX:-0}" != 0 ] || '
    "{ python3 -m venv venv.part && venv.part/bin/pip install -q -r requirements.txt -c constraints.txt && mv venv.part venv; }; "
    "until [ -x venv/bin/python3 ]; do sleep 5; done; "
    'export PYTHONPATH=/work:$(echo /work/venv/lib/python3*/site-packages) NODE_RANK="${JOB_COMPLETION_INDEX:-0}"; exec bash run.sh'
)


def write(job: Job, folder: Path) -> str:
    """Add `job.yaml`: claim of a volume, service and Job."""
    limits: dict[str, Any] = {"cpu": str(job.cores), "memory": f"{job.memory_gb}Gi"}
    if job.gpus:
        limits["nvidia.com/gpu"] = str(job.gpus)
    labels = {"app": job.host}
    container = {
        "name": "run", "image": job.image, "command": ["bash", "-c", _BODY], "workingDir": "/work",
        "env": [{"name": "NODES", "value": str(job.nodes)}, {"name": "MASTER", "value": f"{job.host}-0.{job.host}"},
                {"name": "PROCESSES", "value": str(job.processes)}, {"name": "HOME", "value": "/work/home"}],
        "resources": {"limits": limits, "requests": dict(limits)},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": "work", "mountPath": "/work"}, {"name": "shm", "mountPath": "/dev/shm"}],  # noqa: S108 - of the pod
    }  # fmt: skip
    pod = {
        "metadata": {"labels": labels},
        "spec": {
            "restartPolicy": "Never", "subdomain": job.host, "containers": [container], "terminationGracePeriodSeconds": 120,
            "automountServiceAccountToken": False,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "fsGroup": 10001},
            "volumes": [{"name": "work", "persistentVolumeClaim": {"claimName": job.host}},
                        {"name": "shm", "emptyDir": {"medium": "Memory"}}],
        },
    }  # fmt: skip
    claim = {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": job.host, "labels": labels},
        "spec": {"accessModes": ["ReadWriteMany" if job.nodes > 1 else "ReadWriteOnce"], "resources": {"requests": {"storage": "50Gi"}}},
    }  # fmt: skip
    service = {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": job.host, "labels": labels},
        "spec": {"clusterIP": "None", "selector": labels, "ports": [{"name": "meet", "port": PORT}], "publishNotReadyAddresses": True},
    }  # fmt: skip
    manifest = {
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": job.host, "labels": labels},
        "spec": {"completions": job.nodes, "parallelism": job.nodes, "completionMode": "Indexed", "backoffLimit": 6,
                 "activeDeadlineSeconds": int(job.seconds), "template": pod},
    }  # fmt: skip
    said = f"{job.name}: README.md says how to use it. The volume must hold this folder."
    write_yaml(folder / "job.yaml", said, claim, service, manifest)
    return f"kubectl apply -f job.yaml  # after this folder was copied onto the volume `{job.host}`"
