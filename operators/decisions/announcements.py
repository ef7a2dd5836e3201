"""Announcements: what is told of a model beside its drifts."""

from __future__ import annotations

from typing import Final

from config.plan import ALL, JobPlan, ModelPlan
from operators.decisions.outputs import Learned
from schemas import segments
from schemas.cloudevents import identity, source, subject, timestamp
from schemas.events import ProfileData, ProfileEvent


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
