"""Whatever a requester says while a device asks it something, the device answers, and goes on."""

from dataclasses import replace

from devices import GET_VERSION
from hypothesis import given, settings
from hypothesis import strategies as st
from mutual import asking, host, identity

from emulator.device.changes import Change, RequesterDescribed
from emulator.device.endpoint_info import DeviceClass
from emulator.spdm.messages.key_exchange import MutualAuth
from emulator.spdm.questions import EndpointInfoQuestion
from emulator.spdm.versions import Version

CODES = (0x01, 0x02, 0x03, 0x07, 0x69, 0x7F)
ANSWERS = st.tuples(
    st.sampled_from((0xEA, 0xEB, 0xEB, 0xEB, 0xE5, 0x83)),
    st.integers(0, 4),
    st.one_of(
        st.binary(max_size=80),
        st.builds(
            lambda code, rest: bytes((0x13, code)) + rest,
            st.sampled_from(CODES),
            st.binary(max_size=80),
        ),
    ),
)


@settings(max_examples=30, deadline=None)
@given(
    how=st.sampled_from((MutualAuth.ENCAPSULATED, MutualAuth.GET_DIGESTS)),
    said=st.lists(ANSWERS, max_size=12),
)
def test_whatever_is_delivered(how: MutualAuth, said: list[tuple[int, int, bytes]]) -> None:
    to = asking(how, challenge=True)
    made = host(to, identity("ECDSA_P384"), version=Version.V1_3, clear=True)
    session = made.run(made.requester.key_exchange(0))
    for code, number, rest in said:
        reply = made.answer(bytes((0x13, code, number, 0)) + rest)
        assert reply[0] == 0x13
    assert not any(one.requester_chain for one in to.sessions.live)
    made.answer(GET_VERSION)
    session.end()
    made.connected()
    made.run(made.requester.challenge(0))
    made.session()


@settings(max_examples=30, deadline=None)
@given(signed=st.booleans(), said=st.lists(ANSWERS, max_size=12))
def test_whatever_a_requester_says_it_is(
    said: list[tuple[int, int, bytes]], *, signed: bool
) -> None:
    to = asking(challenge=True)
    seen: list[Change] = []
    own = replace(identity("ECDSA_P384"), classes=(DeviceClass(0),))
    made = host(to, own, version=Version.V1_3)
    if signed:
        made.run(made.requester.challenge(0))
    context = made.endpoint.responder.connection
    context.asking = context.asking.also(EndpointInfoQuestion())
    to.watchers.append(seen.append)
    for code, number, rest in said:
        reply = made.answer(bytes((0x13, code, number, 0)) + rest)
        assert reply[0] == 0x13
    described = [one for one in seen if isinstance(one, RequesterDescribed)]
    assert not signed or not described
    made.run(made.requester.connect())
    made.run(made.requester.certificate(0))
    made.session()
