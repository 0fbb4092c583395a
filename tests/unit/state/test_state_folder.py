"""A device's state in its folder: kept, read again, locked, and refused where it is none."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from asking import Host
from devices import chain, error
from provisioned import ABLE, SCHEME, SEVERAL, attached, other_chain, provisionable

from emulator.crypto.keys import SigningKey
from emulator.device import Device
from emulator.device.provisioning import Policy
from emulator.errors import PeerErrorReply, StateError
from emulator.requester import Offer
from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import ErrorCode
from emulator.spdm.key_pairs import ASYM_BITS
from emulator.spdm.messages.provisioning import KeyPairOperation
from emulator.spdm.versions import Version
from emulator.state import StateFolder, folder_of

TRUSTED = Policy(writable=frozenset({0, 2}), trusted=True)
LOCKING = """
import sys
from pathlib import Path
from emulator.state import StateFolder
folder = StateFolder(Path(sys.argv[1]))
print("locked", flush=True)
sys.stdin.read()
"""


def host_of(device: Device) -> Host:
    return Host(device, offer=Offer(versions=(Version.V1_3,), multi_key=True)).connected()


def test_what_was_provisioned_is_there_after_a_restart(tmp_path: Path) -> None:
    device = provisionable(TRUSTED)
    folder = attached(tmp_path / "d", device)
    host = host_of(device)
    ask = host.requester
    host.run(ask.set_certificate(0, other_chain("new"), key_pair=1))
    host.run(ask.erase_certificate(2, key_pair=2))
    host.run(ask.set_key_pair(3, KeyPairOperation.GENERATE, asym=ASYM_BITS[SCHEME]))
    assert device.provisioning is not None
    key = device.provisioning.state.pairs[2].key
    folder.close()
    again = provisionable(TRUSTED)
    attached(tmp_path / "d", again).close()
    assert again.provisioning is not None
    assert set(again.slots) == {0}
    assert again.slots[0].chains[SCHEME].certificates == other_chain("new")
    kept = again.provisioning.state.pairs[2].key
    assert key is not None
    assert kept is not None
    assert kept.public.spki == key.public.spki
    host = host_of(again)
    host.run(host.requester.certificate(0))
    host.run(host.requester.challenge())


def test_what_waited_for_a_reset_is_done_once_the_device_is_switched_on(tmp_path: Path) -> None:
    able = ABLE | Cap.CERT_INSTALL_RESET
    device = provisionable(TRUSTED, capabilities=able)
    folder = attached(tmp_path, device)
    host = host_of(device)
    with pytest.raises(PeerErrorReply, match="RESET_REQUIRED"):
        host.run(host.requester.set_certificate(0, other_chain("new")))
    with pytest.raises(PeerErrorReply, match="RESET_REQUIRED"):
        host.run(host.requester.csr())
    folder.close()
    again = provisionable(TRUSTED, capabilities=able)
    attached(tmp_path, again).close()
    host = host_of(again)
    assert host.run(host.requester.certificate(0)).certificates == other_chain("new")
    assert host.run(host.requester.csr(tag=1))


def test_a_reset_is_kept(tmp_path: Path) -> None:
    device = provisionable(TRUSTED, capabilities=SEVERAL | Cap.SET_KEY_PAIR_RESET)
    folder = attached(tmp_path, device)
    host = Host(device, offer=Offer(versions=(Version.V1_4,), multi_key=True)).connected()
    with pytest.raises(PeerErrorReply, match="RESET_REQUIRED"):
        host.run(host.requester.set_key_pair(2, KeyPairOperation.CHANGE, slots=0))
    device.reset()
    assert set(device.slots) == {0}
    told = json.loads((tmp_path / "state.json").read_text(encoding="utf-8"))
    assert told["changing"]["done"]
    assert told["pairs"][1]["slots"] == 0
    folder.close()


def test_the_files_are_for_their_owner_only(tmp_path: Path) -> None:
    device = provisionable(TRUSTED)
    folder = attached(tmp_path / "d", device)
    host = host_of(device)
    host.run(host.requester.set_certificate(0, other_chain("new"), key_pair=1))
    assert (tmp_path / "d").stat().st_mode & 0o777 == 0o700
    assert {one.name: one.stat().st_mode & 0o777 for one in (tmp_path / "d").iterdir()} == {
        "state.json": 0o600,
        "lock": 0o600,
    }
    folder.close()


def test_one_emulator_at_a_time(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", LOCKING, tmp_path],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as other:  # fmt: skip
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(StateError, match=f"locked by process {other.pid}; expected"):
            StateFolder(tmp_path)
        other.kill()
    StateFolder(tmp_path).close()


WRONG = {
    "": "the file: invalid JSON",
    "{": "the file: invalid JSON",
    '{"state": 2}': "state: input should be 1; expected a state of version 1",
    '{"state": 1}': "device: field required",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_file_that_is_no_state_is_told_of_and_left(tmp_path: Path, text: str) -> None:
    (tmp_path / "state.json").write_text(text, encoding="utf-8")
    folder = StateFolder(tmp_path)
    with pytest.raises(StateError) as told:
        folder.attach(provisionable())
    assert str(told.value).startswith(f"{tmp_path}/state.json: {WRONG[text]}")
    assert (tmp_path / "state.json").read_text(encoding="utf-8") == text
    folder.close()


def _bent(folder: Path, **values: object) -> None:
    file = folder / "state.json"
    told = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(told | values), encoding="utf-8")


def test_another_devices_state_and_a_broken_key_are_refused(tmp_path: Path) -> None:
    device = provisionable(TRUSTED)
    folder = attached(tmp_path, device)
    host = host_of(device)
    host.run(host.requester.set_certificate(0, other_chain("new"), key_pair=1))
    told = json.loads((tmp_path / "state.json").read_text(encoding="utf-8"))
    _bent(tmp_path, pairs=[told["pairs"][0] | {"key": "none"}])
    with pytest.raises(StateError, match="pairs: not an unencrypted PEM private key"):
        folder.attach(provisionable())
    _bent(tmp_path, device="Vendor=0000")
    with pytest.raises(StateError, match="found Vendor=0000; expected Vendor=1b36"):
        folder.attach(provisionable())
    folder.close()


def test_a_folder_that_cannot_be_made_or_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StateError, match="cannot keep a state: Not a directory"):
        StateFolder(tmp_path / "file" / "d")
    device = provisionable(TRUSTED)
    folder = attached(tmp_path / "d", device)
    assert device.provisioning is not None
    before = device.provisioning.state
    for left in (tmp_path / "d").iterdir():
        left.unlink()
    (tmp_path / "d").rmdir()
    host = host_of(device)
    with pytest.raises(PeerErrorReply, match="UNSPECIFIED"):
        host.run(host.requester.set_certificate(0, other_chain("new"), key_pair=1))
    assert device.provisioning.state == before
    assert not device.provisioning.busy
    folder.close()


def test_what_was_left_half_written_is_swept_away(tmp_path: Path) -> None:
    (tmp_path / "state.json.new-7").write_bytes(b"half")
    StateFolder(tmp_path).close()
    assert {one.name for one in tmp_path.iterdir()} == {"lock"}


def test_a_key_that_the_profile_has_got_since_is_there(tmp_path: Path) -> None:
    device = provisionable(TRUSTED)
    folder = attached(tmp_path, device)
    host = host_of(device)
    host.run(host.requester.set_key_pair(2, KeyPairOperation.CHANGE, slots=0))
    host.run(host.requester.set_key_pair(2, KeyPairOperation.ERASE))
    folder.close()
    more = ((3, SigningKey.derive(SCHEME, b"a new slot")),)
    again = provisionable(TRUSTED, more=more)
    attached(tmp_path, again).close()
    assert again.provisioning is not None
    pairs = again.provisioning.state.pairs
    assert [pair.slots for pair in pairs] == [1, 0, 0, 0b1000]
    assert pairs[1].key is None, "what was erased does not come back"


def test_a_change_is_refused_while_another_is_being_kept() -> None:
    device = provisionable(TRUSTED)
    assert device.provisioning is not None
    device.provisioning.busy = True
    host = host_of(device)
    request = bytes((0x13, 0xFD, 0, 0, 2)) + bytes(8)
    assert host.answer(request) == error(0x13, ErrorCode.BUSY)


def test_a_device_that_takes_anothers_place_takes_over_its_state() -> None:
    old, new = provisionable(TRUSTED), provisionable(TRUSTED)
    assert old.provisioning is not None
    assert new.provisioning is not None
    host = host_of(old)
    host.run(host.requester.set_certificate(0, other_chain("new"), key_pair=1))
    new.provisioning.take_over(old.provisioning)
    new.provision(new.provisioning.state)
    assert new.slots[0].chains[SCHEME].certificates == other_chain("new")
    request = bytes((0x13, 0xFD, 0, 0, 2)) + bytes(8)
    assert host.answer(request) == error(0x13, ErrorCode.OPERATION_FAILED)


def test_what_control_puts_into_a_slot_takes_the_place_of_what_was_installed() -> None:
    device = provisionable(TRUSTED)
    assert device.provisioning is not None
    host = host_of(device)
    host.run(host.requester.set_certificate(0, other_chain("new"), key_pair=1))
    first, second = device.slots[0], device.slots[2]
    device.put_slots({0: second, 2: first})
    assert [pair.slots for pair in device.provisioning.state.pairs] == [0b100, 1, 0]
    assert device.provisioning.slots().keys() == {0, 2}
    told = host.run(host.requester.digests())
    assert {slot: key.pair for slot, key in told.keys.items()} == {0: 2, 2: 1}
    assert device.slots[0].chains[SCHEME].key.public.spki == chain(SCHEME, 2).key.public.spki


def test_what_control_puts_into_a_slot_does_not_outlive_the_emulator(tmp_path: Path) -> None:
    device = provisionable(TRUSTED)
    folder = attached(tmp_path, device)
    device.put_slots({0: device.slots[2], 2: None})
    host = host_of(device)
    host.run(host.requester.set_key_pair(3, KeyPairOperation.GENERATE, asym=ASYM_BITS[SCHEME]))
    folder.close()
    again = provisionable(TRUSTED)
    attached(tmp_path, again).close()
    assert again.provisioning is not None
    assert [pair.slots for pair in again.provisioning.state.pairs] == [1, 0b100, 0]
    assert set(again.slots) == {0, 2}


@pytest.mark.parametrize(
    ("name", "folder"),
    [("nvme-1", "nvme-1"), ("a/b", "a%2Fb"), ("..", "%2E."), (".x", "%2Ex"), ("a b", "a b")],
)
def test_any_name_is_a_folder(name: str, folder: str) -> None:
    assert folder_of(Path("states"), name) == Path("states") / folder
