"""`spdm-emulator provision`: certificates and key pairs of a device, from the host's side."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from emulator.ask import KeyPairFacts
from emulator.cli.options import DEFAULT_TARGET, Seed, address_or_exit, entropy_of
from emulator.cli.output import FAILED, WRONG_USE, fail, print_json, stdout
from emulator.client import connect
from emulator.client.client import Client
from emulator.client.socket import TIMEOUT, TRANSPORTS
from emulator.errors import EmulatorError, PkiError
from emulator.pki import files
from emulator.requester import DEFAULT, Flow
from emulator.requester.asker import Asker
from emulator.requester.offer import for_sessions
from emulator.spdm.capabilities import Cap
from emulator.spdm.key_pairs import CertificateModel
from emulator.spdm.versions import BY_TEXT
from emulator.tcp import UNIX

app = typer.Typer(
    help="Have a device's certificates and key pairs provisioned, as a host does.",
    no_args_is_help=True,
)

_LARGEST = 1 << 16
_T = TypeVar("_T")
_MODELS = {model.name.lower(): model for model in CertificateModel if model}

Target = Annotated[str, typer.Argument(metavar="TARGET", help="HOST:PORT, or unix:PATH.")]
VersionText = Annotated[
    str | None, typer.Option("--version", help="The SPDM version; default: the highest there is.")
]
Transport = Annotated[
    str, typer.Option(help=f"What messages are wrapped in: {', '.join(TRANSPORTS)}.")
]
InSession = Annotated[
    bool, typer.Option("--session", help="Ask inside of a session by key exchange on slot 0.")
]
KeyPairId = Annotated[
    int,
    typer.Option(
        "--key-pair", min=0, max=255, help="The key pair, which has the device use several keys."
    ),
]
Model = Annotated[
    str, typer.Option(help=f"The certificate model with --key-pair: {', '.join(_MODELS)}.")
]
Wait = Annotated[float, typer.Option(min=0.0, help="Seconds to wait for something to listen.")]
Slot = Annotated[int, typer.Option(min=0, max=7, help="The slot.")]


@app.command("csr")
def csr_command(
    target: Target = DEFAULT_TARGET,
    *,
    out: Annotated[Path, typer.Option(help="Where the request goes, DER.")],
    requester_info: Annotated[
        Path | None,
        typer.Option(help="A CertificationRequestInfo, DER, of what is wanted in the request."),
    ] = None,
    tag: Annotated[
        int, typer.Option(min=0, max=7, help="Which request this is, asked for before a reset.")
    ] = 0,
    key_pair: KeyPairId = 0,
    model: Model = "device",
    version: VersionText = None,
    transport: Transport = "doe",
    session: InSession = False,
    seed: Seed = None,
    wait: Wait = 0.0,
) -> None:
    """Ask for a certificate signing request (GET_CSR)."""
    info = b"" if requester_info is None else _read(requester_info)
    chosen = _model(model)

    def flow(asker: Asker) -> Flow[bytes]:
        return asker.csr(key_pair=key_pair, model=chosen, tag=tag, requester_info=info)

    several = bool(key_pair)
    made = _ask(target, flow, version, transport, seed, wait, several=several, session=session)
    try:
        files.write_file(out, made)
    except PkiError as error:
        fail(str(error), code=WRONG_USE)
    stdout().print(f"wrote {out}", markup=False)


@app.command("install")
def install_command(
    chain: Annotated[
        Path, typer.Argument(help="The certificates from the root to the leaf, PEM or DER.")
    ],
    target: Target = DEFAULT_TARGET,
    *,
    slot: Slot = 0,
    key_pair: KeyPairId = 0,
    model: Model = "device",
    version: VersionText = None,
    transport: Transport = "doe",
    session: InSession = False,
    seed: Seed = None,
    wait: Wait = 0.0,
) -> None:
    """Have a chain installed in a slot (SET_CERTIFICATE)."""
    try:
        certificates = files.read_certificates(chain)
    except PkiError as error:
        fail(str(error), code=WRONG_USE)
    chosen = _model(model)

    def flow(asker: Asker) -> Flow[None]:
        return asker.set_certificate(slot, certificates, key_pair=key_pair, model=chosen)

    several = bool(key_pair)
    _ask(target, flow, version, transport, seed, wait, several=several, session=session)
    stdout().print(f"slot {slot}: {len(certificates)} certificates installed", markup=False)


@app.command("erase")
def erase_command(
    target: Target = DEFAULT_TARGET,
    *,
    slot: Slot = 0,
    key_pair: KeyPairId = 0,
    version: VersionText = None,
    transport: Transport = "doe",
    session: InSession = False,
    seed: Seed = None,
    wait: Wait = 0.0,
) -> None:
    """Have a slot emptied (SET_CERTIFICATE, since 1.3)."""

    def flow(asker: Asker) -> Flow[None]:
        return asker.erase_certificate(slot, key_pair=key_pair)

    several = bool(key_pair)
    _ask(target, flow, version, transport, seed, wait, several=several, session=session)
    stdout().print(f"slot {slot}: empty", markup=False)


@app.command("key-pairs")
def key_pairs_command(
    target: Target = DEFAULT_TARGET,
    *,
    version: VersionText = None,
    transport: Transport = "doe",
    session: InSession = False,
    seed: Seed = None,
    wait: Wait = 0.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the key pairs of a device (GET_KEY_PAIR_INFO, since 1.3)."""
    told = _ask(target, _all_pairs, version, transport, seed, wait, session=session)
    if as_json:
        print_json([_pair_json(one) for one in told])
        return
    for one in told:
        slots = [str(slot) for slot in range(8) if one.slots >> slot & 1]
        of = f"slots {', '.join(slots)}" if slots else "no slot"
        uses = ", ".join(flag.name for flag in type(one.usage) if flag in one.usage and flag.name)
        line = f"{one.number}: {one.key_type or 'no key'}, {of}; for {uses or 'nothing'}"
        stdout().print(line, markup=False)


def _all_pairs(asker: Asker) -> Flow[list[KeyPairFacts]]:
    first = yield from asker.key_pair(1)
    found = {1: first}
    for number in range(2, first.total + 1):
        found[number] = yield from asker.key_pair(number)
    return list(found.values())


def _pair_json(pair: KeyPairFacts) -> dict[str, object]:
    return {
        "key_pair": pair.number,
        "key_type": pair.key_type or None,
        "slots": [slot for slot in range(8) if pair.slots >> slot & 1],
        "usage": [flag.name for flag in type(pair.usage) if flag in pair.usage],
        "key_types": list(pair.key_types),
        "operations": [flag.name for flag in type(pair.capabilities) if flag in pair.capabilities],
    }


def _ask(
    target: str,
    flow: Callable[[Asker], Flow[_T]],
    version: str | None,
    transport: str,
    seed: str | None,
    wait: float,
    *,
    several: bool = False,
    session: bool = False,
) -> _T:
    """Connect, have the flow carried outside of a session or inside; an exit where that fails."""
    if version is not None and version not in BY_TEXT:
        fail(f"--version: found {version}; expected one of {', '.join(BY_TEXT)}", code=WRONG_USE)
    if transport not in TRANSPORTS:
        expect = ", ".join(TRANSPORTS)
        fail(f"--transport: found {transport}; expected one of {expect}", code=WRONG_USE)
    unix = target.startswith(UNIX) and target != UNIX
    host, port = (target, 0) if unix else address_or_exit(target)
    offer = replace(
        DEFAULT,
        versions=(BY_TEXT[version],) if version else DEFAULT.versions,
        capabilities=Cap.CHUNK,
        max_message=_LARGEST,
        multi_key=several,
    )
    offer = for_sessions(offer) if session else offer

    async def run() -> _T:
        async with connect(
            host,
            port,
            offer=offer,
            entropy=entropy_of(seed),
            timeout=TIMEOUT,
            wait=wait,
            transport=transport,
        ) as client:
            await client.connect()
            if session:
                return await _inside(client, flow)
            return await client.run(flow(client.requester))

    try:
        return asyncio.run(run())
    except EmulatorError as error:
        fail(str(error), code=FAILED)


async def _inside(client: Client, flow: Callable[[Asker], Flow[_T]]) -> _T:
    if client.requester.connection.algorithms.multi_key:
        await client.digests()
    async with client.session(0) as session:
        return await session.run(flow(session.session))


def _model(name: str) -> CertificateModel:
    if name not in _MODELS:
        fail(f"--model: found {name}; expected one of {', '.join(_MODELS)}", code=WRONG_USE)
    return _MODELS[name]


def _read(path: Path) -> bytes:
    try:
        return files.read_file(path)
    except PkiError as error:
        fail(str(error), code=WRONG_USE)
