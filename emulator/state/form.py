"""The file of a device's state: its form, and a state read from it and put into it."""

import base64
import binascii
import hashlib
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from emulator.crypto.keys import SigningKey
from emulator.device.key_pairs import KeyPair
from emulator.device.provisioning import AskedCsr, AskedPair, Lasting, Written
from emulator.spdm.key_pairs import CertificateModel, KeyPairCap, KeyUsage
from emulator.spdm.messages.certificates import SLOT_COUNT


def _bytes(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise ValueError(f"found no base64: {error}") from error


Data = Annotated[
    bytes,
    BeforeValidator(_bytes),
    PlainSerializer(lambda value: base64.b64encode(value).decode(), return_type=str),
]
"""Bytes, in base64."""

SlotNumber = Annotated[int, Field(ge=0, le=SLOT_COUNT - 1)]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PairForm(_Form):
    """A key pair; `key` is PKCS#8 PEM, unencrypted."""

    key: str | None
    key_type: str
    slots: int
    usage: int
    key_types: tuple[str, ...]
    uses: int
    capabilities: int

    @classmethod
    def of(cls, pair: KeyPair) -> "PairForm":
        """The form of a key pair."""
        return cls(
            key=None if pair.key is None else pair.key.to_pem().decode(),
            key_type=pair.key_type,
            slots=pair.slots,
            usage=pair.usage,
            key_types=pair.key_types,
            uses=pair.uses,
            capabilities=pair.capabilities,
        )

    def read(self) -> KeyPair:
        """The key pair. Raises PkiError for a key that is none."""
        return KeyPair(
            key=SigningKey.from_pem(self.key.encode(), trusted=True) if self.key else None,
            key_type=self.key_type,
            slots=self.slots,
            usage=KeyUsage(self.usage),
            key_types=self.key_types,
            uses=KeyUsage(self.uses),
            capabilities=KeyPairCap(self.capabilities),
        )


class WrittenForm(_Form):
    """What was left in a slot: certificates, DER, by the kind of the leaf's key."""

    chains: dict[str, tuple[Data, ...]]
    model: CertificateModel
    alone: bool

    @classmethod
    def of(cls, written: Written) -> "WrittenForm":
        """The form of it."""
        return cls(chains=dict(written.chains), model=written.model, alone=written.alone)

    def read(self) -> Written:
        """What was left."""
        return Written(dict(self.chains), self.model, self.alone)


class CsrForm(_Form):
    """A GET_CSR that waits for a reset, or has waited."""

    request: Data
    ready: bool


class ChangeForm(_Form):
    """A SET_KEY_PAIR_INFO that waits for a reset, or has waited."""

    request: Data
    number: int
    becomes: PairForm
    done: bool


class StateForm(_Form):
    """The whole file.

    Attributes:
        state: the version of this format.
        device: the name in the device's certificate: whose state it is.
        known: the SHA-256 of each public key that the device had from its profile.
    """

    state: Literal[1] = 1
    device: str
    known: tuple[str, ...]
    pairs: tuple[PairForm, ...]
    written: dict[SlotNumber, WrittenForm]
    installing: dict[SlotNumber, WrittenForm]
    csrs: dict[int, CsrForm]
    changing: ChangeForm | None

    def read(self) -> Lasting:
        """The state. Raises PkiError for a key that is none."""
        changing = self.changing
        return Lasting(
            pairs=tuple(pair.read() for pair in self.pairs),
            written=_read(self.written),
            installing=_read(self.installing),
            csrs={tag: AskedCsr(one.request, one.ready) for tag, one in self.csrs.items()},
            changing=None
            if changing is None
            else AskedPair(
                changing.request, changing.number, changing.becomes.read(), changing.done
            ),
        )


def _read(forms: Mapping[int, WrittenForm]) -> dict[int, Written]:
    return {slot: form.read() for slot, form in forms.items()}


def form_of(device: str, state: Lasting, known: Iterable[str]) -> StateForm:
    """The form of a device's state; `known`: the digests of its profile's public keys."""
    changing = state.changing
    return StateForm(
        device=device,
        known=tuple(sorted(known)),
        pairs=tuple(map(PairForm.of, state.pairs)),
        written={slot: WrittenForm.of(one) for slot, one in state.written.items()},
        installing={slot: WrittenForm.of(one) for slot, one in state.installing.items()},
        csrs={
            tag: CsrForm(request=one.request, ready=one.ready) for tag, one in state.csrs.items()
        },
        changing=None
        if changing is None
        else ChangeForm(
            request=changing.request,
            number=changing.number,
            becomes=PairForm.of(changing.becomes),
            done=changing.done,
        ),
    )


def digests(pairs: Iterable[KeyPair]) -> set[str]:
    """The SHA-256 of each public key."""
    return {hashlib.sha256(pair.key.public.spki).hexdigest() for pair in pairs if pair.key}
