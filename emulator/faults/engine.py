"""The rules of a device: which of them reach into an exchange, how often they have, by what chance.

Each rule draws from a stream of its own for each connection, so that one rule more disturbs no
other, and connections do not disturb each other. An exchange that no rule can be about is not
looked at again: a table by the request's code says so.

Whether a rule reaches into an exchange is found out once, however often the exchange passes its
stage (a chain is used for each slot, a message may be refused after all), and counts once.
"""

from collections.abc import Iterator, Sequence

from emulator.crypto.keys import SigningKey
from emulator.device import CertificateChain, Device
from emulator.entropy import Entropy
from emulator.faults.effect import KEPT_REPLIES, Hit, Stage, Variants
from emulator.faults.rule import Rule
from emulator.faults.when import REQUEST_BIT, On
from emulator.spdm.codes import Code
from emulator.spdm.pending import Readiness
from emulator.spdm.signing import ToSign
from emulator.spdm.stages import Delivery, Fired, Situation, Stages
from emulator.wire import Message

KEPT_CONNECTIONS = 16
"""Of how many connections replies are kept: of the latest that have some."""

_PROBABILITY_BYTES = 7
_PROBABILITY_UNIT = 1 << 8 * _PROBABILITY_BYTES


class Faults:
    """The rules of one device.

    Attributes:
        rules: all of them, in their order.
        counts: in how many exchanges each has reached in, by name.
        device: the device.
        variants: chains in place of its own.
    """

    def __init__(
        self,
        device: Device,
        rules: Sequence[Rule],
        entropy: Entropy,
        variants: Variants | None = None,
    ) -> None:
        """`entropy`: what the rules' own streams are forked from; `variants`: of its chains."""
        self.device = device
        self.variants = variants
        self.rules = tuple(rules)
        self.counts = {rule.name: 0 for rule in rules}
        self.recalls = any(effect.RECALLS for rule in rules for effect in rule.do)
        self.waits = any(rule.on.after is not None for rule in rules)
        self.replies: dict[int, dict[int, list[bytes]]] = {}
        self._entropy = entropy

    def attach(self, number: int) -> "FaultStages":
        """The stages of the connection of this number."""
        return FaultStages(self, number, self._entropy.fork(f"faults of connection {number}"))

    @property
    def unfired(self) -> list[str]:
        """The names of the rules that never reached in."""
        return [name for name, count in self.counts.items() if not count]


def arm(
    device: Device,
    rules: Sequence[Rule],
    entropy: Entropy,
    *,
    variants: Variants | None = None,
) -> Faults:
    """Give `device` these rules, in place of those it had, for the connections to come.

    `variants` issues the chains of `bad-chain`; without it, its kinds that need a certificate of
    their own never fire.
    """
    faults = Faults(device, rules, entropy, variants)
    device.stages = faults if rules else None
    return faults


class FaultStages(Stages):
    """The rules on one connection."""

    def __init__(self, faults: Faults, number: int, entropy: Entropy) -> None:
        self._faults = faults
        self._number = number
        self._entropy = {rule.name: entropy.fork(rule.name) for rule in faults.rules}
        self._seen: dict[str, int] = {}
        self._began: float | None = None
        self._table: dict[int, dict[Stage, tuple[Rule, ...]]] = {}
        self._reply: int | None = None
        self._stands = True
        self._ordinal = -1
        self._early = False
        self._decided: dict[str, bool] = {}
        self._counted: set[str] = set()
        self._chains: dict[int, CertificateChain] = {}

    def concerns(self, request: bytes) -> bool:
        """Whether a rule can be about what `request` asks for; the first request tells the time."""
        faults = self._faults
        if faults.recalls or (faults.waits and self._began is None):
            return True
        return bool(self._of(request[1] if len(request) > 1 else 0))

    def _of(self, code: int) -> dict[Stage, tuple[Rule, ...]]:
        """The rules that can be about a request of this code, by stage."""
        made = self._table.get(code)
        if made is None:
            by_stage: dict[Stage, tuple[Rule, ...]] = {}
            for rule in self._faults.rules:
                requests = rule.on.requests()
                if requests is None or code in requests:
                    by_stage[rule.stage] = (*by_stage.get(rule.stage, ()), rule)
            made = self._table[code] = by_stage
        return made

    def _begin(self, at: Situation) -> None:
        """Forget the exchange before: every stage begins with this, as any may be the first.

        A request that came in chunks, or was not ready, is answered within the exchange of another.
        """
        if self._began is None:
            self._began = at.now
        if at.ordinal != self._ordinal:
            self._ordinal, self._stands, self._early = at.ordinal, True, False
            self._reply = None
            self._decided.clear()
            self._counted.clear()
            self._chains.clear()

    def _hits(self, stage: Stage, at: Situation) -> Iterator[tuple[Rule, Hit]]:
        """The rules that reach in here, each with what its effects may use."""
        code = at.request[1] if len(at.request) > 1 else 0
        for rule in self._of(code).get(stage, ()):
            if self._matches(rule, at):
                yield rule, self._hit(rule, at)

    def _matches(self, rule: Rule, at: Situation) -> bool:
        """Whether `rule` reaches in; an exchange it is about is counted as seen."""
        on, counts = rule.on, self._faults.counts
        if not self._is_about(on, at):
            return False
        if rule.name in self._decided:
            return self._decided[rule.name]
        if on.after_rule and not counts.get(on.after_rule):
            return False
        seen = self._seen[rule.name] = self._seen.get(rule.name, 0) + 1
        due = (on.nth is None or seen in on.nth) and (on.every is None or seen % on.every == 0)
        spent = rule.times is not None and counts[rule.name] >= rule.times
        decided = self._decided[rule.name] = due and not spent and self._chance(rule)
        return decided

    def _is_about(self, on: On, at: Situation) -> bool:
        replies = on.replies()
        other_reply = replies is not None and self._reply is not None
        if other_reply and self._reply not in (replies or ()):
            return False
        return on.holds(at, self._began or 0.0)

    def _chance(self, rule: Rule) -> bool:
        if rule.on.probability is None:
            return True
        drawn = self._entropy[rule.name].bytes(_PROBABILITY_BYTES, label="probability")
        return int.from_bytes(drawn, "big") < rule.on.probability * _PROBABILITY_UNIT

    def _hit(self, rule: Rule, at: Situation) -> Hit:
        faults, mine = self._faults, self._number
        return Hit(
            situation=at,
            device=faults.device,
            entropy=self._entropy[rule.name],
            replies=faults.replies.get(mine, {}),
            others=[kept for number, kept in faults.replies.items() if number != mine],
            variants=faults.variants,
        )

    def _done(self, rule: Rule, hit: Hit) -> None:
        """Count the rule and tell of it, if any of its effects did something."""
        if not hit.notes:
            return
        if rule.name not in self._counted:
            self._counted.add(rule.name)
            self._faults.counts[rule.name] += 1
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
        self._reply = reply.CODE
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

    def signed(self, situation: Situation, data: bytes) -> bytes:
        """The message's bytes as the rules leave them."""
        self._begin(situation)
        self._reply = data[1] if len(data) > 1 else None
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
            self._done(rule, hit)
        return self._stands
