"""The feedback of a name as its releases see it: where the services of a registry keep it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from modelwright.core.words import Words
from modelwright.improve.drift.store import Alarm, DriftStore
from modelwright.improve.drift.wording import name_words
from modelwright.improve.experiments import Experiment
from modelwright.improve.sequential import Comparison
from modelwright.release.registry import places
from modelwright.release.registry.store import Registry
from modelwright.serve.feedback.store import Feedback
from modelwright.serve.stores import home_of_release


def feedback_of(registry: Registry, name: str) -> Feedback:
    """Return the feedback on a name's answers."""
    home = home_of_release(name, "", registry.url, places.state_of(registry.url, name))
    return Feedback(home.url, name)


def compared(feedback: Feedback, experiment: Experiment) -> Comparison:
    """Return an experiment as it stands now. Raises RegistryAway where the feedback cannot be reached."""
    kinds: Iterable[Any] = (experiment.measure.feedback,)
    versions = (str(experiment.first), str(experiment.second))
    return experiment.compared(feedback.told(since=experiment.began, versions=versions, kinds=kinds))


def alarms_of(url: str, name: str, version: str | None = None, since: float = 0.0) -> list[Alarm]:
    """Return the alarms of drift that stand and began after a time (seconds since the epoch), the newest first. Raises RegistryAway."""
    return [a for a in DriftStore(url, name).alarms(version) if a.ended is None and a.began > since]


def drift_words(alarms: list[Alarm]) -> list[Words]:
    """Return in one sentence what has drifted, [] where nothing has."""
    if not alarms:
        return []
    names = [name_words(a.column, a.role) for a in alarms[:6]]
    en, zh = ", ".join(n.en for n in names), "、".join(n.zh for n in names)
    return [
        Words(
            f"Look at drift in {en}: the page /drift shows before and after.",
            f"查看漂移：{zh} 与训练数据不同。/drift 页面显示前后对比。",
        )
    ]
