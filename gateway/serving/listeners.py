"""The sockets that a gateway listens on, set up so that the kernel holds little for a client that does not read.

What is set on a listening socket holds for every connection it accepts: nothing is to be done for each of them.
"""

import socket

_SEND_BUFFER_BYTES = 128 << 10  # of a connection, and no growing beyond: 640 KB/s still go to a client 200 ms away
_UNSENT_BYTES = 16 << 10  # above which the kernel takes no more: a quote that waits there would only grow old


def bound_sockets(host: str, port: int, *, is_shared: bool = False) -> list[socket.socket]:
    """Take the port on every address of the host; an empty host is every address of the machine. They do not listen.

    Several processes may have it where all of them say `is_shared`; each new connection then goes to one of those that
    listen, chosen by a hash of its addresses. Raises OSError where the port is taken, or the host is not ours.
    """
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    made: list[socket.socket] = []
    try:
        for family, *_, address in dict.fromkeys(found):
            made.append(socket.socket(family, socket.SOCK_STREAM))
            _set_up(made[-1], is_shared)
            made[-1].bind(address)
    except OSError:
        for each in made:
            each.close()
        raise
    return made


def _set_up(listener: socket.socket, is_shared: bool) -> None:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if is_shared:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if listener.family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # IPv4 has a socket of its own
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)
