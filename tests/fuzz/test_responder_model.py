"""Random conversations, good and bad, against a model that knows the rules a second time.

The model keeps the state, the version, and what each signature has to cover; every signature is
verified over that.
"""

from collections.abc import Callable

from devices import (
    GET_VERSION,
    Peer,
    chain,
    challenge,
    device,
    error,
    get_capabilities,
    get_certificate,
    get_digests,
    get_measurements,
    negotiate_algorithms,
    vendor_request,
)
from fuzz.depth import fuzzing
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from unit.responder.verifying import Exchange, verify

from emulator.spdm.transcript import Part

INVALID, UNEXPECTED, UNSUPPORTED, MISMATCH = 0x01, 0x04, 0x07, 0x41
SIZE = len(chain("ECDSA_P384").spdm("SHA_384"))
INDICES = {1, 2, 3, 5, 0xFE}

versions = st.sampled_from((*[0] * 20, 0x10, 0x11, 0x12, 0x13, 0x14))
"""0: the version agreed, or 1.3 before."""
heights = st.sampled_from((1, 2, 3, 3, 4, 5, 6, 6))
slots = st.sampled_from((*[0, 2] * 6, 1, 7, 8, 15, 0xFF))


class Conversation(RuleBasedStateMachine):
    """A peer that asks anything in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.peer = Peer(device())
        self.state = 0
        self.version = 0
        self.a: list[Exchange] = []
        self.b: list[Exchange] = []
        self.m: list[Exchange] = []

    def asked(self, version: int) -> int:
        return version or self.version or 0x13

    def refusal(self, version: int, *, good: bool, value: int = INVALID) -> int:
        """The ERROR of a request legal once negotiated; 0 for none. `good`: its values are."""
        if self.version and version != self.version:
            return MISMATCH
        if self.state < 3:
            return UNEXPECTED
        return 0 if good else value

    def exchange(self, request: bytes, refusal: int, *, data: int = 0) -> Exchange | None:
        """Ask, and compare the reply's kind with what the model expects."""
        reply = self.peer.ask(request)
        if refusal:
            assert reply == error(self.version or 0x10, refusal, data)
            return None
        assert reply[1] == request[1] & 0x7F, reply.hex()
        return request, reply

    @initialize(height=heights, version=st.sampled_from((0x12, 0x13)))
    def begin(self, height: int, version: int) -> None:
        self.climb(height, version)

    @rule(height=heights, version=st.sampled_from((0x12, 0x13)))
    def begin_again(self, height: int, version: int) -> None:
        self.climb(height, version)

    def climb(self, height: int, version: int) -> None:
        """GET_VERSION, and good requests up to the state of this height."""
        steps: tuple[Callable[[], None], ...] = (
            self.get_version,
            lambda: self.ask_capabilities(version),
            lambda: self.ask_algorithms(version),
            lambda: self.ask_digests(version),
            lambda: self.ask_certificate(version, 0, 0, 0xFFFF),
            lambda: self.ask_challenge(version, 0, 0),
        )
        for step in steps[:height]:
            step()
        assert self.state == height

    def get_version(self) -> None:
        exchange = self.exchange(GET_VERSION, 0)
        assert exchange
        self.state, self.version = 1, 0
        self.a, self.b, self.m = [exchange], [], []

    @rule(version=versions)
    def ask_capabilities(self, version: int) -> None:
        version = self.asked(version)
        refusal = 0
        if self.version:
            refusal = MISMATCH if version != self.version else UNEXPECTED
        elif self.state != 1:
            refusal = UNEXPECTED
        elif version not in {0x12, 0x13}:
            refusal = MISMATCH
        exchange = self.exchange(get_capabilities(version), refusal)
        if exchange:
            self.state, self.version = 2, version
            self.a.append(exchange)

    @rule(version=versions)
    def ask_algorithms(self, version: int) -> None:
        version = self.asked(version)
        refusal = 0
        if self.version and version != self.version:
            refusal = MISMATCH
        elif self.state != 2:
            refusal = UNEXPECTED
        exchange = self.exchange(negotiate_algorithms(version), refusal)
        if exchange:
            self.state = 3
            self.a.append(exchange)

    @rule(version=versions)
    def ask_digests(self, version: int) -> None:
        version = self.asked(version)
        exchange = self.exchange(get_digests(version), self.refusal(version, good=True))
        if exchange:
            self.state = max(self.state, 4)
            self.b, self.m = [exchange], []

    @rule(
        version=versions,
        slot=slots,
        offset=st.sampled_from((0, 100, 1000, 0xFFFF)),
        length=st.sampled_from((0, 1, 1000, 0xFFFF)),
    )
    def ask_certificate(self, version: int, slot: int, offset: int, length: int) -> None:
        version = self.asked(version)
        good = slot in {0, 2} and offset < SIZE
        request = get_certificate(version, slot=slot, offset=offset, length=length)
        exchange = self.exchange(request, self.refusal(version, good=good))
        if exchange:
            self.state = max(self.state, 5)
            self.b.append(exchange)
            self.m = []

    @rule(version=versions, slot=slots, summary=st.sampled_from((0, 1, 2, 0xFF)))
    def ask_challenge(self, version: int, slot: int, summary: int) -> None:
        version = self.asked(version)
        good = slot in {0, 2} and summary != 2
        request = challenge(version, slot=slot, summary=summary)
        exchange = self.exchange(request, self.refusal(version, good=good))
        if exchange:
            verify([*self.a, *self.b, exchange], slot=slot)
            self.state = 6
            self.b, self.m = [], []

    @rule(
        version=versions,
        operation=st.sampled_from((0, 1, 2, 3, 5, 0xFE, 0xFF, 4, 0xFD)),
        signed=st.booleans(),
        slot=slots,
        excess=st.sampled_from((0, 0, 0, 0, 0, 0, 3, 4)),
    )
    def ask_measurements(
        self, version: int, operation: int, slot: int, excess: int, *, signed: bool
    ) -> None:
        version = self.asked(version)
        good = operation in {0, 0xFF} | INDICES and (not signed or slot in {0, 2}) and excess < 4
        request = get_measurements(version, operation, signed=signed, slot=slot)
        exchange = self.exchange(request + bytes(excess), self.refusal(version, good=good))
        if exchange is None:
            self.m = []
            return
        if self.state < 6:
            self.b = []
        self.m.append((request, exchange[1]))
        if signed:
            verify([*self.a, *self.m], slot=slot)
            self.m = []

    @rule(operations=st.lists(st.sampled_from((0, 1, 0xFE, 0xFF, 4)), min_size=1, max_size=4))
    def read_on(self, operations: list[int]) -> None:
        """Unsigned measurements and a signed one, with perhaps a refused one among them."""
        for operation in operations:
            self.ask_measurements(0, operation, 0, 0, signed=False)
        self.ask_measurements(0, 1, 2, 0, signed=True)

    @rule(version=versions)
    def ask_vendor(self, version: int) -> None:
        version = self.asked(version)
        refusal = self.refusal(version, good=False, value=UNSUPPORTED)
        self.exchange(vendor_request(version), refusal, data=0xFE if refusal == UNSUPPORTED else 0)

    @rule(
        code=st.sampled_from((0x00, 0x7F, 0x88, 0x8A, 0xDF, 0xF3, 0xFB)),
        length=st.integers(0, 3),
        version=st.sampled_from((0x00, 0x11, 0x12, 0x13, 0xFF)),
    )
    def ask_nonsense(self, code: int, length: int, version: int) -> None:
        unknown = bytes((version, code, 0, 0))
        self.exchange(unknown, UNSUPPORTED, data=code)
        self.exchange(unknown[:length], INVALID)
        assert self.peer.ask(bytes((version,)) + GET_VERSION[1:]) == error(0x10, MISMATCH)

    @invariant()
    def agrees(self) -> None:
        connection = self.peer.connection
        assert (connection.state, connection.version) == (self.state, self.version)
        kept = [len(connection.transcript.part(part)) for part in Part]
        assert kept == [2 * len(self.a), 2 * len(self.b), 0, 2 * len(self.m), 0]


TestConversation = Conversation.TestCase
TestConversation.settings = fuzzing(80, steps=40)
