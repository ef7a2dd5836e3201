"""Processor time and memory of processes, from /proc."""

from __future__ import annotations

import os
from pathlib import Path

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_SESSION, _USER, _SYSTEM, _RESIDENT = 3, 11, 12, 21  # columns of /proc/PID/stat after the name


def cpu_s(pid: int) -> float:
    """Give the processor time of a process so far; 0 if it has ended."""
    fields = _stat(pid)
    return (int(fields[_USER]) + int(fields[_SYSTEM])) * _TICK_S if fields else 0.0


def resident_bytes(pid: int) -> int:
    """Give the memory that a process holds; 0 if it has ended."""
    fields = _stat(pid)
    return int(fields[_RESIDENT]) * _PAGE if fields else 0


def session(leader: int) -> list[int]:
    """List the processes of a session: a JVM under a guard leads one, and its Python workers are in it."""
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [pid for pid in pids if (fields := _stat(pid)) and int(fields[_SESSION]) == leader]


def is_worker(pid: int) -> bool:
    """Whether a process is one of Flink's Python workers."""
    try:
        return b"pyflink.fn_execution" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _stat(pid: int) -> list[str]:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return []
    return text.rpartition(")")[2].split()  # the name in parentheses may hold anything
