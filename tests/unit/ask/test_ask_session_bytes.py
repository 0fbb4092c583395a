"""Whatever a peer says to a session's requests, nothing but a PeerError comes out."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from asking import patched
from hosting import CLEAR, SecureHost, offering
from hypothesis import given, settings
from hypothesis import strategies as st
from secured import HINT, KEY

from emulator.ask import (
    EndSessionRequest,
    FinishRequest,
    HeartbeatRequest,
    KeyExchangeRequest,
    KeyUpdateRequest,
    PskExchangeRequest,
    PskFinishRequest,
    Request,
)
from emulator.crypto import dhe
from emulator.errors import PeerError
from emulator.spdm.messages.key_exchange import SessionPolicy
from emulator.spdm.messages.session import KeyOperation
from emulator.transport.mctp import MCTP

Made = tuple[Request[object], bytes]
POLICY = SessionPolicy(0)


def key_exchange(host: SecureHost) -> Made:
    pair = dhe.GROUPS["SECP_256_R1"].pair(bytes(range(48)))
    request = KeyExchangeRequest(
        host.connection,
        signer=host.requester.chains[0],
        pair=pair,
        half=1,
        random=bytes(32),
        policy=POLICY,
    )
    return request, host.answer(request.raw)


def psk_exchange(host: SecureHost) -> Made:
    request = PskExchangeRequest(
        host.connection, hint=HINT, key=KEY, half=1, context=bytes(32), policy=POLICY
    )
    return request, host.answer(request.raw)


def finish(host: SecureHost) -> Made:
    session = host.run(host.requester.key_exchange())
    request = FinishRequest(session.session, host.connection)
    return request, host.answer(request.raw)


def psk_finish(host: SecureHost) -> Made:
    session = host.run(host.requester.psk_exchange(HINT, KEY))
    request = PskFinishRequest(session.session)
    return request, host.inside(session, request)


def heartbeat(host: SecureHost) -> Made:
    session = host.session()
    request = HeartbeatRequest(session.session)
    return request, host.inside(session, request)


def key_update(host: SecureHost) -> Made:
    session = host.session()
    request = KeyUpdateRequest(session.session, KeyOperation.UPDATE_ALL_KEYS, 3)
    return request, host.inside(session, request)


def end_session(host: SecureHost) -> Made:
    session = host.session()
    request = EndSessionRequest(session.session)
    return request, host.inside(session, request)


FAMILIES = pytest.mark.parametrize(
    "family",
    [key_exchange, psk_exchange, finish, psk_finish, heartbeat, key_update, end_session],
)
Family = Callable[[SecureHost], Made]


def made(family: Family) -> Made:
    host = SecureHost(offer=offering(CLEAR, dhe=("SECP_256_R1",)), binding=MCTP)
    return family(host.connected())


@FAMILIES
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_bent_replies(family: Family, data: st.DataObject) -> None:
    request, reply = made(family)
    at = data.draw(st.integers(0, len(reply) - 1))
    bent = patched(reply, at, data.draw(st.binary(min_size=1, max_size=4)))
    with suppress(PeerError):
        request.accept(bent[: data.draw(st.integers(0, len(bent)))])


@FAMILIES
@settings(max_examples=15, deadline=None)
@given(tail=st.binary(max_size=300), headed=st.booleans())
def test_any_bytes(family: Family, tail: bytes, *, headed: bool) -> None:
    request, reply = made(family)
    with suppress(PeerError):
        request.accept(reply[:2] + tail if headed else tail)
