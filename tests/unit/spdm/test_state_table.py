"""The transition table, each row checked against each state.

Source: the 'Verify State Phase' of libspdm's `library/spdm_responder_lib/libspdm_rsp_*.c`.
"""

import pytest

from emulator.spdm.codes import Code
from emulator.spdm.state import TRANSITIONS, State, after

NEGOTIATED_ON = {3, 4, 5, 6}

TABLE = {
    Code.GET_VERSION: ({0, 1, 2, 3, 4, 5, 6}, None),
    Code.GET_CAPABILITIES: ({1}, 2),
    Code.NEGOTIATE_ALGORITHMS: ({2}, 3),
    Code.GET_DIGESTS: (NEGOTIATED_ON, 4),
    Code.GET_CERTIFICATE: (NEGOTIATED_ON, 5),
    Code.CHALLENGE: (NEGOTIATED_ON, 6),
    Code.GET_MEASUREMENTS: (NEGOTIATED_ON, 0),
    Code.GET_MEASUREMENT_EXTENSION_LOG: (NEGOTIATED_ON, 0),
    Code.GET_SUPPORTED_EVENT_TYPES: (NEGOTIATED_ON, 0),
    Code.SUBSCRIBE_EVENT_TYPES: (NEGOTIATED_ON, 0),
    Code.GET_ENDPOINT_INFO: (NEGOTIATED_ON, 0),
    Code.KEY_EXCHANGE: (NEGOTIATED_ON, 0),
    Code.FINISH: (NEGOTIATED_ON, 0),
    Code.PSK_EXCHANGE: (NEGOTIATED_ON, 0),
    Code.PSK_FINISH: (NEGOTIATED_ON, 0),
    Code.HEARTBEAT: (NEGOTIATED_ON, 0),
    Code.KEY_UPDATE: (NEGOTIATED_ON, 0),
    Code.GET_ENCAPSULATED_REQUEST: (NEGOTIATED_ON, 0),
    Code.DELIVER_ENCAPSULATED_RESPONSE: (NEGOTIATED_ON, 0),
    Code.END_SESSION: (NEGOTIATED_ON, 0),
    Code.GET_CSR: (NEGOTIATED_ON, 0),
    Code.SET_CERTIFICATE: (NEGOTIATED_ON, 0),
    Code.GET_KEY_PAIR_INFO: (NEGOTIATED_ON, 0),
    Code.SET_KEY_PAIR_INFO: (NEGOTIATED_ON, 0),
    Code.VENDOR_DEFINED_REQUEST: (NEGOTIATED_ON, 0),
    Code.RESPOND_IF_READY: (NEGOTIATED_ON, 0),
    Code.CHUNK_SEND: ({2, *NEGOTIATED_ON}, 0),
    Code.CHUNK_GET: ({2, *NEGOTIATED_ON}, 0),
}


def test_the_table_is_complete() -> None:
    assert set(TRANSITIONS) == set(TABLE)
    assert [int(state) for state in State] == list(range(7))


@pytest.mark.parametrize("request_code", TABLE)
def test_a_request_is_legal_where_libspdm_takes_it(request_code: Code) -> None:
    legal, _ = TABLE[request_code]
    assert TRANSITIONS[request_code].legal == legal


@pytest.mark.parametrize("request_code", TABLE)
def test_a_connection_never_falls_back_but_by_get_version(request_code: Code) -> None:
    legal, reaches = TABLE[request_code]
    for state in legal:
        expected = 1 if reaches is None else max(state, reaches)
        assert after(State(state), request_code) == expected
