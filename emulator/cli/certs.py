"""`spdm-emulator certs`: make an authority, list certificates, hand them to other programs."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from emulator.cli.options import Sets, load_or_exit
from emulator.cli.output import WRONG_USE, fail, print_json, stdout
from emulator.crypto.certificate import Certificate, printable
from emulator.crypto.keys import VerifyingKey
from emulator.entropy import Seeded, System
from emulator.errors import PkiError
from emulator.pki import authority, export, files, listing, schemes, sign
from emulator.pki.authority import NOT_AFTER, NOT_BEFORE, Authority, sample_authority
from emulator.pki.issue import IssuedChain, LeafOptions, issue
from emulator.pki.schemes import SCHEMES
from emulator.profile import ProvisionedChain, ready

app = typer.Typer(
    help="Make, list and export certificates of a test authority.", no_args_is_help=True
)

_EXPORT_SEED = "spdm-emulator certs export"
_DEVICE = "spdm-emulator device"
_HOST = "spdm-emulator host"


@app.command("make")
def make_command(
    directory: Annotated[Path, typer.Option("--dir", help="Where the files go.")] = Path("certs"),
    seed: Annotated[str | None, typer.Option(help="Make the same keys for the same text.")] = None,
    name: Annotated[
        str, typer.Option(help="Begins the authority's names.")
    ] = authority.SAMPLE_NAME,
    scheme: Annotated[
        list[str] | None,
        typer.Option(help=f"Only for this one, of {', '.join(SCHEMES)}; repeatable."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an authority.")] = False,
) -> None:
    """Make an authority: a root and an intermediate for each kind of keys."""
    with _wrong_use():
        if (directory / authority.TRUST).exists() and not force:
            raise PkiError(f"{directory} holds an authority already; --force replaces it")
        entropy = System() if seed is None else Seeded(seed)
        chosen = [schemes.scheme(one).name for one in scheme] if scheme else list(SCHEMES)
        _tell(authority.make_all(directory, entropy, name=name, schemes=chosen))


@app.command("show")
def show_command(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE|PROFILE]...",
            help="PEM, DER, or a profile; none: the sample authority.",
        ),
    ] = None,
    sets: Sets = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List what certificates say, with SPDM's own identifiers named."""
    with _wrong_use():
        shown = (
            {source: _certificates(source, sets or []) for source in sources}
            if sources
            else _sample_certificates()
        )
    if as_json:
        print_json({source: [*map(listing.describe, found)] for source, found in shown.items()})
        return
    for source, found in shown.items():
        for number, certificate in enumerate(found, 1):
            _say(f"{source}: certificate {number} of {len(found)}")
            for label, value in listing.lines(certificate):
                _say(f"  {label:<10} {printable(value)}")


@app.command("export")
def export_command(
    *,
    spdm_emu: Annotated[
        Path | None, typer.Option("--spdm-emu", help="A working folder for DMTF's spdm-emu.")
    ] = None,
    pem: Annotated[Path | None, typer.Option(help="The roots as one PEM file.")] = None,
    der: Annotated[
        Path | None, typer.Option(help="One root as DER, for a kernel keyring; needs --scheme.")
    ] = None,
    public_key: Annotated[
        Path | None,
        typer.Option(help="The public keys of --profile's device as PEM, for attest --public-key."),
    ] = None,
    scheme: Annotated[str | None, typer.Option(help=f"One of {', '.join(SCHEMES)}.")] = None,
    directory: Annotated[
        Path | None, typer.Option("--dir", help="The authority's folder; none: the sample.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option(help="The device for --spdm-emu or --public-key.")
    ] = None,
    san: Annotated[str | None, typer.Option(help="The device's PCIe CMA name.")] = None,
    common_name: Annotated[str, typer.Option(help="The device's common name.")] = _DEVICE,
    sets: Sets = None,
) -> None:
    """Write an authority's roots, or a device's chains, where another program expects them."""
    with _wrong_use():
        if sum(target is not None for target in (spdm_emu, pem, der, public_key)) != 1:
            raise PkiError("exactly one of --spdm-emu, --pem, --der and --public-key is needed")
        authorities = [_authority(directory, one) for one in ([scheme] if scheme else SCHEMES)]
        roots = [one.root.certificate for one in authorities]
        if spdm_emu is not None:
            devices = (
                [_issue(one, common_name, san=san) for one in authorities]
                if profile is None
                else _profile_chains(authorities, profile, sets or [])
            )
            hosts = [_issue(one, _HOST, options=export.REQUESTER) for one in authorities]
            keys = _profile_keys(authorities, profile, sets or []) if profile else []
            _tell(export.export_spdm_emu(spdm_emu, devices, requesters=hosts, keys=keys))
        elif public_key is not None:
            if profile is None:
                raise PkiError("--public-key takes the keys of a device: add --profile")
            keys = _profile_keys(authorities, profile, sets or [])
            if not keys:
                raise PkiError(f"{profile} has no public key, but certificates")
            _tell([export.export_public_keys(public_key, keys)])
        elif pem is not None:
            _tell([export.export_pem(pem, roots)])
        elif der is not None:
            if len(roots) > 1:
                raise PkiError(f"--der takes one root: add --scheme {' or '.join(SCHEMES)}")
            _tell([export.export_der(der, roots[0])])


@app.command("sign")
def sign_command(
    request: Annotated[
        Path, typer.Argument(metavar="CSR", help="The certificate signing request, DER or PEM.")
    ],
    *,
    out: Annotated[Path, typer.Option(help="Where the chain goes, PEM from the root on.")],
    directory: Annotated[
        Path | None, typer.Option("--dir", help="The authority's folder; none: the sample.")
    ] = None,
) -> None:
    """Grant a certificate signing request: the chain from the root to the new leaf."""
    with _wrong_use():
        data = files.read_file(request)
        try:
            kind = sign.key_type(data)
            chain = sign.sign_request(_authority(directory, kind), data)
        except PkiError as error:
            text = str(error)
            raise PkiError(text if str(request) in text else f"{request}: {text}") from error
        _tell([export.export_pem(out, chain)])


def _certificates(source: str, sets: list[str]) -> list[Certificate]:
    """The certificates that an argument of `show` names: a profile's, or a file's."""
    if source in ready() or source.endswith((".yaml", ".yml")):
        chains = _provisioned(source, sets)
        return [Certificate.parse(data) for one in chains for data in one.chain.certificates]
    try:
        return [Certificate.parse(data) for data in files.read_certificates(Path(source))]
    except PkiError as error:
        text = str(error)
        raise PkiError(text if source in text else f"{source}: {text}") from error


def _provisioned(profile: str, sets: list[str]) -> tuple[ProvisionedChain, ...]:
    """The chains of a profile's device."""
    return load_or_exit(profile, sets, at=datetime.now(UTC)).chains


def _profile_chains(
    authorities: list[Authority], profile: str, sets: list[str]
) -> list[IssuedChain]:
    """The chains of a profile's device, for the schemes of these authorities."""
    wanted = {one.scheme for one in authorities}
    return [
        IssuedChain(
            (one.chain.root, *(der for der in one.chain.certificates if der != one.chain.root)),
            one.chain.key,
            model=one.model or "device",
        )
        for one in _provisioned(profile, sets)
        if one.chain.key.public.key_type in wanted
    ]


def _profile_keys(
    authorities: list[Authority], profile: str, sets: list[str]
) -> list[VerifyingKey]:
    """The public keys that a profile's device is known by, one of each kind of keys."""
    wanted = {one.scheme for one in authorities}
    keys = load_or_exit(profile, sets, at=datetime.now(UTC)).public_keys.values()
    by_kind = {key.public.key_type: key.public for key in keys}
    return [key for kind, key in by_kind.items() if kind in wanted]


def _issue(
    issuer: Authority,
    common_name: str,
    *,
    san: str | None = None,
    options: LeafOptions | None = None,
) -> IssuedChain:
    return issue(
        issuer,
        san=san,
        common_name=common_name,
        secret=Seeded(_EXPORT_SEED).bytes(32, label=f"{common_name} {issuer.scheme}"),
        not_before=NOT_BEFORE,
        not_after=NOT_AFTER,
        options=options,
    )


def _authority(directory: Path | None, scheme: str) -> Authority:
    return sample_authority(scheme) if directory is None else Authority.load(directory, scheme)


def _sample_certificates() -> dict[str, list[Certificate]]:
    shown: dict[str, list[Certificate]] = {}
    for name in SCHEMES:
        sample = sample_authority(name)
        issuers = (sample.root, sample.intermediate)
        shown[name] = [Certificate.parse(issuer.certificate) for issuer in issuers]
    return shown


@contextmanager
def _wrong_use() -> Iterator[None]:
    """A PkiError becomes a line on standard error and exit code 2."""
    try:
        yield
    except PkiError as error:
        fail(str(error), code=WRONG_USE)


def _say(text: str) -> None:
    stdout().print(text, markup=False)


def _tell(written: list[Path]) -> None:
    for path in written:
        _say(f"wrote {path}")
