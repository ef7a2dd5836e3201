"""Ports for servers."""

import socket
from pathlib import Path

import pytest

from jobs.ports import PORTS, free_port, is_free


def test_one_that_is_listened_on_is_not_free():
    """And one that was chosen is."""
    port = free_port()
    assert port in PORTS
    with socket.create_server(("127.0.0.1", port)):
        assert not is_free(port)
    assert is_free(port)


def test_no_connection_takes_it():
    """While a server starts, programs connect: its port is none of those that they are given."""
    given = Path("/proc/sys/net/ipv4/ip_local_port_range")
    if not given.exists():
        pytest.skip("the system does not say which ports it gives to connections")
    assert max(PORTS) < int(given.read_text().split()[0])
