"""Which rules reach into an exchange of one connection, and by what chance.

Which rules an exchange can be about is looked up once, when its request comes. Whether one reaches
in is found out once, too, however often the exchange passes its stage (a chain is used for each
slot, a message may be refused after all).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from emulator.entropy import Entropy
from emulator.faults.effect import Stage
from emulator.faults.rule import Rule
from emulator.faults.when import Check, version_of
from emulator.spdm.stages import Situation

LOOKED_UP = 1024
"""For how many kinds of requests a connection remembers which rules can be about them."""

_PROBABILITY_BYTES = 7
_PROBABILITY_UNIT = 1 << 8 * _PROBABILITY_BYTES


@dataclass(frozen=True, slots=True)
class Armed:
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


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the rules of one connection stand.

    Attributes:
        rules: the rules by their names.
        entropy: what each draws from.
        seen: how many exchanges each was about.
        began: when the connection's first exchange was; None: there was none.
    """

    rules: dict[str, Rule]
    entropy: dict[str, Entropy]
    seen: dict[str, int]
    began: float | None

    def kept(self, rules: Sequence[Armed]) -> tuple[str, ...]:
        """The names of those among `rules` that were there before, and were the same."""
        return tuple(one.rule.name for one in rules if self.rules.get(one.rule.name) == one.rule)


def armed(rule: Rule) -> Armed:
    """`rule`, looked up."""
    on = rule.on
    last = None if on.nth is None else max(on.nth)
    bounded = last is not None or rule.times is not None or on.after is not None
    return Armed(rule, rule.stage, on.requests(), on.replies(), on.passing(), last, bounded)


class Matching:
    """The rules on one connection.

    Attributes:
        entropy: each rule's own source of randomness, by its name.
        reply: the code of the reply, once there is one.
    """

    def __init__(
        self,
        rules: Sequence[Armed],
        counts: dict[str, int],
        entropy: Entropy,
        before: "Standing | None" = None,
    ) -> None:
        """`counts`: how often each rule has reached in on any connection, which is kept here.

        `before`: where the rules stand that the connection had until now; those that stay go on.
        """
        kept = () if before is None else before.kept(rules)
        self.entropy = {one.rule.name: entropy.fork(one.rule.name) for one in rules}
        self.reply: int | None = None
        self._rules = rules
        self._counts = counts
        self._seen: dict[str, int] = {}
        self._began: float | None = None
        if before is not None:
            self._began = before.began
            self._seen = {name: before.seen[name] for name in kept if name in before.seen}
            self.entropy.update({name: before.entropy[name] for name in kept})
        self._table: dict[tuple[int, str, int, int], tuple[Armed, ...]] = {}
        self._active: dict[bytes, list[Armed]] = {}
        self._ordinal = -1
        self._decided: dict[str, bool] = {}
        self._counted: set[str] = set()

    def standing(self) -> "Standing":
        """Where it stands, for one with other rules to go on from."""
        rules = {one.rule.name: one.rule for one in self._rules}
        return Standing(rules, self.entropy, self._seen, self._began)

    def begin(self, at: Situation) -> bool:
        """Forget the exchange before; whether there was another.

        A request that came in chunks, or was not ready, is answered within the exchange of another.
        """
        if self._began is None:
            self._began = at.now
        if at.ordinal == self._ordinal:
            return False
        self._ordinal = at.ordinal
        self.reply = None
        if self._active:
            self._active.clear()
            self._decided.clear()
            self._counted.clear()
        return True

    def concerns(self, at: Situation) -> bool:
        """Whether a rule can reach into this exchange."""
        active: list[Armed] = []
        # Most rules are not about this exchange: what rules them out has to be quick.
        for one in self._of(at):
            for check in one.checks:
                if not check(at):
                    break
            else:
                if not one.bounded or self._is_open(one, at):
                    active.append(one)
        if active:
            self._active[at.request] = active
        return bool(active)

    def goes_on(self, at: Situation) -> bool:
        """Whether a rule can reach in after stage request."""
        return any(one.stage is not Stage.REQUEST for one in self._active.get(at.request, ()))

    def rules(self, stage: Stage, at: Situation) -> Iterator[Rule]:
        """The rules that reach in at this stage."""
        for one in self._active.get(at.request, ()):
            if one.stage is stage and self._matches(one):
                yield one.rule

    def count(self, rule: Rule) -> None:
        """`rule` has reached in; it counts once an exchange."""
        if rule.name not in self._counted:
            self._counted.add(rule.name)
            self._counts[rule.name] += 1

    def _of(self, at: Situation) -> tuple[Armed, ...]:
        """The rules that can be about a request of this code, where the connection stands now."""
        code = at.request[1] if len(at.request) > 1 else 0
        key = (code, at.transport, version_of(at), at.connection.state)
        made = self._table.get(key)
        if made is None:
            if len(self._table) >= LOOKED_UP:  # codes and versions are the peer's to make up
                self._table.clear()
            made = self._table[key] = tuple(
                one
                for one in self._rules
                if (one.requests is None or code in one.requests)
                and all(check(at) for check in one.rule.on.standing())
            )
        return made

    def _is_open(self, one: Armed, at: Situation) -> bool:
        """Whether the time of a rule has come, and is not over."""
        name, after = one.rule.name, one.rule.on.after
        if one.last is not None and self._seen.get(name, 0) >= one.last:
            return False
        if one.rule.times is not None and self._counts[name] >= one.rule.times:
            return False
        return after is None or at.now - (self._began or 0.0) >= after

    def _matches(self, one: Armed) -> bool:
        """Whether a rule reaches in; an exchange it is about is counted as seen."""
        rule, on, counts = one.rule, one.rule.on, self._counts
        reply = self.reply
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
        drawn = self.entropy[rule.name].bytes(_PROBABILITY_BYTES, label="probability")
        return int.from_bytes(drawn, "big") < rule.on.probability * _PROBABILITY_UNIT
