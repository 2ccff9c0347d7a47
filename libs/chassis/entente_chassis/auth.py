"""Who calls: tokens (JWT), the keys that sign and check them, and the caller that a token names."""

import base64
import hashlib
import json
import logging
import os
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from entente_chassis.refusal import Unauthenticated

_LOG = logging.getLogger(__name__)
_ALGORITHMS = ("EdDSA", "RS256", "ES256")
_LEEWAY_SECONDS = 10
_RECHECK_SECONDS = 1.0
_TOKENS_KEPT = 1024

PrivateKey = Ed25519PrivateKey | RSAPrivateKey | EllipticCurvePrivateKey


class Role(StrEnum):
    """What a caller is."""

    BRAND = "BRAND"
    AGENCY = "AGENCY"
    CREATOR = "CREATOR"
    OPERATOR = "OPERATOR"
    SERVICE = "SERVICE"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a call, as its token says.

    Args:
        subject: stable pseudonymous id of the account.
        roles: what it is.
        brands: names of the brands it speaks for, "brands/{id}".
        creators: names of the creators it speaks for, "creators/{id}".
    """

    subject: str
    roles: frozenset[Role] = frozenset()
    brands: frozenset[str] = frozenset()
    creators: frozenset[str] = frozenset()

    @property
    def is_operator(self) -> bool:
        """Whether it runs the marketplace."""
        return Role.OPERATOR in self.roles

    @property
    def is_service(self) -> bool:
        """Whether it is one of the services."""
        return Role.SERVICE in self.roles

    def acts_for_brand(self, brand: str) -> bool:
        """Whether it may act for the brand of this name. Operators and services may for every one."""
        if self.is_operator or self.is_service:
            return True
        return brand in self.brands and bool({Role.BRAND, Role.AGENCY} & self.roles)

    def acts_for_creator(self, creator: str) -> bool:
        """Whether it may act for the creator of this name. Operators and services may for every one."""
        return self.is_operator or self.is_service or (creator in self.creators and Role.CREATOR in self.roles)


class KeySet:
    """Public keys from a JWKS file, which is read again when it changes, so that keys can be rotated.

    Args:
        path: the file.
        issuer: the "iss" that tokens must carry.
        audience: the "aud" that tokens must carry.

    Raises:
        ValueError: the file holds no key that tokens can be checked with.
        OSError: there is no such file.
    """

    def __init__(self, path: Path, issuer: str, audience: str) -> None:
        self._path = path
        self._issuer = issuer
        self._audience = audience
        self._stamp = _stamp(path)
        self._keys = _read_jwks(path)
        self._checked_at = time.monotonic()
        self._known: dict[str, tuple[Caller, float]] = {}

    def verify(self, token: str) -> Caller:
        """The caller that a token names.

        Raises:
            Unauthenticated: it is malformed, expired, not signed by a known key, or meant for others.
        """
        self._refresh()
        known = self._known.get(token)
        if known is None or known[1] <= time.time():
            known = self._decode(token)
            if len(self._known) >= _TOKENS_KEPT:
                self._known.clear()
            self._known[token] = known
        return known[0]

    def _decode(self, token: str) -> tuple[Caller, float]:
        try:
            header = jwt.get_unverified_header(token)
            key = self._keys.get(str(header.get("kid", "")))
            if key is None:
                raise Unauthenticated("TOKEN_INVALID", "The token is signed by an unknown key: ask for a new one.")
            claims = jwt.decode(
                token,
                key=key,
                algorithms=[key.algorithm_name],
                issuer=self._issuer,
                audience=self._audience,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["sub", "exp", "iat", "iss", "aud"]},
            )
        except jwt.ExpiredSignatureError as error:
            raise Unauthenticated("TOKEN_EXPIRED", "The token has expired: ask for a new one.") from error
        except jwt.PyJWTError as error:
            # PyJWT's messages name the claim at fault and hold nothing of the token.
            raise Unauthenticated("TOKEN_INVALID", f"The token is not valid: {error}.") from error
        return _caller(claims), float(claims["exp"]) + _LEEWAY_SECONDS

    def _refresh(self) -> None:
        if time.monotonic() - self._checked_at < _RECHECK_SECONDS:
            return
        self._checked_at = time.monotonic()
        try:
            stamp = _stamp(self._path)
            if stamp == self._stamp:
                return
            self._keys = _read_jwks(self._path)
        except (OSError, ValueError) as error:
            # A file that is away or half written must not lock everybody out: the keys that were read stay in use.
            _LOG.error("the public keys cannot be read again", extra={"path": str(self._path), "error": str(error)})
            return
        self._stamp = stamp
        self._known.clear()
        _LOG.info("public keys read again", extra={"kids": sorted(self._keys)})


class Signer:
    """Issues tokens with a private key.

    Args:
        path: the key, PEM: Ed25519, RSA or P-256.
        issuer: the "iss" of the tokens.
        audience: the "aud" of the tokens.
    """

    def __init__(self, path: Path, issuer: str, audience: str) -> None:
        self._key = _load_private_key(path)
        self._jwk = _public_jwk(self._key)
        self._issuer = issuer
        self._audience = audience

    def issue(
        self,
        subject: str,
        roles: Collection[Role],
        *,
        brands: Iterable[str] = (),
        creators: Iterable[str] = (),
        lifetime: timedelta = timedelta(hours=1),
    ) -> str:
        """A token for a caller."""
        now = int(time.time())
        claims = {
            "sub": subject,
            "roles": sorted(roles),
            "brands": sorted(brands),
            "creators": sorted(creators),
            "iss": self._issuer,
            "aud": self._audience,
            "iat": now,
            "exp": now + int(lifetime.total_seconds()),
        }
        return jwt.encode(claims, self._key, algorithm=self._jwk["alg"], headers={"kid": self._jwk["kid"]})


class ServiceToken:
    """A service's own token, renewed before it expires.

    Args:
        signer: issues it.
        service: the service's name.
        lifetime: how long each is valid.
    """

    def __init__(self, signer: Signer, service: str, *, lifetime: timedelta = timedelta(minutes=15)) -> None:
        self._signer = signer
        self._subject = f"services/{service}"
        self._lifetime = lifetime
        self._token = ""
        self._renew_at = 0.0

    def __call__(self) -> str:
        if time.monotonic() >= self._renew_at:
            self._token = self._signer.issue(self._subject, [Role.SERVICE], lifetime=self._lifetime)
            self._renew_at = time.monotonic() + self._lifetime.total_seconds() * 0.7
        return self._token


def make_keys(private_key: Path, jwks: Path) -> None:
    """Make a new Ed25519 key. Its public half joins those in the JWKS file, so that tokens of older keys stay valid.

    Args:
        private_key: where the PEM file goes; only its owner may read it. One that is there is replaced.
        jwks: the file of public keys; made when missing.
    """
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    keys = json.loads(jwks.read_text())["keys"] if jwks.exists() else []
    # The public half first: a token that is signed at once can then be checked everywhere.
    _write(jwks, json.dumps({"keys": [*keys, _public_jwk(key)]}, indent=2).encode() + b"\n", mode=0o644)
    _write(private_key, pem, mode=0o600)


def _write(path: Path, content: bytes, *, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    partial.replace(path)


def _stamp(path: Path) -> tuple[int, int, int]:
    stat = path.stat()
    return stat.st_mtime_ns, stat.st_ino, stat.st_size


def _read_jwks(path: Path) -> dict[str, jwt.PyJWK]:
    try:
        entries = json.loads(path.read_text())["keys"]
        keys = {entry["kid"]: jwt.PyJWK(entry) for entry in entries if entry.get("use", "sig") == "sig"}
    except (KeyError, TypeError, ValueError, jwt.PyJWTError) as error:
        raise ValueError(f"{path} is not a JWKS file whose keys have a kid: {error}") from error
    usable = {kid: key for kid, key in keys.items() if key.algorithm_name in _ALGORITHMS}
    if not usable:
        raise ValueError(f"{path} holds no key of {', '.join(_ALGORITHMS)}")
    return usable


def _load_private_key(path: Path) -> PrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, (Ed25519PrivateKey, RSAPrivateKey, EllipticCurvePrivateKey)):
        raise TypeError(f"{path} must be an Ed25519, RSA or P-256 key")
    return key


def _public_jwk(key: PrivateKey) -> dict[str, Any]:
    """The public half, named by its thumbprint (RFC 7638), so that the same key has the same name everywhere."""
    if isinstance(key, Ed25519PrivateKey):
        jwk, algorithm = jwt.algorithms.OKPAlgorithm.to_jwk(key.public_key(), as_dict=True), "EdDSA"
    elif isinstance(key, RSAPrivateKey):
        jwk, algorithm = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "RS256"
    else:
        jwk, algorithm = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "ES256"
    required = {name: jwk[name] for name in ("crv", "e", "kty", "n", "x", "y") if name in jwk}
    digest = hashlib.sha256(json.dumps(required, separators=(",", ":"), sort_keys=True).encode()).digest()
    kid = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return required | {"kid": kid, "alg": algorithm, "use": "sig"}


def _caller(claims: dict[str, Any]) -> Caller:
    known = set(Role)
    return Caller(
        subject=str(claims["sub"]),
        roles=frozenset(Role(role) for role in _strings(claims, "roles") if role in known),
        brands=frozenset(_strings(claims, "brands")),
        creators=frozenset(_strings(claims, "creators")),
    )


def _strings(claims: dict[str, Any], name: str) -> list[str]:
    values = claims.get(name, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise Unauthenticated("TOKEN_INVALID", f'The token is not valid: "{name}" must be a list of texts.')
    return values
