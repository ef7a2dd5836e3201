"""Announcements: what is told of a model beside its drifts."""

from __future__ import annotations

from typing import Any, Final

from config.plan import ALL, JobPlan, ModelPlan
from operators.decisions import messages
from operators.decisions.outputs import Learned, Rebased, Refused
from schemas import segments
from schemas.cloudevents import identity, source, subject, timestamp
from schemas.events import Accepted, ProfileData, ProfileEvent, ProfileType, RefusedData, RefusedEvent


def learned(plan: ModelPlan, job: JobPlan, configuration_id: str, output: Learned, *, muted: bool) -> ProfileEvent:
    """The event that a version's first records have become the reference of one of its segments."""
    message = f"the first {output.records:,} records of version {output.version}{_place(output)} are its reference now"
    told = {"signals": output.signals, "configuration": configuration_id, "message": message, "muted": muted}
    return _profile("io.tidemark.profile.learned", plan, job, output, output.profile_id, told)


def rebased(plan: ModelPlan, job: JobPlan, configuration_id: str, output: Rebased, *, muted: bool) -> ProfileEvent:
    """The event that signals are compared with a window that was accepted, or with the profile again."""
    window = f"the {output.records:,} records since {output.start[:16].replace('T', ' ')}"
    by, why = f" by {output.by}" if output.by else "", f" ({output.why})" if output.why else ""
    what = f"the profile again, not with {window}" if output.undone else f"{window}, accepted{by}{why}"
    told = {
        "signals": len(output.signals),
        "configuration": configuration_id,
        "message": f"{messages.listed(output.signals)}{_place(output)}: compared with {what}",
        "muted": muted,
        "accepted": Accepted(episode=output.episode, signals=tuple(output.signals), by=output.by, why=output.why),
    }
    kind: ProfileType = "io.tidemark.profile.restored" if output.undone else "io.tidemark.profile.rebased"
    return _profile(kind, plan, job, output, output.id, told)


def _place(output: Learned | Rebased) -> str:
    return "" if output.segment == ALL else f" in {output.segment}"


def _profile(
    kind: ProfileType, plan: ModelPlan, job: JobPlan, output: Learned | Rebased, about: str, told: dict[str, Any]
) -> ProfileEvent:
    """The event; ``about`` is what makes it differ from others of its kind and key."""
    job_source = source(job.environment, job.name)
    return ProfileEvent(
        type=kind,
        source=job_source,
        id=identity(job_source, kind, plan.name, output.version, output.role, output.segment, about),
        time=timestamp(output.time_ms),
        subject=subject(plan.name, output.version, output.segment),
        data=ProfileData(
            model=plan.name,
            version=output.version,
            role=output.role,
            segment=segments.parse(output.segment),
            profile=output.profile_id,
            records=output.records,
            start=output.start,
            end=output.end,
            info=plan.info,
            **told,
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
