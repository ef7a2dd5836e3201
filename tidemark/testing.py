"""For tests of your own handlers: a topic that is a list, and events to order."""

from __future__ import annotations

from consumers.testing import Crash, FakeTopic, drift_event, profile_event, retrain_event, stream_event

__all__ = ["Crash", "FakeTopic", "drift_event", "profile_event", "retrain_event", "stream_event"]
