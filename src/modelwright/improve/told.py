"""The feedback of a name as its releases see it: where the services of a registry keep it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from modelwright.improve.experiments import Experiment
from modelwright.improve.sequential import Comparison
from modelwright.release.registry import places
from modelwright.release.registry.store import Registry
from modelwright.serve.feedback.store import Feedback
from modelwright.serve.home import home_of_release


def feedback_of(registry: Registry, name: str) -> Feedback:
    """Return the feedback on a name's answers."""
    home = home_of_release(name, "", registry.url, places.state_of(registry.url, name))
    return Feedback(home.url, name)


def compared(feedback: Feedback, experiment: Experiment) -> Comparison:
    """Return an experiment as it stands now. Raises RegistryAway where the feedback cannot be reached."""
    kinds: Iterable[Any] = (experiment.measure.feedback,)
    versions = (str(experiment.first), str(experiment.second))
    return experiment.compared(feedback.told(since=experiment.began, versions=versions, kinds=kinds))
