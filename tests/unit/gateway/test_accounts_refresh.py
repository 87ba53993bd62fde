from uuid import UUID

import pytest

from gateway.accounts.refresh import TEXT_CHARACTERS, Family, RefreshToken, judge, rotation_key

KEY = rotation_key(b"0123456789abcdef0123456789abcdef")
USER = UUID(int=7)
NOW_S = 1_800_000_000.0
GRACE_S = 10.0


def family_of(token: RefreshToken, *, revoked: bool = False) -> Family:
    return Family(USER, token.digest(), rotated_at_s=NOW_S, expires_at_s=NOW_S + 100, revoked=revoked)


def verdict(token: RefreshToken, family: Family, after_s: float = 1.0) -> str:
    return judge(token, family, KEY, GRACE_S, NOW_S + after_s)


def test_the_text_form_round_trips() -> None:
    token = RefreshToken.first()
    assert len(str(token)) == TEXT_CHARACTERS
    assert RefreshToken.parse(str(token)) == token


@pytest.mark.parametrize(
    "text", ["", "x", "!" * 64, "A" * 63 + "=", "A" * 62 + "==", "é" * 64, "A" * 65, "A" * 63 + " "]
)
def test_what_is_not_a_token(text: str) -> None:
    assert RefreshToken.parse(text) is None


def test_two_texts_never_mean_the_same_token() -> None:
    # 48 bytes fill 64 characters exactly, so there are no spare bits to vary either.
    assert RefreshToken.parse("+" * 64) is None
    assert RefreshToken.parse("/" * 64) is None
    assert RefreshToken.parse("-" * 64) is not None


def test_the_secret_is_not_shown() -> None:
    token = RefreshToken.first()
    assert str(token)[24:] not in repr(token)


def test_the_successor_is_one_and_needs_the_key() -> None:
    token = RefreshToken.first()
    assert token.successor(KEY) == token.successor(KEY)
    assert token.successor(KEY) != token.successor(rotation_key(b"x" * 32))
    assert token.successor(KEY).family == token.family
    assert token.successor(KEY).successor(KEY) != token.successor(KEY)


def test_the_present_token_rotates_until_it_expires() -> None:
    token = RefreshToken.first()
    assert verdict(token, family_of(token)) == "rotate"
    assert verdict(token, family_of(token), 99.9) == "rotate"
    assert verdict(token, family_of(token), 100.0) == "expired"


def test_the_one_before_is_answered_again_within_the_grace_only() -> None:
    token = RefreshToken.first()
    family = family_of(token.successor(KEY))
    assert verdict(token, family, 9.9) == "repeat"
    assert verdict(token, family, 10.0) == "reused"


def test_anything_older_is_reuse_at_once() -> None:
    token = RefreshToken.first()
    assert verdict(token, family_of(token.successor(KEY).successor(KEY)), 0.0) == "reused"


def test_a_made_up_secret_under_a_real_family_is_reuse() -> None:
    token = RefreshToken.first()
    assert verdict(RefreshToken(token.family, bytes(32)), family_of(token)) == "reused"


def test_a_revoked_family_takes_nothing() -> None:
    token = RefreshToken.first()
    assert verdict(token, family_of(token, revoked=True)) == "revoked"
