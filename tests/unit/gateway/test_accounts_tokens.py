import base64
import json
from uuid import UUID

import jwt
import pytest

from gateway.accounts.settings import PoolSettings, TokenSettings
from gateway.accounts.tokens import MAX_TOKEN_CHARACTERS, AccessTokens, TokenError

SECRET = b"0123456789abcdef0123456789abcdef"
USER = UUID("5f0d5a0e-8f6e-4f6e-9f57-0f6f0a0c0d01")
NOW_S = 1_800_000_000.5
SETTINGS = TokenSettings(secret=SECRET, access_lifetime_s=900, leeway_s=5)

tokens = AccessTokens(SETTINGS)


def signed(algorithm: str = "HS256", key: bytes = SECRET, **changed: object) -> str:
    claims = {
        "iss": "tickmesh",
        "aud": "tickmesh",
        "sub": str(USER),
        "iat": 1_800_000_000,
        "exp": 1_800_000_900,
        "jti": "1",
        "typ": "access",
    } | changed
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, key, algorithm=algorithm)


def unsigned(header: dict[str, str]) -> str:
    claims = json.loads(base64.urlsafe_b64decode(signed().split(".")[1] + "=="))
    parts = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims))
    return ".".join(parts) + "."


def refusal(token: str, now_s: float = NOW_S) -> str:
    with pytest.raises(TokenError) as caught:
        tokens.verify(token, now_s)
    return caught.value.code


def test_a_token_names_its_user_until_it_expires() -> None:
    principal = tokens.verify(tokens.issue(USER, NOW_S), NOW_S)
    assert principal.user_id == USER
    assert principal.expires_at_s == 1_800_000_900


def test_the_claims_on_the_wire() -> None:
    token = tokens.issue(USER, NOW_S)
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT"}
    claims = jwt.decode(token, options={"verify_signature": False})
    assert len(claims.pop("jti")) == 32
    assert claims == {
        "iss": "tickmesh",
        "aud": "tickmesh",
        "sub": str(USER),
        "iat": 1_800_000_000,
        "exp": 1_800_000_900,
        "typ": "access",
    }


def test_each_token_has_its_own_id() -> None:
    first, second = (tokens.verify(tokens.issue(USER, NOW_S), NOW_S) for _ in range(2))
    assert first.token_id != second.token_id


@pytest.mark.parametrize("now_s", [1_799_999_995.0, 1_800_000_000.0, 1_800_000_904.9])
def test_good_from_issue_to_expiry_with_leeway_on_both_sides(now_s: float) -> None:
    assert tokens.verify(signed(), now_s).user_id == USER


def test_too_early_and_too_late() -> None:
    assert refusal(signed(), 1_799_999_994.9) == "token_not_yet_valid"
    assert refusal(signed(), 1_800_000_905.0) == "token_expired"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"iss": "elsewhere"}, "token_issuer"),
        ({"aud": "elsewhere"}, "token_audience"),
        ({"typ": "refresh"}, "token_type"),
        ({"aud": ["tickmesh", "elsewhere"]}, "token_malformed"),
        ({"sub": "root"}, "token_malformed"),
        ({"exp": "never"}, "token_malformed"),
        ({"exp": 1e400}, "token_malformed"),
        ({"exp": None}, "token_malformed"),
        ({"iat": None}, "token_malformed"),
        ({"jti": None}, "token_malformed"),
        ({"typ": None}, "token_malformed"),
    ],
)
def test_signed_but_wrong_claims(changed: dict[str, object], code: str) -> None:
    assert refusal(signed(**changed)) == code


def test_another_key() -> None:
    assert refusal(signed(key=SECRET[::-1])) == "token_signature"


@pytest.mark.parametrize("name", ["none", "None", "NONE", ""])
def test_unsigned(name: str) -> None:
    assert refusal(unsigned({"alg": name, "typ": "JWT"})) == "token_algorithm"


@pytest.mark.parametrize("name", ["HS384", "HS512"])
def test_the_right_key_with_another_algorithm(name: str) -> None:
    assert refusal(signed(algorithm=name, key=SECRET * 2)) == "token_algorithm"


@pytest.mark.parametrize("name", ["RS256", "ES256", "EdDSA", "PS256"])
def test_a_public_key_algorithm_claimed_over_an_hmac(name: str) -> None:
    header, claims, signature = signed().split(".")
    forged = base64.urlsafe_b64encode(json.dumps({"alg": name, "typ": "JWT"}).encode()).rstrip(b"=").decode()
    assert refusal(f"{forged}.{claims}.{signature}") == "token_algorithm"
    assert header != forged


@pytest.mark.parametrize(
    "text", ["", ".", "..", "a.b", "a.b.c", "é.é.é", "\ud800", "Bearer x", signed()[:-30] + "." * 30]
)
def test_not_a_token(text: str) -> None:
    assert refusal(text) == "token_malformed"


def test_a_changed_claim_breaks_the_signature() -> None:
    header, _, signature = signed().split(".")
    other = signed(sub="5f0d5a0e-8f6e-4f6e-9f57-0f6f0a0c0d02").split(".")[1]
    assert refusal(f"{header}.{other}.{signature}") == "token_signature"


def test_any_changed_character_is_refused() -> None:
    token = tokens.issue(USER, NOW_S)
    for place, character in enumerate(token[:-1]):  # some bits of the last one say nothing
        changed = "A" if character != "A" else "B"
        assert refusal(token[:place] + changed + token[place + 1 :]) in {
            "token_signature",
            "token_malformed",
            "token_algorithm",
        }


def test_a_header_that_says_more_is_read_too() -> None:
    header = {"kid": "1"}
    claims = json.loads(base64.urlsafe_b64decode(signed().split(".")[1] + "=="))
    assert tokens.verify(jwt.encode(claims, SECRET, "HS256", header), NOW_S).user_id == USER


def test_an_over_long_token_is_not_even_decoded() -> None:
    assert refusal(signed(more="x" * MAX_TOKEN_CHARACTERS)) == "token_malformed"


@pytest.mark.parametrize(
    "broken",
    [
        {"secret": SECRET[:31]},
        {"secret": SECRET, "access_lifetime_s": 0},
        {"secret": SECRET, "leeway_s": 61},
        {"secret": SECRET, "refresh_grace_s": 61},
        {"secret": SECRET, "refresh_lifetime_s": 1},
    ],
)
def test_settings_out_of_bounds_are_refused(broken: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"secret|must be"):
        TokenSettings(**broken)  # type: ignore[arg-type]  # each is wrong on purpose


def test_secrets_are_not_shown() -> None:
    assert "0123" not in repr(SETTINGS)
    assert "geheim" not in repr(PoolSettings(dsn="postgresql://tickmesh:geheim@localhost/tickmesh"))
