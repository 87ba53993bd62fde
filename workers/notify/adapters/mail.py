"""Mail over SMTP: text and HTML, the same Message-ID at each attempt."""

import contextlib
import logging
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

import aiosmtplib

from mesh.notify.addresses import check_mailbox
from mesh.notify.store import Channel
from workers.notify.adapters.protocol import Parcel
from workers.notify.outcome import Refused, Unavailable
from workers.notify.smtp import SmtpServer
from workers.notify.words import one_line

_logger = logging.getLogger(__name__)

_PERMANENT = 500
_MOST_SUBJECT = 100
_QUIT_WITHIN_S = 1.0


class Mail:
    """Hands messages to one mail server; `page` is the public address of our page, empty: none is known."""

    def __init__(self, server: SmtpServer, sender: str, page: str, timeout_s: float, at_once: int) -> None:
        self._server = server
        self._sender = sender
        self._page = page
        self._timeout_s = timeout_s
        self.at_once = at_once

    def provider(self, channel: Channel) -> str:
        """Name the mail server, which is the same for all channels."""
        del channel
        return f"{self._server.host}:{self._server.port}"

    async def send(self, parcel: Parcel) -> None:
        """Hand the message over; that the server takes it is all that is known then."""
        message = message_of(parcel, self._sender, self._page, datetime.now(UTC))
        client = self._client()
        try:
            await client.connect()
            await client.send_message(message)
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):  # it has the message, whatever it says now
                await client.quit(timeout=_QUIT_WITHIN_S)
        except aiosmtplib.SMTPRecipientsRefused as error:
            refusal = error.recipients[0]
            _refused(refusal.code, f"{refusal.code} {refusal.message}", breaks_channel=True)
        except aiosmtplib.SMTPDataError as error:
            _refused(error.code, f"{error.code} {error.message}", breaks_channel=False)
        except aiosmtplib.SMTPNotSupported as error:
            raise Refused(f"the mail server cannot write to this address: {error}") from None
        except aiosmtplib.SMTPResponseException as error:
            raise _out_of_order("the mail server takes nothing just now", error) from None
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise _out_of_order("the mail server cannot be reached", error) from None
        finally:
            client.close()

    def _client(self) -> aiosmtplib.SMTP:
        server = self._server
        return aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            use_tls=server.use_tls,
            start_tls=server.start_tls,
            timeout=self._timeout_s,
        )


def message_of(parcel: Parcel, sender: str, page: str, now: datetime) -> EmailMessage:
    """Write the message; raises Refused for an address that is none."""
    name, address = parseaddr(sender)
    message = EmailMessage(policy=SMTP)
    try:
        message["To"] = check_mailbox(parcel.channel.address)
    except ValueError:
        raise Refused("the channel's address is none of mail") from None
    message["From"] = Address(name, addr_spec=address)
    message["Subject"] = one_line(parcel.words.title, _MOST_SUBJECT)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{parcel.id}@{address.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence is to answer it
    message.set_content(parcel.words.text(page))
    message.add_alternative(parcel.words.html(page), subtype="html")
    return message


def _refused(code: int, reason: str, *, breaks_channel: bool) -> None:
    said = f"the mail server: {one_line(reason)}"
    if code >= _PERMANENT:
        raise Refused(said, breaks_channel=breaks_channel)
    raise Unavailable(said, of_provider=not breaks_channel)


def _out_of_order(reason: str, error: Exception) -> Unavailable:
    """Say what is between us and the mail server in few words: users read them, and where it stands is not theirs."""
    _logger.info("%s: %s", reason, one_line(str(error)))
    return Unavailable(reason)
