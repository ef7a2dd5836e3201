"""What a submitted job says of itself: whoever asks the cluster knows what runs there, and under which configuration.

It is among the job's parameters, which Flink shows on its page and by REST. There is no secret in it.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping

import msgspec

from config.plan import JobPlan, Plan
from jobs import versions
from jobs.cluster.states import ModelState, states
from jobs.resume import GRAPH
from jobs.savepoints import folder
from operators.profiles.references import JobReferences

OPTION = "pipeline.global-job-parameters"
PREFIX = "tidemark."
ALL_OF_IT = PREFIX + "about"


def name_of(job: JobPlan) -> str:
    """Environment and name of a job: there is one such on a cluster.

    >>> name_of(JobPlan(name="churn", environment="prod"))
    'prod/churn'
    """
    return f"{job.environment}/{job.name}"


class About(msgspec.Struct, frozen=True, kw_only=True):
    """A job, as it was submitted.

    Attributes
    ----------
    release, graph
        Of the tidemark that submitted it, and `resume.GRAPH` of that.
    python
        The interpreter of its workers.
    archive
        The archive with their environment, on the machine that it was submitted from; "": they have none.
    python_version
        Of whoever submitted it, and so, but for the last part, of its workers; "": an older release submitted it.
    states
        What the state of each model is made for.
    """

    plan: Plan
    states: dict[str, ModelState]
    release: str
    graph: int = 0
    python: str = ""
    python_version: str = ""
    archive: str = ""

    @classmethod
    def of(cls, job: JobReferences, python: str = "", archive: str = "") -> About:
        """What a job of this release is to say."""
        here = versions.here()
        return cls(
            plan=job.plan,
            states=states(job),
            release=here.tidemark,
            graph=GRAPH,
            python=python,
            python_version=here.python,
            archive=archive,
        )

    @property
    def name(self) -> str:
        """Environment and name."""
        return name_of(self.plan.job)

    @property
    def state_folder(self) -> str:
        """Where it keeps its state."""
        return folder(self.plan.job)

    def parameters(self) -> dict[str, str]:
        """Flink's parameters of the job: some for people, and all of it."""
        packed = base64.b64encode(zlib.compress(msgspec.msgpack.encode(self), 9)).decode()
        return {
            PREFIX + "job": self.name,
            PREFIX + "release": self.release,
            PREFIX + "configuration": self.plan.configuration_id,
            PREFIX + "models": " ".join(model.name for model in self.plan.models),
            ALL_OF_IT: packed,
        }


def option(about: About) -> str:
    """The value of `OPTION`: a YAML mapping in the form of JSON."""
    return json.dumps(about.parameters())


def read(parameters: Mapping[str, str]) -> About | None:
    """What a job said; None of one that is not Tidemark's."""
    packed = parameters.get(ALL_OF_IT)
    if packed is None:
        return None
    return msgspec.msgpack.decode(zlib.decompress(base64.b64decode(packed)), type=About)
