"""CXL TSP: messages as the C header lays them out, privileges, states and configurations."""

import struct
from dataclasses import replace

import pytest
from cxl import HINT, KEY, OTHER_KEY, CxlHost, configuration, cxl_device, te_state, tsp, tsp_error
from secured import Wire, able_device, established

from emulator.device.cxl import Cxl, Target, TargetCapabilities, TspState
from emulator.device.cxl.tsp import HINTS
from emulator.spdm.session import Session

VERSION, CAPABILITIES, SET, GET, REPORT, LOCK, TE_STATE = 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x8D
PLAIN = b"\0\0"
INVALID, NO_PRIVILEGE, BAD_STATE = tsp_error(1), tsp_error(7), tsp_error(0x0B)
REPORT_SIZE = 4 + 0x3C + 0x20 + 0x38 + 0x10 + 0x10 + 0x24


@pytest.fixture
def session() -> Session:
    return established(Wire()).held


@pytest.fixture(scope="module")
def stranger() -> Session:
    return established(Wire()).held


@pytest.fixture
def host(session: Session) -> CxlHost:
    """A host whose session is the primary one."""
    made = CxlHost(cxl_device(), session)
    assert made.tsp(tsp(VERSION)) == bytes.fromhex("1001 0000 01 10")
    return made


def target(host: CxlHost) -> Target:
    assert host.device.cxl is not None
    assert host.device.cxl.target is not None
    return host.device.cxl.target


def request(opcode: int) -> bytes:
    """A good request of this kind."""
    report = PLAIN + struct.pack("<HH", 0, 0xFFFF)
    others = {SET: configuration(), TE_STATE: te_state(1, (0x1000, 0x1000))}
    return others.get(opcode, tsp(opcode, report if opcode == REPORT else PLAIN))


def test_outside_of_a_session_nothing_answers() -> None:
    assert CxlHost(cxl_device(), None).tsp(tsp(VERSION)) is None


def test_capabilities(host: CxlHost) -> None:
    expected = bytes.fromhex(
        "1002 0100 02000000 0000 0000 1600 0000 00000000 01000000 0300 0000 00000000 01"
    ) + bytes(0x13)
    assert host.tsp(tsp(CAPABILITIES)) == expected


def test_the_whole_way_of_dmtfs_requester(host: CxlHost) -> None:
    assert host.tsp(configuration()) == bytes.fromhex("1003 0000")
    settings = configuration()[2:0x24]
    entries = configuration()[0x30:0xB0]
    got = b"\x10\x04" + settings + b"\0" + bytes(11) + entries + bytes(16)
    assert host.tsp(tsp(GET)) == got
    assert host.tsp(tsp(LOCK)) == bytes.fromhex("1006 0000")
    assert host.tsp(tsp(GET)) == got[:0x24] + b"\x01" + got[0x25:]
    for state in (1, 0):
        assert host.tsp(te_state(state, (0x100000, 0x10000))) == bytes.fromhex("100d 0000")


@pytest.mark.parametrize("state", list(TspState))
@pytest.mark.parametrize("opcode", [VERSION, CAPABILITIES, SET, GET, REPORT, LOCK, TE_STATE])
def test_each_request_in_each_state(host: CxlHost, opcode: int, state: TspState) -> None:
    target(host).state = state
    legal = {
        SET: {TspState.CONFIG_UNLOCKED},
        GET: {TspState.CONFIG_UNLOCKED, TspState.CONFIG_LOCKED},
        REPORT: {TspState.CONFIG_UNLOCKED, TspState.CONFIG_LOCKED},
        LOCK: {TspState.CONFIG_UNLOCKED},
        TE_STATE: {TspState.CONFIG_LOCKED},
    }.get(opcode, set(TspState))
    answer = host.tsp(request(opcode))
    assert answer is not None
    if state in legal:
        assert answer[1] == opcode & 0x7F
        assert target(host).state == (1 if opcode == LOCK else state)
    else:
        already = opcode == LOCK and state is TspState.CONFIG_LOCKED
        assert answer == (tsp_error(0x0D) if already else BAD_STATE)
        assert target(host).state is state


@pytest.mark.parametrize("opcode", [VERSION, CAPABILITIES, SET, GET, REPORT, LOCK, TE_STATE])
def test_who_has_the_privilege(host: CxlHost, opcode: int, stranger: Session) -> None:
    other = CxlHost(host.device, stranger)
    answer = other.tsp(request(opcode))
    assert answer is not None
    assert (answer == NO_PRIVILEGE) is (opcode not in {VERSION, CAPABILITIES})
    assert target(host).primary is host.session


@pytest.mark.parametrize("opcode", [VERSION, CAPABILITIES, SET, GET, REPORT, LOCK, TE_STATE])
def test_exact_lengths_and_the_version(host: CxlHost, opcode: int) -> None:
    target(host).state = TspState.CONFIG_LOCKED if opcode == TE_STATE else TspState.CONFIG_UNLOCKED
    good = request(opcode)
    for wrong in (good[:-1], good + b"\0", good[:2]):
        assert host.tsp(wrong) == INVALID
    for version in (0x00, 0x11, 0x20):
        assert host.tsp(bytes((version,)) + good[1:]) == tsp_error(5)
    for short in (b"", b"\x10"):
        assert host.tsp(short) == INVALID


@pytest.mark.parametrize("opcode", [0x00, 0x01, 0x80, *range(0x87, 0x8D), 0x8E, 0xFF])
def test_what_is_not_supported(host: CxlHost, opcode: int) -> None:
    assert host.tsp(tsp(opcode)) == tsp_error(4)


@pytest.mark.parametrize("most", [1, 100, 0xFFFF])
def test_the_report_comes_in_portions(host: CxlHost, most: int) -> None:
    got = b""
    while len(got) < REPORT_SIZE:
        answer = host.tsp(tsp(REPORT, PLAIN + struct.pack("<HH", len(got), most)))
        assert answer is not None
        portion, left = struct.unpack_from("<HH", answer, 4)
        assert portion == len(answer) - 8 == min(most, REPORT_SIZE - len(got))
        got += answer[8:]
        assert left == REPORT_SIZE - len(got)
    assert got[:4] == b"\x01\0\0\0"
    assert got[-0x24:-0x20] == b"\x07\0\0\0"
    for offset, length in ((REPORT_SIZE, 1), (0, 0), (0xFFFF, 1)):
        assert host.tsp(tsp(REPORT, PLAIN + struct.pack("<HH", offset, length))) == INVALID


@pytest.mark.parametrize(
    "said",
    [
        {"encryption": 0},  # an algorithm, and nothing to encrypt
        {"encryption": 0, "algorithm": 0, "entries": ((0, 0), (0, 0))},
        {"encryption": 2},
        {"encryption": 3},
        {"encryption": 5},
        {"encryption": 9},
        {"algorithm": 0},
        {"algorithm": 1},
        {"algorithm": 3},
        {"access": 0x17},  # write access control, which is not supported
        {"access": 0x36},
        {"access": 0x06},  # implicit changes without those in band
        {"access": 0x02},  # read access control alone
        {"out_of_band": 1},
        {"entries": ()},  # implicit changes without length index 0
        {"entries": ((64, 0),)},
        {"entries": ((0, 0), (0, 7))},
        {"entries": ((0, 0), (0, 8))},
        {"entries": ((0, 0), (64, 1), (64, 1))},
        {"entries": ((0, 0), (128, 1))},
        {"entries": ((0, 0), (0, 1))},
        {"validity": 2},
        {"validity": 3},
        {"validity": 0x8001},
    ],
)
def test_a_configuration_that_cannot_be(host: CxlHost, said: dict[str, object]) -> None:
    assert host.tsp(configuration(**said)) == INVALID  # type: ignore[arg-type]
    assert target(host).keys == {}


ABLE = TargetCapabilities(
    encryption_supported=0x1F,
    algorithms_supported=3,
    range_based_keys=4,
    access_supported=0x3F,
    out_of_band_granularity_supported=0x41,
    in_band_granularity_supported=0x80000003,
    ckids=0x100,
    secondary_sessions=4,
)


@pytest.mark.parametrize(
    ("said", "good"),
    [
        ({"encryption": 0, "algorithm": 0, "access": 0, "entries": ()}, True),
        ({"encryption": 0x0B, "ckid_base": 0x1EFF, "ckids": 0x100}, True),
        ({"encryption": 0x0B, "ckid_base": 0x1F00, "ckids": 0x100}, False),
        ({"encryption": 0x0B, "ckids": 0x101}, False),
        ({"encryption": 0x03}, False),
        ({"encryption": 0x05}, True),
        ({"encryption": 0x0F}, False),
        ({"access": 0x19, "out_of_band": 0x40}, True),
        ({"access": 0x19, "out_of_band": 0x41}, False),
        ({"access": 0x19, "out_of_band": 0x02}, False),
        ({"access": 0x19}, False),
        ({"access": 0x01}, False),
        ({"access": 0x20}, False),
        ({"access": 0x15}, False),  # write access control with implicit changes
        ({"access": 0x30}, True),
        ({"entries": ((0, 0), (0, 7), (64, 1), (128, 6))}, True),
        ({"entries": ((0, 0), (256, 1))}, False),
        ({"validity": 0}, True),
        ({"validity": 0x0F, "keys": bytes(128)}, True),
        ({"validity": 0x1F}, False),
    ],
)
def test_what_a_target_that_can_do_more_takes(
    host: CxlHost, said: dict[str, object], *, good: bool
) -> None:
    target(host).capabilities = ABLE
    answer = host.tsp(configuration(**said))  # type: ignore[arg-type]
    assert (answer == bytes.fromhex("1003 0000")) is good


@pytest.mark.parametrize(
    ("state", "ranges", "good"),
    [
        (1, ((0x1000, 0x1000),), True),
        (0, ((0x1000, 0x1000),) * 32, True),
        (1, ((0x1000, 0x1000),) * 33, False),
        (1, (), False),
        (2, ((0x1000, 0x1000),), False),
        (1, ((0x1000, 0),), False),
        (1, ((0x1020, 0x1000),), False),
        (1, ((0x1000, 0x1020),), False),
    ],
)
def test_te_states(
    host: CxlHost, state: int, ranges: tuple[tuple[int, int], ...], *, good: bool
) -> None:
    target(host).capabilities = ABLE
    host.tsp(configuration(access=0x18, out_of_band=0x40))
    host.tsp(tsp(LOCK))
    answer = host.tsp(te_state(state, *ranges))
    assert answer == (bytes.fromhex("100d 0000") if good else INVALID)


def test_the_primary_session_is_the_first_as_long_as_it_lives(
    host: CxlHost, session: Session, stranger: Session
) -> None:
    other = CxlHost(host.device, stranger)
    other.tsp(tsp(VERSION))
    assert other.tsp(configuration()) == NO_PRIVILEGE
    session.end()
    other.tsp(tsp(VERSION))
    assert other.tsp(configuration()) == bytes.fromhex("1003 0000")


def test_a_lock_lasts_until_a_reset(host: CxlHost, session: Session) -> None:
    host.tsp(configuration())
    host.tsp(tsp(LOCK))
    session.end()
    assert (target(host).state, set(target(host).keys)) == (TspState.CONFIG_LOCKED, {HINT})
    host.device.reset()
    assert (target(host).state, target(host).keys) == (TspState.CONFIG_UNLOCKED, {})


def test_a_lock_may_last_as_long_as_the_primary_session(host: CxlHost, session: Session) -> None:
    target(host).until_reset = False
    host.tsp(configuration())
    host.tsp(tsp(LOCK))
    session.end()
    assert (target(host).state, target(host).keys) == (TspState.CONFIG_UNLOCKED, {})


def test_the_hints() -> None:
    assert {b"SECONDARY_SESSION_%d_PSK\0" % n: n for n in range(4)} == HINTS


def test_a_session_by_the_key_that_was_handed_over() -> None:
    to = able_device()
    to.cxl = Cxl(target=Target(capabilities=replace(TargetCapabilities(), secondary_sessions=2)))
    wire = Wire(to)
    first = established(wire)
    host = CxlHost(to, first.held)
    host.tsp(tsp(VERSION))
    assert to.pre_shared(HINT) is None
    host.tsp(configuration(validity=3, keys=KEY + OTHER_KEY))
    assert to.pre_shared(HINT) == KEY
    second = wire.by_psk(hint=HINT, key=KEY).finish()
    inside = CxlHost(to, second.held)
    inside.tsp(tsp(VERSION))
    assert inside.tsp(configuration()) == NO_PRIVILEGE
    assert inside.tsp(tsp(LOCK)) == NO_PRIVILEGE
    host.tsp(tsp(LOCK))
    for opcode in (GET, REPORT, TE_STATE):
        answer = inside.tsp(request(opcode))
        assert answer is not None
        assert answer[1] == opcode & 0x7F
    third = wire.by_psk(requester=0x7777).finish()
    assert CxlHost(to, third.held).tsp(tsp(GET)) == NO_PRIVILEGE
