"""What a client provisions, over a socket."""

from provisioned import SCHEME, other_chain, provisionable
from unit.serve.loopback import serving

from emulator.client import connect
from emulator.device import Device
from emulator.device.provisioning import Policy
from emulator.requester import Offer
from emulator.spdm.key_pairs import ASYM_BITS, KeyUsage
from emulator.spdm.messages.provisioning import KeyPairOperation


def key_of(held: Device) -> bytes:
    """The public key of key pair 2, DER."""
    assert held.provisioning is not None
    key = held.provisioning.real_pairs[1].key
    assert key is not None
    return key.public.spki


async def test_certificates_and_key_pairs() -> None:
    held = provisionable(Policy(writable=frozenset({0, 2}), trusted=True))
    offer = Offer(multi_key=True)
    async with serving(held) as (_, port), connect("127.0.0.1", port, offer=offer) as client:
        await client.connect()
        before = key_of(held)
        assert before in await client.csr(key_pair=2)
        await client.set_certificate(0, other_chain("another"), key_pair=1)
        assert (await client.certificate()).certificates == other_chain("another")
        await client.erase_certificate(2, key_pair=2)
        await client.set_key_pair(2, KeyPairOperation.CHANGE)
        await client.set_key_pair(2, KeyPairOperation.ERASE)
        assert (await client.key_pair(2)).key_type == ""
        await client.set_key_pair(
            2,
            KeyPairOperation.GENERATE,
            usage=KeyUsage.CHALLENGE,
            asym=ASYM_BITS[SCHEME],
            slots=0b100,
        )
        told = await client.key_pair(2)
        assert (told.key_type, told.usage, told.slots) == (SCHEME, KeyUsage.CHALLENGE, 0b100)
        assert before != key_of(held)
        assert key_of(held) in await client.csr(key_pair=2)
