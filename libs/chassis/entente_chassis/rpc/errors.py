"""Refusals as gRPC sees them, and back: google.rpc.Status with ErrorInfo and BadRequest."""

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from entente_chassis import refusal as refusals
from entente_chassis.refusal import Refusal, Unavailable, Violation

ERROR_DOMAIN = "entente"
DETAILS_KEY = "grpc-status-details-bin"
TOO_MANY_CALLS = "TOO_MANY_CALLS"
_RETRY_SECONDS = 1
_BY_STATUS: dict[str, type[Refusal]] = {
    kind.status: kind
    for kind in (
        refusals.Invalid,
        refusals.NotFound,
        refusals.AlreadyExists,
        refusals.Precondition,
        refusals.Aborted,
        refusals.Denied,
        refusals.Unauthenticated,
        refusals.Exhausted,
        refusals.Unavailable,
    )
}


def to_status(refusal: Refusal) -> status_pb2.Status:
    """A refusal as google.rpc.Status. Unavailable ones say when to try again."""
    status = status_pb2.Status(code=grpc.StatusCode[refusal.status].value[0], message=refusal.message)
    info = error_details_pb2.ErrorInfo(reason=refusal.reason, domain=ERROR_DOMAIN, metadata=refusal.metadata)
    status.details.append(_packed(info))
    if refusal.violations:
        fields = [error_details_pb2.BadRequest.FieldViolation(**v._asdict()) for v in refusal.violations]
        status.details.append(_packed(error_details_pb2.BadRequest(field_violations=fields)))
    if isinstance(refusal, Unavailable):
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromSeconds(_RETRY_SECONDS)
        status.details.append(_packed(retry))
    return status


def to_refusal(error: grpc.aio.AioRpcError) -> Refusal:
    """What another service answered, as a refusal.

    A failure of the connection, a deadline that passed and an internal error over there are all Unavailable here: the
    same call may succeed later, and none of them is an answer of the domain.
    """
    code = error.code()
    message = error.details() or code.name
    info, violations = error_details_pb2.ErrorInfo(), list[Violation]()
    for key, value in error.trailing_metadata() or ():
        if key == DETAILS_KEY:
            for detail in status_pb2.Status.FromString(value).details:
                bad_request = error_details_pb2.BadRequest()
                if detail.Unpack(bad_request):
                    violations += [Violation(v.field, v.description, v.reason) for v in bad_request.field_violations]
                detail.Unpack(info)
    # A peer at its limit of calls is away for a moment; other limits are answers.
    kind = Unavailable if info.reason == TOO_MANY_CALLS else _BY_STATUS.get(code.name, Unavailable)
    return kind(info.reason or code.name, message, violations=violations, **info.metadata)


def _packed(
    message: error_details_pb2.ErrorInfo | error_details_pb2.BadRequest | error_details_pb2.RetryInfo,
) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed
