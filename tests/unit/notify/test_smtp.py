import pytest

from workers.notify.smtp import SmtpServer


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://127.0.0.1:1025", SmtpServer("127.0.0.1", 1025, None, None, use_tls=False, start_tls=None)),
        ("smtp://mail.test", SmtpServer("mail.test", 25, None, None, use_tls=False, start_tls=None)),
        ("smtps://mail.test", SmtpServer("mail.test", 465, None, None, use_tls=True, start_tls=False)),
        ("smtp+starttls://mail.test", SmtpServer("mail.test", 587, None, None, use_tls=False, start_tls=True)),
        ("smtp://me%40x:p%2Fw@mail.test", SmtpServer("mail.test", 25, "me@x", "p/w", use_tls=False, start_tls=True)),
        ("smtp://me:pw@127.0.0.1", SmtpServer("127.0.0.1", 25, "me", "pw", use_tls=False, start_tls=None)),
        ("smtp://me:pw@[::1]:26", SmtpServer("::1", 26, "me", "pw", use_tls=False, start_tls=None)),
    ],
)
def test_a_server_is_a_url_and_no_password_goes_over_a_network_in_clear(url: str, server: SmtpServer) -> None:
    assert SmtpServer.of(url) == server
    assert "pw" not in repr(server)


@pytest.mark.parametrize(
    "url",
    ["", "mail.test", "http://mail.test", "smtp://", "smtp://mail.test:x", "smtp://me@mail.test", "smtp://m/?a=b"],
)
def test_anything_else_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="mail server"):
        SmtpServer.of(url)
