"""Contenders: Tidemark and what one would run instead, each in the environment that it needs."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.quality import tidemark

OWN = ""  # the environment that this runs in


@dataclass(frozen=True)
class Contender:
    """One row of the tables."""

    name: str
    environment: str  # requirements/peers-ENVIRONMENT.txt
    program: str  # module of benchmarks.quality.peers
    kind: str  # sequential: sees each value; windowed: sees windows
    note: str
    slow: bool = False  # over 100 us a value: it is given fewer streams


PEERS = (
    Contender("river ADWIN", "river", "river_peer", "sequential", "raw values, delta 0.002; reference fed first"),
    Contender("river PageHinkley", "river", "river_peer", "sequential",
              "raw values, threshold 50, delta 0.005; the reference is fed first"),
    Contender("river KSWIN", "river", "river_peer", "sequential",
              "raw values, alpha 0.005, windows of 100; the last 200 values of the reference are fed first", slow=True),
    Contender("Frouros CUSUM", "frouros", "frouros_peer", "sequential",
              "raw values, lambda 50, delta 0.005, one-sided; the reference is fed first; reset after an alarm"),
    Contender("Frouros PageHinkley", "frouros", "frouros_peer", "sequential",
              "raw values, lambda 50, delta 0.005, alpha 0.9999; the reference is fed first; reset after an alarm"),
    Contender("Alibi-Detect CVM online", "alibi", "alibi_peer", "sequential",
              "reference: the last 500 values, windows of 20 and 100, ert: the budget; 30,000 bootstraps, as fewer are "
              "refused; reset after an alarm; sees columns of numbers only", slow=True),
    Contender("Evidently", "evidently", "evidently_peer", "windowed",
              "its own choice of test and threshold, each window/10 values against the whole reference"),
    Contender("NannyML", "nannyml", "nannyml_peer", "windowed",
              "Jensen-Shannon, three standard deviations of the reference's chunks; chunks of one window"),
    Contender("PSI 0.1", OWN, "rules_peer", "windowed", "tenths of the reference, each window/10 values"),
    Contender("KS p < 0.05", OWN, "rules_peer", "windowed",
              "scipy's two-sample test, each window/10 values; categories by their number"),
)  # fmt: skip
NAMES = (tidemark.NAME, *(peer.name for peer in PEERS))
