"""Free ports of the loopback address."""

import random
import socket
import time
from collections.abc import Collection

HOST = "127.0.0.1"
# Below the range of outgoing connections' ports, so that a port found free stays free until it is used.
_RANGE = range(18000, 32000)
_PATIENCE_SECONDS = 1.0


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as probe:
        # As servers do: connections that linger after a restart do not make the port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def pick(wish: int | None = None, *, taken: Collection[int] = ()) -> int:
    """A free port: the one wished for when it is free, or soon is (its last user may be ending), else another."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while wish and wish not in taken:
        if is_free(wish):
            return wish
        if time.monotonic() > deadline:
            break
        time.sleep(0.02)
    while True:
        port = random.choice(_RANGE)
        if port not in taken and is_free(port):
            return port


def accepts(port: int) -> bool:
    """Whether something listens on the port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((HOST, port)) == 0
