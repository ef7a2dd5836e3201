"""The platform's ceiling: records of a topic through a vectorised Python function that looks at nothing, counted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.cases import Case
from benchmarks.flink import Job
from benchmarks.progress import Progress
from config.plan import JobPlan
from jobs import sinks

if TYPE_CHECKING:
    from pyflink.datastream import StreamExecutionEnvironment

SOURCE = """
CREATE TEMPORARY TABLE records (
  line BYTES,
  et TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL,
  WATERMARK FOR et AS et - INTERVAL '5' SECOND
) WITH ('connector' = 'kafka', 'format' = 'raw', 'topic' = '{topic}', 'properties.bootstrap.servers' = '{bootstrap}',
  'properties.group.id' = 'count', 'properties.max.poll.records' = '5000', 'scan.startup.mode' = 'earliest-offset')"""

COUNT = """
SELECT SUM(n) AS records FROM TABLE(TUMBLE(TABLE seen, DESCRIPTOR(et), INTERVAL '10' SECOND))
GROUP BY window_start, window_end"""


def flink_count(case: Case, folder: Path, bootstrap: str) -> Job:
    """Start the job."""

    def build(env: StreamExecutionEnvironment, progress: str) -> None:
        from pyflink.table import DataTypes, StreamTableEnvironment
        from pyflink.table.udf import ScalarFunction, udf

        class PassBy(ScalarFunction):  # type: ignore[misc]
            def open(self, function_context: Any) -> None:
                self._progress = Progress(progress)

            def eval(self, lines: Any) -> Any:
                import numpy as np
                import pandas as pd

                self._progress.add(len(lines))
                return pd.Series(np.ones(len(lines), np.int64))

        table_env = StreamTableEnvironment.create(env)
        table_env.execute_sql(SOURCE.format(topic=case.topic, bootstrap=bootstrap))
        pass_by = udf(PassBy(), result_type=DataTypes.BIGINT(), func_type="pandas")
        table_env.create_temporary_function("pass_by", pass_by)
        table_env.create_temporary_view("seen", table_env.sql_query("SELECT et, pass_by(line) AS n FROM records"))
        sinks.discard(table_env.to_data_stream(table_env.sql_query(COUNT)))

    job = JobPlan(name="count", parallelism=case.parallelism)
    return Job(job, build, folder)
