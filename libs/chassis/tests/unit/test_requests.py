import re

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.message_factory import GetMessageClass

from entente_chassis.auth import Caller
from entente_chassis.rpc import new_id, request_key


def _message_type() -> type:
    file = descriptor_pb2.FileDescriptorProto(
        name="entente/chassis/asked/v1/asked.proto", package="entente.chassis.asked.v1", syntax="proto3"
    )
    message = file.message_type.add(name="AskRequest")
    for number, name in enumerate(("title", "request_id"), start=1):
        message.field.add(name=name, number=number, type="TYPE_STRING", label="LABEL_OPTIONAL")
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(file.SerializeToString())
    return GetMessageClass(pool.FindMessageTypeByName("entente.chassis.asked.v1.AskRequest"))


Ask = _message_type()
ANNA, BERT = Caller("accounts/anna"), Caller("accounts/bert")


def test_a_request_without_an_id_has_no_key() -> None:
    assert request_key(Ask(title="a"), ANNA) is None


def test_the_same_request_twice_is_one_request() -> None:
    first, second = (request_key(Ask(title="a", request_id="1"), ANNA) for _ in range(2))
    assert first == second
    assert first is not None
    assert new_id(first) == new_id(second)


def test_the_key_is_the_callers_own_and_the_fingerprint_is_the_bodys() -> None:
    mine, others, other_body = (
        request_key(Ask(title="a", request_id="1"), ANNA),
        request_key(Ask(title="a", request_id="1"), BERT),
        request_key(Ask(title="b", request_id="1"), ANNA),
    )
    assert mine
    assert others
    assert other_body
    assert mine.key != others.key
    assert mine.fingerprint == others.fingerprint
    assert mine.key == other_body.key
    assert mine.fingerprint != other_body.fingerprint
    assert new_id(mine) != new_id(others)
    assert new_id(mine) == new_id(other_body), "a reused request_id finds the resource of the first request"


def test_ids_are_resource_ids_and_random_without_a_request() -> None:
    ids = {new_id(None) for _ in range(100)} | {new_id(request_key(Ask(request_id="1"), ANNA))}
    assert len(ids) == 101
    assert all(re.fullmatch(r"[a-z0-9]{20}", id) for id in ids)


def test_outside_a_call_the_caller_must_be_given() -> None:
    with pytest.raises(LookupError):
        request_key(Ask(request_id="1"))
