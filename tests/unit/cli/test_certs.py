import json
from pathlib import Path

import pytest
from chains import QUICK, SAN, authority, issued
from typer.testing import CliRunner, Result

from emulator import resources
from emulator.cli.certs import app
from emulator.crypto.certificate import OID_CMA_NAME, Certificate
from emulator.crypto.keys import VerifyingKey
from emulator.crypto.x509 import split_chain
from emulator.pki import files
from emulator.pki.authority import SAMPLE_SEED, sample_authority
from emulator.pki.issue import LeafOptions

P256 = ("--scheme", "ECDSA_P256")


def certs(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, list(map(str, arguments)))


def wrong(*arguments: str | Path) -> str:
    """The message of a command that is used wrongly."""
    done = certs(*arguments)
    assert done.exit_code == 2
    assert done.stdout == ""
    return done.stderr


class TestMake:
    def test_the_sample_can_be_made_again(self, tmp_path: Path) -> None:
        chosen = [option for name in QUICK for option in ("--scheme", name)]
        done = certs("make", "--dir", tmp_path, "--seed", SAMPLE_SEED, *chosen)
        assert done.exit_code == 0, done.output
        sample = resources.folder("certs")
        for name in QUICK:
            for path in (sample / name.lower()).glob("*.pem"):
                made = tmp_path / path.relative_to(sample)
                assert made.read_bytes() == path.read_bytes()
                assert f"wrote {made}" in done.stdout

    def test_without_a_seed_every_authority_is_another(self, tmp_path: Path) -> None:
        made: list[bytes] = []
        for name in ("one", "two"):
            assert certs("make", "--dir", tmp_path / name, "--name", "Lab", *P256).exit_code == 0
            made.append((tmp_path / name / "ecdsa_p256" / "root.cert.pem").read_bytes())
            (root,) = files.read_certificates(tmp_path / name / "trust.pem")
            assert Certificate.parse(root).subject == "CN=Lab ECDSA_P256 root,O=spdm-emulator"
        assert made[0] != made[1]

    def test_an_authority_is_replaced_by_force_only(self, tmp_path: Path) -> None:
        assert certs("make", "--dir", tmp_path, *P256).exit_code == 0
        before = (tmp_path / "trust.pem").read_bytes()
        assert "--force replaces it" in wrong("make", "--dir", tmp_path)
        assert (tmp_path / "trust.pem").read_bytes() == before
        assert certs("make", "--dir", tmp_path, "--force", *P256).exit_code == 0
        assert (tmp_path / "trust.pem").read_bytes() != before


ALIAS = (
    *("--set", "capabilities=[CERT, CHAL, MEAS_SIG, ALIAS_CERT]"),
    *("--set", "slots.0.auto.model=alias", "--set", "algorithms.asym=[ECDSA_P256]"),
)


class TestShow:
    def test_what_an_alias_says_of_its_firmware(self) -> None:
        done = certs("show", "nvme-ssd", *ALIAS)
        assert done.exit_code == 0, done.output
        lines = [line.split() for line in done.stdout.splitlines() if "TCB" in line]
        assert lines[0][:3] == ["TCB", "vendor", "1b36,"]
        assert [line[1] for line in lines[1:]] == ["SHA_384"] * 6
        told = json.loads(certs("show", "nvme-ssd", *ALIAS, "--json").stdout)["nvme-ssd"]
        assert [one["tcb_info"] is None for one in told] == [True, True, True, False]
        assert told[3]["tcb_info"]["svn"] == 7

    def test_the_sample_by_default(self) -> None:
        done = certs("show")
        assert done.exit_code == 0
        assert "ECDSA_P256: certificate 1 of 2" in done.stdout
        assert "  subject    CN=Sample ECDSA_P384 intermediate,O=spdm-emulator" in done.stdout
        assert "  authority  yes, at most 1 below it" in done.stdout

    def test_a_chain_with_spdms_identifiers_named(self, tmp_path: Path) -> None:
        path = files.write_file(tmp_path / "chain.der", issued().der)
        lines = certs("show", path).stdout.splitlines()
        assert f"{path}: certificate 3 of 3" in lines
        assert "  purpose    1.3.6.1.4.1.412.274.3 (SPDM responder authentication)" in lines
        assert f"  name       2.23.147 (PCIe CMA name) {SAN}" in lines
        assert "  SPDM       1.3.6.1.4.1.412.274.2 (hardware identity)" in lines
        assert "  authority  no" in lines

    def test_what_is_no_text_shows_as_bytes(self, tmp_path: Path) -> None:
        options = LeafOptions(san_encoding="printable", ekus=("1.2.3",), key_usage=())
        chain = issued(san="A=b", common_name="[b]\x1b", options=options)
        path = files.write_file(tmp_path / "leaf", chain.leaf)
        lines = certs("show", path).stdout.splitlines()
        assert r"  subject    CN=[b]\x1b,O=spdm-emulator" in lines
        assert "  name       2.23.147 (PCIe CMA name) 1303413d62" in lines
        assert "  purpose    1.2.3" in lines
        assert "  key usage  any" in lines

    def test_json(self, tmp_path: Path) -> None:
        path = files.write_file(tmp_path / "chain.pem", files.to_pem(issued().certificates))
        told = json.loads(certs("show", path, "--json").stdout)
        root, _, leaf = told[str(path)]
        assert root["self_signed"]
        assert root["path_length"] is None
        assert leaf["other_names"] == [
            {"oid": OID_CMA_NAME, "text": SAN, "der": "0c3d" + SAN.encode().hex()}
        ]
        assert leaf["key"] == "ECDSA_P256"
        assert leaf["key_usage"] == ["digitalSignature"]
        assert leaf["not_before"] == "2024-01-01T00:00:00+00:00"
        assert leaf["bytes"] == len(issued().leaf)

    def test_a_missing_file(self, tmp_path: Path) -> None:
        assert f"{tmp_path / 'none'}: cannot be read" in wrong("show", tmp_path / "none")

    def test_an_unreadable_certificate(self, tmp_path: Path) -> None:
        path = files.write_file(tmp_path / "odd.der", b"\x30\x00")
        assert f"{path}: not a readable certificate" in wrong("show", path)


class TestExport:
    def test_for_spdm_emu(self, tmp_path: Path) -> None:
        done = certs("export", "--spdm-emu", tmp_path, "--san", SAN, "--common-name", "mine")
        assert done.exit_code == 0, done.output
        for name, below in (("ECDSA_P256", "ecp256"), ("ECDSA_P384", "ecp384")):
            bundle = tmp_path / below / "bundle_responder.certchain.der"
            chain = files.read_certificates(bundle)
            assert chain[0] == sample_authority(name).root.certificate
            leaf = Certificate.parse(chain[-1])
            assert leaf.subject == "CN=mine,O=spdm-emulator"
            assert [other.text for other in leaf.other_names] == [SAN]
            assert f"wrote {bundle}" in done.stdout
            assert (tmp_path / below / "bundle_requester.certchain.der").exists()

    def test_roots_as_pem(self, tmp_path: Path) -> None:
        assert certs("export", "--pem", tmp_path / "roots.pem").exit_code == 0
        trust = resources.folder("certs") / "trust.pem"
        assert (tmp_path / "roots.pem").read_bytes() == trust.read_bytes()

    def test_one_root_as_der_of_an_authority_of_ones_own(self, tmp_path: Path) -> None:
        authority("ECDSA_P384").save(tmp_path)
        target = tmp_path / "root.der"
        done = certs("export", "--der", target, "--scheme", "ECDSA_P384", "--dir", tmp_path)
        assert done.exit_code == 0, done.output
        assert target.read_bytes() == authority("ECDSA_P384").root.certificate

    def test_der_takes_one_root(self, tmp_path: Path) -> None:
        message = wrong("export", "--der", tmp_path / "root.der")
        assert "add --scheme ECDSA_P256 or" in message

    def test_an_unknown_scheme(self, tmp_path: Path) -> None:
        message = wrong("export", "--pem", tmp_path / "x", "--scheme", "RSA")
        assert "known: ECDSA_P256, ECDSA_P384" in message

    @pytest.mark.parametrize("count", [0, 2])
    def test_exactly_one_target(self, tmp_path: Path, count: int) -> None:
        targets = ["--pem", str(tmp_path / "a"), "--der", str(tmp_path / "b")][: 2 * count]
        message = wrong("export", *targets)
        assert "exactly one of --spdm-emu, --pem, --der and --public-key is needed" in message
        assert list(tmp_path.iterdir()) == []


def test_shows_a_profiles_chains_with_settings() -> None:
    result = CliRunner().invoke(app, ["show", "linux-cma", "--set", "slots.0.auto.san=Vendor=0001"])
    assert result.exit_code == 0, result.output
    assert result.output.count("Vendor=0001") == 2  # a chain for each signature algorithm
    assert "linux-cma: certificate 6 of 6" in result.output


def test_exports_a_profiles_chains(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        app, ["export", "--spdm-emu", str(tmp_path), "--profile", "nvme-ssd"]
    )
    assert result.exit_code == 0, result.output
    for folder, scheme in (("ecp256", "ECDSA_P256"), ("ecp384", "ECDSA_P384")):
        data = (tmp_path / folder / "bundle_responder.certchain.der").read_bytes()
        leaf = Certificate.parse(split_chain(data)[-1])
        assert leaf.key is not None
        assert leaf.key.scheme == scheme
        assert b"Vendor=1b36:Device=0010" in leaf.der


KEYED = (
    *("--set", "capabilities=[CHAL, MEAS_SIG, PUB_KEY_ID]", "--set", "slots.0=null"),
    *("--set", "public_key=auto", "--set", "algorithms.asym=[ECDSA_P256, RSAPSS_2048]"),
)


class TestPublicKeys:
    def test_they_are_written_one_after_the_other(self, tmp_path: Path) -> None:
        path = tmp_path / "keys.pem"
        done = certs("export", "--public-key", path, "--profile", "nvme-ssd", *KEYED)
        assert done.exit_code == 0, done.output
        found = VerifyingKey.read(path.read_bytes())
        assert [key.key_type for key in found] == ["ECDSA_P256", "RSA_2048"]
        done = certs("export", "--public-key", path, "--profile", "nvme-ssd", *KEYED, *P256)
        assert [key.key_type for key in VerifyingKey.read(path.read_bytes())] == ["ECDSA_P256"]

    def test_the_reference_finds_them_in_its_folders(self, tmp_path: Path) -> None:
        done = certs("export", "--spdm-emu", tmp_path, "--profile", "nvme-ssd", *KEYED)
        assert done.exit_code == 0, done.output
        for folder in ("ecp256", "rsa2048"):
            (key,) = VerifyingKey.read(
                (tmp_path / folder / "end_responder.key.pub.der").read_bytes()
            )
            assert key.spki == (tmp_path / folder / "end_responder.key.pub.der").read_bytes()

    def test_a_device_is_needed_that_has_some(self, tmp_path: Path) -> None:
        assert "add --profile" in wrong("export", "--public-key", tmp_path / "k")
        told = wrong("export", "--public-key", tmp_path / "k", "--profile", "nvme-ssd")
        assert told == "nvme-ssd has no public key, but certificates\n"


def test_exports_an_alias_devices_partial_chain(tmp_path: Path) -> None:
    done = certs("export", "--spdm-emu", tmp_path, "--profile", "nvme-ssd", *ALIAS)
    assert done.exit_code == 0, done.output
    names = ("certchain_alias", "certchain_alias_cert_partial_set")
    whole, partial = ((tmp_path / "ecp256" / f"bundle_responder.{one}.der") for one in names)
    assert whole.read_bytes().startswith(partial.read_bytes())
