"""What a profile's sessions need beside them, and the pre-shared keys it brings."""

from collections.abc import Iterator, Mapping

from emulator.answer.psk_exchange import MAX_HINT
from emulator.forms.words import counted
from emulator.profile import vocabulary
from emulator.profile.model import Profile
from emulator.profile.report import Report
from emulator.profile.sessions import KEY_SOURCES, PreSharedKey
from emulator.profile.sources import is_file
from emulator.profile.tree import Steps
from emulator.spdm import capabilities
from emulator.spdm.capabilities import PSK_ANY, Cap

Finding = tuple[Steps, str, str]

MAX_KEY = 1024
"""The largest pre-shared key, bytes: this emulator's own bound."""


def algorithm_findings(profile: Profile) -> Iterator[Finding]:
    """A session is made of algorithms of its own."""
    flags = vocabulary.flags(profile.capabilities) & (Cap.KEY_EX | PSK_ANY)
    asked = {
        "dhe": flags & Cap.KEY_EX,
        "asym": flags & Cap.KEY_EX,
        "aead": flags,
        "key_schedule": flags,
    }
    for family, used in asked.items():
        if used and not getattr(profile.algorithms, family):
            expect = f"at least one, which {_either(used)} needs"
            yield ("algorithms", family), expect, ""


def session_findings(profile: Profile) -> Iterator[Finding]:
    """Keys and a heartbeat are there if, and only if, they are promised."""
    flags = vocabulary.flags(profile.capabilities)
    told = profile.sessions
    if flags & PSK_ANY and not told.psk:
        expect = f"at least one key, which {_either(flags & PSK_ANY)} promises"
        yield ("sessions", "psk"), expect, ""
    if told.psk and not flags & PSK_ANY:
        without = f"without {_either(PSK_ANY)} in capabilities"
        yield ("sessions", "psk"), f"an empty list {without}", ""
    if told.heartbeat and Cap.HBEAT not in flags:
        yield ("sessions", "heartbeat"), "0 without HBEAT in capabilities", ""
    if told.key_update_after and not (Cap.KEY_UPD in flags and flags & (Cap.ENCAP | Cap.MUT_AUTH)):
        expect = "0 without KEY_UPD and ENCAP in capabilities"
        yield ("sessions", "key_update_after"), expect, ""
    seen: set[str] = set()
    for number, key in enumerate(told.psk):
        steps: Steps = ("sessions", "psk", number)
        given = [name for name in KEY_SOURCES if getattr(key, name) is not None]
        if len(given) != 1:
            yield steps, f"exactly one of {', '.join(KEY_SOURCES)}", " and ".join(given) or "none"
        if key.hint in seen:
            yield (*steps, "hint"), "each hint once", ""
        seen.add(key.hint)
        size = len(key.hint.encode())
        if size > MAX_HINT:
            yield (*steps, "hint"), f"at most {MAX_HINT} bytes", counted(size, "byte")


def _either(flags: Cap) -> str:
    return " or ".join(capabilities.names(flags))


def pre_shared(profile: Profile, report: Report) -> Mapping[bytes, bytes]:
    """The keys by their hints; those that cannot be had are problems."""
    found: dict[bytes, bytes] = {}
    for number, key in enumerate(profile.sessions.psk):
        given = [name for name in KEY_SOURCES if getattr(key, name) is not None]
        if len(given) != 1:
            continue  # said by the checks
        steps: Steps = ("sessions", "psk", number, given[0])
        try:
            value = _value(key)
        except OSError as error:
            report.at(steps, "a file that can be read", f"{key.file}: {error.strerror or error}")
            continue
        if not 1 <= len(value) <= MAX_KEY:
            report.at(steps, f"1 to {MAX_KEY} bytes", counted(len(value), "byte"))
        found[key.hint.encode()] = value
    return found


def _value(key: PreSharedKey) -> bytes:
    if key.text is not None:
        return key.text.encode()
    if key.file is None:
        return bytes.fromhex(key.hex or "")
    if not is_file(key.file):
        raise FileNotFoundError("no such file")
    with key.file.open("rb") as file:
        return file.read(MAX_KEY + 1)
