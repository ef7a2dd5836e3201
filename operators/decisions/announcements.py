"""Announcements: what is told of a model beside its drifts."""

from __future__ import annotations

from typing import Final

import msgspec

from config.plan import ALL, JobPlan, ModelPlan
from operators.decisions.outputs import Learned
from schemas import segments
from schemas.cloudevents import identity, source, subject, timestamp
from schemas.events import ProfileData, ProfileEvent, RefusedData, RefusedEvent


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing follows from what somebody told the job."""

    time_ms: int
    id: str  # of the message
    what: str  # it asks for
    about: str  # the episode or request
    why: str
    by: str


def learned(plan: ModelPlan, job: JobPlan, configuration_id: str, output: Learned, *, muted: bool) -> ProfileEvent:
    """The event that a version's first records have become the reference of one of its segments."""
    job_source = source(job.environment, job.name)
    kind: Final = "io.tidemark.profile.learned"
    where = "" if output.segment == ALL else f" in {output.segment}"
    return ProfileEvent(
        type=kind,
        source=job_source,
        id=identity(job_source, kind, plan.name, output.version, output.role, output.segment, output.profile_id),
        time=timestamp(output.time_ms),
        subject=subject(plan.name, output.version, output.segment),
        data=ProfileData(
            model=plan.name,
            version=output.version,
            role=output.role,
            segment=segments.parse(output.segment),
            profile=output.profile_id,
            records=output.records,
            signals=output.signals,
            start=output.start,
            end=output.end,
            configuration=configuration_id,
            info=plan.info,
            muted=muted,
            message=f"the first {output.records:,} records of version {output.version}{where} are its reference now",
        ),
    )


def refused(plan: ModelPlan, job: JobPlan, configuration_id: str, output: Refused, *, muted: bool) -> RefusedEvent:
    """The event that nothing follows from what somebody told the job."""
    job_source = source(job.environment, job.name)
    kind: Final = "io.tidemark.control.refused"
    by = f" by {output.by}" if output.by else ""
    return RefusedEvent(
        type=kind,
        source=job_source,
        id=identity(job_source, kind, plan.name, output.id),
        time=timestamp(output.time_ms),
        subject=plan.name,
        data=RefusedData(
            model=plan.name,
            control=output.id,
            what=output.what,
            about=output.about,
            refused=output.why,
            by=output.by,
            configuration=configuration_id,
            info=plan.info,
            muted=muted,
            message=f"'{output.what}' of {output.about[:8]}{by} is refused: {output.why}",
        ),
    )
