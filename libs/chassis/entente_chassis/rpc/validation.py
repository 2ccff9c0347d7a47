"""The rules of the fields, as the protos state them."""

from typing import Any

import protovalidate
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from entente_chassis.refusal import Invalid, Violation


def check(message: Message) -> None:
    """Refuse a message that breaks rules of its proto, and name every field at fault.

    Raises:
        Invalid: it breaks rules.
    """
    broken = protovalidate.collect_violations(message)
    if not broken:
        return
    violations = []
    for violation in broken:
        proto = violation.proto
        violations.append(
            Violation(
                field=_path(proto.field.elements) if proto.field else "",
                description=proto.message or f"breaks the rule {proto.rule_id}",
                reason=proto.rule_id.upper().replace(".", "_").replace("-", "_"),
            )
        )
    named = "; ".join(f"{violation.field}: {violation.description}" for violation in violations)
    raise Invalid("FIELDS_INVALID", f"Some fields are not valid: {named}.", violations=violations)


def compile_rules(service: ServiceDescriptor) -> None:
    """Compile the rules of all requests of a service, so that one that cannot be compiled stops the start, not a call.

    Raises:
        protovalidate.CompilationError: a rule is not right.
    """
    for method in service.methods:
        protovalidate.collect_violations(GetMessageClass(method.input_type)())


def _path(elements: Any) -> str:
    path = ""
    for element in elements:
        path += f".{element.field_name}" if path else element.field_name
        key = element.subscript
        if key is not None:
            path += f"[{key.value!r}]" if isinstance(key.value, str) else f"[{key.value}]"
    return path
