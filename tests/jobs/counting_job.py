"""A job that counts, for tests of what it runs on: prints a JSON line for each number.

``counting_job.py FOLDER PARALLELISM NAME``: goes on from the newest savepoint in FOLDER, and stops with one when a
line comes on its standard input.
"""

import json
import os
import sys
import time
from pathlib import Path

from config.plan import JobPlan
from jobs import gateway, runtime, savepoints

KEYS = 4


def main():
    """Run it."""
    folder, parallelism = Path(sys.argv[1]), int(sys.argv[2])
    job = JobPlan(
        name="count", parallelism=parallelism, checkpoint_every_ms=500, checkpoint_dir=str(folder / "checkpoints")
    )
    runtime.prepare_process(folder / "logs")

    from pyflink.common import Types, WatermarkStrategy
    from pyflink.datastream import KeyedProcessFunction, StreamExecutionEnvironment
    from pyflink.datastream.connectors.number_seq import NumberSequenceSource
    from pyflink.datastream.state import ValueStateDescriptor

    def slowly(number):
        time.sleep(0.002)
        return number % KEYS, os.getpid()

    class Count(KeyedProcessFunction):
        def open(self, context):
            from operators.jit import kernel

            self.add = kernel(lambda a, b: a + b)
            self.count = context.get_state(ValueStateDescriptor("count", Types.LONG()))

        def process_element(self, value, context):
            count = self.add(self.count.value() or 0, 1)
            self.count.update(count)
            yield json.dumps({"key": value[0], "count": count, "pids": [value[1], os.getpid()]})

    where = savepoints.folder(job)
    restored = savepoints.latest_checkpoint(where)
    environment = StreamExecutionEnvironment.get_execution_environment(
        runtime.configuration(job, bounded=False, restore=restored, more={"python.fn-execution.bundle.size": 100})
    )
    pair = Types.TUPLE([Types.LONG(), Types.LONG()])
    (
        environment.from_source(NumberSequenceSource(0, 10**12), WatermarkStrategy.no_watermarks(), "n", Types.LONG())
        .map(slowly, pair)
        .key_by(lambda value: value[0], Types.LONG())
        .process(Count(), Types.STRING())
        .uid("count")
        .print()
    )
    client = environment.execute_async("count")
    print(json.dumps({"client": os.getpid(), "guard": gateway._guard.pid, "restored": restored}), flush=True)
    sys.stdin.readline()
    print(json.dumps({"savepoint": savepoints.stop_with_savepoint(client, where)}), flush=True)


if __name__ == "__main__":
    main()
