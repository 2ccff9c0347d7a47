"""gRPC, both sides: who may call, what a refusal looks like, deadlines, traces, metrics."""

from entente_chassis.auth import Caller, Role
from entente_chassis.rpc.call import current_caller, remaining, set_resume_token
from entente_chassis.rpc.client import Channels, open_channel
from entente_chassis.rpc.errors import to_refusal
from entente_chassis.rpc.requests import new_id, request_key
from entente_chassis.rpc.server import Access, RpcServer

__all__ = [
    "Access",
    "Caller",
    "Channels",
    "Role",
    "RpcServer",
    "current_caller",
    "new_id",
    "open_channel",
    "remaining",
    "request_key",
    "set_resume_token",
    "to_refusal",
]
