"""Refuses every network connection that leaves this machine.

Importing it is enough, and cannot be undone: Python's audit events reach every socket that Python opens,
whichever library opens it. `sitecustomize.py` beside it loads it in child processes. One gap: a bare
`socket.connect` to a host name asks the name server before Python raises the event; the connection itself
is still refused.
"""

from __future__ import annotations

import ipaddress
import socket
import sys

ATTEMPTS: list[str] = []
"""What was refused in this process, so that a swallowed refusal is still seen."""

_OWN_NAMES = {"", "localhost", socket.gethostname()}
_NAME_EVENTS = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}
_ADDRESS_EVENTS = {"socket.connect", "socket.sendto", "socket.sendmsg"}


class NetworkBlockedError(RuntimeError):
    """A test, or what it runs, reached for the network."""


def stays_here(host: object) -> bool:
    """Tell whether a host name or address is this machine."""
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host is None or host in _OWN_NAMES:
        return True
    try:
        return ipaddress.ip_address(str(host).split("%")[0]).is_loopback
    except ValueError:
        return False


def _refuse_network(event: str, args: tuple[object, ...]) -> None:
    if event in _NAME_EVENTS:
        host = args[0]
    elif event in _ADDRESS_EVENTS:
        address = args[1]
        # Unix sockets have a path, connected sockets send to None: neither leaves the machine.
        if not isinstance(address, tuple) or not address:
            return
        host = address[0]
    else:
        return
    if not stays_here(host):
        ATTEMPTS.append(f"{event} {host!r}")
        raise NetworkBlockedError(f"The tests run offline, but something asked for {host!r} ({event}).")


sys.addaudithook(_refuse_network)
