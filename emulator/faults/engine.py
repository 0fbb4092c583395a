"""The rules of a device: which of them reach into an exchange, how often they have, by what chance.

Each rule draws from a stream of its own for each connection, so that one rule more disturbs no
other, and connections do not disturb each other. Which rules an exchange can be about is looked up
once, when its request comes; where there is none, no stage is called.

Whether a rule reaches into an exchange is found out once, however often the exchange passes its
stage (a chain is used for each slot, a message may be refused after all), and counts once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from emulator.crypto.keys import SigningKey
from emulator.device import CertificateChain, Device
from emulator.entropy import Entropy
from emulator.faults.effect import KEPT_REPLIES, Hit, Stage, Variants
from emulator.faults.rule import Rule
from emulator.faults.when import REQUEST_BIT, Check, version_of
from emulator.spdm.codes import Code
from emulator.spdm.pending import Readiness
from emulator.spdm.signing import ToSign
from emulator.spdm.stages import Delivery, Fired, Situation, Stages
from emulator.wire import Message

KEPT_CONNECTIONS = 16
"""Of how many connections replies are kept: of the latest that have some."""

LOOKED_UP = 1024
"""For how many kinds of requests a connection remembers which rules can be about them."""

_PROBABILITY_BYTES = 7
_PROBABILITY_UNIT = 1 << 8 * _PROBABILITY_BYTES


@dataclass(frozen=True, slots=True)
class _Armed:
    """A rule, and what is looked up of it for every exchange.

    Attributes:
        requests: the codes of the requests it can be about; None: any.
        replies: the codes of the replies it is about; None: any.
        checks: what must hold of a request itself.
        last: the last exchange it is due at, by its number; None: there is no last.
        bounded: its time comes, or is over once.
    """

    rule: Rule
    stage: Stage
    requests: frozenset[int] | None
    replies: frozenset[int] | None
    checks: tuple[Check, ...]
    last: int | None
    bounded: bool


def _armed(rule: Rule) -> _Armed:
    on = rule.on
    last = None if on.nth is None else max(on.nth)
    bounded = last is not None or rule.times is not None or on.after is not None
    return _Armed(rule, rule.stage, on.requests(), on.replies(), on.passing(), last, bounded)


class Faults:
    """The rules of one device.

    Attributes:
        rules: all of them, in their order.
        armed: the same, ready to be looked up.
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
        self.armed = tuple(_armed(rule) for rule in rules)
        self.counts = {rule.name: 0 for rule in rules}
        self.recalls = any(effect.RECALLS for rule in rules for effect in rule.do)
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
        self._table: dict[tuple[int, str, int, int], tuple[_Armed, ...]] = {}
        self._active: dict[bytes, list[_Armed]] = {}
        self._reply: int | None = None
        self._stands = True
        self._ordinal = -1
        self._early = False
        self._decided: dict[str, bool] = {}
        self._counted: set[str] = set()
        self._chains: dict[int, CertificateChain] = {}

    def concerns(self, situation: Situation) -> bool:
        """Whether a rule can reach into this exchange."""
        self._begin(situation)
        request = situation.request
        active: list[_Armed] = []
        # Most rules are not about this exchange: what rules them out has to be quick.
        for one in self._of(situation):
            for check in one.checks:
                if not check(situation):
                    break
            else:
                if not one.bounded or self._is_open(one, situation):
                    active.append(one)
        if active:
            self._active[request] = active
        return bool(active) or self._faults.recalls

    def _is_open(self, one: _Armed, at: Situation) -> bool:
        """Whether the time of a rule has come, and is not over."""
        name, after = one.rule.name, one.rule.on.after
        if one.last is not None and self._seen.get(name, 0) >= one.last:
            return False
        if one.rule.times is not None and self._faults.counts[name] >= one.rule.times:
            return False
        return after is None or at.now - (self._began or 0.0) >= after

    def _of(self, at: Situation) -> tuple[_Armed, ...]:
        """The rules that can be about a request of this code, where the connection stands now."""
        code = at.request[1] if len(at.request) > 1 else 0
        key = (code, at.transport, version_of(at), at.connection.state)
        made = self._table.get(key)
        if made is None:
            if len(self._table) >= LOOKED_UP:  # codes and versions are the peer's to make up
                self._table.clear()
            made = self._table[key] = tuple(
                one
                for one in self._faults.armed
                if (one.requests is None or code in one.requests)
                and all(check(at) for check in one.rule.on.standing())
            )
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
            if self._active:
                self._active.clear()
                self._decided.clear()
                self._counted.clear()
                self._chains.clear()

    def _hits(self, stage: Stage, at: Situation) -> Iterator[tuple[Rule, Hit]]:
        """The rules that reach in here, each with what its effects may use."""
        for one in self._active.get(at.request, ()):
            if one.stage is stage and self._matches(one):
                yield one.rule, self._hit(one.rule, at)

    def _matches(self, one: _Armed) -> bool:
        """Whether a rule reaches in; an exchange it is about is counted as seen."""
        rule, on, counts = one.rule, one.rule.on, self._faults.counts
        reply = self._reply
        if one.replies is not None and reply is not None and reply not in one.replies:
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

    def goes_on(self, situation: Situation) -> bool:
        """Whether a rule can reach in at a later stage."""
        active = self._active.get(situation.request, ())
        return self._faults.recalls or any(one.stage is not Stage.REQUEST for one in active)

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
