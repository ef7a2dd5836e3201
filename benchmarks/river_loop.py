"""A plain loop over records, river's ADWIN and PageHinkley on each of the 22 signals.

``python river_loop.py FILE COUNT`` prints an object of JSON. It stands alone: the environment that runs it needs no
Tidemark.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from itertools import islice
from typing import Any

import msgspec
from river.drift import ADWIN, PageHinkley

FEATURES = [f"x{i}" for i in range(20)]
WARM = 0.25  # as in the other measurements

Features = msgspec.defstruct("Features", [(name, float) for name in FEATURES], gc=False)
Record = msgspec.defstruct("Record", [("features", Features), ("prediction", str), ("confidence", float)], gc=False)


def main() -> None:
    """Read the records into memory, then follow them."""
    with open(sys.argv[1], "rb") as file:
        lines = list(islice(file, int(sys.argv[2])))
    warm = int(len(lines) * WARM)
    decode: Any = msgspec.json.Decoder(Record).decode
    detectors = [(ADWIN(), PageHinkley()) for _ in range(len(FEATURES) + 2)]
    alarms = 0
    for number, line in enumerate(lines):
        if number == warm:
            began_s, began_cpu_s = time.perf_counter(), time.process_time()
        record = decode(line)
        values = (*msgspec.structs.astuple(record.features), float(record.prediction == "yes"), record.confidence)
        for pair, value in zip(detectors, values):  # noqa: B905 - each check would be counted
            for detector in pair:
                detector.update(value)
                if detector.drift_detected:
                    alarms += 1
    took_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
    done = len(lines) - warm
    told = {"records_per_s": done / took_s, "cpu_us_per_record": cpu_s / done * 1e6}
    print(json.dumps({**told, "note": f"river {version('river')}, {alarms} alarms"}))


if __name__ == "__main__":
    main()
