"""DMTF's spdm_responder_emu asks our requester who and what it is.

As in test_reference_responder.py. Our root is none of its own, of which it only warns.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from interop.test_reference_responder import HINT, RESPONDER, responder

from emulator.client import Client, SocketChannel
from emulator.device.endpoint_info import DeviceClass
from emulator.pki.requesters import requester_identity
from emulator.requester import Offer, for_mutual, for_sessions
from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import Code
from emulator.spdm.versions import BY_TEXT
from emulator.transport.spdm_socket import Command, Frame

pytestmark = [pytest.mark.reference, pytest.mark.skipif(not RESPONDER, reason=HINT)]

CLASS = DeviceClass(3, b"\x86\x80", (b"\0\0\6", b"\1"))
"""It needs no padding over DOE: libspdm takes none behind a signed ENDPOINT_INFO."""
OURSELVES = replace(requester_identity(), classes=(CLASS,))
SEVERAL = replace(OURSELVES, several_keys=True)
VERSIONS = ("1.1", "1.2", "1.3", "1.4")
CARRIERS = ("doe", "mctp", "tcp")
IDENTITY = [Code.GET_DIGESTS, Code.GET_CERTIFICATE]
clear_or_not = pytest.mark.parametrize("clear", [False, True], ids=["encrypted", "clear"])


@asynccontextmanager
async def asking(
    version: str,
    *options: str,
    several: bool = False,
    clear: bool = False,
    transport: str = "doe",
) -> AsyncIterator[Client]:
    """A client that is connected to a responder, by default in mutual authentication."""
    ourselves = SEVERAL if several else OURSELVES
    how = Cap.KEY_EX | (Cap.HANDSHAKE_IN_THE_CLEAR if clear else Cap(0))
    offer = for_sessions(Offer(versions=(BY_TEXT[version],), asym=("ECDSA_P384",)), how)
    offer = for_mutual(replace(offer, req_asym=("ECDSA_P384",)), ourselves)
    more = ("--req_asym", "ECDSA_P384", *options)
    async with responder(*more, offer=offer, transport=transport) as client:
        client.requester.identity = ourselves
        await client.connect()
        await client.certificate()
        assert client.requester.connection.algorithms.requester_keys is several
        yield client


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("transport", CARRIERS)
@pytest.mark.parametrize("how", ["W_ENCAP", "DIGESTS"])
@clear_or_not
async def test_a_session(version: str, transport: str, how: str, *, clear: bool) -> None:
    options = ("--mut_auth", how)
    given = {"clear": clear, "transport": transport}
    async with (
        asking(version, *options, **given) as client,  # type: ignore[arg-type]
        client.session() as session,
    ):
        await session.measurements()


@pytest.mark.parametrize("version", ["1.3", "1.4"])
@pytest.mark.parametrize("transport", CARRIERS)
@pytest.mark.parametrize("how", ["W_ENCAP", "DIGESTS"])
@clear_or_not
async def test_a_session_of_several_keys(
    version: str, transport: str, how: str, *, clear: bool
) -> None:
    options = ("--mut_auth", how)
    given = {"several": True, "clear": clear, "transport": transport}
    async with asking(version, *options, **given) as client:  # type: ignore[arg-type]
        for _ in range(2):
            async with client.session() as session:
                await session.measurements()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("several", [False, True])
async def test_the_challenge_is_returned(version: str, *, several: bool) -> None:
    several = several and version >= "1.3"
    async with asking(version, "--basic_mut_auth", "BASIC", several=several) as client:
        assert (await client.challenge()).mutual
        async with client.session() as session:
            await session.measurements()


@pytest.mark.parametrize("version", ["1.3", "1.4"])
@pytest.mark.parametrize("transport", CARRIERS)
@pytest.mark.parametrize("several", [False, True])
async def test_what_we_are(version: str, transport: str, *, several: bool) -> None:
    """Signed: it has verified that, or else it would answer with an ERROR."""
    options = ("--basic_mut_auth", "BASIC")
    async with asking(version, *options, several=several, transport=transport) as client:
        await client.challenge()
        channel = client.channel
        assert isinstance(channel, SocketChannel)
        told = Frame(Command.OOB_ENCAP_ENDPOINT_INFO, channel.binding.transport, b"")
        await channel._request(told)
        assert await client.encapsulated() == [Code.GET_ENDPOINT_INFO]
        async with client.session() as session:
            await channel._request(told)
            assert await session.encapsulated() == [Code.GET_ENDPOINT_INFO]
            await session.measurements()
