"""Detectors that follow a signal value by value; each in a module of its name, with `start`, `pack` and `unpack`."""

from operators.detectors import adwin, page_hinkley, river
from operators.detectors.alarms import Alarms

__all__ = ["Alarms", "adwin", "page_hinkley", "river"]
