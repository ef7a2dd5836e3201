"""SQL of the job on a real Flink, without the job."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.plan import JobPlan

BROKER_MS = 1_767_225_600_123  # the broker's time of all records


@pytest.fixture(scope="session")
def sql(tmp_path_factory):
    """Runs queries over a view of one column on a real Flink."""
    where: Path = tmp_path_factory.mktemp("flink")
    from jobs.runtime import configuration, prepare_process

    prepare_process(where)
    from pyflink.datastream import StreamExecutionEnvironment
    from pyflink.table import DataTypes, StreamTableEnvironment

    job = JobPlan(checkpoint_dir=str(where))
    env = StreamExecutionEnvironment.get_execution_environment(configuration(job, bounded=True))
    table_env = StreamTableEnvironment.create(env)

    def run(lines: list[bytes | None], expression: str) -> list[object]:
        rows = [(number, None if line is None else bytearray(line)) for number, line in enumerate(lines)]
        fields = [DataTypes.FIELD("number", DataTypes.INT()), DataTypes.FIELD("line", DataTypes.BYTES())]
        table_env.create_temporary_view("records", table_env.from_elements(rows, DataTypes.ROW(fields)))
        broker = f"TO_TIMESTAMP_LTZ({BROKER_MS}, 3)"
        query = f"SELECT number, {expression} FROM (SELECT number, line, {broker} AS broker FROM records)"
        with table_env.execute_sql(query).collect() as found:
            results = dict(tuple(row) for row in found)
        table_env.drop_temporary_view("records")
        return [results[number] for number in range(len(lines))]

    return run
