"""What a worker of a cluster does first: it gives signs of life while the libraries of its fit load, so that one that hangs before it
begins is found too. Nothing of the pipeline is imported for it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import Any

from modelwright.tune.under_way import sign_of, this_worker

_EVERY = 2.0  # seconds between two signs


def fit(files: Mapping[str, Any], told: dict[str, Any], mailbox: Any) -> dict[str, Any]:
    """Return what `remote.fit` gives, once that could be imported."""
    loaded = threading.Event()
    threading.Thread(
        target=_give_signs, args=(mailbox, sign_of(told["key"], told["peers"][0]), loaded), daemon=True
    ).start()
    try:
        import modelwright.tune.remote as remote
    finally:
        loaded.set()
    return remote.fit(files, told, mailbox)


def _give_signs(mailbox: Any, sign: str, loaded: threading.Event) -> None:
    import ray

    place = ray.get_runtime_context().get_node_id(), os.getpid()
    while True:
        mailbox.put.remote(sign, this_worker(), [], place)
        if loaded.wait(_EVERY):
            return
