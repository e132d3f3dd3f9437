"""LitServe around a bundle, with its own batching: the peer of `throughput.py`, run by the interpreter that has it.

    PYTHON benchmarks/litserve_server.py BUNDLE PORT WORKERS

A file by itself because LitServe's workers import it anew.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import litserve


class Api(litserve.LitAPI):
    """The same predictor as the service's, handed batches by LitServe."""

    def setup(self, device: str) -> None:
        """Load the model; one core is left to what speaks HTTP, as the service does."""
        from modelwright.release.bundle import load

        torch: Any = sys.modules.get("torch")
        if torch is not None:
            torch.set_num_threads(max(1, ((os.cpu_count() or 1) - 1) // int(sys.argv[3])))
        self.predictor = load(Path(sys.argv[1]))

    def batch(self, inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the rows of a batch."""
        return inputs

    def predict(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return an answer for each row."""
        return self.predictor.predict(rows)

    def unbatch(self, output: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the answers one by one."""
        return output


if __name__ == "__main__":
    workers = int(sys.argv[3])
    api = Api(max_batch_size=64, batch_timeout=0.002)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=workers)
    server.run(
        host="127.0.0.1",
        port=int(sys.argv[2]),
        log_level="warning",
        generate_client_file=False,
        num_api_servers=workers,
    )
