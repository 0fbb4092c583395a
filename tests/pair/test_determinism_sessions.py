"""Sessions of a run are replayed byte for byte, whatever signs, encrypts and carries them."""

from collections.abc import Callable
from functools import partial

import pytest
from chains import issued
from devices import device, frame, seen_frames
from hosting import BOTH, CLEAR, SecureHost, offering
from secured import ABLE, AEADS, GROUPS, HINT, KEY, VERSIONS

from emulator.crypto.keys import SCHEMES, SigningKey
from emulator.crypto.recorded import RecordedKey, RecordingKey, Signatures
from emulator.device import Device, Slot
from emulator.device.sessions import Sessions
from emulator.endpoint import Endpoint, Send, carried_out
from emulator.entropy import Entropy, Recorded, Recorder, Seeded, System
from emulator.errors import EmulatorError
from emulator.spdm.capabilities import Cap
from emulator.spdm.chain import CertificateChain
from emulator.spdm.messages.session import KeyOperation
from emulator.spdm.signing import FINISH, ToSign
from emulator.transport.binding import Binding
from emulator.transport.doe import DOE
from emulator.transport.mctp import MCTP
from emulator.transport.tcp import TCP

REPEATABLE = tuple(name for name in SCHEMES if not name.startswith("RSAPSS"))
bindings = pytest.mark.parametrize("binding", [DOE, MCTP, TCP], ids=lambda one: one.name)

Keys = Callable[[SigningKey], SigningKey]
Talk = tuple[list[bytes], list[bytes]]
"""What was received, and what was sent."""


def as_it_is(key: SigningKey) -> SigningKey:
    return key


def signing(scheme: str, entropy: Entropy, keys: Keys = as_it_is) -> Device:
    """A device that signs by a scheme, in any version."""
    held = issued(SCHEMES[scheme].key_type)
    made = device(
        versions=VERSIONS,
        capabilities=ABLE,
        asym=(scheme,),
        slots={},
        dhe=tuple(GROUPS),
        aead=tuple(AEADS),
        sessions=Sessions(heartbeat=10, keys={HINT: KEY}),
        entropy=entropy,
    )
    key = keys(held.key).under(scheme)
    made.slots = {0: Slot({scheme: CertificateChain(held.certificates, held.root, key)})}
    return made


def talk(to: Device, scheme: str, binding: Binding, how: Cap = BOTH, **offer: object) -> Talk:
    """Sessions by both means, and all that is asked in them."""
    host = SecureHost(to, offer=offering(how, asym=(scheme,), **offer), binding=binding)
    sent: list[bytes] = []

    def listen(payload: bytes) -> bytes:
        sent.append(payload)
        return payload

    host.bend = listen
    host.connected()
    for session in (host.session(), host.psk_session()):
        host.run(session.certificate())
        host.run(session.measurements())
        host.run(session.update_keys(KeyOperation.UPDATE_KEY))
        host.run(session.update_keys())
        host.run(session.heartbeat())
        host.run(session.end_session())
    assert host.run(host.requester.measurements()).measurements
    return host.sent, sent


def again(to: Device, received: list[bytes], binding: Binding) -> list[bytes]:
    """What a device sends to a peer that says the same, whatever it is told."""
    endpoint, transport = Endpoint(to), int(binding.transport)
    sent: list[bytes] = []
    for payload in received:
        actions = endpoint.receive(frame(payload, transport=transport), 1.0)
        done = carried_out(endpoint, actions, 1.0)
        stream = b"".join(action.data for action in done if isinstance(action, Send))
        sent += [answer.payload for answer in seen_frames(stream)]
    return sent


@bindings
@pytest.mark.parametrize("scheme", REPEATABLE)
def test_the_same_seed_and_the_same_bytes_in(scheme: str, binding: Binding) -> None:
    received, sent = talk(signing(scheme, Seeded("seed")), scheme, binding)
    assert again(signing(scheme, Seeded("seed")), received, binding) == sent
    assert again(signing(scheme, Seeded("other")), received, binding) != sent


@bindings
@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("aead", AEADS)
def test_every_group_and_cipher(group: str, aead: str, binding: Binding) -> None:
    scheme = "ECDSA_P256"
    how = CLEAR if aead == "AES_256_GCM" else BOTH
    held = signing(scheme, Seeded("seed"))
    received, sent = talk(held, scheme, binding, how, dhe=(group,), aead=(aead,))
    assert again(signing(scheme, Seeded("seed")), received, binding) == sent


@pytest.mark.parametrize("scheme", sorted(set(SCHEMES) - set(REPEATABLE)))
def test_signatures_that_are_others_each_time_are_played_back(scheme: str) -> None:
    record = Signatures()
    held = signing(scheme, Seeded("seed"), partial(RecordingKey, record=record))
    received, sent = talk(held, scheme, DOE)
    assert len(record) == 4
    assert again(signing(scheme, Seeded("seed")), received, DOE) != sent
    played = partial(RecordedKey, record=record)
    for _ in range(2):
        record.rewind()
        assert again(signing(scheme, Seeded("seed"), played), received, DOE) == sent


class Shared(Recorder):
    """One record for all connections, in the order of the run."""

    def fork(self, label: str) -> "Shared":
        del label
        return self


def test_a_run_without_a_seed_is_replayed_from_what_it_recorded() -> None:
    scheme, record, draws = "RSAPSS_2048", Signatures(), Shared(System())
    received, sent = talk(signing(scheme, draws, partial(RecordingKey, record=record)), scheme, TCP)
    played = partial(RecordedKey, record=record)
    assert again(signing(scheme, Recorded(draws.draws), played), received, TCP) == sent


def test_a_record_gives_what_it_has_and_no_more() -> None:
    record, key = Signatures(), issued("RSA_2048").key.under("RSAPSS_2048")
    signed = ToSign(0x13, FINISH, "SHA_256", ())
    made = [RecordingKey(key, record).sign(signed) for _ in range(2)]
    assert made[0] != made[1]
    played = RecordedKey(key, record)
    assert [played.sign(signed), played.sign(signed)] == made
    with pytest.raises(EmulatorError, match="no RSAPSS_2048 signature left over this message"):
        played.sign(signed)
    record.rewind()
    with pytest.raises(EmulatorError, match="no RSAPSS_2048 signature left"):
        played.sign(ToSign(0x12, FINISH, "SHA_256", ()))
    assert played.under("RSAPSS_2048") is played
    assert isinstance(played.under("RSASSA_2048"), RecordedKey)
