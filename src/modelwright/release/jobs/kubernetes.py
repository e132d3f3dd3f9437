"""`--to kubernetes`: a Job whose pods share a volume; of several, the first is found by a name inside the cluster.

The volume comes first, with a small pod that copies this folder onto it (`volume.yaml`), then the Job (`job.yaml`): a pod of a Job that
starts beside an empty volume would only fail until its tries are used up.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modelwright.core.run import write_text
from modelwright.release.formats.base import write_yaml
from modelwright.release.jobs.base import PORT, Job

CARRIES = True
NOTES = """\
`start.sh` makes the volume `{host}`, copies this folder onto it and then starts the Job; begun once more, it copies again and goes on.
Bring the result home through such a pod: `kubectl apply -f volume.yaml`, then `kubectl cp {host}-copy:/work/runs runs`."""

_START = """\
#!/usr/bin/env bash
# Makes the volume, copies this folder onto it, then starts the Job.
set -euo pipefail
cd "$(dirname "$0")"
kubectl delete job {host} --ignore-not-found  # an earlier start, which may hold the volume
kubectl delete pod {host}-copy --ignore-not-found  # one that has ended would never be ready
kubectl apply -f volume.yaml
kubectl wait --for=condition=Ready pod/{host}-copy --timeout=300s
tar cf - --exclude=./runs . | kubectl exec -i {host}-copy -- tar xf - -C /work --no-same-owner -m
kubectl exec {host}-copy -- touch /work/.copied
kubectl delete pod {host}-copy --wait=true
kubectl apply -f job.yaml
echo "kubectl logs -f job/{host} follows it"
"""
_BODY = (
    'set -e; cd /work; [ -e .copied ] || { echo "The volume does not hold the job: start it by bash start.sh"; exit 1; }; [ -x venv/bin/python ] || [ "${JOB_COMPLETION_INDEX:-0}" != 0 ] || '
    "{ python3 -m venv venv.part && venv.part/bin/pip install -q -r requirements.txt -c constraints.txt && mv venv.part venv; }; "
    "until [ -x venv/bin/python3 ]; do sleep 5; done; "
    'export PYTHONPATH=/work:$(echo /work/venv/lib/python3*/site-packages) NODE_RANK="${JOB_COMPLETION_INDEX:-0}"; exec bash run.sh'
)


def notes(job: Job) -> str:
    """Return what README.md says of the place."""
    return NOTES.format(host=job.host)


def check(job: Job) -> None:
    """Refuse nothing: a volume that several machines write (ReadWriteMany) is asked for where there are several."""


def write(job: Job, folder: Path) -> str:
    """Add `volume.yaml` (claim of a volume, and the pod that copies), `job.yaml` (service and Job) and the script that starts them."""
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
    pod: dict[str, Any] = {
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
    inside = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    copies = {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"{job.host}-copy", "labels": {"app": f"{job.host}-copy"}},
        "spec": {
            "restartPolicy": "Never", "automountServiceAccountToken": False, "securityContext": pod["spec"]["securityContext"],
            "containers": [{"name": "copy", "image": job.image, "command": ["sleep", "7200"], "securityContext": inside,
                            "volumeMounts": [{"name": "work", "mountPath": "/work"}]}],
            "volumes": [{"name": "work", "persistentVolumeClaim": {"claimName": job.host}}],
        },
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
    said = f"{job.name}: README.md says how to use it."
    write_yaml(folder / "volume.yaml", said, claim, copies)
    write_yaml(folder / "job.yaml", f"{said} The volume must hold this folder: start.sh copies it.", service, manifest)
    write_text(folder / "start.sh", _START.format(host=job.host))
    (folder / "start.sh").chmod(0o755)
    return "bash start.sh"
