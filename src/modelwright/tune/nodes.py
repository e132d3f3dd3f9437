"""What is looked at before a cluster fits: whether a Ray answers at the address, and what its nodes have."""

from __future__ import annotations

import re
import socket
import time
from typing import Any

import modelwright.tune.remote as remote
from modelwright.core.errors import DataError, OptionError
from modelwright.core.schema import MEDIA, Table
from modelwright.core.version import VERSION
from modelwright.core.words import Words
from modelwright.tune.called_off import CalledOff, in_time

ANSWER = 10.0  # seconds in which a node must answer
# seconds in which the head must answer: a command is to end within 30 s, of which a busy machine takes half to begin
_REACHED = 8.0
_ROOM = 32 << 20  # bytes of disk that a node needs for the models that it fits


def host_and_port(address: str) -> tuple[str, int]:
    """Return the host and the port of an address `ray://HOST:PORT`, of which HOST may be `[IPv6]`. Raises OptionError for any other."""
    found = re.fullmatch(r"ray://(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/@\[\]]+)):(\d{1,5})", address)
    if not found or not 0 < int(found[3]) < 1 << 16:
        raise OptionError(
            f"--cluster takes local or ray://HOST:PORT (a port from 1 to 65535), received `{address}`.",
            f"--cluster 应为 `local` 或 `ray://主机:端口`（端口为 1 到 65535），收到的是 `{address}`。",
        )
    return found[1] or found[2], int(found[3])


def check_answers(address: str) -> None:
    """Raise OptionError where nobody answers at an address `ray://HOST:PORT`."""
    until = time.monotonic() + _REACHED
    try:
        in_time(lambda: socket.create_connection(host_and_port(address), timeout=_REACHED).close(), _REACHED + 1.0)
    except (OSError, UnicodeError, CalledOff) as e:  # a name that is none, or whose look-up hangs
        late = Words(f"no answer within {_REACHED:.0f} s", f"{_REACHED:.0f} 秒内没有应答")
        why = late if isinstance(e, CalledOff) else Words(*[str(getattr(e, "strerror", None) or e)] * 2)
        raise OptionError(
            f"Nobody answers at {address} ({why.en}): is Ray's head running there (ray start --head), and its client port open? "
            "Or leave --cluster out.",
            f"{address} 没有响应（{why.zh}）：请确认该处已运行 Ray 主节点（ray start --head），且客户端端口可达；或去掉 --cluster。",
        ) from e
    _check_speaks(address, until)


def _check_speaks(address: str, until: float) -> None:
    """Raise OptionError where what answers at an address is no Ray by `until` (monotonic): its own client would try for 35 s."""
    import grpc
    from ray.core.generated import ray_client_pb2, ray_client_pb2_grpc

    channel = grpc.insecure_channel(address[6:])
    messages: Any = ray_client_pb2
    ping = messages.ClusterInfoRequest(type=messages.ClusterInfoType.PING)
    until = max(until, time.monotonic() + 1.0)  # the libraries may have taken long to load
    try:
        grpc.channel_ready_future(channel).result(timeout=until - time.monotonic())
        ray_client_pb2_grpc.RayletDriverStub(channel).ClusterInfo(ping, timeout=max(1.0, until - time.monotonic()))
    except (grpc.FutureTimeoutError, grpc.RpcError) as e:
        raise OptionError(
            f"What answers at {address} does not speak as Ray's head does within {_REACHED:.0f} s: is that its client port (10001 where nothing else "
            "was said), and does nothing stand between, such as a proxy? Or leave --cluster out.",
            f"{address} 有响应，但 {_REACHED:.0f} 秒内没有按 Ray 主节点的协议应答：请确认这是其客户端端口（默认 10001），且中间没有代理；或去掉 --cluster。",
        ) from e
    finally:
        channel.close()


def check_nodes(ray: Any) -> None:
    """Raise OptionError where a node has another version or none, or no room for a model; one sentence that names it."""
    for name, (version, place, free) in _on_nodes(ray, remote.look):
        if version != VERSION:
            raise OptionError(
                f"The node {name} has Modelwright {version}, and the run is of {VERSION}: install the same one there.",
                f"节点 {name} 上为 Modelwright {version}，而本次运行使用 {VERSION}：请在该节点安装相同版本。",
            )
        if free < _ROOM:
            raise OptionError(
                f"The disk of the node {name} is full: free some space under {place} there ({free >> 20} MB are left), or point TMPDIR to a larger disk.",
                f"节点 {name} 的磁盘已满：请在该处清理 {place}（剩余 {free >> 20} MB），或将 TMPDIR 指向更大的磁盘。",
            )


def check_seen(ray: Any, table: Table, files: Any) -> None:
    """Raise DataError where a node does not see the files that cells name."""
    if any(table.column(c.name).type == MEDIA for c in table.schema.inputs):
        for _, unseen in _on_nodes(ray, remote.unseen, files):
            if unseen is not None:
                raise DataError(Words(*unseen))


def _on_nodes(ray: Any, task: Any, *given: Any) -> list[tuple[str, Any]]:
    """Return what a task gives on each node that fits, with the node's name; one that is slow to begin a process is left to its fits.

    Raises OptionError where Modelwright is not there.
    """
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    asked, found = {}, []
    for node in ray.nodes():
        if node["Alive"] and node["Resources"].get("CPU"):
            there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            one = ray.remote(task).options(num_cpus=0, max_retries=0, scheduling_strategy=there)
            asked[one.remote(*given)] = node["NodeManagerHostname"]
    done, _ = ray.wait(list(asked), num_returns=len(asked), timeout=ANSWER)
    for ref in done:
        name = asked[ref]
        try:
            found.append((name, ray.get(ref)))
        except ray.exceptions.RayTaskError as e:
            said = str(e)
            if "No module named 'modelwright" not in said and "Can't get attribute" not in said:
                raise
            raise OptionError(
                f"The node {name} lacks Modelwright, or has another version: install {VERSION} there.",
                f"节点 {name} 未安装 Modelwright，或版本不同：请在该节点安装 {VERSION}。",
            ) from e
    return found


def end_there(ray: Any, node: str, pid: int) -> None:
    """End a process of a node: one that does not run does not hear Ray that it is to end, and would keep its place."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    there = NodeAffinitySchedulingStrategy(node, soft=False)
    end = ray.remote(remote.end_process).options(num_cpus=0, max_retries=0, scheduling_strategy=there)
    ray.wait([end.remote(pid)], timeout=ANSWER)
