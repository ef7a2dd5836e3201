"""The JVM of the embedded Flink: started under a guard, quiet on the console, its log in a folder of the user's.

PyFlink would start one itself, but that one prints, keeps worker processes alive when it dies, and for up to 20
seconds itself when the client is killed; it also stops for good when 64 kB of its warnings have gone unread.
"""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import struct
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from jobs.guard import start_guarded
from schemas.errors import SetupError

GRACE_S = 3  # the job has ended by then or was killed; Flink's own orderly end with a job running takes 10-20 s
READY_WITHIN_S = 120  # it takes 0.5 s; a loaded machine several times that

# Opens what Flink's serializers reach into; without it Java 17 and later refuse (InaccessibleObjectException).
# From there come also the options of conf/config.yaml.
OPTIONS = ("-XX:+IgnoreUnrecognizedVMOptions", "--add-opens=jdk.proxy2/jdk.proxy2=ALL-UNNAMED")
# The default collector's threads take time from Python, which everything waits for. Without its second compiler the
# JVM would start quicker, for runs of seconds, and read times out of records half as fast.
COLLECTOR = "-XX:+UseParallelGC"  # unless JVM_ARGS says otherwise
# Of glibc, for the Python workers: batches are arrays of megabytes, which it would give back to the system after each
# and get anew, cleared page by page: a tenth of the workers' time, and a third more memory.
MALLOC = {"MALLOC_MMAP_THRESHOLD_": "33554432", "MALLOC_TRIM_THRESHOLD_": "536870912", "MALLOC_ARENA_MAX": "2"}
OUT_OF_MEMORY = "-XX:+ExitOnOutOfMemoryError"  # a JVM without memory limps on for hours; its end is an error at once
ELSEWHERE = ("FLINK_HOME", "FLINK_CONF_DIR", "FLINK_LIB_DIR", "FLINK_OPT_DIR", "FLINK_PLUGINS_DIR", "FLINK_BIN_DIR")

LOG4J = """\
rootLogger.level = INFO
rootLogger.appenderRef.file.ref = file
appender.file.type = RollingFile
appender.file.name = file
appender.file.fileName = ${sys:log.file}
appender.file.filePattern = ${sys:log.file}.%i
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %c - %m%n
appender.file.policies.type = Policies
appender.file.policies.size.type = SizeBasedTriggeringPolicy
appender.file.policies.size.size = 20MB
appender.file.strategy.type = DefaultRolloverStrategy
appender.file.strategy.max = 3
# hundreds of lines of settings for each client that is made
logger.kafka.name = org.apache.kafka
logger.kafka.level = WARN
"""

_guard: subprocess.Popen[bytes] | None = None  # its pipe is what the JVM's life hangs on
_gateway: Any = None  # PyFlink's end of it
_logs = _temporary = Path()


def start(java_home: Path, where: Path) -> None:
    """Start the JVM and connect PyFlink to it; do nothing if that was done.

    Parameters
    ----------
    java_home : Path
        A Java that Flink runs on.
    where : Path
        Folder for ``flink.log`` and what the JVM prints, ``flink.out``.

    Raises
    ------
    SetupError
        It did not start; the message has the last line it printed.
    """
    global _guard, _logs, _temporary
    if _guard is not None:
        return
    for name in ELSEWHERE:  # another Flink than the one that PyFlink was built with
        os.environ.pop(name, None)
    _logs = where.absolute()
    _logs.mkdir(parents=True, exist_ok=True)
    _temporary = Path(tempfile.mkdtemp(prefix="tidemark-"))
    (_temporary / "log4j2.properties").write_text(LOG4J)
    connection = _temporary / "gateway"
    environment = {
        **MALLOC,
        **os.environ,
        "JAVA_HOME": str(java_home),
        "TMPDIR": str(_temporary),
        "_PYFLINK_CONN_INFO_PATH": str(connection),
    }
    with (_logs / "flink.out").open("wb") as out:
        _guard = start_guarded(_command(environment), out, GRACE_S, _temporary, environment)
    atexit.register(stop)
    end = time.monotonic() + READY_WITHIN_S
    while not connection.exists():
        if _guard.poll() is not None or time.monotonic() > end:
            stop()
            message = f"Flink's JVM did not start: {last_words()}; its log is in {_logs}"
            raise SetupError(message)
        time.sleep(0.02)
    (port,) = struct.unpack("!I", connection.read_bytes()[:4])
    _connect(port)


def stop() -> None:
    """End the JVM with all it started, and wait for that."""
    if _guard is None or _guard.stdin is None or _guard.stdin.closed:
        return
    if _gateway is not None:
        _gateway._gateway_client.is_connected = False  # else each Java object tells the JVM, in vain, that it is gone
    _guard.stdin.close()
    _guard.wait()
    shutil.rmtree(_temporary, ignore_errors=True)  # the guard of a JVM that died by itself leaves it


def logs() -> Path:
    """Give the folder with its log."""
    return _logs


def last_words() -> str | None:
    """Give the last line that a JVM printed which has ended; None of one that lives, or that is not ours."""
    if _guard is None:
        return None
    try:
        _guard.wait(1)  # who finds the connection broken may be faster than the end of the process
    except subprocess.TimeoutExpired:
        return None
    said = (_logs / "flink.out").read_text(errors="replace").splitlines()
    return next((line for line in reversed(said) if line.strip()), f"status {_guard.returncode}")


def _command(environment: dict[str, str]) -> list[str]:
    from pyflink import pyflink_gateway_server as server

    server.prepare_environment_variables(environment)
    log4j = _temporary / "log4j2.properties"
    return [
        f"{environment['JAVA_HOME']}/bin/java",
        *environment.get("JVM_ARGS", COLLECTOR).split(),
        *OPTIONS,
        OUT_OF_MEMORY,
        *server.get_jvm_opts(environment),
        f"-Djava.io.tmpdir={_temporary}",
        f"-Dlog.file={_logs / 'flink.log'}",
        f"-Dlog4j.configurationFile={log4j}",
        "-cp",
        server.construct_flink_classpath(environment),
        "org.apache.flink.client.python.PythonGatewayServer",
    ]


def _connect(port: int) -> None:
    global _gateway
    from pyflink.java_gateway import get_gateway

    # What goes wrong between the two is raised as well; py4j's own account of it is a page for each object.
    logging.getLogger("py4j").setLevel(logging.CRITICAL)
    logging.getLogger().addFilter(lambda record: f"{os.sep}py4j{os.sep}" not in record.pathname)
    os.environ["PYFLINK_GATEWAY_PORT"] = str(port)
    try:
        _gateway = get_gateway()
    finally:
        del os.environ["PYFLINK_GATEWAY_PORT"]
