"""Late rules: what is expected of features that a profile names, once it is known what they are."""

from __future__ import annotations

import msgspec

from config.errors import did_you_mean
from config.expected import refused_of
from config.plan import ModelPlan, RulePlan
from schemas.errors import ProfileError

KEYS = {"values": "in"}  # what a rule is called in the configuration, if otherwise
NUMBERS = ("numeric", "embedding")  # types that are read as numbers, of an embedding its norm


def with_rules(model: ModelPlan) -> ModelPlan:
    """A model whose features are known, with its rules about them.

    Raises
    ------
    ProfileError
        A rule is about no feature, or about one of another type.
    """
    if isinstance(model.expect, msgspec.UnsetType):
        return model
    return msgspec.structs.replace(model, expect=tuple(_known(rule, model) for rule in model.expect))


def _known(rule: RulePlan, model: ModelPlan) -> RulePlan:
    if rule.number is not None:
        return rule
    where = f"models.{model.name}.expect.{rule.field}"
    kinds = {feature.name: feature.type for feature in model.features}
    kinds |= {feature.field: "embedding" if feature.dim else "text" for feature in model.features if feature.of}
    if rule.field not in kinds:
        shown = ", ".join(kinds)
        message = f"{where}: is no feature of the profile ({shown}){did_you_mean(rule.field, kinds)}"
        raise ProfileError(message)
    number = kinds[rule.field] in NUMBERS
    wrong = refused_of(kinds[rule.field], rule.field, KEYS.get(rule.what, rule.what), number=number)
    for value in rule.values if number and wrong is None else ():
        try:
            float(value)
        except ValueError:
            wrong = f"lists '{value}', which is not a number, and '{rule.field}' is one"
    if wrong is not None:
        message = f"{where}.{KEYS.get(rule.what, rule.what)}: {wrong}; correct it, or name the features"
        raise ProfileError(message)
    return msgspec.structs.replace(rule, number=number)
