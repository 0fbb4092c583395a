"""The stages of one connection, as its device's rules make them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from emulator.crypto.keys import SigningKey
from emulator.device import CertificateChain
from emulator.entropy import Entropy
from emulator.faults.effect import KEPT_REPLIES, Hit, Stage
from emulator.faults.former import FormerKeys
from emulator.faults.matching import Matching, Standing
from emulator.faults.rule import Rule
from emulator.faults.schedule import BentSchedule, bent
from emulator.faults.when import REQUEST_BIT
from emulator.spdm.codes import Code
from emulator.spdm.key_schedule import KeySchedule
from emulator.spdm.pending import Readiness
from emulator.spdm.sealing import Sealing
from emulator.spdm.session import Session
from emulator.spdm.signing import ToSign
from emulator.spdm.stages import Delivery, Fired, Situation, Stages
from emulator.wire import Message

if TYPE_CHECKING:
    from emulator.faults.engine import Faults

_ID_SIZE = 4

KEPT_ANSWERS = 256
"""Of how many forgotten sessions a connection knows what answers their records: the latest."""

KEPT_CONNECTIONS = 16
"""Of how many connections replies are kept: of the latest that have some."""


class FaultStages(Stages):
    """The rules on one connection, at work."""

    def __init__(self, faults: "Faults", number: int, matching: Matching) -> None:
        self._faults = faults
        self._number = number
        self._matching = matching
        self._stands = True
        self._early = False
        self._chains: dict[int, CertificateChain] = {}
        self._keys = FormerKeys()
        self._answers: dict[int, bytes] = {}

    def standing(self) -> Standing:
        """Where the rules stand, for other stages to go on from."""
        return self._matching.standing()

    def concerns(self, situation: Situation) -> bool:
        """Whether a rule can reach into this exchange, or what is said in it may be recalled."""
        self._begin(situation)
        faults = self._faults
        return self._matching.concerns(situation) or faults.recalls or faults.keeps

    def _begin(self, at: Situation) -> None:
        """Forget the exchange before: every stage begins with this, as any may be the first."""
        if self._matching.begin(at):
            self._stands, self._early = True, False
            self._chains.clear()

    def _hits(self, stage: Stage, at: Situation) -> Iterator[tuple[Rule, Hit]]:
        """The rules that reach in here, each with what its effects may use."""
        faults, mine = self._faults, self._number
        for rule in self._matching.rules(stage, at):
            yield (
                rule,
                Hit(
                    situation=at,
                    device=faults.device,
                    entropy=self._matching.entropy[rule.name],
                    replies=faults.replies.get(mine, {}),
                    others=[kept for number, kept in faults.replies.items() if number != mine],
                    variants=faults.variants,
                    kept=self._keys.kept,
                ),
            )

    def _done(self, rule: Rule, hit: Hit) -> None:
        """Count the rule and tell of it, if any of its effects did something."""
        if not hit.notes:
            return
        self._matching.count(rule)
        self._stands = self._stands and rule.commit
        self.fired(Fired(rule.name, rule.stage, "; ".join(hit.notes)))

    def request(self, situation: Situation) -> bytes | None:
        """The first answer that a rule gives."""
        self._begin(situation)
        for rule, hit in self._hits(Stage.REQUEST, situation):
            for effect in rule.do:
                answer = effect.on_request(hit)
                if answer is not None:
                    self._done(rule, hit)
                    self._early = True
                    return answer
        return None

    def goes_on(self, situation: Situation) -> bool:
        """Whether a rule can reach in at a later stage."""
        faults = self._faults
        return faults.recalls or faults.keeps or self._matching.goes_on(situation)

    def chain(self, situation: Situation, slot: int, chain: CertificateChain) -> CertificateChain:
        """The chain as the rules leave it: the same as often as it is used in an exchange."""
        self._begin(situation)
        made = self._chains.get(slot)
        if made is None:
            made = chain
            for rule, hit in self._hits(Stage.CHAIN, situation):
                for effect in rule.do:
                    made = effect.on_chain(hit, slot, made)
                self._done(rule, hit)
            self._chains[slot] = made
        return made

    def ready(self, situation: Situation, policy: Readiness | None) -> Readiness | None:
        """The policy as the rules leave it."""
        self._begin(situation)
        for rule, hit in self._hits(Stage.READY, situation):
            for effect in rule.do:
                policy = effect.on_ready(hit, policy)
            self._done(rule, hit)
        return policy

    def message(self, situation: Situation, reply: Message) -> Message:
        """The message as the rules leave it: those of stage chunk see what carries a chunk."""
        self._begin(situation)
        self._matching.reply = reply.CODE
        carries = reply.CODE in {Code.CHUNK_RESPONSE, Code.CHUNK_SEND_ACK}
        for stage in (Stage.MESSAGE, Stage.CHUNK) if carries else (Stage.MESSAGE,):
            for rule, hit in self._hits(stage, situation):
                for effect in rule.do:
                    reply = effect.on_message(hit, reply)
                self._done(rule, hit)
        return reply

    def sign(
        self, situation: Situation, to_sign: ToSign, key: SigningKey
    ) -> tuple[ToSign, SigningKey]:
        """What is signed, and by which key, as the rules leave it."""
        self._begin(situation)
        for rule, hit in self._hits(Stage.SIGN, situation):
            for effect in rule.do:
                to_sign, key = effect.on_sign(hit, to_sign, key)
            self._done(rule, hit)
        return to_sign, key

    def secrets(self, situation: Situation, session: Session, schedule: KeySchedule) -> KeySchedule:
        """The schedule as the rules leave it."""
        self._begin(situation)
        if self._faults.keeps:
            self._keys.keep(session, situation.request)
        made: BentSchedule | None = None
        for rule, hit in self._hits(Stage.SECRETS, situation):
            for effect in rule.do:
                made = effect.on_secrets(hit, session, made or bent(schedule))
            self._done(rule, hit)
        return made or schedule

    def signed(self, situation: Situation, data: bytes) -> bytes:
        """The message's bytes as the rules leave them."""
        self._begin(situation)
        self._matching.reply = data[1] if len(data) > 1 else None
        data = self._bytes(Stage.SIGNED, situation, data)
        self._keep(situation, data)
        return data

    def _keep(self, at: Situation, data: bytes) -> None:
        """Keep what is no ERROR and no answer of a rule's own, if an effect may recall it."""
        code = at.request[1] if len(at.request) > 1 else 0
        answers = len(data) > 1 and data[1] == code & ~REQUEST_BIT and bool(code & REQUEST_BIT)
        if not self._faults.recalls or self._early or not answers:
            return
        replies = self._faults.replies
        if self._number not in replies and len(replies) >= KEPT_CONNECTIONS:
            del replies[next(iter(replies))]
        kept = replies.setdefault(self._number, {}).setdefault(code, [])
        kept.append(data)
        del kept[:-KEPT_REPLIES]

    def frame(self, situation: Situation, frame: bytes) -> bytes:
        """The frame's bytes as the rules leave them."""
        self._begin(situation)
        return self._bytes(Stage.FRAME, situation, frame)

    def _bytes(self, stage: Stage, at: Situation, data: bytes) -> bytes:
        for rule, hit in self._hits(stage, at):
            for effect in rule.do:
                data = effect.on_bytes(hit, data)
            self._done(rule, hit)
        return data

    def plaintext(self, situation: Situation, sealing: Sealing) -> Sealing:
        """What goes into a record as the rules leave it."""
        self._begin(situation)
        for rule, hit in self._hits(Stage.PLAINTEXT, situation):
            for effect in rule.do:
                sealing = effect.on_plaintext(hit, sealing)
            self._done(rule, hit)
        return sealing

    def record(
        self, situation: Situation, sealing: Sealing, entropy: Entropy
    ) -> tuple[bytes, bool]:
        """The record as the rules leave it: first how it is sealed, then its bytes."""
        self._begin(situation)
        hits = tuple(self._hits(Stage.RECORD, situation))
        for rule, hit in hits:
            for effect in rule.do:
                sealing = effect.on_sealing(hit, sealing)
        record = sealing.sealed(entropy)
        for rule, hit in hits:
            for effect in rule.do:
                record = effect.on_record(hit, sealing, record)
            self._done(rule, hit)
        return record, not sealing.clear

    def astray(self, situation: Situation) -> Session | None:
        """The session that a rule puts a reply in the clear into."""
        self._begin(situation)
        found: Session | None = None
        for rule, hit in self._hits(Stage.RECORD, situation):
            for effect in rule.do:
                found = found or effect.on_clear(hit)
            self._done(rule, hit)
        return found

    def unknown(self, record: bytes) -> bytes | None:
        """What a rule answers the records of a session with that the device was made to forget."""
        return self._answers.get(int.from_bytes(record[:_ID_SIZE], "little"))

    def delivery(self, situation: Situation, delivery: Delivery) -> Delivery:
        """The delivery as the rules leave it."""
        self._begin(situation)
        for rule, hit in self._hits(Stage.DELIVERY, situation):
            for effect in rule.do:
                delivery = effect.on_delivery(hit, delivery)
            self._done(rule, hit)
        return delivery

    def commit(self, situation: Situation) -> bool:
        """Whether what the request changed stands; what happens to the device happens here."""
        self._begin(situation)
        for rule, hit in self._hits(Stage.DEVICE, situation):
            for effect in rule.do:
                effect.on_device(hit)
            self.lost = hit.lost or self.lost
            for session, answer in hit.forgotten:
                self.forgotten += (session,)
                if answer is not None:
                    if len(self._answers) >= KEPT_ANSWERS:
                        del self._answers[next(iter(self._answers))]
                    self._answers[session.id] = answer
            self._done(rule, hit)
        return self._stands
