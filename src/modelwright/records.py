"""What a run leaves for those who answer for it: facts without quoted rows, and its entry in the ledger."""

from __future__ import annotations

from typing import Any

from modelwright.core.kept import keep_json, sealing
from modelwright.core.run import RunFolder, read_json, write_json
from modelwright.privacy.ledger import model_id, record


def keep_facts(folder: RunFolder, facts: dict[str, Any]) -> dict[str, Any]:
    """Write the facts and return them; what quotes rows stands encrypted in a file of its own where a vault is open."""
    if sealing():
        sections = facts.get("sections", [])
        keep_json(folder.data / "quoted.json", {"mistakes": facts.get("mistakes"), "sections": sections})
        facts = {**facts, "mistakes": [], "sections": [s for s in sections if not s["private"]]}
    write_json(folder.facts, facts)
    return facts


def enter(facts: dict[str, Any], folder: RunFolder) -> None:
    """Write the run into the ledger: digests and counts only."""
    record(
        folder.path,
        "run",
        run=folder.path.name,
        digests={"data": read_json(folder.data / "splits.json")["fingerprint"]},
        model=model_id(folder.bundle),
        rows=facts["rows"]["read"],
        task=facts["task"],
        met=facts["met"],
    )
