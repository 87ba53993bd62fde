"""Where mail is handed over, as one URL: `smtp://user:password@host:port`. Pure.

`smtps` is TLS from the first byte (port 465); `smtp+starttls` insists on STARTTLS (port 587); `smtp` takes STARTTLS
where it is offered (port 25), and insists on it where a password goes over a network.
"""

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
_HERE = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """A mail server; `start_tls` None: where it is offered."""

    host: str
    port: int
    user: str | None
    password: str | None = field(repr=False)
    use_tls: bool
    start_tls: bool | None

    @classmethod
    def of(cls, url: str) -> "SmtpServer":
        """Read a URL; raises ValueError."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if not host or parts.scheme not in _PORTS or parts.path.strip("/") or parts.query:
            raise ValueError(f"a mail server is {', '.join(f'{scheme}://host' for scheme in _PORTS)}, with :port")
        user, password = (None if text is None else unquote(text) for text in (parts.username, parts.password))
        if (user is None) != (password is None):
            raise ValueError("a mail server's URL has both a user and a password, or neither")
        insists = parts.scheme == "smtp+starttls" or (password is not None and host not in _HERE)
        use_tls = parts.scheme == "smtps"
        start_tls = False if use_tls else insists or None
        return cls(host, port or _PORTS[parts.scheme], user, password, use_tls, start_tls)
