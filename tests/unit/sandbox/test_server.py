"""The sandbox's own TCP server."""

import socket

from mcp_server.sandbox.server import listening


def test_connections_to_the_sandbox_send_each_part_of_an_answer_at_once() -> None:
    """Else each answer waits about 40 ms for the reader's acknowledgement."""
    with listening("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
