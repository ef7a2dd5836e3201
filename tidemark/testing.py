"""For tests of your own handlers: a topic that is a list, and events to order."""

from __future__ import annotations

from consumers.samples import drift_event, profile_event, refused_event, retrain_event, stream_event
from consumers.testing import Crash, FakeTopic

__all__ = ["Crash", "FakeTopic", "drift_event", "profile_event", "refused_event", "retrain_event", "stream_event"]
