"""The whole attestation of a device, as Linux and DMTF's requester do it between them.

    version → capabilities → algorithms → digests → certificate chain → challenge → measurements
    → sessions

Each thing that is looked at becomes a step of the verdict, whether it passes or not. What needs an
earlier step that failed is reported as not judged; a wrong chain or signature stops nothing, as the
rest still says something about the device.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from emulator.ask import Authentication, PeerChain
from emulator.ask.judging import chain_checks
from emulator.crypto.keys import VerifyingKey
from emulator.errors import NoResponse
from emulator.requester import evidence
from emulator.requester.appraisal import References, mismatches
from emulator.requester.flow import Flow
from emulator.requester.identity import cma_name, tcb_infos
from emulator.requester.inside import NO_SESSIONS, Sessions, SessionSteps
from emulator.requester.logged import contradictions
from emulator.requester.measuring import Measured
from emulator.requester.reading import MeasurementMode, MeasurementSteps
from emulator.requester.requester import Requester
from emulator.requester.steps import Steps
from emulator.requester.verdict import Step, Verdict
from emulator.spdm.capabilities import EP_INFO, MEAS, Cap
from emulator.spdm.messages.challenge import NO_SLOT, SummaryType
from emulator.spdm.state import State

PLAN = (
    "version",
    "capabilities",
    "algorithms",
    "digests",
    "certificate chain",
    "digest",
    "challenge",
    "challenge signature",
    "measurement count",
    "measurements",
    "measurement signature",
    "measurement summary",
)
"""The steps every verdict has; the chain's own checks, `chain: …`, follow its step.

Steps are added: `measurement log` for a device that has one (MEL), `endpoint info` for one that
tells what it is, `firmware identity` for each certificate with DICE's TcbInfo, `public key` where
the device's key was given, `reference values` where these were. Sessions that are asked for have
steps of their own (`Sessions.plan`).
"""


def attest(
    requester: Requester,
    *,
    trust: Sequence[bytes],
    at: datetime,
    expected_san: str | None = None,
    slot: int | None = None,
    public_keys: Sequence[VerifyingKey] = (),
    measurements: MeasurementMode = "all",
    raw: bool = False,
    sessions: Sessions = NO_SESSIONS,
    reference: References | None = None,
) -> Flow[Verdict]:
    """Connect to a device and judge it.

    Args:
        requester: begins anew where it is connected already.
        trust: the trusted certificates, DER.
        at: when certificates are judged, timezone-aware.
        expected_san: the PCIe CMA name the device must have; None: it is reported only.
        slot: the certificate slot; None: the lowest that is provisioned.
        public_keys: the device's keys, if they came by another way than SPDM: the one that serves
            the negotiated algorithm is used instead of certificates.
        measurements: read at once, one by one, or not at all.
        raw: ask for raw measurements rather than digests.
        sessions: what to open afterwards; the requester must offer what these need
            (`for_sessions`).
        reference: what its measurements should be; None: they are reported only.

    Raises PkiError where a trusted certificate is unreadable; what the device does wrong is in
    the verdict.
    """
    run = _Attestation(
        requester, trust, at, expected_san, public_keys, measurements, raw, sessions, reference
    )
    with contextlib.suppress(NoResponse):  # its step is on record, and nothing can follow
        yield from run.take(slot)
    return Verdict(run.steps.complete((*PLAN, *sessions.plan())), at)


@dataclass
class _Attestation:
    """One run of `attest`, with its arguments."""

    requester: Requester
    trust: Sequence[bytes]
    at: datetime
    expected_san: str | None
    public_keys: Sequence[VerifyingKey]
    mode: MeasurementMode
    raw: bool
    sessions: Sessions
    reference: References | None
    steps: Steps = field(default_factory=Steps)
    proved: bool = False  # some signature was good

    def take(self, slot: int | None) -> Flow[None]:
        """All steps, as far as they lead."""
        if not (yield from self._negotiate()):
            return
        chain = None
        if self.public_keys:
            if not self._take_key():
                return
        else:
            chain = yield from self._identify(slot)
            if chain is None:
                return
        signer = NO_SLOT if chain is None else chain.slot
        authentication = yield from self._challenge(signer)
        if self.requester.connection.state is State.NOT_STARTED:
            return  # the device asked to begin anew, as after an update of its firmware
        reading = self._reading()
        measured = yield from reading.read(signer)
        stated = authentication.reply.summary if authentication else b""
        reading.summarise("CHALLENGE_AUTH", stated, measured)
        if self.reference is not None:
            self._appraise(self.reference, measured)
        yield from self._log(measured)
        yield from self._endpoint(signer)
        if chain is not None:
            self._firmware(chain, measured)
        inside = SessionSteps(
            self.requester, self.steps, self.mode, self.raw, signer=signer, outside=measured
        )
        yield from inside.take(self.sessions)
        self.proved = self.proved or reading.proved or inside.proved
        if not self.proved and self.steps.all_good:
            self.steps.failed("proof", "nothing was signed, so the device has proved nothing")

    def _negotiate(self) -> Flow[bool]:
        """Versions, capabilities, algorithms; whether all went well."""
        requester, steps = self.requester, self.steps
        connection = requester.connection
        listed = yield from steps.attempt("version", requester.version())
        if listed is None:
            return False
        steps.passed("version", *evidence.version(connection, listed))
        theirs = yield from steps.attempt("capabilities", requester.capabilities())
        if theirs is None:
            return False
        steps.passed("capabilities", *evidence.capabilities(connection, theirs))
        agreed = yield from steps.attempt("algorithms", requester.algorithms())
        if agreed is None:
            return False
        steps.passed("algorithms", *evidence.algorithms(agreed))
        return True

    def _identify(self, slot: int | None) -> Flow[PeerChain | None]:
        """Digests and the certificate chain of one slot; None where there is none to use."""
        requester, steps = self.requester, self.steps
        requester.public_key = None
        theirs = requester.connection.peer_capabilities
        if Cap.PUB_KEY_ID in theirs:
            steps.failed("digests", "the device has no certificates: its public key must be given")
            return None
        found = yield from steps.attempt("digests", requester.digests())
        if found is None:
            return None
        steps.passed("digests", *evidence.digests(found))
        slot = min(found.digests) if slot is None else slot
        chain = yield from steps.attempt("certificate chain", requester.certificate(slot))
        if chain is None:
            return None
        steps.passed("certificate chain", *evidence.chain(chain))
        self._judge(chain)
        stated = found.digests.get(slot)
        steps.judged("digest", *evidence.digest(chain, stated), ok=stated == chain.digest)
        return chain

    def _take_key(self) -> bool:
        """Use the key that was given, if it serves the negotiated algorithm; whether it does."""
        requester, steps = self.requester, self.steps
        connection = requester.connection
        asym = connection.algorithms.asym
        wanted = asym.name if asym else "(none)"
        key = next((one for one in self.public_keys if wanted in one.schemes), None)
        if Cap.PUB_KEY_ID not in connection.peer_capabilities:
            steps.failed("public key", "the device does not offer PUB_KEY_ID")
        elif key is None:
            steps.failed("public key", f"none that was given makes {wanted} signatures")
        else:
            requester.public_key = key
            steps.passed("public key", *evidence.public_key(key, wanted))
            reason = "the device is known by its public key"
            steps.skipped(reason, "digests", "certificate chain", "digest")
        return steps.all_good

    def _judge(self, chain: PeerChain) -> None:
        """The rules a chain is judged by."""
        connection = self.requester.connection
        asym = connection.algorithms.asym
        checks = chain_checks(
            chain,
            self.trust,
            at=self.at,
            expected_san=self.expected_san,
            alias=Cap.ALIAS_CERT in connection.peer_capabilities,
            scheme=asym.name if asym else "",
        )
        for check in checks:
            self.steps.judged(f"chain: {check.name}", check.detail, ok=check.ok)
        if self.expected_san is None:
            found = cma_name(chain)
            shown = "the leaf has no PCIe CMA name" if found is None else f"{found} (not compared)"
            self.steps.skipped(shown, "chain: leaf name")

    def _challenge(self, slot: int) -> Flow[Authentication | None]:
        """CHALLENGE; None where nothing can be said about what came back."""
        requester, steps = self.requester, self.steps
        theirs = requester.connection.peer_capabilities
        if Cap.CHAL not in theirs:
            steps.skipped("the device does not offer CHAL", "challenge", "challenge signature")
            return None
        kind = SummaryType.ALL if theirs & MEAS else SummaryType.NONE
        flow = requester.challenge(slot, summary=kind)
        found, problem = yield from steps.attempt_signed("challenge", flow)
        if found is None:
            return None
        steps.passed("challenge", *evidence.challenge(found))
        certified = "" if slot == NO_SLOT else ", certificates"
        covers = f"negotiation{certified} and challenge"
        if found.mutual:
            steps.passed("mutual authentication", "the device has accepted our chain and signature")
        reading = self._reading()
        made = found.reply.signature
        reading.signed("challenge signature", covers, problem, found.transcript_hash, made)
        self.proved = reading.proved
        return found

    def _reading(self) -> MeasurementSteps:
        return MeasurementSteps(self.requester, self.steps, self.mode, self.raw)

    def _appraise(self, reference: References, measured: Measured | None) -> None:
        """The measurements against what they should be."""
        chosen = self.requester.connection.algorithms.measurement_hash
        if measured is None or chosen is None:
            self.steps.failed("reference values", "there are no measurements to compare")
            return
        wrong = list(mismatches(reference, measured.measurements, chosen.name))
        self.steps.judged("reference values", *evidence.appraisal(reference, wrong), ok=not wrong)

    def _log(self, measured: Measured | None) -> Flow[None]:
        """The measurement extension log, where there is one: the measurements follow from it."""
        agreed = self.requester.connection.algorithms
        chosen = agreed.measurement_hash
        if not agreed.mel_specification or measured is None or chosen is None:
            return
        log = yield from self.steps.attempt("measurement log", self.requester.measurement_log())
        if log is not None:
            wrong = list(contradictions(log, measured.measurements, chosen.name))
            self.steps.judged("measurement log", *evidence.log(log, wrong), ok=not wrong)

    def _endpoint(self, slot: int) -> Flow[None]:
        """What the device says it is, if it says so; signed where it signs that."""
        theirs = self.requester.connection.peer_capabilities
        if not theirs & EP_INFO:
            return
        signed_by = slot if Cap.EP_INFO_SIG in theirs else None
        flow = self.requester.endpoint_info(signed_by=signed_by)
        found, problem = yield from self.steps.attempt_signed("endpoint info", flow)
        if found is not None:
            told = evidence.endpoint(found, problem)
            self.steps.judged("endpoint info", *told, ok=not problem)
            self.proved = self.proved or (signed_by is not None and not problem)

    def _firmware(self, chain: PeerChain, measured: Measured | None) -> None:
        """What certificates say of the firmware their keys stand for, if any does.

        Nothing is judged: DICE asks for no relation between FWIDs and SPDM's measurements.
        """
        for number, info in tcb_infos(chain):
            told = evidence.firmware(number, info, measured.measurements if measured else ())
            self.steps.taken.append(Step("firmware identity", None, *told))
