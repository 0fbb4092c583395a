"""Mistakes in the first record under a key, and in what a signature is made over."""

from dataclasses import replace
from functools import partial

from emulator.spdm import signing
from emulator.spdm.doctor.attempt import Attempt
from emulator.spdm.doctor.mistake import InSchedule
from emulator.spdm.versions import Version


def _first_is_one(right: Attempt) -> Attempt:
    return replace(right, sequence=1)


def _handshake_keys(right: Attempt) -> Attempt:
    return replace(right, handshake_keys=True)


def _handshake_keys_on(right: Attempt) -> Attempt:
    return replace(right, handshake_keys=True, sequence=1)


def _unbound(right: Attempt) -> Attempt:
    return replace(right, bound="nothing")


def _bound_by_id(right: Attempt) -> Attempt:
    return replace(right, bound="session id")


RECORDS = (
    InSchedule(
        "handshake-keys-on",
        "your data goes on under the handshake's keys, FINISH was their last record",
        _handshake_keys_on,
    ),
    InSchedule(
        "handshake-keys", "your data goes under the handshake's keys still", _handshake_keys
    ),
    InSchedule(
        "sequence-from-one",
        "your sequence number is 1 in the first record under a key, which has 0",
        _first_is_one,
    ),
    InSchedule("header-not-bound", "your associated data lacks the record's header", _unbound),
    InSchedule(
        "length-not-bound",
        "your associated data is the session id alone, not the record's whole header",
        _bound_by_id,
    ),
)


def _signed_with(prefix: int, right: Attempt) -> Attempt:
    return replace(right, prefix=prefix)


def _signed_as(context: str, right: Attempt) -> Attempt:
    return replace(right, context=context)


SIGNATURES = (
    InSchedule(
        "signature-without-prefix",
        "your signature lacks the prefix with the version and the context, which there is since"
        " 1.2",
        partial(_signed_with, 0),
    ),
    *(
        InSchedule(
            f"signature-prefix-{version.text.replace('.', '-')}",
            f"your signature's prefix has version {version.text}, which is not the negotiated one",
            partial(_signed_with, version),
        )
        for version in Version
        if version >= Version.V1_2
    ),
    *(
        InSchedule(
            f"signature-context-{number}",
            f"your signature's context is '{context}' where '{signing.FINISH}' belongs",
            partial(_signed_as, context),
        )
        for number, context in enumerate(
            (
                "responder-finish signing",
                signing.KEY_EXCHANGE_RSP,
                "requester-key_exchange signing",
                signing.CHALLENGE_AUTH,
                "requester-challenge_auth signing",
                signing.FINISH.removesuffix(" signing"),
            ),
            1,
        )
    ),
)

ROWS = (*RECORDS, *SIGNATURES)
"""All of them."""
