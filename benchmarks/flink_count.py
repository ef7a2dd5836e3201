"""The platform's ceiling: records of a topic through a vectorised Python function that looks at nothing, counted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.cases import Case
from benchmarks.flink import Counter, Job
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


def flink_count(case: Case, folder: Path, bootstrap: str) -> tuple[Job, Counter]:
    """Start the job."""

    def build(env: StreamExecutionEnvironment) -> None:
        from pyflink.table import DataTypes, StreamTableEnvironment
        from pyflink.table.udf import udf

        table_env = StreamTableEnvironment.create(env)
        table_env.execute_sql(SOURCE.format(topic=case.topic, bootstrap=bootstrap))
        table_env.create_temporary_function("pass_by", udf(_ones, result_type=DataTypes.BIGINT(), func_type="pandas"))
        table_env.create_temporary_view("seen", table_env.sql_query("SELECT et, pass_by(line) AS n FROM records"))
        sinks.discard(table_env.to_data_stream(table_env.sql_query(COUNT)))

    job = JobPlan(name="count", parallelism=case.parallelism)
    return Job(job, build, folder), Counter("PythonCalc", "numRecordsOut")


def _ones(lines: Any) -> Any:
    import numpy as np
    import pandas as pd

    return pd.Series(np.ones(len(lines), np.int64))
