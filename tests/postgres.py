"""A PostgreSQL server of our own, for tests; installed where a test may do that."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg

from jobs.ports import free_port
from tests.debian import installed


def programs() -> Path:
    """Where the server's programs are."""
    return installed("PostgreSQL", _found, "postgresql")


def _found() -> Path | None:
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    return installed[-1].parent if installed else Path(on_path).parent if on_path else None


class Server:
    """A server in a folder of its own, on a free port of the loopback interface."""

    def __init__(self) -> None:
        self._programs = programs()
        self._user = "postgres" if os.geteuid() == 0 else getpass.getuser()  # the server refuses to be root's
        self._folder = Path(tempfile.mkdtemp(prefix="tidemark-postgres-"))  # pytest's own are closed to other users
        shutil.chown(self._folder, self._user)
        self._port = free_port()
        self._run("initdb", "-U", "tidemark", "-A", "trust")

    def _run(self, program: str, *options: str) -> None:
        command = [self._programs / program, "-D", self._folder / "data", *options]
        done = subprocess.run(command, user=self._user, cwd=self._folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self) -> None:
        options = f"-p {self._port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self._folder}"
        self._run("pg_ctl", "-o", options, "-l", str(self._folder / "log"), "-w", "start")

    def stop(self) -> None:
        """Pull the plug."""
        self._run("pg_ctl", "-m", "immediate", "-w", "stop")

    def fresh(self, name: str) -> str:
        """The address of a new database."""
        with psycopg.connect(host="127.0.0.1", port=self._port, user="tidemark", dbname="postgres") as connection:
            connection.autocommit = True
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return f"postgresql+psycopg://tidemark@127.0.0.1:{self._port}/{name}"

    def remove(self) -> None:
        shutil.rmtree(self._folder)
