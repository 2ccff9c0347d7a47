import json
import stat
import time
from datetime import timedelta
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from entente_chassis import auth
from entente_chassis.auth import Caller, KeySet, Role, ServiceToken, Signer, make_keys
from entente_chassis.refusal import Unauthenticated


class Keys:
    def __init__(self, folder: Path) -> None:
        self.private, self.jwks = folder / "key.pem", folder / "jwks.json"
        make_keys(self.private, self.jwks)

    def signer(self, issuer: str = "entente", audience: str = "entente") -> Signer:
        return Signer(self.private, issuer, audience)

    def key_set(self) -> KeySet:
        return KeySet(self.jwks, "entente", "entente")


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path)


def test_a_token_names_its_caller(keys: Keys) -> None:
    token = keys.signer().issue("accounts/1", [Role.AGENCY], brands=["brands/a"], creators=["creators/c"])
    expected = Caller("accounts/1", frozenset({Role.AGENCY}), frozenset({"brands/a"}), frozenset({"creators/c"}))
    assert keys.key_set().verify(token) == expected


def test_the_private_key_is_for_its_owner_alone_and_the_public_file_holds_no_secret(keys: Keys) -> None:
    assert stat.S_IMODE(keys.private.stat().st_mode) == 0o600
    assert all("d" not in key for key in json.loads(keys.jwks.read_text())["keys"])


@pytest.mark.parametrize("kind", ["rsa", "p256"])
def test_keys_that_were_made_elsewhere_work_too(tmp_path: Path, kind: str) -> None:
    private = rsa.generate_private_key(65537, 2048) if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())
    path, jwks = tmp_path / "key.pem", tmp_path / "jwks.json"
    encoding = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.write_bytes(private.private_bytes(*encoding))
    jwks.write_text(json.dumps({"keys": [auth._public_jwk(private)]}))
    assert KeySet(jwks, "i", "a").verify(Signer(path, "i", "a").issue("x", [])) == Caller("x")


def test_an_expired_token_is_refused_also_when_it_was_accepted_before(
    keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_set = keys.key_set()
    token = keys.signer().issue("x", [], lifetime=timedelta(seconds=-5))
    key_set.verify(token)
    later = time.time() + 120
    monkeypatch.setattr("entente_chassis.auth.time.time", lambda: later)
    monkeypatch.setattr(auth, "_LEEWAY_SECONDS", 0)
    with pytest.raises(Unauthenticated) as refused:
        key_set.verify(token)
    assert refused.value.reason == "TOKEN_EXPIRED"


@pytest.mark.parametrize(("issuer", "audience"), [("someone", "entente"), ("entente", "others")])
def test_a_token_of_another_issuer_or_for_others_is_refused(keys: Keys, issuer: str, audience: str) -> None:
    with pytest.raises(Unauthenticated):
        keys.key_set().verify(keys.signer(issuer, audience).issue("x", [Role.OPERATOR]))


def test_a_token_signed_by_an_unknown_key_is_refused(keys: Keys, tmp_path: Path) -> None:
    stranger = Keys(tmp_path / "stranger")
    with pytest.raises(Unauthenticated, match="unknown key"):
        keys.key_set().verify(stranger.signer().issue("x", [Role.OPERATOR]))


def test_an_unsigned_token_and_one_signed_with_the_public_key_as_a_secret_are_refused(keys: Keys) -> None:
    public = json.loads(keys.jwks.read_text())["keys"][0]
    now = int(time.time())
    claims = {"sub": "x", "iss": "entente", "aud": "entente", "iat": now, "exp": now + 60, "roles": ["OPERATOR"]}
    unsigned = jwt.encode(claims, "", algorithm="none", headers={"kid": public["kid"]})
    confused = jwt.encode(claims, public["x"] * 2, algorithm="HS256", headers={"kid": public["kid"]})
    for forged in (unsigned, confused):
        with pytest.raises(Unauthenticated):
            keys.key_set().verify(forged)


def test_a_token_without_the_needed_claims_or_with_malformed_ones_is_refused(keys: Keys) -> None:
    signer = keys.signer()
    now = int(time.time())
    whole = {"sub": "x", "iss": "entente", "aud": "entente", "iat": now, "exp": now + 60}
    for claims in ({**whole, "roles": "OPERATOR"}, {k: v for k, v in whole.items() if k != "exp"}):
        token = jwt.encode(claims, signer._key, algorithm="EdDSA", headers={"kid": signer._jwk["kid"]})
        with pytest.raises(Unauthenticated):
            keys.key_set().verify(token)


def test_a_role_that_is_not_known_here_gives_nothing(keys: Keys) -> None:
    signer = keys.signer()
    now = int(time.time())
    claims = {
        "sub": "x",
        "iss": "entente",
        "aud": "entente",
        "iat": now,
        "exp": now + 60,
        "roles": ["EMPEROR", "BRAND"],
    }
    token = jwt.encode(claims, signer._key, algorithm="EdDSA", headers={"kid": signer._jwk["kid"]})
    assert keys.key_set().verify(token).roles == {Role.BRAND}


def test_keys_are_rotated_without_a_restart_and_old_tokens_stay_valid(
    keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "_RECHECK_SECONDS", 0)
    key_set = keys.key_set()
    old = keys.signer().issue("old", [])
    make_keys(keys.private, keys.jwks)
    new = keys.signer().issue("new", [])
    assert [key_set.verify(token).subject for token in (old, new)] == ["old", "new"]
    public = json.loads(keys.jwks.read_text())["keys"]
    keys.jwks.write_text(json.dumps({"keys": public[1:]}))
    with pytest.raises(Unauthenticated):
        key_set.verify(old)


def test_a_half_written_key_file_keeps_the_keys_in_use(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "_RECHECK_SECONDS", 0)
    key_set = keys.key_set()
    token = keys.signer().issue("x", [])
    keys.jwks.write_text('{"keys": [')
    assert key_set.verify(token).subject == "x"
    keys.jwks.unlink()
    assert key_set.verify(token).subject == "x"


def test_a_key_file_without_usable_keys_stops_the_start(tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    for content in (
        '{"keys": []}',
        "{}",
        "not json",
        '{"keys": [{"kty": "oct", "k": "AAAA", "kid": "a", "alg": "HS256"}]}',
    ):
        path.write_text(content)
        with pytest.raises(ValueError, match=r"jwks\.json"):
            KeySet(path, "i", "a")


def test_a_service_token_is_kept_and_renewed_before_it_expires(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()
    token = ServiceToken(keys.signer(), "campaign", lifetime=timedelta(minutes=10))
    first = token()
    caller = keys.key_set().verify(first)
    assert (caller.subject, caller.is_service) == ("services/campaign", True)
    assert token() is first
    monkeypatch.setattr("entente_chassis.auth.time.monotonic", lambda: now + 8 * 60)
    assert token() is not first


def test_only_those_who_speak_for_a_brand_or_creator_act_for_it() -> None:
    agency = Caller("a", frozenset({Role.AGENCY}), brands=frozenset({"brands/a", "brands/b"}))
    creator = Caller("c", frozenset({Role.CREATOR}), brands=frozenset({"brands/a"}), creators=frozenset({"creators/c"}))
    assert agency.acts_for_brand("brands/b")
    assert not agency.acts_for_brand("brands/z")
    assert not agency.acts_for_creator("creators/c")
    assert creator.acts_for_creator("creators/c")
    assert not creator.acts_for_creator("creators/d")
    assert not creator.acts_for_brand("brands/a"), "a creator's token does not act for brands whatever it lists"
    for role in (Role.OPERATOR, Role.SERVICE):
        assert Caller("x", frozenset({role})).acts_for_brand("brands/z")
        assert Caller("x", frozenset({role})).acts_for_creator("creators/z")
