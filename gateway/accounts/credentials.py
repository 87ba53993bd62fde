"""What an email address and a password may look like. Pure."""

from __future__ import annotations

import unicodedata

from gateway.problems import invalid_field

MAX_EMAIL_BYTES = 254  # RFC 5321, 4.5.3.1.3, less the angle brackets
MAX_LOCAL_BYTES = 64
MIN_PASSWORD_CHARACTERS = 8
MAX_PASSWORD_CHARACTERS = 128


def parse_email(text: str, field: str = "email") -> str:
    """Return the address in Unicode's composed form, without surrounding white space, capitals kept.

    Only what can be said without asking the mail server is checked; quoted local parts and bare host names, which
    nobody's mailbox has, are refused. Raises Problem `invalid_field`, naming `field` and the bound.
    """
    email = unicodedata.normalize("NFC", text.strip())
    local, at, domain = email.rpartition("@")
    if len(email.encode()) > MAX_EMAIL_BYTES:
        raise invalid_field(field, f"at most {MAX_EMAIL_BYTES} bytes in UTF-8")
    if not at:
        raise invalid_field(field, "has an @")
    if not 1 <= len(local.encode()) <= MAX_LOCAL_BYTES or not local.isprintable() or set(local) & set(' @"<>()[],;:\\'):
        raise invalid_field(field, f'before the @: 1 to {MAX_LOCAL_BYTES} bytes, no white space, none of "<>()[],;:\\@')
    labels = domain.split(".")
    if len(labels) < 2 or not all(_is_label(label) for label in labels):
        raise invalid_field(field, "after the @: a domain such as example.com")
    return email


def limiter_key(email: str) -> str:
    """Return the key under which attempts for an address are counted: at least as coarse as the database's equality."""
    return email.casefold()


def prepare_password(text: str) -> str:
    """Return the password as it is hashed: composed Unicode, so that each keyboard's `é` is the same."""
    return unicodedata.normalize("NFC", text)


def check_new_password(password: str) -> None:
    """Raise Problem `invalid_field` where a prepared password is too short or too long.

    No rule on its kinds of characters: they make passwords guessable, not strong (NIST SP 800-63B, 3.1.1.2).
    """
    bound = f"{MIN_PASSWORD_CHARACTERS} to {MAX_PASSWORD_CHARACTERS} characters"
    if not MIN_PASSWORD_CHARACTERS <= len(password) <= MAX_PASSWORD_CHARACTERS:
        raise invalid_field("password", bound, f"password has {len(password)} characters; it takes {bound}")


def _is_label(label: str) -> bool:
    return 1 <= len(label) <= 63 and label.replace("-", "a").isalnum() and label.strip("-") == label
