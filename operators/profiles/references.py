"""References: which profile speaks for a record's model and version, and what the model's signals are."""

from __future__ import annotations

import copy
import hashlib
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from config.plan import ModelPlan, Plan
from operators.encoding.coding import CategoryCoder, NumericCoder
from operators.estimation.proxies import PROXIES
from operators.profiles.dependence import unknown
from operators.profiles.unprofiled import Unprofiled
from operators.quality.signals import QualityReference, quality_reference, ranged_features
from operators.relations.correlations import RelationColumns
from operators.relations.domain_sample import DomainReference, domain_reference
from operators.relations.reconstruction import RECONSTRUCTION, Reconstruction
from operators.relations.references import RelationReference, reference_sums, relation_columns, relation_reference
from operators.sketches.moments import Moments
from schemas.events import Kind
from schemas.profile import CategoricalSignal, Estimation, NumericSignal, Profile, Signal, TextReference

FEATURE = "feature."
SCORE = "score"  # no detector looks at it: performance is estimated from its bins
_PARTS = re.compile("[0-9]+|[^0-9]+")
UNVERSIONED = "0"  # the version of records that name none


class ModelSignals:
    """The signals of a model version against its profile, in one order for decode and monitor.

    Attributes
    ----------
    names : tuple of str
        Features in the order of the configuration, then prediction and confidence where the profile has them, then
        the score where performance is estimated.
    coded : tuple of Signal
        What codes are of, whatever they are compared with.
    numeric, named : tuple of int
        Positions of the number-valued and of the categorical ones.
    raw : tuple of int
        Positions of those with a detector that asks for raw values.
    kind : str
        Where the profile is from, as events name it.
    """

    def __init__(self, model: ModelPlan, profile: Profile, *, learned: bool = False) -> None:
        self.model = model
        self.profile = profile
        self.kind: Literal["profile", "learned", "previous", "accepted"] = "learned" if learned else "profile"
        self.profile_id = profile.id
        wanted = [FEATURE + feature.name for feature in model.features]
        multivariate = () if model.multivariate is msgspec.UNSET else (RECONSTRUCTION,)
        watched = ("prediction", "confidence", *proxies_of(model), *multivariate)
        wanted += [name for name in watched if name in profile.signals]
        shown = {name: disclosed(profile.signals[name], name, model) for name in wanted}
        self._less = [signal for name, signal in shown.items() if signal is not profile.signals[name]]
        signals = calibrated(shown, profile, model)
        self.estimation = estimation_of(model, profile)
        if self.estimation is not None:
            signals[SCORE] = self.estimation.score
        self.names = tuple(signals)
        self.signals: tuple[Signal, ...] = tuple(signals.values())
        self.coded = self.signals
        self.kinds: tuple[Kind, ...] = tuple(_kind(name) for name in self.names)
        self.numeric = tuple(i for i, s in enumerate(self.signals) if isinstance(s, NumericSignal))
        self.named = tuple(i for i, s in enumerate(self.signals) if not isinstance(s, NumericSignal))
        raw = {FEATURE + f.name for f in model.features if any(d.input == "raw" for d in f.detectors or ())}
        self.raw = tuple(i for i in self.numeric if self.names[i] in raw)

    @cached_property
    def numeric_coder(self) -> NumericCoder:
        """Codes of the number-valued signals."""
        return NumericCoder([s for s in self.signals if isinstance(s, NumericSignal)])

    @cached_property
    def category_coders(self) -> tuple[CategoryCoder, ...]:
        """Codes of the categorical signals, one each."""
        truths = {FEATURE + f.name for f in self.model.features if f.type == "boolean"}
        named = ((self.names[i], s) for i, s in enumerate(self.signals) if isinstance(s, CategoricalSignal))
        return tuple(CategoryCoder(signal, truth=name in truths) for name, signal in named)

    @cached_property
    def moments(self) -> Moments:
        """Sums of the number-valued signals."""
        return Moments([s for s in self.signals if isinstance(s, NumericSignal)])

    @cached_property
    def quality(self) -> QualityReference | None:
        """What the profile has of the quality signals; None where the model watches none."""
        watched = {name: one for name, one in zip(self.names, self.signals, strict=True) if name != SCORE}
        return quality_reference(self.model, self.profile, watched)

    @cached_property
    def relations(self) -> RelationReference | None:
        """What the profile has of the relations between features; None where the model watches none."""
        return relation_reference(self.model, self.profile, self.names, self.related)

    @cached_property
    def related(self) -> RelationColumns | None:
        """Columns of features whose products are summed; None where the model watches no relations."""
        return relation_columns(self.model, self.profile, self.names)

    @cached_property
    def domain(self) -> DomainReference | None:
        """What records of the stream are told from by a classifier; None where there is none."""
        told, known = self.profile.domain, self.profile.relations
        if self.model.classifier is msgspec.UNSET or isinstance(told, msgspec.UnsetType):
            return None
        assert not isinstance(known, msgspec.UnsetType), "the sample is of its features"
        return domain_reference(told, known, self.profile.signals, self.names)

    @cached_property
    def reconstruction(self) -> Reconstruction | None:
        """How far records are from what features do together; None where that is not watched."""
        told, known = self.profile.multivariate, self.profile.relations
        if RECONSTRUCTION not in self.names or self.related is None:
            return None
        assert not isinstance(told, msgspec.UnsetType), "the profile has the signal"
        assert not isinstance(known, msgspec.UnsetType), "and what it is made of"
        return Reconstruction(self.related, reference_sums(known, self.profile, self.names)[0], told)

    @cached_property
    def _error_coder(self) -> NumericCoder:
        signal = self.profile.signals[RECONSTRUCTION]
        assert isinstance(signal, NumericSignal), "profile_checks refuses it"
        return NumericCoder([signal])

    def fill_errors(self, values: npt.NDArray[np.float64], codes: npt.NDArray[np.uint8]) -> None:
        """Write errors of reconstruction beside the other values and codes of records, which they follow from.

        Parameters
        ----------
        values : float64, shape (records, numeric signals)
        codes : uint8, shape (records, signals), C-contiguous
        """
        if self.reconstruction is None:
            return
        position = self.names.index(RECONSTRUCTION)
        errors = self.reconstruction.errors(codes)
        values[:, self.numeric.index(position)] = errors
        codes[:, position] = self._error_coder.codes(errors[:, None])[:, 0]

    def compared_with(self, signals: tuple[Signal, ...]) -> ModelSignals:
        """The same signals of the same records, with what others of the reference's records look like."""
        found = copy.copy(self)
        # What codes and sums mean does not change with what they are compared with.
        found.moments, found.category_coders, found.meaning = self.moments, self.category_coders, self.meaning
        found.quality, found.relations = self.quality, self.relations
        found.related, found.reconstruction, found.domain = self.related, self.reconstruction, self.domain
        found.signals = signals
        return found

    @cached_property
    def meaning(self) -> int:
        """What codes of these signals mean, as a number of 32 bits: another one, other signals or other bins."""
        about = [self.profile_id.encode(), *map(str.encode, self.names), msgspec.json.encode([self.raw, self._less])]
        if ranged := ranged_features(self.model):
            about.append(msgspec.json.encode([(at, self.model.features[at].range) for at in ranged]))
        return int.from_bytes(hashlib.blake2b(b"\0".join(about), digest_size=4).digest(), "little")


def proxies_of(model: ModelPlan) -> tuple[str, ...]:
    """What is watched of the probabilities of classes."""
    return model.proxies if isinstance(model.proxies, tuple) else ()


def estimation_of(model: ModelPlan, profile: Profile) -> Estimation | None:
    """What the model's performance is estimated from; None where it is not, or cannot be."""
    wanted = isinstance(model.estimated, tuple) and not isinstance(profile.estimation, msgspec.UnsetType)
    return profile.estimation if wanted else None  # type: ignore[return-value]  # it is set


def _kind(name: str) -> Kind:
    if name == SCORE:
        return "estimated_performance"
    if name in PROXIES:
        return "confidence"
    if name == RECONSTRUCTION:
        return "multivariate"
    return "feature" if name.startswith(FEATURE) else name  # type: ignore[return-value]  # prediction, confidence


def disclosed(signal: Signal, name: str, model: ModelPlan) -> Signal:
    """A signal of a profile without the names that the model's configuration does not let out.

    The profile leaves them out already, unless it was made when the configuration said something else.
    """
    if isinstance(signal, NumericSignal) or name in {FEATURE + f.name for f in model.features if f.type == "boolean"}:
        return signal
    plan = model.prediction if name == "prediction" else None
    public = {*(plan.classes or ()), plan.positive} if plan else set()
    kept = tuple((category, n) for category, n in signal.categories if n >= model.disclose or category in public)
    if len(kept) == len(signal.categories):
        return signal
    return msgspec.structs.replace(signal, categories=kept, rest=signal.count - sum(n for _, n in kept))


def calibrated(signals: Mapping[str, Signal], profile: Profile, model: ModelPlan) -> dict[str, Signal]:
    """Signals of a profile, with what is known of the dependence of their values.

    In the season if the model has one. Of records without times none: a file may be sorted by anything, by place or by
    class, and what follows each other there need not do so in the stream, nor the other way round.
    """
    if model.season is not None and not isinstance(profile.season, msgspec.UnsetType):
        found = profile.season.calibrations
        return {name: msgspec.structs.replace(signal, calibration=found.get(name)) for name, signal in signals.items()}
    if profile.provenance.order != "file":
        return dict(signals)
    return {
        name: signal
        if signal.calibration is None
        else msgspec.structs.replace(signal, calibration=unknown(signal.calibration.values))
        for name, signal in signals.items()
    }


class JobReferences(msgspec.Struct, frozen=True):
    """The plan with its profiles: all that an operator needs to know, and no secret."""

    plan: Plan
    profiles: dict[str, dict[str, Profile]]  # model -> version -> profile; "" speaks for every version
    vocabularies: dict[str, dict[str, TextReference]] = {}  # model -> field -> words, of models that learn


# Made while this is imported, which one thread does: where several threads of a worker are the first to read one type
# at the same time, msgspec reads what is half made, and the worker is gone.
_job_decoder = msgspec.msgpack.Decoder(JobReferences)


def read_job(data: bytes) -> JobReferences:
    """Read what was sent to an operator."""
    return _job_decoder.decode(data)


class References:
    """Finds the signals for a model and a version.

    A version without a profile of its own takes, by ``on_unknown_version: previous_profile``, the newest one
    before it, or the oldest there is; or it learns one from its own records.
    """

    def __init__(self, job: JobReferences) -> None:
        self.plan = job.plan
        self.models: Mapping[str, ModelPlan] = {model.name: model for model in job.plan.models}
        self._profiles = job.profiles
        self._signals: dict[tuple[str, str], ModelSignals] = {}
        self._unprofiled = {
            model.name: Unprofiled(model, job.vocabularies.get(model.name))
            for model in job.plan.models
            if model.learn is not None
        }
        self._found: dict[tuple[str, str], ModelSignals | Unprofiled | None] = {}

    def find(self, model: str, version: str) -> ModelSignals | Unprofiled | None:
        """Signals of a configured model; None for a version that the configuration ignores."""
        key = (model, version)
        if key not in self._found:
            if len(self._found) > 10_000:  # versions come from the stream: a hostile one must not fill the memory
                self._found.clear()
            self._found[key] = self._find(model, version)
        return self._found[key]

    def any(self, model: str) -> ModelSignals:
        """Signals of the newest profile of a model."""
        return self._of(model, _newest(self._profiles[model]))

    def _find(self, model: str, version: str) -> ModelSignals | Unprofiled | None:
        plan, profiles = self.models[model], self._profiles[model]
        if version in profiles:
            return self._of(model, version)
        if "" in profiles:
            return self._of(model, "")
        if model in self._unprofiled:
            return self._unprofiled[model]
        if plan.on_unknown_version == "ignore":
            return None
        before = [known for known in profiles if natural(known) <= natural(version)]
        return self._of(model, max(before, key=natural) if before else min(profiles, key=natural))

    def _of(self, model: str, version: str) -> ModelSignals:
        key = (model, version)
        if key not in self._signals:
            self._signals[key] = ModelSignals(self.models[model], self._profiles[model][version])
        return self._signals[key]

    def role(self, model: str, version: str) -> str:
        """Role that the configuration gives to a version; champion where it says nothing."""
        plan = self.models[model].versions.get(version)
        return plan.role if plan else "champion"


def natural(version: str) -> list[tuple[int, int, str]]:
    """Sort key under which 1.10 comes after 1.9.

    >>> sorted(["1.10", "1.9", "v2"], key=natural)
    ['1.9', '1.10', 'v2']
    """
    # Digits of ASCII only: others may be no digits to int().
    return [(0, int(part), "") if part[0] in "0123456789" else (1, 0, part) for part in _PARTS.findall(version)]


def _newest(profiles: Mapping[str, Profile]) -> str:
    return max(profiles, key=natural)
