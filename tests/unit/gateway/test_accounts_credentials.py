import unicodedata

import pytest

from gateway.accounts.credentials import check_new_password, parse_email, prepare_password
from gateway.problems import Problem


@pytest.mark.parametrize(
    "email",
    [
        "ada@example.com",
        "Ada.Lovelace+tape@sub.example.co.uk",
        "a@b.c",
        "o'brien@xn--bcher-kva.example",
        "jürgen@bücher.example",
        "x" * 64 + "@example.com",
        f"{'l' * 64}@{'d' * 63}.{'d' * 63}.{'d' * 61}",
    ],
)
def test_good_addresses_stay_as_they_are(email: str) -> None:
    assert parse_email(email) == email


def test_white_space_around_goes_and_unicode_is_composed() -> None:
    assert parse_email("  ju\u0308rgen@example.com\n") == "jürgen@example.com"


@pytest.mark.parametrize(
    ("email", "bound"),
    [
        ("", "has an @"),
        ("ada", "has an @"),
        ("@example.com", "1 to 64 bytes"),
        ("x" * 65 + "@example.com", "1 to 64 bytes"),
        ("ü" * 33 + "@example.com", "1 to 64 bytes"),
        ("a b@example.com", "no white space"),
        ("a\u200b@example.com", "no white space"),
        ("a\n@example.com", "no white space"),
        ("a@b@example.com", "none of"),
        ('"a"@example.com', "none of"),
        ("ada@localhost", "example.com"),
        ("ada@example..com", "example.com"),
        ("ada@-example.com", "example.com"),
        ("ada@example.com.", "example.com"),
        ("ada@exa_mple.com", "example.com"),
        (f"ada@{'d' * 64}.com", "example.com"),
        (f"{'l' * 64}@{'d' * 63}.{'d' * 63}.{'d' * 62}", "254 bytes"),
    ],
)
def test_bad_addresses_name_the_bound(email: str, bound: str) -> None:
    with pytest.raises(Problem) as caught:
        parse_email(email)
    assert caught.value.code == "invalid_field"
    assert caught.value.fields["field"] == "email"
    assert bound in str(caught.value.fields["bound"])


@pytest.mark.parametrize("password", ["12345678", "x" * 128, "🔑" * 128, "with space", "\x00" * 8])
def test_good_passwords(password: str) -> None:
    check_new_password(password)


@pytest.mark.parametrize("password", ["", "1234567", "x" * 129])
def test_bad_passwords_name_the_bound_and_not_the_password(password: str) -> None:
    with pytest.raises(Problem) as caught:
        check_new_password(password)
    assert caught.value.fields == {"field": "password", "bound": "8 to 128 characters"}
    assert f"{len(password)} characters" in caught.value.detail


def test_one_password_from_every_keyboard() -> None:
    assert prepare_password(unicodedata.normalize("NFD", "pässwörd")) == prepare_password("pässwörd")
