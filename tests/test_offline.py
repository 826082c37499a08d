"""The network block blocks, here and in child processes, and lets this machine talk to itself."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from openau.records import Pixels
from tests.offline import block_network
from tests.offline.block_network import NetworkBlockedError


@pytest.fixture
def refused() -> list[str]:
    """What was refused; emptied at the end, so that the attempts a test makes on purpose do not fail it."""
    return block_network.ATTEMPTS


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("2001:db8::1", 80)])
def test_a_connection_to_elsewhere_is_refused_and_remembered(
    refused: list[str], address: tuple[str, int]
) -> None:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family) as connection, pytest.raises(NetworkBlockedError, match=r"offline"):
        connection.connect(address)
    assert address[0] in refused.pop()


def test_a_name_look_up_and_a_datagram_are_refused(refused: list[str]) -> None:
    with pytest.raises(NetworkBlockedError, match=r"example\.org"):
        socket.getaddrinfo("example.org", 443)
    with (
        socket.socket(type=socket.SOCK_DGRAM) as datagram,
        pytest.raises(NetworkBlockedError, match="192"),
    ):
        datagram.sendto(b"hello", ("192.0.2.1", 53))
    assert len(refused) == 2
    refused.clear()


def test_a_library_that_opens_a_page_is_refused(refused: list[str]) -> None:
    with pytest.raises(NetworkBlockedError, match=r"example\.org"):
        urllib.request.urlopen("http://example.org/weights.onnx", timeout=5)
    assert refused.pop() == "socket.getaddrinfo 'example.org'"


def test_a_child_process_is_refused_too() -> None:
    script = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=5)"
    child = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert child.returncode != 0
    assert "NetworkBlockedError" in child.stderr


def test_this_machine_may_talk_to_itself() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        client.sendall(b"AU12")
        answer, _ = server.accept()
        with answer:
            assert answer.recv(4) == b"AU12"


def test_home_is_a_temporary_folder() -> None:
    assert "openau-test-home-" in str(Path.home())
    assert Path.home().is_dir()
    assert os.environ["XDG_CACHE_HOME"].startswith(str(Path.home()))


def test_the_astronaut_is_a_picture_and_each_test_has_its_own(astronaut: Pixels) -> None:
    assert astronaut.shape == (512, 512, 3)
    assert astronaut.dtype == np.uint8
    assert astronaut.flags.writeable
