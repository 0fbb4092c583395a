"""`spdm-emulator attest`: connect to a device as a host does, and judge it."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from emulator.cli.linking import link_address, linked
from emulator.cli.options import DEFAULT_TARGET, Seed, address_or_exit, entropy_of
from emulator.cli.output import FAILED, GOOD, WRONG_USE, fail, print_json, stderr, stdout
from emulator.cli.reference import Reference, reference_values
from emulator.cli.sessions import (
    Aead,
    ClearHandshake,
    Dhe,
    Ide,
    Keylog,
    Link,
    Mutual,
    Psk,
    Session,
    Tdisp,
    TdispFunction,
    identified,
    interface,
    key_log,
    offered,
    wanted,
)
from emulator.client import connect
from emulator.client.config_space import PcieError
from emulator.client.mctp import MCTP_TARGET, MctpError, MctpUnsupported, endpoint_address
from emulator.client.socket import TIMEOUT
from emulator.client.sysfs import PCI, function_name
from emulator.crypto.certificate import Certificate
from emulator.crypto.keys import VerifyingKey
from emulator.errors import EmulatorError, NoResponse, PkiError
from emulator.pki import files
from emulator.pki.authority import sample_roots
from emulator.report import ConsoleReport
from emulator.requester import DEFAULT, Offer, Verdict
from emulator.requester.flow import unobserved
from emulator.spdm.capabilities import MIN_DATA_TRANSFER_SIZE, Cap
from emulator.spdm.messages.certificates import SLOT_COUNT
from emulator.spdm.versions import BY_TEXT
from emulator.tcp import UNIX

_LARGEST_IN_CHUNKS = 1 << 16
_HINT = "is a device listening there? `spdm-emulator serve` starts one"
_MCTP_HINT = (
    "without them: `attest HOST:PORT --transport mctp` speaks to a device behind a socket instead"
)


class Measurements(StrEnum):
    """How measurements are read."""

    ALL = "all"
    ONE_BY_ONE = "one-by-one"
    NONE = "none"


class Transport(StrEnum):
    """How messages travel; the values are `client.socket.TRANSPORTS`."""

    DOE = "doe"
    MCTP = "mctp"
    TCP = "tcp"
    NONE = "none"
    TCP_PLAIN = "tcp-plain"


def attest(
    target: Annotated[
        str,
        typer.Argument(
            metavar="[HOST:PORT|unix:PATH|pci:ADDRESS|mctp:[NETWORK,]EID]",
            help="Where the device listens, or a PCI function or MCTP endpoint of this machine.",
        ),
    ] = DEFAULT_TARGET,
    *,
    transport: Annotated[
        Transport | None,
        typer.Option(
            help="What messages are wrapped in; tcp-plain: TCP messages without frames. None: doe, "
            "and mctp to an MCTP endpoint."
        ),
    ] = None,
    trust: Annotated[
        list[Path] | None,
        typer.Option(help="Trusted certificates, PEM or DER; repeatable. None: the sample roots."),
    ] = None,
    slot: Annotated[
        int | None,
        typer.Option(
            min=0, max=SLOT_COUNT - 1, help="Certificate slot. None: the lowest there is."
        ),
    ] = None,
    public_key: Annotated[
        Path | None,
        typer.Option(help="The device's public key, PEM or DER, instead of certificates."),
    ] = None,
    version: Annotated[
        list[str] | None,
        typer.Option(help=f"SPDM version to offer, of {', '.join(BY_TEXT)}; repeatable."),
    ] = None,
    asym: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Signature algorithm to offer, of {', '.join(DEFAULT.asym)}; repeatable."
        ),
    ] = None,
    hash_: Annotated[
        list[str] | None,
        typer.Option("--hash", help=f"Hash to offer, of {', '.join(DEFAULT.hashes)}; repeatable."),
    ] = None,
    san: Annotated[
        str | None,
        typer.Option(help="The PCIe CMA name the device must have. None: it is only reported."),
    ] = None,
    measurements: Annotated[
        Measurements, typer.Option(help="How to read measurements.")
    ] = Measurements.ALL,
    raw: Annotated[
        bool, typer.Option("--raw", help="Ask for raw measurements rather than digests.")
    ] = False,
    chunk: Annotated[
        bool, typer.Option("--chunk", help="Offer CHUNK, and take messages of up to 64 KiB.")
    ] = False,
    data_transfer_size: Annotated[
        int | None,
        typer.Option(
            min=MIN_DATA_TRANSFER_SIZE,
            max=DEFAULT.data_transfer_size,
            help="The largest message to take in one piece, bytes.",
        ),
    ] = None,
    supported_algorithms: Annotated[
        bool,
        typer.Option(
            "--supported-algorithms",
            help="Ask for all the algorithms the device has (SPDM 1.3, with --chunk).",
        ),
    ] = False,
    reference: Reference = None,
    session: Session = False,
    psk: Psk = None,
    dhe: Dhe = None,
    aead: Aead = None,
    clear_handshake: ClearHandshake = False,
    ide: Ide = False,
    link: Link = None,
    tdisp: Tdisp = False,
    tdisp_function: TdispFunction = "0xbeef",
    mutual: Mutual = None,
    keylog: Keylog = None,
    seed: Seed = None,
    timeout: Annotated[
        float, typer.Option(min=0.001, help="Seconds to wait for each reply.")
    ] = TIMEOUT,
    wait: Annotated[
        float, typer.Option(min=0.0, help="Seconds to wait for something to listen there.")
    ] = 0.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdict as JSON.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show the fields of every message.")
    ] = False,
) -> None:
    """Connect to a device as a host does, and judge it: certificates, challenge, measurements.

    With --session and --psk also sessions, and the measurements inside of them; with --ide also an
    IDE stream, whose keys are brought to both ends of the link, and with --tdisp an interface that
    is locked and runs; with --link TLPs go through the stream. The measurements are read once more
    then: a device that measures its link has to show what is up, and nothing else.

    Exit code 0: everything is as it should be; 1: something is not; 2: wrong use.
    """
    host, port = _address(target)
    carried = _transport(host, transport)
    if supported_algorithms and not chunk:
        fail("--supported-algorithms takes --chunk, without which none may ask", code=WRONG_USE)
    sessions = wanted(
        session=session,
        psk=psk,
        ide=ide,
        link=link,
        tdisp=interface(tdisp_function, tdisp=tdisp),
        others=(
            ("--dhe", dhe),
            ("--aead", aead),
            ("--clear-handshake", clear_handshake),
            ("--keylog", keylog),
        ),
    )
    sized = _sized(_offer(version, asym, hash_), data_transfer_size, chunk=chunk)
    offer = replace(
        offered(sized, sessions, dhe=dhe, aead=aead, clear=clear_handshake),
        ask_algorithms=supported_algorithms,
    )
    offer, identity = identified(offer, mutual)
    log = key_log(keylog)
    roots = _roots(trust)
    keys = _public_keys(public_key)
    values = reference_values(reference, roots, measured=measurements is not Measurements.NONE)
    if keys and (slot is not None or san is not None):
        fail("--public-key where --slot or --san asks for certificates", code=WRONG_USE)
    entropy = entropy_of(seed)
    console = stdout()
    report = ConsoleReport(console, verbose=verbose)
    if not as_json:
        stderr().print(f"seed {entropy.seed} (repeat with --seed)", style="dim", markup=False)

    where = link_address(link)

    async def run() -> Verdict:
        async with connect(
            host,
            port,
            offer=offer,
            entropy=entropy,
            timeout=timeout,
            wait=wait,
            transport=carried,
            observer=unobserved if as_json else report,
        ) as client:
            client.requester.identity = identity
            if log is not None:
                client.requester.key_log = log
            async with linked(client, where, within=timeout):
                return await client.attest(
                    trust=roots,
                    at=datetime.now(UTC),
                    expected_san=san,
                    slot=slot,
                    public_keys=keys,
                    measurements=measurements.value,
                    raw=raw,
                    sessions=sessions,
                    reference=values,
                )

    try:
        verdict = asyncio.run(run())
    except NoResponse as error:
        fail([str(error), _HINT], code=FAILED)
    except MctpUnsupported as error:
        fail([str(error), _MCTP_HINT], code=WRONG_USE)
    except (PcieError, MctpError) as error:
        fail(str(error), code=FAILED)
    if as_json:
        print_json(verdict.to_json())
    else:
        console.print()
        report.verdict(verdict)
    raise typer.Exit(GOOD if verdict.ok else FAILED)


def _address(target: str) -> tuple[str, int]:
    """A host, which may be no address of the network's, and a port, which others lack."""
    if target.startswith(UNIX) and target != UNIX:
        return target, 0
    if target.startswith(PCI):
        try:
            return PCI + function_name(target.removeprefix(PCI)), 0
        except ValueError as error:
            fail(str(error), code=WRONG_USE)
    if target.startswith(MCTP_TARGET):
        try:
            return endpoint_address(target.removeprefix(MCTP_TARGET)).text, 0
        except ValueError as error:
            fail(str(error), code=WRONG_USE)
    return address_or_exit(target)


def _transport(host: str, chosen: Transport | None) -> str:
    """What messages are wrapped in; a PCI function and an MCTP endpoint take one only."""
    for prefix, what, only in (
        (PCI, "a PCI function", Transport.DOE),
        (MCTP_TARGET, "an MCTP endpoint", Transport.MCTP),
    ):
        if host.startswith(prefix):
            if chosen not in {None, only}:
                fail(f"--transport {chosen} where {what} takes {only}", code=WRONG_USE)
            return only.value
    return (chosen or Transport.DOE).value


def _offer(versions: list[str] | None, asym: list[str] | None, hashes: list[str] | None) -> Offer:
    """What the options restrict the offer to."""
    for text in versions or ():
        if text not in BY_TEXT:
            raise typer.BadParameter(
                f"--version {text} where one of {', '.join(BY_TEXT)} is needed"
            )
    chosen = tuple(BY_TEXT[text] for text in versions) if versions else DEFAULT.versions
    try:
        return Offer(
            versions=chosen,
            asym=tuple(asym) if asym else DEFAULT.asym,
            hashes=tuple(hashes) if hashes else DEFAULT.hashes,
        )
    except EmulatorError as error:
        fail(str(error), code=WRONG_USE)


def _sized(offer: Offer, size: int | None, *, chunk: bool) -> Offer:
    """`offer` with the sizes that were chosen: both are the same without CHUNK."""
    size = size or offer.data_transfer_size
    if not chunk:
        return replace(offer, data_transfer_size=size, max_message=size)
    return replace(
        offer, capabilities=Cap.CHUNK, data_transfer_size=size, max_message=_LARGEST_IN_CHUNKS
    )


def _roots(trust: list[Path] | None) -> list[bytes]:
    """The trusted certificates, DER, each of them readable."""
    if not trust:
        return list(sample_roots())
    roots: list[bytes] = []
    for path in trust:
        try:
            found = files.read_certificates(path)
            for der in found:
                Certificate.parse(der)
        except PkiError as error:
            text = str(error)
            told = text if str(path) in text else f"{path}: {text}"
            fail(f"--trust {told}", code=WRONG_USE)
        roots.extend(found)
    return roots


def _public_keys(path: Path | None) -> tuple[VerifyingKey, ...]:
    """The keys in the file that was given, if one was."""
    if path is None:
        return ()
    try:
        return VerifyingKey.read(files.read_file(path))
    except PkiError as error:
        text = str(error)
        fail(f"--public-key {text if str(path) in text else f'{path}: {text}'}", code=WRONG_USE)
