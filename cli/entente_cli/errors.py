"""What went wrong, said so that one knows what to do. No stack traces."""

import json
from typing import Any

import grpc
import grpc.aio

from entente_chassis.rpc import to_refusal
from entente_cli import output

_REMEDIES = {
    "UNAVAILABLE": "Is it running? `entente status` says so, `entente up` starts it.",
    "DEADLINE_EXCEEDED": "It took too long. `entente status` says how the services are.",
    "UNAUTHENTICATED": "Unset ENTENTE_TOKEN to act as the local operator, or ask for a token with `entente token`.",
    "PERMISSION_DENIED": "Act as somebody who may: `entente token --help`, then ENTENTE_TOKEN.",
    "ABORTED": "Somebody was faster: read it again and repeat.",
}


class CommandError(Exception):
    """A command cannot be carried out. The message says why and what to do."""


def report(error: Exception, *, as_json: bool) -> None:
    """Say on stderr what went wrong."""
    description = describe(error)
    if as_json:
        output.messages.print_json(json.dumps({"error": description}, ensure_ascii=False))
        return
    output.messages.print(f"Error: {description['message']}", style="bold red", markup=False)
    for field in description.get("fields", []):
        output.messages.print(f"  {field['field']}: {field['description']}", markup=False)
    if description.get("remedy"):
        output.messages.print(description["remedy"], markup=False)


def describe(error: Exception) -> dict[str, Any]:
    """An error as its message, its stable reason, the fields at fault, and what to do."""
    if not isinstance(error, grpc.aio.AioRpcError):
        return {"message": str(error)}
    refusal = to_refusal(error)
    code = error.code().name
    told: dict[str, Any] = {"message": refusal.message, "code": code, "reason": refusal.reason}
    if refusal.violations:
        told["fields"] = [{"field": v.field, "description": v.description} for v in refusal.violations]
    if refusal.metadata:
        told["metadata"] = dict(refusal.metadata)
    if code == "UNAVAILABLE" and refusal.reason == code:
        told["message"] = f"The service does not answer ({refusal.message})."
    if code in _REMEDIES and refusal.reason in (code, "TOKEN_INVALID", "TOKEN_EXPIRED", "ETAG_MISMATCH"):
        told["remedy"] = _REMEDIES[code]
    return told
