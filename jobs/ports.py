"""Ports of this machine for servers that take some seconds until they listen."""

from __future__ import annotations

import secrets
import socket

# Below those that systems give to outgoing connections, one of which would take it before its server does.
PORTS = range(15_000, 32_000)


def free_port() -> int:
    """Choose a port that nothing listens on."""
    while not is_free(port := secrets.choice(PORTS)):
        pass
    return port


def is_free(port: int) -> bool:
    """Whether a server could listen there, on the loopback interface."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port that was just given back is free
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
