"""Which capability flags are legal, against libspdm's rules written down a second time as a table.

Sources: libspdm `library/spdm_responder_lib/libspdm_rsp_capabilities.c`,
`libspdm_check_request_flag_compatibility`, and
`library/spdm_requester_lib/libspdm_req_get_capabilities.c`, `validate_responder_capability`.
"""

from dataclasses import dataclass
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.spdm.capabilities import Cap, requester_problems, responder_problems
from emulator.spdm.versions import Version

NOTHING = Cap(0)
PSK = Cap.PSK | Cap.PSK_WITH_CONTEXT
KEYS = Cap.KEY_EX | PSK
CERTIFIED = Cap.CERT | Cap.PUB_KEY_ID
MULTI_KEY = Cap.MULTI_KEY_ONLY | Cap.MULTI_KEY_NEG
REQUESTER, RESPONDER, BOTH = "requester", "responder", "requester responder"


@dataclass(frozen=True)
class Rule:
    """Where any of `when` is set, one of `needs` is set too, and none of `without`."""

    roles: str
    when: Cap
    needs: Cap = NOTHING
    without: Cap = NOTHING
    since: Version = Version.V1_1
    until: Version = Version.V1_4

    def broken(self, role: str, flags: Cap, version: Version) -> bool:
        applies = role in self.roles and self.since <= version <= self.until
        if not applies or not flags & self.when:
            return False
        lacks = bool(self.needs) and not flags & self.needs
        return lacks or bool(flags & self.without)


V1_0, V1_1, V1_2, V1_3, V1_4 = Version
RULES = (
    Rule(RESPONDER, Cap.MEAS_NO_SIG, without=Cap.MEAS_SIG, since=V1_0),
    Rule(RESPONDER, Cap.MEAS_FRESH, needs=Cap.MEAS_NO_SIG | Cap.MEAS_SIG, since=V1_0),
    Rule(RESPONDER, Cap.MEAS_SIG, needs=Cap.CERT, since=V1_0, until=V1_0),
    Rule(RESPONDER, Cap.CERT, needs=Cap.CHAL | Cap.MEAS_SIG, since=V1_0, until=V1_0),
    Rule(RESPONDER, Cap.CHAL, needs=Cap.CERT | Cap.MEAS_SIG, since=V1_0, until=V1_0),
    Rule(REQUESTER, Cap.PSK_WITH_CONTEXT, without=Cap.PSK_WITH_CONTEXT),
    Rule(RESPONDER, Cap.PSK, without=Cap.PSK_WITH_CONTEXT),
    Rule(BOTH, KEYS, needs=Cap.MAC | Cap.ENCRYPT),
    Rule(BOTH, Cap.MAC | Cap.ENCRYPT | Cap.HBEAT | Cap.KEY_UPD, needs=KEYS),
    Rule(BOTH, Cap.HANDSHAKE_IN_THE_CLEAR, needs=Cap.KEY_EX),
    Rule(BOTH, Cap.EVENT, needs=KEYS, since=V1_3),
    Rule(BOTH, Cap.CERT, without=Cap.PUB_KEY_ID),
    Rule(REQUESTER, CERTIFIED, needs=Cap.CHAL | Cap.KEY_EX, until=V1_2),
    Rule(REQUESTER, CERTIFIED, needs=Cap.CHAL | Cap.KEY_EX | Cap.EP_INFO_SIG, since=V1_3),
    Rule(RESPONDER, CERTIFIED, needs=Cap.CHAL | Cap.KEY_EX | Cap.MEAS_SIG, until=V1_2),
    Rule(
        RESPONDER,
        CERTIFIED,
        needs=Cap.CHAL | Cap.KEY_EX | Cap.MEAS_SIG | Cap.EP_INFO_SIG,
        since=V1_3,
    ),
    Rule(BOTH, Cap.CHAL | Cap.MUT_AUTH, needs=CERTIFIED),
    Rule(RESPONDER, Cap.KEY_EX | Cap.MEAS_SIG, needs=CERTIFIED),
    Rule(BOTH, Cap.EP_INFO_SIG, needs=CERTIFIED, since=V1_3),
    Rule(BOTH, Cap.MUT_AUTH, needs=Cap.KEY_EX | Cap.CHAL),
    Rule(BOTH, Cap.MUT_AUTH, needs=Cap.ENCAP, until=V1_1),
    Rule(RESPONDER, Cap.ALIAS_CERT | Cap.SET_CERT, needs=Cap.CERT, since=V1_2),
    Rule(RESPONDER, Cap.CSR, needs=Cap.SET_CERT, since=V1_2),
    Rule(RESPONDER, Cap.CERT_INSTALL_RESET, needs=Cap.CSR | Cap.SET_CERT, since=V1_2),
    Rule(BOTH, Cap.EP_INFO_NO_SIG, without=Cap.EP_INFO_SIG, since=V1_3),
    Rule(BOTH, Cap.MULTI_KEY_ONLY, without=Cap.MULTI_KEY_NEG, since=V1_3),
    Rule(BOTH, MULTI_KEY, needs=Cap.CERT, without=Cap.PUB_KEY_ID, since=V1_3),
    Rule(RESPONDER, MULTI_KEY, needs=Cap.GET_KEY_PAIR_INFO, since=V1_3),
    Rule(
        RESPONDER,
        Cap.PUB_KEY_ID,
        without=Cap.GET_KEY_PAIR_INFO | Cap.SET_KEY_PAIR_INFO,
        since=V1_3,
    ),
    Rule(RESPONDER, Cap.SET_KEY_PAIR_RESET, needs=Cap.SET_KEY_PAIR_INFO, since=V1_4),
)

PROBLEMS = {REQUESTER: requester_problems, RESPONDER: responder_problems}
SESSION = Cap.KEY_EX | Cap.MAC | Cap.ENCRYPT
BASES = (
    NOTHING,
    Cap.CERT | Cap.CHAL,
    Cap.PUB_KEY_ID | Cap.CHAL,
    Cap.PSK | Cap.MAC,
    SESSION | Cap.CERT | Cap.CHAL | Cap.MUT_AUTH | Cap.ENCAP | Cap.HANDSHAKE_IN_THE_CLEAR,
    SESSION | Cap.CERT | Cap.MULTI_KEY_NEG | Cap.GET_KEY_PAIR_INFO | Cap.SET_KEY_PAIR_INFO,
    Cap.CERT | Cap.MEAS_SIG | Cap.MEAS_FRESH | Cap.SET_CERT | Cap.CSR | Cap.CERT_INSTALL_RESET,
)

versions = pytest.mark.parametrize("version", tuple(Version), ids=lambda version: version.text)
roles = pytest.mark.parametrize("role", [REQUESTER, RESPONDER])


def legal(role: str, flags: Cap, version: Version) -> bool:
    return not any(rule.broken(role, flags, version) for rule in RULES)


@roles
@versions
def test_flags_one_or_two_bits_from_a_base_are_judged_as_libspdm_does(
    role: str, version: Version
) -> None:
    judge = PROBLEMS[role]
    verdicts = set()
    for base in BASES:
        for count in range(3):
            for toggled in combinations(Cap, count):
                flags = base
                for flag in toggled:
                    flags ^= flag
                expected = legal(role, flags, version)
                assert (not judge(flags, version)) == expected, (flags, judge(flags, version))
                verdicts.add(expected)
    illegal_exists = version > Version.V1_0 or role == RESPONDER
    assert verdicts == ({True, False} if illegal_exists else {True})


@roles
@settings(print_blob=True, deadline=None, max_examples=200)
@given(flags=st.integers(0, 2**32 - 1), version=st.sampled_from(Version))
def test_any_flags_are_judged_as_libspdm_does(role: str, flags: int, version: Version) -> None:
    assert (not PROBLEMS[role](Cap(flags), version)) == legal(role, Cap(flags), version)


RESPONDER_FAULTS = [
    (V1_0, Cap.CERT | Cap.CHAL | Cap.MEAS_NO_SIG | Cap.MEAS_SIG, "MEAS has the reserved value 3"),
    (V1_0, Cap.CERT | Cap.CHAL | Cap.MEAS_FRESH, "MEAS_FRESH needs"),
    (V1_0, Cap.MEAS_SIG, "MEAS_SIG without CERT"),
    (V1_0, Cap.CERT, "CERT and CHAL go together in 1.0"),
    (V1_0, Cap.CHAL | Cap.MEAS_NO_SIG, "CERT and CHAL go together in 1.0"),
    (V1_1, PSK | Cap.MAC, "PSK has the reserved value 3"),
    (V1_1, Cap.PSK, "needs MAC or ENCRYPT"),
    (V1_1, Cap.KEY_EX | Cap.CERT, "needs MAC or ENCRYPT"),
    (V1_1, Cap.HBEAT, "HBEAT without KEY_EX or PSK"),
    (V1_1, Cap.ENCRYPT | Cap.MAC, "ENCRYPT, MAC without KEY_EX or PSK"),
    (V1_3, Cap.EVENT, "EVENT without KEY_EX or PSK"),
    (V1_1, Cap.PSK | Cap.MAC | Cap.HANDSHAKE_IN_THE_CLEAR, "HANDSHAKE_IN_THE_CLEAR needs KEY_EX"),
    (V1_1, Cap.CERT | Cap.PUB_KEY_ID | Cap.CHAL, "exclude each other"),
    (V1_2, Cap.CERT, "needs one of CHAL, MEAS_SIG, KEY_EX"),
    (V1_3, Cap.PUB_KEY_ID | Cap.EP_INFO_NO_SIG, "needs one of CHAL, MEAS_SIG, KEY_EX, EP_INFO_SIG"),
    (V1_1, Cap.CHAL, "CHAL without CERT or PUB_KEY_ID"),
    (V1_1, Cap.MEAS_SIG, "MEAS_SIG without CERT or PUB_KEY_ID"),
    (V1_1, Cap.KEY_EX | Cap.MAC, "KEY_EX without CERT or PUB_KEY_ID"),
    (V1_3, Cap.EP_INFO_SIG, "EP_INFO_SIG without CERT or PUB_KEY_ID"),
    (V1_2, Cap.CERT | Cap.MEAS_SIG | Cap.MUT_AUTH, "MUT_AUTH needs KEY_EX or CHAL"),
    (V1_1, Cap.CERT | Cap.CHAL | Cap.MUT_AUTH, "MUT_AUTH needs ENCAP in 1.1"),
    (V1_2, Cap.ALIAS_CERT, "ALIAS_CERT without CERT"),
    (V1_2, Cap.CERT | Cap.CHAL | Cap.CSR, "CSR needs SET_CERT"),
    (V1_2, Cap.CERT_INSTALL_RESET, "CERT_INSTALL_RESET needs CSR or SET_CERT"),
    (V1_3, Cap.CERT | Cap.CHAL | Cap.EP_INFO_NO_SIG | Cap.EP_INFO_SIG, "EP_INFO has the reserved"),
    (
        V1_3,
        Cap.CERT | Cap.CHAL | MULTI_KEY | Cap.GET_KEY_PAIR_INFO,
        "MULTI_KEY has the reserved value 3",
    ),
    (V1_3, Cap.MULTI_KEY_ONLY | Cap.GET_KEY_PAIR_INFO, "MULTI_KEY needs CERT"),
    (V1_3, Cap.CERT | Cap.CHAL | Cap.MULTI_KEY_NEG, "MULTI_KEY needs GET_KEY_PAIR_INFO"),
    (V1_3, Cap.PUB_KEY_ID | Cap.CHAL | Cap.SET_KEY_PAIR_INFO, "PUB_KEY_ID excludes SET_KEY_PAIR"),
    (V1_4, Cap.SET_KEY_PAIR_RESET, "SET_KEY_PAIR_RESET needs SET_KEY_PAIR_INFO"),
]

REQUESTER_FAULTS = [
    (V1_1, Cap.PSK_WITH_CONTEXT | Cap.MAC, "PSK has a reserved value"),
    (V1_2, Cap.KEY_EX, "needs MAC or ENCRYPT"),
    (V1_2, Cap.KEY_UPD, "KEY_UPD without KEY_EX or PSK"),
    (V1_3, Cap.EVENT, "EVENT without KEY_EX or PSK"),
    (V1_2, Cap.PSK | Cap.MAC | Cap.HANDSHAKE_IN_THE_CLEAR, "HANDSHAKE_IN_THE_CLEAR needs KEY_EX"),
    (V1_2, Cap.CERT | Cap.PUB_KEY_ID | Cap.CHAL, "exclude each other"),
    (V1_2, Cap.CERT, "needs one of CHAL, KEY_EX"),
    (V1_3, Cap.CERT | Cap.EP_INFO_NO_SIG, "needs one of CHAL, KEY_EX, EP_INFO_SIG"),
    (V1_2, Cap.CHAL, "CHAL without CERT or PUB_KEY_ID"),
    (V1_3, Cap.EP_INFO_SIG, "EP_INFO_SIG without CERT or PUB_KEY_ID"),
    (V1_3, Cap.CERT | Cap.EP_INFO_SIG | Cap.MUT_AUTH, "MUT_AUTH needs KEY_EX or CHAL"),
    (V1_1, Cap.CERT | Cap.CHAL | Cap.MUT_AUTH, "MUT_AUTH needs ENCAP in 1.1"),
    (V1_3, Cap.CERT | Cap.CHAL | Cap.EP_INFO_NO_SIG | Cap.EP_INFO_SIG, "EP_INFO has the reserved"),
    (V1_3, Cap.CERT | Cap.CHAL | MULTI_KEY, "MULTI_KEY has the reserved value 3"),
    (V1_3, Cap.MULTI_KEY_NEG, "MULTI_KEY needs CERT and excludes PUB_KEY_ID"),
]


@pytest.mark.parametrize(
    ("role", "version", "flags", "problem"),
    [
        *((RESPONDER, *fault) for fault in RESPONDER_FAULTS),
        *((REQUESTER, *fault) for fault in REQUESTER_FAULTS),
    ],
)
def test_one_broken_rule_is_one_problem_that_names_it(
    role: str, version: Version, flags: Cap, problem: str
) -> None:
    (found,) = PROBLEMS[role](flags, version)
    assert problem in found


def test_a_requester_of_1_0_has_no_flags_to_judge() -> None:
    assert requester_problems(Cap(0xFFFFFFFF), Version.V1_0) == []
