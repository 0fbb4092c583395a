"""Answers that leave something behind for good: first it is kept, then they go out.

What is slow about keeping (it may be a file on a disk) is done before the reply is made, and may
fail: then the request is refused, and nothing has changed. What makes it last is one step, with the
other effects of the reply. In between the device takes no other change.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import cast

from emulator.answer.exchange import Exchange, Outcome
from emulator.device.provisioning import Keep, Lasting, Provisioning, Settle
from emulator.errors import Busy, OperationFailed, ResetRequired, Unspecified
from emulator.spdm.capabilities import Cap
from emulator.spdm.messages import Error
from emulator.spdm.work import Path, Work
from emulator.wire import Message


def changeable(exchange: Exchange) -> Provisioning:
    """What may be changed for good. Raises Busy while another change is being kept."""
    provisioning = exchange.provisioning()
    if provisioning.over:
        raise OperationFailed("another device has taken this one's place; connect anew")
    if provisioning.busy:
        raise Busy("another change is being kept")
    return provisioning


def settled(
    exchange: Exchange, state: Lasting, reply: Message, refused: ResetRequired | None = None
) -> Outcome | Path[Outcome]:
    """The outcome of a request after which the device goes on with `state`.

    `refused`: what the reply says where it says that a reset is required first.
    """
    outcome = Outcome(reply=reply, shape=exchange.connection.shape(), refused=refused)
    provisioning = exchange.provisioning()
    go_on = partial(exchange.device.provision, state)
    if provisioning.keep is None:
        return replace(outcome, effects=(go_on,))
    return _kept(provisioning, provisioning.keep, state, outcome, go_on)


def _kept(
    provisioning: Provisioning,
    keep: Keep,
    state: Lasting,
    outcome: Outcome,
    go_on: Callable[[], None],
) -> Path[Outcome]:
    provisioning.busy = True
    try:
        settle = yield Work(
            "keeping what was provisioned", partial(_prepare, keep, provisioning.lasting(state))
        )
    finally:
        provisioning.busy = False
    if isinstance(settle, OSError):
        raise Unspecified(f"what was provisioned cannot be kept: {settle}")
    return replace(outcome, effects=(cast("Settle", settle), go_on))


def _prepare(keep: Keep, state: Lasting) -> Settle | OSError:
    try:
        return keep(state)
    except OSError as error:
        return error


def needs_reset(exchange: Exchange, capability: Cap) -> bool:
    """Whether the device takes up such a change with its next reset only."""
    return capability in exchange.connection.local_capabilities


def after_reset(exchange: Exchange, state: Lasting, *, tag: int = 0) -> Outcome | Path[Outcome]:
    """The device remembers what was asked for, and says that it is done once it was reset."""
    error = ResetRequired("it takes effect with a reset", data=tag)
    reply = Error(version=exchange.connection.version, error_code=error.code, data=tag)
    return settled(exchange, state, reply, error)
