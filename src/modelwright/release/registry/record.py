"""What a release says of its bundle: card, scores, gate, data, columns; and what stands against releasing it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from modelwright.core.errors import BundleError, RegistryError
from modelwright.core.run import RunFolder, read_json
from modelwright.core.words import Words
from modelwright.privacy.catalogue import TYPES
from modelwright.privacy.subjects import due

_LABELS = {"classes": "values", "label_sets": "labels"}  # where the state of a target codec has its labels


class Objection(NamedTuple):
    """Why a bundle should not be released: `gate`, `consent` or `retraining`, and the sentence."""

    code: str
    words: Words


@dataclass(frozen=True)
class Record:
    """What is known of a bundle before it is released."""

    task: str
    target: str | None
    gate_met: bool | None  # None where no gate was asked for
    data: str | None  # fingerprint of the data; None for a bundle that stands in no run
    facts: dict[str, Any]
    objections: list[Objection] = field(default_factory=list)


def record_of(bundle: Path) -> Record:
    """Return what a bundle, and the run that it stands in, say of it. Raises BundleError where they cannot be read."""
    about = read_json(bundle / "bundle.json")
    run = RunFolder(bundle.parent)
    report = read_json(run.facts) if bundle.name == "bundle" and run.facts.is_file() else {}
    try:
        card = dict(about["card"] or {})
        schema, target = list(about["schema"]), dict(about["target"])
        columns = [{"name": c["name"], "modality": c["modality"]} for c in schema if c.get("role") == "input"]
        facts: dict[str, Any] = {
            "card": card,
            "scores": report.get("metrics") or _main_score(card),
            "verdict": report.get("verdict") or card.get("verdict"),
            "plain": report.get("plain"),
            "gate": card.get("gate") or [],
            "columns": columns,
            "labels": list(target[_LABELS[target["kind"]]]) if target.get("kind") in _LABELS else None,
            "recipes": [m["recipe"] for m in about["members"]],
            "run": str(run.path) if report else None,
            "made": card.get("created"),
        }
        asked = bool(card.get("asked"))
        record = Record(
            task=str(about["task"]),
            target=card.get("target"),
            gate_met=bool(card.get("met")) if asked else None,
            data=_fingerprint(run) if report else None,
            facts=facts,
            objections=_objections(bundle, card, [c["name"] for c in columns]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as e:
        raise BundleError(
            f"{bundle / 'bundle.json'} does not say what a bundle says ({type(e).__name__}: {e}). Make the run again.",
            f"{bundle / 'bundle.json'} 内容不完整（{type(e).__name__}：{e}）。请重新运行。",
        ) from e
    facts["objections"] = [{"code": o.code, "words": list(o.words)} for o in record.objections]
    return record


def _main_score(card: dict[str, Any]) -> list[dict[str, Any]]:
    name = card.get("metric")
    return [{"name": name, **{k: card.get(k) for k in ("value", "low", "high")}}] if name else []


def _fingerprint(run: RunFolder) -> str | None:
    place = run.data / "splits.json"
    found = read_json(place).get("fingerprint") if place.is_file() else None
    return None if found is None else str(found)


def _objections(bundle: Path, card: dict[str, Any], inputs: Sequence[str]) -> list[Objection]:
    found = []
    if card.get("asked") and not card.get("met"):
        missed = ", ".join(str(g["condition"]) for g in card.get("gate") or [] if not g.get("met"))
        found.append(
            Objection(
                "gate",
                Words(
                    f"its gate was not met ({missed})" if missed else "its gate was not met",
                    f"未达门槛（{missed}）" if missed else "未达门槛",
                ),
            )
        )
    kept = _personal_columns(card, [*inputs, str(card.get("target"))])
    if kept and not _consented(bundle):
        en = ", ".join(f"`{c}` ({t})" for c, (t, _) in kept.items())
        zh = "、".join(f"`{c}`（{t}）" for c, (_, t) in kept.items())
        words = Words(
            f"it was made from personal data that was kept, without a table of consents: {en}",
            f"训练数据保留了个人数据，且没有同意记录表：{zh}",
        )
        found.append(Objection("consent", words))
    if due(bundle):
        words = Words(
            "consent was withdrawn or ended, a subject was erased, or rows are older than may be kept since it was trained: train it again",
            "训练之后有同意已撤回或到期、有主体已删除，或有数据超过保留期限：请重新训练",
        )
        found.append(Objection("retraining", words))
    return found


def _personal_columns(card: dict[str, Any], used: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return the columns that the model reads in which values that point at one person were kept, with what was found."""
    private = card.get("private") or {}
    out: dict[str, tuple[str, str]] = {}
    for column in [] if private.get("public") else private.get("columns") or []:
        titles = [f["title"] for f in column.get("found") or [] if _stayed(column, f)]
        if titles and column["column"] in used:
            out[column["column"]] = (", ".join(t[0] for t in titles), "、".join(t[1] for t in titles))
    return out


def _stayed(column: dict[str, Any], found: dict[str, Any]) -> bool:
    known = TYPES.get(found["type"])
    kept = column.get("done") == "kept" or (column.get("done") == "replaced" and found.get("action") == "keep")
    return kept and (known is None or known.direct)


def _consented(bundle: Path) -> bool:
    """Whether the run was held to a table of consents for a purpose."""
    place = bundle.parent / "data" / "consent.json"
    return place.is_file() and bool(read_json(place).get("purpose"))


def check_objections(record: Record, in_spite: str | None) -> None:
    """Refuse a release that something stands against, unless a reason is given. Raises RegistryError."""
    if not record.objections or (in_spite or "").strip():
        return
    en = "; and ".join(o.words.en for o in record.objections)
    zh = "；".join(o.words.zh for o in record.objections)
    raise RegistryError(
        f'Not released: {en}. To release it all the same, say why with --in-spite "REASON"; the ledger keeps the reason.',
        f'未发布：{zh}。如仍要发布，请用 --in-spite "理由" 说明，理由会记入账本。',
    )


def told_differences(before: dict[str, Any], after: dict[str, Any]) -> list[Words]:
    """Return what whoever asks must know where the facts of two releases differ: columns that rows must hold, labels."""
    old = {c["name"]: c["modality"] for c in before.get("columns") or []}
    new = {c["name"]: c["modality"] for c in after.get("columns") or []}
    out = []
    if added := [n for n in new if n not in old]:
        out.append(Words(f"it also reads the columns {', '.join(added)}", f"新增读取的列：{'、'.join(added)}"))
    if gone := [n for n in old if n not in new]:
        out.append(Words(f"it no longer reads {', '.join(gone)}", f"不再读取的列：{'、'.join(gone)}"))
    if other := [n for n in new if n in old and new[n] != old[n]]:
        en = ", ".join(f"{n} ({old[n]} -> {new[n]})" for n in other)
        out.append(Words(f"columns of another kind: {en}", f"类型改变的列：{en}"))
    if (before.get("labels") is None) != (after.get("labels") is None):
        out.append(Words("it answers something of another kind", "回答的类型不同"))
    elif before.get("labels") is not None:
        more = [str(v) for v in after["labels"] if v not in before["labels"]]
        less = [str(v) for v in before["labels"] if v not in after["labels"]]
        if more:
            out.append(Words(f"new labels: {', '.join(more[:8])}", f"新增标签：{'、'.join(more[:8])}"))
        if less:
            out.append(Words(f"labels that are gone: {', '.join(less[:8])}", f"去掉的标签：{'、'.join(less[:8])}"))
    return out
