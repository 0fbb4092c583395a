"""Slots: chains of the sample authority, and chains from files."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from chains import AT, authority, foreign, issued
from cryptography.hazmat.primitives.asymmetric import ec

from emulator.crypto.certificate import OID_CMA_NAME, OID_MUTABLE_CERTIFICATE, OID_REQUESTER_AUTH
from emulator.crypto.hashes import digest
from emulator.crypto.tcb import Fwid, TcbInfo
from emulator.crypto.x509 import Certificate, verify_chain
from emulator.pki import files
from emulator.pki.authority import _sample, sample_authority
from emulator.pki.issue import IssuedChain, LeafOptions
from emulator.profile import LoadedProfile
from emulator.profile.chains import EXPECTED, MAX_FILE, provision
from emulator.profile.model import Profile
from emulator.profile.report import Report

Load = Callable[..., LoadedProfile]
Problems = Callable[..., list[str]]

FROM_FILES = "{0: {chains: [{certificates: [chain.pem], key: key.pem}]}}"
WHERE = "p.yaml:7:22: slots.0.chains[0]."
CHAIN = "p.yaml:7:37: slots.0.chains[0].certificates: found "
KEY = "p.yaml:7:55: slots.0.chains[0].key: found "


def _save(folder: Path, chain: IssuedChain, *, skip: int = 0, name: str = "") -> None:
    (folder / f"{name}chain.pem").write_bytes(files.to_pem(chain.certificates[skip:]))
    (folder / f"{name}key.pem").write_bytes(chain.key.to_pem())


def _cma_name(loaded: LoadedProfile) -> list[str | None]:
    leaf = Certificate.parse(loaded.chains[0].chain.certificates[-1])
    return [name.text for name in leaf.other_names if name.oid == OID_CMA_NAME]


def test_auto_has_a_chain_for_each_algorithm(load_sections: Load, at: datetime) -> None:
    loaded = load_sections(
        algorithms="{asym: [ECDSA_P256, ECDSA_P384]}", slots="{0: auto, 2: auto}"
    )
    assert [(one.slot, one.chain.key.scheme) for one in loaded.chains] == [
        (0, "ECDSA_P256"),
        (0, "ECDSA_P384"),
        (2, "ECDSA_P256"),
        (2, "ECDSA_P384"),
    ]
    for one in loaded.chains:
        root = sample_authority(one.chain.key.scheme).root.certificate
        checks = verify_chain(
            one.chain.certificates,
            [root],
            at=at,
            expected_san=loaded.identity.san,
            slot=one.slot,
        )
        assert [check for check in checks if not check.ok] == []


def test_auto_keys_depend_on_name_identity_slot_and_algorithm_alone(load_sections: Load) -> None:
    def keys(**arguments: object) -> set[bytes]:
        arguments = {"slots": "{0: auto, 1: auto}"} | arguments
        return {one.chain.key.public.spki for one in load_sections(**arguments).chains}

    first = keys()
    assert len(first) == 2
    assert keys(description="another text", timing="{delay: 1}") == first
    assert keys(at=AT + timedelta(days=1)) == first
    assert keys(name="u").isdisjoint(first)
    assert keys(identity="{vendor: 2, device: 2, class_code: 3, revision: 4}").isdisjoint(first)


@pytest.mark.parametrize(
    ("san", "names"),
    [
        ("null", ["Vendor=0001:Device=0002:CC=000003:REV=04"]),
        ("none", []),
        ("Vendor=FFFF", ["Vendor=FFFF"]),
    ],
)
def test_auto_can_have_another_name(load_sections: Load, san: str, names: list[str]) -> None:
    loaded = load_sections(slots=f"{{0: {{auto: {{san: {san}, common_name: x}}}}}}")
    assert _cma_name(loaded) == names
    assert "CN=x" in Certificate.parse(loaded.chains[0].chain.certificates[-1]).subject


def test_auto_can_leave_the_root_out(load_sections: Load) -> None:
    [one] = load_sections(slots="{0: {auto: {include_root: false}}}").chains
    root = sample_authority("ECDSA_P256").root.certificate
    assert len(one.chain.certificates) == 2
    assert one.chain.root == root
    assert root not in one.chain.certificates


def test_a_chain_from_files(load_sections: Load, tmp_path: Path) -> None:
    chain = issued()
    _save(tmp_path, chain)
    [one] = load_sections(slots=FROM_FILES).chains
    assert one.chain.certificates == chain.certificates
    assert one.chain.root == chain.root
    assert one.chain.key.public.spki == chain.key.public.spki


def test_a_chain_of_several_files_in_der(load_sections: Load, tmp_path: Path) -> None:
    chain = issued()
    _save(tmp_path, chain)
    (tmp_path / "upper.der").write_bytes(b"".join(chain.certificates[:2]))
    (tmp_path / "leaf.der").write_bytes(chain.leaf)
    slots = "{3: {chains: [{certificates: [upper.der, leaf.der], key: key.pem}]}}"
    [one] = load_sections(slots=slots).chains
    assert one.slot == 3
    assert one.chain.certificates == chain.certificates


def test_a_chain_without_its_root(load_sections: Load, tmp_path: Path) -> None:
    chain = issued()
    _save(tmp_path, chain, skip=1)
    (tmp_path / "root.der").write_bytes(chain.root)
    slots = "{0: {chains: [{certificates: [chain.pem], key: key.pem, root: root.der}]}}"
    [one] = load_sections(slots=slots).chains
    assert one.chain.certificates == chain.certificates[1:]
    assert one.chain.root == chain.root


def test_a_chain_for_each_algorithm(load_sections: Load, tmp_path: Path) -> None:
    _save(tmp_path, issued())
    _save(tmp_path, issued("ECDSA_P384"), name="b_")
    slots = (
        "{0: {chains: [{certificates: [chain.pem], key: key.pem},"
        " {certificates: [b_chain.pem], key: b_key.pem}]}}"
    )
    loaded = load_sections(slots=slots, algorithms="{asym: [ECDSA_P256, ECDSA_P384]}")
    assert [one.chain.key.scheme for one in loaded.chains] == ["ECDSA_P256", "ECDSA_P384"]


def test_the_root_must_be_at_hand(problems: Problems, tmp_path: Path) -> None:
    _save(tmp_path, issued(), skip=1)
    assert problems(slots=FROM_FILES) == [
        (
            "p.yaml:7:22: slots.0.chains[0].root: found nothing; expected the root certificate, as"
            " the chain leaves it out"
        )
    ]


def test_the_root_must_be_one(problems: Problems, tmp_path: Path) -> None:
    chain = issued()
    _save(tmp_path, chain, skip=1)
    (tmp_path / "root.pem").write_bytes(files.to_pem(chain.certificates))
    slots = "{0: {chains: [{certificates: [chain.pem], key: key.pem, root: root.pem}]}}"
    assert problems(slots=slots) == [
        "p.yaml:7:70: slots.0.chains[0].root: found 3 certificates; expected one certificate"
    ]
    (tmp_path / "root.pem").write_bytes(files.to_pem(chain.certificates[1:2]))
    assert problems(slots=slots) == [
        (
            "p.yaml:7:70: slots.0.chains[0].root: found CN=Sample ECDSA_P256 intermediate,"
            "O=spdm-emulator, which is not self-signed; expected the root certificate, as the chain"
            " leaves it out"
        )
    ]


def test_the_key_must_be_the_leafs(problems: Problems, tmp_path: Path) -> None:
    _save(tmp_path, issued())
    (tmp_path / "key.pem").write_bytes(issued(secret=b"another").key.to_pem())
    assert problems(slots=FROM_FILES) == [
        f"{KEY}another key; expected the private key of CN=a device,O=spdm-emulator"
    ]


def test_files_must_be_what_they_are_said_to_be(problems: Problems, tmp_path: Path) -> None:
    (tmp_path / "chain.pem").write_text("no certificate")
    (tmp_path / "key.pem").write_bytes(b"x" * (MAX_FILE + 1))
    [certificates, key] = problems(slots=FROM_FILES)
    assert certificates.startswith(
        "p.yaml:7:38: slots.0.chains[0].certificates[0]: found chain.pem: neither PEM nor DER"
    )
    assert certificates.endswith("; expected a file of certificates, DER or PEM")
    assert key == (
        f"{KEY}key.pem: more than {MAX_FILE} bytes; expected the leaf's private key,"
        " unencrypted PEM"
    )


def test_der_that_is_no_certificate(problems: Problems, tmp_path: Path) -> None:
    _save(tmp_path, issued())
    (tmp_path / "chain.pem").write_bytes(b"\x30\x00")
    [line] = problems(slots=FROM_FILES)
    assert line.startswith("p.yaml:7:22: slots.0.chains[0]: found not a readable certificate: ")
    assert line.endswith("; expected X.509 certificates")


@pytest.mark.parametrize(
    ("options", "found", "expected"),
    [
        (LeafOptions(ca=True), "the leaf is a CA", "a leaf that is no CA"),
        (
            LeafOptions(key_usage=()),
            "the leaf has no key usage; slot 0 demands digitalSignature",
            "a leaf with digitalSignature and without keyCertSign",
        ),
        (
            LeafOptions(key_usage=("digitalSignature", "keyCertSign")),
            "the leaf has the key usage keyCertSign",
            "a leaf with digitalSignature and without keyCertSign",
        ),
        (
            LeafOptions(ekus=(OID_REQUESTER_AUTH,)),
            "the leaf is meant for SPDM requesters only",
            "a leaf that is not for requesters alone",
        ),
    ],
)
def test_a_leaf_that_requesters_refuse(
    problems: Problems, tmp_path: Path, options: LeafOptions, found: str, expected: str
) -> None:
    _save(tmp_path, issued(options=options))
    assert problems(slots=FROM_FILES) == [f"{CHAIN}{found}; expected {expected}"]


def test_a_leaf_without_key_usage_is_fine_above_slot_0(problems: Problems, tmp_path: Path) -> None:
    _save(tmp_path, issued(options=LeafOptions(key_usage=())))
    assert problems(slots=FROM_FILES.replace("0:", "1:")) == []


def test_basic_constraints_are_needed_from_1_3_on(problems: Problems, tmp_path: Path) -> None:
    _save(tmp_path, issued(options=LeafOptions(basic_constraints=False)))
    assert problems(slots=FROM_FILES) == []
    assert problems(slots=FROM_FILES, versions='["1.2", "1.3"]') == [
        (
            f"{CHAIN}CN=a device,O=spdm-emulator without; expected a leaf with basicConstraints,"
            " which SPDM 1.3 demands"
        )
    ]


def test_the_order_is_from_the_root_to_the_leaf(problems: Problems, tmp_path: Path) -> None:
    chain = issued(options=LeafOptions(model="alias"))
    root, one, two, leaf = chain.certificates
    _save(tmp_path, chain)
    (tmp_path / "chain.pem").write_bytes(files.to_pem([root, two, one, leaf]))
    expected = [line.rpartition("; expected ")[2] for line in problems(slots=FROM_FILES)]
    assert EXPECTED["order"] in expected
    assert EXPECTED["signatures"] in expected


def test_a_chain_of_another_scheme(problems: Problems, tmp_path: Path) -> None:
    _save(tmp_path, issued("ECDSA_P384"))
    assert problems(slots=FROM_FILES) == [
        (
            "p.yaml:7:22: slots.0.chains[0]: found an ECDSA_P384 key; expected a key of ECDSA_P256,"
            " as in algorithms.asym"
        )
    ]


def test_a_leaf_key_of_an_unknown_kind(problems: Problems, tmp_path: Path) -> None:
    _save(tmp_path, issued())
    odd = foreign(ec.generate_private_key(ec.SECP256K1()))
    (tmp_path / "chain.pem").write_bytes(files.to_pem([odd]))
    assert any(line.endswith(EXPECTED["leaf key"]) for line in problems(slots=FROM_FILES))


def test_one_chain_for_each_algorithm_of_a_slot(problems: Problems, tmp_path: Path) -> None:
    _save(tmp_path, issued())
    one = "{certificates: [chain.pem], key: key.pem}"
    assert problems(slots=f"{{0: {{chains: [{one}, {one}]}}}}") == [
        (
            "p.yaml:7:65: slots.0.chains[1]: found a second chain for ECDSA_P256; expected one for"
            " each algorithm"
        )
    ]


def test_every_algorithm_has_a_chain(problems: Problems, tmp_path: Path) -> None:
    _save(tmp_path, issued())
    assert problems(
        slots=FROM_FILES, algorithms="{asym: [ECDSA_P256, ECDSA_P384], hash: [SHA_256]}"
    ) == [
        (
            'p.yaml:6:33: algorithms.asym[1]: found "ECDSA_P384"; expected an algorithm that a slot'
            " has a chain for"
        )
    ]


def test_a_chain_has_a_largest_size(problems: Problems, tmp_path: Path) -> None:
    chain = issued(options=LeafOptions(more_names=("x" * 70_000,)))
    _save(tmp_path, chain)
    size = 4 + 32 + sum(map(len, chain.certificates))
    told = (
        f"p.yaml:7:22: slots.0.chains[0]: found a chain of {size} bytes; expected at most 65535"
        " bytes without LARGE_RESP in capabilities and version 1.4"
    )
    large = "[CERT, CHAL, LARGE_RESP]"
    assert problems(slots=FROM_FILES) == [told]
    assert problems(slots=FROM_FILES, versions='["1.2", "1.4"]') == [told]
    assert problems(slots=FROM_FILES, capabilities=large) == [told]
    assert problems(slots=FROM_FILES, capabilities=large, versions='["1.2", "1.4"]') == []


def test_a_chain_in_the_large_form_has_a_largest_size_too(
    problems: Problems, tmp_path: Path
) -> None:
    chain = issued(options=LeafOptions(more_names=("x" * 1_040_000,)))
    (tmp_path / "key.pem").write_bytes(chain.key.to_pem())
    (tmp_path / "upper.der").write_bytes(b"".join(chain.certificates[:2]))
    (tmp_path / "leaf.der").write_bytes(chain.leaf)
    slots = "{0: {chains: [{certificates: [upper.der, leaf.der], key: key.pem}]}}"
    more = {"capabilities": "[CERT, CHAL, LARGE_RESP]", "versions": '["1.4"]'}
    assert problems(slots=slots, **more) == []
    chain = issued(options=LeafOptions(more_names=("x" * 1_047_900,)))
    size = 36 + sum(map(len, chain.certificates))
    assert size > 1 << 20
    (tmp_path / "leaf.der").write_bytes(chain.leaf)
    [told] = problems(slots=slots, **more)
    assert told.endswith(f"found a chain of {size} bytes; expected at most 1048576 bytes")


@pytest.mark.parametrize("at", [datetime(2023, 12, 31, tzinfo=UTC)])
def test_auto_chains_have_dates_too(problems: Problems, at: datetime) -> None:
    assert problems(at=at) == [
        (
            "p.yaml:7:12: slots.0: found a chain valid from 2024-01-01 00:00:00 UTC to 9999-12-31"
            " 23:59:59 UTC; expected certificates that are valid at 2023-12-31 00:00:00 UTC"
        )
    ]


@pytest.mark.parametrize("days", [-1, 31])
def test_chains_must_be_valid_now(problems: Problems, tmp_path: Path, days: int) -> None:
    _save(tmp_path, issued(not_before=AT, not_after=AT + timedelta(days=30)))
    at = AT + timedelta(days=days)
    assert problems(slots=FROM_FILES, at=at) == [
        (
            "p.yaml:7:22: slots.0.chains[0]: found a chain valid from 2025-06-01 00:00:00 UTC to"
            " 2025-07-01 00:00:00 UTC; expected certificates that are valid at"
            f" {at:%Y-%m-%d} 00:00:00 UTC"
        )
    ]


def test_every_check_of_a_chain_has_its_words(at: datetime) -> None:
    chain = issued(options=LeafOptions(spdm_oids=(OID_MUTABLE_CERTIFICATE,)))
    checks = verify_chain(
        chain.certificates,
        [authority().root.certificate],
        at=at,
        expected_san=None,
        slot=0,
    )
    assert {check.name for check in checks} <= EXPECTED.keys() | {"validity"}


def test_a_sample_authority_that_is_missing_is_a_problem(
    load_sections: Load, at: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = load_sections()
    report = Report(loaded.tree)
    monkeypatch.setattr("emulator.pki.authority.resources.folder", lambda _: tmp_path)
    _sample.cache_clear()
    profile: Profile = loaded.profile
    assert provision(profile, (), report, at=at) == ()
    _sample.cache_clear()
    [line] = report.error().problems
    assert line.endswith(
        "root.cert.pem: cannot be read: No such file or directory; expected values that fit a"
        " certificate"
    )


RAW_ALIAS = {
    "capabilities": "[CERT, CHAL, MEAS_SIG, ALIAS_CERT]",
    "algorithms": "{asym: [ECDSA_P256], hash: [SHA_256], measurement_hash: RAW_BIT}",
    "slots": "{0: {auto: {model: alias}}}",
    "measurements": "[{index: 1, type: immutable-rom, text: v}]",
}


def test_an_alias_has_digests_where_measurements_are_raw(load_sections: Load) -> None:
    [one] = load_sections(**RAW_ALIAS).chains
    info = Certificate.parse(one.chain.certificates[-1]).tcb_info
    assert one.model == "alias"
    assert info == TcbInfo(
        vendor="0001",
        model="t",
        layer=1,
        index=0,
        fwids=(Fwid("SHA_384", digest("SHA_384", b"v")),),
    )


def test_a_digest_given_is_the_aliass_too(load_sections: Load, measuring: dict[str, str]) -> None:
    given = "aa" * 32
    alias = measuring | {
        "capabilities": "[CERT, CHAL, MEAS_SIG, ALIAS_CERT]",
        "slots": "{0: {auto: {model: alias}}}",
        "measurements": f'[{{index: 1, type: mutable-firmware, digest: "{given}"}}]',
    }
    [one] = load_sections(**alias).chains
    info = Certificate.parse(one.chain.certificates[-1]).tcb_info
    assert info is not None
    assert info.fwids == (Fwid("SHA_256", bytes.fromhex(given)),)


def test_an_alias_from_files_has_no_hardware_identity(problems: Problems, tmp_path: Path) -> None:
    _save(tmp_path, issued())
    [told] = problems(slots=FROM_FILES, capabilities="[CERT, CHAL, ALIAS_CERT]")
    assert told == (
        f"{CHAIN}an alias leaf carries the hardware identity; expected"
        f" {EXPECTED['leaf SPDM extension']}"
    )
    _save(tmp_path, issued(options=LeafOptions(model="alias")))
    assert problems(slots=FROM_FILES, capabilities="[CERT, CHAL, ALIAS_CERT]") == []


def test_a_public_key_from_a_file(load_sections: Load, problems: Problems, tmp_path: Path) -> None:
    key = issued().key
    (tmp_path / "key.pem").write_bytes(key.to_pem())
    keyed = {
        "capabilities": "[CHAL, PUB_KEY_ID]",
        "slots": "{}",
        "public_key": "{key: key.pem}",
    }
    loaded = load_sections(**keyed)
    assert {name: one.public.spki for name, one in loaded.public_keys.items()} == {
        "ECDSA_P256": key.public.spki
    }
    assert problems(**keyed, algorithms="{asym: [ECDSA_P256, ECDSA_P384], hash: [SHA_256]}") == [
        (
            'p.yaml:6:33: algorithms.asym[1]: found "ECDSA_P384"; expected ECDSA_P256, which the'
            " public key serves"
        )
    ]
