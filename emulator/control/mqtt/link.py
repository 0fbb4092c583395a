"""Connections to the broker: made as a `Broker` says, and made again whenever they are lost."""

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable
from typing import NoReturn

import aiomqtt

from emulator.control.mqtt.backoff import Backoff
from emulator.errors import ProfileError
from emulator.profile.broker import Broker

log = logging.getLogger(__name__)

PATIENCE = 10.0
"""Seconds for the broker to acknowledge something before the connection is given up."""

GREETING = 5.0
"""Seconds for the broker to accept a connection. aiomqtt does not see that one has ended before it
was accepted, as where a client certificate lacks."""

_STEADY = 5.0
"""Seconds a connection has to last for the next attempt to come soon: one that is pushed out again
and again by another client of its id must not be quick about it."""

_PENDING = 1 << 16
"""Calls under way that aiomqtt finds worth no warning: what is in flight is bounded elsewhere."""

Will = aiomqtt.Will


class Dialer:
    """Makes clients of one broker.

    Attributes:
        broker: where it is, and how to come to it.
    """

    def __init__(self, broker: Broker) -> None:
        """Read the password and the certificates. Raises ProfileError."""
        self.broker = broker
        self._password = broker.password()
        self._tls = tls_context(broker)

    def client(self, identifier: str, will: Will) -> aiomqtt.Client:
        """A client that is not connected yet. Nothing of it outlives its connection.

        The session ends with the connection (MQTT 5's session expiry of 0): the last will comes at
        once, no offer waits for an emulator that is gone, and no command is carried out long after
        whoever sent it has given up.
        """
        host, port = self.broker.address
        client = aiomqtt.Client(
            host,
            port,
            identifier=identifier,
            username=self.broker.username,
            password=self._password,
            protocol=aiomqtt.ProtocolVersion.V5,
            will=will,
            clean_start=True,
            keepalive=self.broker.keepalive,
            timeout=GREETING,
            tls_context=self._tls,
        )
        client.pending_calls_threshold = _PENDING
        return client


def tls_context(broker: Broker) -> ssl.SSLContext | None:
    """What TLS to the broker needs; None without TLS. Raises ProfileError."""
    tls = broker.tls
    if tls is None:
        return None
    try:
        context = ssl.create_default_context(cafile=tls.ca)
    except (OSError, ssl.SSLError) as error:
        raise _unusable(str(tls.ca), error, "a certificate of an authority, PEM") from None
    context.check_hostname = tls.verify_host
    if tls.certificate is not None and tls.key is not None:
        try:
            context.load_cert_chain(tls.certificate, tls.key, password=_no_password)
        except (OSError, ssl.SSLError) as error:
            files = f"{tls.certificate} and {tls.key}"
            expected = "a client's certificate and its unencrypted key, PEM"
            raise _unusable(files, error, expected) from None
    return context


def _no_password() -> NoReturn:
    raise ssl.SSLError("the key is encrypted")


def _unusable(what: str, error: OSError, expected: str) -> ProfileError:
    found = error.strerror or str(error) or type(error).__name__
    return ProfileError([f"{what}: found {found}; expected {expected}"])


def reason_of(error: BaseException) -> str:
    """What went wrong with a connection, in words."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    cause = error.__cause__
    return str(cause or error) or type(error).__name__


async def keep(
    connect: Callable[[], aiomqtt.Client],
    session: Callable[[aiomqtt.Client], Awaitable[None]],
    backoff: Backoff,
    *,
    what: str,
    ready: Callable[[], Awaitable[object]] | None = None,
    lost: Callable[[], None] = lambda: None,
    level: int = logging.WARNING,
) -> None:
    """Connect, run a session, and again whenever the connection is lost.

    Returns once a session does. Logs each reason once, however often it recurs in a row; `what`
    says whose connection it is. An attempt waits for `ready`; `lost` is called when one has failed
    or ended.
    """
    clock = asyncio.get_running_loop().time
    told = reason = ""
    over = False
    while not over:
        began: float | None = None
        if ready is not None:
            await ready()
        try:
            async with connect() as client:
                client.timeout = PATIENCE
                began = clock()
                told = ""
                log.info("%s: connected", what)
                await session(client)
                over = True
        except* aiomqtt.MqttError as errors:
            reason = reason_of(errors)
        if over:
            return
        lost()
        if began is not None and clock() - began > _STEADY:
            backoff.reset()
        if reason != told:
            log.log(level, "%s: %s; trying again", what, reason)
            told = reason
        await asyncio.sleep(backoff.wait())


async def until_lost(client: aiomqtt.Client) -> NoReturn:
    """Wait for the connection to be lost. Raises MqttError."""
    async for _ in client.messages:
        pass
    raise aiomqtt.MqttError("the connection ended")
