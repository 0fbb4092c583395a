"""A loaded profile for people and programs: all values, defaults too, and what came of them."""

import io
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarint import HexInt
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from emulator.crypto import hashes
from emulator.crypto.certificate import OID_CMA_NAME
from emulator.crypto.x509 import Certificate
from emulator.profile.chains import ProvisionedChain
from emulator.profile.load import LoadedProfile
from emulator.profile.model import Profile

_DIGITS = {
    "vendor": 4,
    "device": 4,
    "class_code": 6,
    "revision": 2,
    "subsystem_vendor": 4,
    "subsystem": 4,
    "serial": 16,
}
"""How many hexadecimal digits each register has."""


def values(profile: Profile) -> dict[str, Any]:
    """All values as JSON has them. The profiles it extends are merged in, paths are absolute."""
    return profile.model_dump(mode="json", exclude={"extends"})


def to_yaml(profile: Profile) -> str:
    """The values as a profile file, which loads as the same profile wherever it lies."""
    told = values(profile)
    functions = told.pop("functions")
    shown = _written(told)
    if functions:
        # What is null there is not nothing: it is what the function lacks of the profile.
        shown["functions"] = _written(functions, nulls=True)
    for part in (shown, *shown.get("functions", {}).values()):
        for key, number in part.get("identity", {}).items():
            if number is not None:
                part["identity"][key] = HexInt(number, width=_DIGITS[key])
    return _dumped(shown)


def yaml_text(value: dict[str, Any]) -> str:
    """JSON values as YAML that loads as the same; what is null is left out."""
    return _dumped(_written(value))


def _dumped(value: Any) -> str:
    yaml = YAML()
    yaml.width = 100
    yaml.indent(mapping=2, sequence=4, offset=2)
    text = io.StringIO()
    yaml.dump(value, text)
    return text.getvalue()


def summary(loaded: LoadedProfile) -> dict[str, Any]:
    """What the values amount to: the file, the name in the certificates, the chains, the keys."""
    functions = {name: summary(one) for name, one in loaded.functions.items()}
    return {
        "file": str(loaded.file),
        "san": loaded.identity.san,
        "chains": [_chain(one, loaded) for one in loaded.chains],
        "public_keys": {
            scheme: hashes.digest("SHA_256", key.public.spki).hex()
            for scheme, key in loaded.public_keys.items()
        },
        **({"functions": functions} if functions else {}),
    }


def summary_lines(loaded: LoadedProfile) -> list[str]:
    """The summary in a few lines for people."""
    told = summary(loaded)
    return [
        f"file: {told['file']}",
        f"subjectAltName: {told['san']}",
        *(_chain_line(chain) for chain in told["chains"]),
        *(f"public key, {name}: SHA-256 {one}" for name, one in told["public_keys"].items()),
        *(
            f"function {name}, {line}"
            for name, one in loaded.functions.items()
            for line in summary_lines(one)[1:]
        ),
    ]


def _chain_line(chain: dict[str, Any]) -> str:
    names = ", ".join(chain["names"]) or "none"
    return (
        f"slot {chain['slot']}, {chain['asym']}: {chain['certificates']} certificates,"
        f" {chain['bytes']} bytes, leaf {chain['leaf']}, CMA name {names},"
        f" valid from {chain['not_before'][:10]} to {chain['not_after'][:10]}"
    )


def _chain(one: ProvisionedChain, loaded: LoadedProfile) -> dict[str, Any]:
    chain = one.chain
    leaf = Certificate.parse(chain.certificates[-1])
    return {
        "slot": one.slot,
        "asym": chain.key.scheme,
        "model": one.model,
        "certificates": len(chain.certificates),
        "bytes": chain.size(loaded.profile.algorithms.hash[0]),
        "leaf": leaf.subject,
        "names": [
            name.text or name.value.hex() for name in leaf.other_names if name.oid == OID_CMA_NAME
        ],
        "not_before": one.not_before.isoformat(),
        "not_after": one.not_after.isoformat(),
    }


def _written(value: Any, *, nulls: bool = False) -> Any:
    """Slots are written by number, as profiles do; what is null is left out unless `nulls`.

    Text with line breaks goes into double quotes, where they are escaped, whatever kind they are.
    """
    if isinstance(value, dict):
        return {
            int(key) if key.isdecimal() else key: _written(one, nulls=nulls)
            for key, one in value.items()
            if nulls or one is not None
        }
    if isinstance(value, list):
        return [_written(one, nulls=nulls) for one in value]
    is_odd = isinstance(value, str) and not value.isprintable()
    return DoubleQuotedScalarString(value) if is_odd else value
