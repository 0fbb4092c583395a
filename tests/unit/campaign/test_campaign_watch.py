from emulator.campaign.watch import KEPT, NOTHING, Watch
from emulator.endpoint import Answered, Ended, Faulted, Ignored, Received
from emulator.errors import VersionMismatch
from emulator.spdm.stages import Fired

GET_VERSION = bytes.fromhex("10840000")
VERSION = bytes.fromhex("10040000 0001 0013")
BUSY = bytes.fromhex("107f0300")
MISMATCH = bytes.fromhex("107f4100")


def test_what_is_remarkable_stands_with_its_reply() -> None:
    watch = Watch()
    observe = watch.observe(1)
    observe(Received(bytes.fromhex("20840000")))
    observe(Faulted(Fired("rule", "signed", "did something")))
    observe(Answered(MISMATCH, VersionMismatch("version 2.0 where 1.0 is right")))
    request, reply = watch.conversation
    assert (request.name, request.error, request.remarks) == ("GET_VERSION", "", ())
    assert (reply.name, reply.error, reply.code) == ("ERROR", "VERSION_MISMATCH", 0x7F)
    assert reply.remarks == (
        "fault rule at signed: did something",
        "version 2.0 where 1.0 is right",
    )
    assert reply.text.splitlines()[0].startswith("1: < ERROR  VERSION_MISMATCH (0x41), data 0")
    assert watch.errors == {"VERSION_MISMATCH": 1}
    assert (watch.asked, watch.reached) == ("GET_VERSION", "")


def test_no_response_is_told_as_one() -> None:
    watch = Watch()
    observe = watch.observe(2)
    observe(Received(GET_VERSION))
    observe(Ignored("dropped"))
    observe(Ended("the peer left"))
    nothing = watch.conversation[-1]
    assert nothing.text == f"2: < {NOTHING}  dropped"
    assert (nothing.code, nothing.raw, nothing.fields) == (None, b"", {})
    assert (watch.count(NOTHING), watch.ended) == (1, "the peer left")


def test_a_retry_is_the_same_request_after_busy() -> None:
    watch = Watch()
    observe = watch.observe(1)
    for reply in (BUSY, BUSY, VERSION):
        observe(Received(GET_VERSION))
        observe(Answered(reply))
    observe(Received(GET_VERSION))
    assert (watch.requests, watch.retries, watch.reached) == (4, 2, "VERSION")


def test_connections_are_told_apart() -> None:
    watch = Watch()
    first, second = watch.observe(1), watch.observe(2)
    first(Received(GET_VERSION))
    first(Answered(BUSY))
    second(Received(GET_VERSION))
    assert (watch.connections, watch.retries) == (2, 0)
    assert [heard.connection for heard in watch.conversation] == [1, 1, 2]


def test_only_the_last_messages_are_kept_but_all_are_counted() -> None:
    watch = Watch()
    observe = watch.observe(1)
    for _ in range(KEPT + 5):
        observe(Received(GET_VERSION))
    assert len(watch.conversation) == KEPT
    assert watch.requests == watch.count("GET_VERSION") == KEPT + 5


def test_any_bytes_are_told() -> None:
    watch = Watch()
    observe = watch.observe(1)
    for raw in (b"", b"\x10", bytes.fromhex("10ff0000"), bytes(40)):
        observe(Received(raw))
        observe(Answered(raw))
    assert watch.requests == 4
    assert all(heard.text and heard.fields is not None for heard in watch.conversation)
