from datetime import UTC, datetime

import pytest
from chains import QUICK, SAN, authority, issued

from emulator.crypto.certificate import (
    KEY_USAGES,
    OID_CMA_NAME,
    OID_HARDWARE_IDENTITY,
    OID_MUTABLE_CERTIFICATE,
    OID_RESPONDER_AUTH,
    Certificate,
)
from emulator.crypto.hashes import digest
from emulator.crypto.keys import SigningKey
from emulator.crypto.tcb import TcbInfo
from emulator.errors import PkiError
from emulator.pki.issue import IssuedChain, LeafOptions
from emulator.pki.schemes import SCHEMES


@pytest.mark.parametrize("scheme", QUICK)
@pytest.mark.parametrize("options", [LeafOptions(), LeafOptions(model="alias")])
def test_the_same_inputs_give_the_same_bytes(scheme: str, options: LeafOptions) -> None:
    one, other = issued(scheme, options=options), issued(scheme, options=options)
    assert one.der == other.der
    assert one.key.to_pem() == other.key.to_pem()
    assert one.key.public.key_type == scheme


def test_the_bytes_stay_what_they_were() -> None:
    # A recorded run is replayed with the certificates of its day: a change here breaks replays.
    assert digest("SHA_256", issued().der).hex() == (
        "86b4c07904f53faa5d95ba46aca309bc2937efb9938939c12b8cbce6a6cdcd8f"
    )


def test_other_inputs_give_other_serial_numbers() -> None:
    chains = [
        issued(),
        issued(secret=b"another"),
        issued(common_name="another"),
        issued(san=None),
        issued(not_before=datetime(2024, 1, 2, tzinfo=UTC)),
        issued(not_after=datetime(2030, 1, 1, tzinfo=UTC)),
        issued(options=LeafOptions(ekus=())),
    ]
    serials = {Certificate.parse(chain.leaf).serial for chain in chains}
    assert len(serials) == len(chains)
    assert {serial.bit_length() for serial in serials} == {127}


@pytest.mark.parametrize("scheme", QUICK)
def test_every_certificate_is_long_enough_for_linux(scheme: str) -> None:
    bare = LeafOptions(ekus=(), spdm_oids=(), key_usage=(), basic_constraints=False)
    for options in (bare, LeafOptions(model="alias")):
        chain = issued(scheme, san=None, common_name="x", options=options)
        assert all(len(one) >= 256 and one[:2] == b"\x30\x82" for one in chain.certificates)


def test_chain_parts() -> None:
    chain = issued()
    assert chain.certificates[:2] == (
        authority().root.certificate,
        authority().intermediate.certificate,
    )
    assert (chain.root, chain.leaf) == (chain.certificates[0], chain.certificates[2])
    assert chain.der == b"".join(chain.certificates)
    leaf = Certificate.parse(chain.leaf)
    assert leaf.key is not None
    assert leaf.key.spki == chain.key.public.spki


def test_a_key_may_be_given() -> None:
    key = SigningKey.derive("ECDSA_P384", b"a key of its own")
    chain = issued(key=key, secret=b"")
    assert chain.key is key
    assert chain.scheme == "ECDSA_P384"


def test_a_key_or_a_secret_is_needed() -> None:
    with pytest.raises(PkiError, match="'a device' needs a key, or a secret"):
        issued(secret=b"")


class TestAliasModel:
    def test_the_device_stands_above_the_leaf(self) -> None:
        chain = issued(options=LeafOptions(model="alias"))
        device, leaf = (Certificate.parse(one) for one in chain.certificates[2:])
        assert device.subject == "CN=a device device,O=spdm-emulator"
        assert (device.is_ca, device.path_length) == (True, 0)
        assert device.key_usage == frozenset({"keyCertSign"})
        assert device.spdm_oids == (OID_HARDWARE_IDENTITY,)
        assert leaf.spdm_oids == (OID_MUTABLE_CERTIFICATE,)
        assert leaf.signature_problem(device) == ""
        assert chain.model == "alias"

    def test_the_device_keeps_its_key_when_the_leaf_changes(self) -> None:
        key = SigningKey.derive("ECDSA_P256", b"firmware 2")
        chains = [issued(options=LeafOptions(model="alias"), key=k) for k in (None, key)]
        assert chains[0].certificates[2] == chains[1].certificates[2]
        assert chains[0].leaf != chains[1].leaf

    def test_without_a_secret_it_follows_from_the_key(self) -> None:
        keys = [SigningKey.derive("ECDSA_P256", seed) for seed in (b"1", b"1", b"2")]
        options = LeafOptions(model="alias")
        devices = [issued(options=options, key=key, secret=b"").certificates[2] for key in keys]
        assert devices[0] == devices[1] != devices[2]


class TestFirmware:
    def chains(self, scheme: str) -> tuple[IssuedChain, IssuedChain]:
        made = (
            issued(scheme, options=LeafOptions(model="alias", tcb_info=TcbInfo(svn=svn)))
            for svn in (1, 2)
        )
        return next(made), next(made)

    @pytest.mark.parametrize("scheme", SCHEMES)
    def test_an_alias_is_another_for_other_firmware(self, scheme: str) -> None:
        one, other = self.chains(scheme)
        assert one.certificates[:-1] == other.certificates[:-1]
        assert one.leaf != other.leaf
        leaf = Certificate.parse(other.leaf)
        assert leaf.tcb_info == TcbInfo(svn=2)
        assert leaf.extensions[-3] == "2.23.133.5.4.1"

    @pytest.mark.parametrize("scheme", ["ECDSA_P384", "EDDSA_25519"])
    def test_its_key_follows_from_the_firmware(self, scheme: str) -> None:
        one, other = self.chains(scheme)
        assert one.key.public.spki != other.key.public.spki

    def test_rsa_keys_are_shared_so_the_devices_own_is_of_another_kind(self) -> None:
        one, other = self.chains("RSA_3072")
        assert one.key.public.spki == other.key.public.spki
        above = Certificate.parse(one.certificates[2])
        assert above.key is not None
        assert above.key.key_type == "ECDSA_P384"

    def test_a_bent_extension_is_no_ones_business(self) -> None:
        leaf = self.chains("ECDSA_P256")[0].leaf
        info = TcbInfo(svn=1).to_der()
        assert leaf.count(info) == 1
        bent = leaf.replace(info, b"\x31" + info[1:])
        assert Certificate.parse(bent).tcb_info is None


def test_a_generic_leaf_is_an_ordinary_one() -> None:
    leaf = Certificate.parse(issued(options=LeafOptions(model="generic", ekus=())).leaf)
    assert (leaf.spdm_oids, leaf.ekus) == ((), ())
    assert (leaf.is_ca, leaf.key_usage) == (False, frozenset({"digitalSignature"}))


class TestOptions:
    def leaf(self, options: LeafOptions) -> Certificate:
        return Certificate.parse(issued(options=options).leaf)

    def test_nothing_at_all(self) -> None:
        options = LeafOptions(ekus=(), spdm_oids=(), key_usage=(), basic_constraints=False)
        leaf = Certificate.parse(issued(san=None, options=options).leaf)
        assert leaf.extensions == ("2.5.29.14", "2.5.29.35")

    def test_every_key_usage(self) -> None:
        leaf = self.leaf(LeafOptions(key_usage=tuple(KEY_USAGES)))
        assert leaf.key_usage == frozenset(KEY_USAGES)

    def test_an_unknown_key_usage_is_named(self) -> None:
        with pytest.raises(PkiError, match="no key usage signing; known: digitalSignature, "):
            self.leaf(LeafOptions(key_usage=("signing", "keyCertSign")))

    def test_purposes(self) -> None:
        leaf = self.leaf(LeafOptions(ekus=(OID_RESPONDER_AUTH, "1.2.3")))
        assert leaf.ekus == (OID_RESPONDER_AUTH, "1.2.3")

    def test_a_bad_identifier_is_named(self) -> None:
        with pytest.raises(PkiError, match="'1' is not an object identifier"):
            self.leaf(LeafOptions(spdm_oids=("1",)))

    def test_names(self) -> None:
        leaf = self.leaf(LeafOptions(more_names=("Vendor=dead",)))
        assert [(name.oid, name.text) for name in leaf.other_names] == [
            (OID_CMA_NAME, SAN),
            (OID_CMA_NAME, "Vendor=dead"),
        ]

    def test_a_text_that_does_not_fit_is_named(self) -> None:
        with pytest.raises(PkiError, match="does not fit a printable string"):
            issued(san="a_b", options=LeafOptions(san_encoding="printable"))
