"""The same request twice is one change: keys, fingerprints and ids that are derived from requests."""

import base64
import hashlib
import secrets

from google.protobuf.message import Message

from entente_chassis.auth import Caller
from entente_chassis.rpc.call import current_caller
from entente_chassis.store.model import Request

_ID_LENGTH = 20


def request_key(message: Message, caller: Caller | None = None) -> Request | None:
    """The identity of a request, scoped to its caller; None when it has no request_id.

    Args:
        message: has a field "request_id".
        caller: whose request; the caller of the call being served by default.
    """
    request_id: str = message.request_id  # type: ignore[attr-defined]
    if not request_id:
        return None
    caller = caller or current_caller()
    body = type(message)()
    body.CopyFrom(message)
    body.ClearField("request_id")
    name = message.DESCRIPTOR.full_name
    fingerprint = hashlib.sha256(name.encode() + b"\0" + body.SerializeToString(deterministic=True)).hexdigest()
    return Request(key=f"{caller.subject}|{request_id}", fingerprint=fingerprint)


def new_id(request: Request | None) -> str:
    """An id for a new resource: 20 lower-case letters and digits.

    It is derived from the caller and the request_id where there is one, so that the repeated request finds the resource
    that the first one made, and a reused request_id with another body finds it too and is refused.
    """
    if request is None:
        return _text(secrets.token_bytes(13))
    return _text(hashlib.sha256(request.key.encode()).digest())


def _text(random: bytes) -> str:
    return base64.b32encode(random).decode().lower()[:_ID_LENGTH]
