"""Writes the generated pages of the reference from the code: `make docs`.

A test holds the pages in the repository against what this module would write.
"""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ide_page
import mqtt_page
import tdisp_page
import typer.main
from reference_live import control, events, events_schema
from reference_tables import NOTE as _NOTE
from reference_tables import fields as _fields
from reference_tables import kind as _type
from reference_tables import table as _table
from typer.core import TyperGroup

from emulator.answer.registry import ROWS
from emulator.cli.main import app
from emulator.device import Limits
from emulator.errors import (
    NoPendingRequests,
    SessionRequired,
    SpdmError,
    UnexpectedRequest,
    Unspecified,
    UnsupportedRequest,
)
from emulator.faults.catalogue import FaultFile, Preset
from emulator.faults.effect import EFFECTS, Stage
from emulator.faults.fields import FieldKind, fields_of
from emulator.faults.when import On
from emulator.profile import schema
from emulator.profile.broker import Broker, BrokerTls, Sharing
from emulator.profile.catalogue import stages
from emulator.profile.faults import catalogue
from emulator.profile.fleet import fleet_schema
from emulator.profile.fleet.model import Control, Devices
from emulator.profile.limits import ProcessLimits
from emulator.responder import dispatcher
from emulator.responder.answers import Answer
from emulator.responder.answers import table as answers_of
from emulator.responder.doctor import VISITS
from emulator.spdm import capabilities
from emulator.spdm.algorithms import HASHES, SIGNATURES, Algorithm
from emulator.spdm.capabilities import IMPLEMENTED, Cap
from emulator.spdm.codes import Code, ErrorCode
from emulator.spdm.doctor import MISTAKES
from emulator.spdm.error_codes import ERRORS
from emulator.spdm.messages import LAYOUTS
from emulator.spdm.session import Phase
from emulator.spdm.state import RESPONSES, TRANSITIONS, State
from emulator.spdm.versions import RULES, Version

REFERENCE = Path(__file__).parent / "reference"


def _states(legal: frozenset[State]) -> str:
    if legal == frozenset(State):
        return "any"
    lowest = min(legal)
    if legal == frozenset(state for state in State if state >= lowest):
        return f"{lowest.name} and later" if len(legal) > 1 else lowest.name
    return ", ".join(state.name for state in sorted(legal))


def _algorithms(rows: tuple[Algorithm, ...]) -> Iterator[str]:
    yield from _table(
        ("name", "bit", "bytes", "since", "offered"),
        [
            (
                row.name,
                f"0x{row.bit:x}",
                str(row.size),
                row.since.text,
                "yes" if row.offered else "no",
            )
            for row in rows
        ],
    )


_SHORT = {
    UnexpectedRequest: "—",
    UnsupportedRequest: "unsupported",
    SessionRequired: "*in a session*",
    Unspecified: "*in a session*",
    NoPendingRequests: "*nothing to ask*",
}
"""How the ERRORs a state can lead to are shown in the table of answers."""


def _places(where: Phase) -> str:
    """Where a request may come."""
    words = {
        Phase.CLEAR: "outside",
        Phase.HANDSHAKE: "in a handshake",
        Phase.ESTABLISHED: "inside",
    }
    return ", ".join(text for phase, text in words.items() if phase in where)


def _cell(answer: Answer) -> str:
    if isinstance(answer, Code):
        return "*its reply*" if answer == Code.RESPOND_IF_READY else answer.name
    return _SHORT[answer]


def _answers() -> Iterator[str]:
    """A table for each set of versions that answer alike."""
    alike: dict[tuple[tuple[str, ...], ...], list[Version]] = {}
    for version in RULES:
        rows = tuple(
            (code.name, *map(_cell, answers)) for code, answers in answers_of(version).items()
        )
        alike.setdefault(rows, []).append(version)
    for rows, versions in alike.items():
        yield f"### SPDM {', '.join(version.text for version in versions)}"
        yield ""
        yield from _table(("request", *(state.name for state in State)), [*rows])


def _raised() -> set[int]:
    """The codes that the device can answer with."""
    return {int(ErrorCode.LARGE_RESPONSE), *(one.code for one in SpdmError.__subclasses__())}


def _errors() -> Iterator[str]:
    raised = _raised()
    yield from _table(
        ("code", "name", "since", "it says", "extended data", "this device"),
        [
            (
                f"0x{code:02x}",
                code.name,
                row.since.text,
                row.says,
                row.extended.value,
                "answers with it" if code in raised else "—",
            )
            for code, row in ERRORS.items()
        ],
    )


def protocol() -> str:
    """docs/reference/protocol.md."""
    checks = inspect.getdoc(dispatcher) or ""
    lines = [
        "# What the device answers",
        "",
        _NOTE,
        f"Versions: {', '.join(version.text for version in RULES)}.",
        "",
        "## The order of checks",
        "",
        "```text",
        checks,
        "```",
        "",
        "A payload that is malformed, of an unknown vendor or type, or a record of no session",
        "gets no response: a frame of size 0. A frame of an unknown command or transport gets",
        f"command 0xFFFF. A frame that claims more than {Limits.frame} bytes, or is left",
        f"unfinished for {Limits.stall:g} seconds, ends the connection, where the profile has no",
        "other [limits](profile.md#limits). See also [transports](../how-to/transports.md).",
        "",
        "## Requests",
        "",
        *_table(
            ("request", "needs one of", "legal in", "of sessions", "leads at least to"),
            [
                (
                    row.code.name,
                    ", ".join(capabilities.names(row.needs)) or "—",
                    _states(row.legal),
                    _places(row.where),
                    TRANSITIONS[row.code].to.name,
                )
                for row in sorted(ROWS.values(), key=lambda row: row.code)
            ],
        ),
        "Every other request code is answered with UnsupportedRequest, the code in Param2.",
        "",
        "## The answer to a good request in each state",
        "",
        "Of a device that offers all it can, to a requester that does too, in the version agreed.",
        "— is ERROR UnexpectedRequest, unsupported is ERROR UnsupportedRequest, *in a session* is",
        "ERROR SessionRequired (Unspecified up to 1.1) outside of sessions; none changes anything.",
        "",
        *_answers(),
        "## ERROR",
        "",
        "Every code there is. What the device raises is a class of `emulator/errors.py`; the codes",
        "without one are read and told of, but no rule of this device leads to them.",
        "",
        *_errors(),
        "## Hashes",
        "",
        *_algorithms(HASHES),
        "## Signature algorithms",
        "",
        *_algorithms(SIGNATURES),
        "## Capabilities",
        "",
        *_table(
            ("flag", "bit", "can be offered"),
            [
                (
                    flag.name or "",
                    str(flag.bit_length() - 1),
                    "yes" if flag in IMPLEMENTED else "no",
                )
                for flag in Cap
            ],
        ),
    ]
    return "\n".join(lines).rstrip() + "\n"


def profile() -> str:
    """docs/reference/profile.md."""
    described = schema()
    lines = [
        "# Profile reference",
        "",
        _NOTE,
        (described.get("description") or "").strip(),
        "",
        "`spdm-emulator profile schema` prints the JSON Schema of this page, for editors;",
        "`spdm-emulator profile new` writes a commented file to start from. Any value can be",
        "overridden on the command line: `--set sizes.transmit=1024`. Paths in a profile are",
        "relative to the file that names them. What stands under `faults` has a page of its own:",
        "[faults](faults.md).",
        "",
        "## The file",
        "",
        *_fields(described),
    ]
    elsewhere = _fault_file().get("$defs", {})  # a page of its own
    for name, node in described.get("$defs", {}).items():
        if name in elsewhere:
            continue
        if "properties" in node:
            about = (node.get("description") or "").strip()
            lines += [f"## {name}", "", about, "", *_fields(node)]
        elif "enum" in node:
            lines += [f"## {name}", "", "One of " + _type(node) + ".", ""]
    return "\n".join(lines).rstrip() + "\n"


def fleet() -> str:
    """docs/reference/fleet.md."""
    described = fleet_schema()
    parts = described["$defs"]
    lines = [
        "# Fleet file reference",
        "",
        _NOTE,
        "A fleet file has many devices of a few profiles, for one `spdm-emulator serve`; see",
        "[fleets](../how-to/fleet.md). `spdm-emulator profile schema --fleet` prints the JSON",
        "Schema of this page, for editors; `spdm-emulator profile check FILE` tells every mistake.",
        "",
        "## The file",
        "",
        *_fields(described),
    ]
    for part in (Devices, ProcessLimits, Control, Broker, BrokerTls, Sharing):
        name = part.__name__
        lines += [f"## {name}", "", inspect.getdoc(part) or "", "", *_fields(parts[name])]
    return "\n".join(lines).rstrip() + "\n"


def _fault_file() -> dict[str, Any]:
    return FaultFile.model_json_schema()


def _effects() -> Iterator[str]:
    """Every effect under the first stage it belongs to."""
    for stage in Stage:
        here = {name: one for name, one in EFFECTS.items() if one.STAGES[0] is stage}
        if not here:
            continue
        yield from (f"## Stage {stage}", "")
        for name, one in here.items():
            yield from (f"### `{name}`", "", inspect.getdoc(one) or "", "")
            others = one.STAGES[1:]
            if others:
                yield from (f"Also at stage {', '.join(others)}.", "")
            if one.FOR:
                told = ", ".join(sorted(Code(code).name for code in one.FOR))
                yield from (f"For {told}.", "")
            if one.model_fields:
                yield from _fields(one.model_json_schema())


def _value(place: FieldKind) -> str:
    names = place.words()
    return place.expected() if len(names) < len(Code) else f"{place.bits} bits, or a name"


def _replies() -> Iterator[str]:
    """What message effects call the fields of each reply."""
    yield from ("## Fields of replies", "")
    yield "A row of a table is counted from `[0]`. A signature is no field, as it is made later."
    yield ""
    for code, layout in LAYOUTS.items():
        if code not in RESPONSES:
            continue
        yield from (f"### {Code(code).name}", "")
        rows = [
            (f"`{way}`", _value(place), Version(place.since).text if place.since else "1.0")
            for way, place in fields_of(layout).items()
            if place.holds
        ]
        yield from _table(("field", "value", "since"), rows)


def faults() -> str:
    """docs/reference/faults.md."""
    file = _fault_file()
    parts = file["$defs"]
    lines = [
        "# Faults reference",
        "",
        _NOTE,
        "A rule says on which exchanges (`on`), at which stage (`at`) and what (`do`) a device",
        "does wrong. Rules stand in a profile under `faults`, or in a file of their own:",
        "",
        "```yaml",
        "# file: my-faults.yaml",
        "faults: 1",
        "rules:",
        "  - name: other-nonce",
        "    on: {message: CHALLENGE_AUTH, nth: 1}",
        "    do: [{increment: {field: nonce}}]",
        "```",
        "",
        "`serve --faults FILE` adds such a file to any profile, `serve --fault NAME` a preset.",
        "A rule counts as fired only where an effect did something. A reply passes the stages in",
        "the order of this page. In a rule's `do` an effect is its name, or a mapping of its name",
        "to its fields.",
        "",
        "What is edited at stage message is signed as if it were right. It changes what is said,",
        "not what was negotiated: the device goes on with what it chose, the requester with what",
        "it read.",
        "",
        "## The file",
        "",
        *_fields(file),
        "## A rule",
        "",
        *_fields(parts["Rule"]),
        "## `on`",
        "",
        inspect.getdoc(On) or "",
        "",
        *_fields(parts["On"]),
        *_effects(),
        *_replies(),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _presets(group: tuple[Preset, ...]) -> Iterator[str]:
    for preset in group:
        needs = f"; needs the profile `{preset.profile}`" if preset.profile else ""
        reached = ", ".join(stages(preset))
        yield f"### `{preset.name}`"
        yield ""
        yield f"{preset.title}. Stage {reached}{needs}."
        yield ""
        yield from _table(
            ("**" + preset.expect + "**", preset.must),
            [
                ("source", preset.source),
                *([("echoes", preset.echoes)] if preset.echoes else []),
            ],
        )


def presets() -> str:
    """docs/reference/presets.md."""
    groups = catalogue()
    count = sum(map(len, groups.values()))
    lines = [
        "# Presets of faults",
        "",
        _NOTE,
        f"{count} faults by their names, for `serve --fault`, `run --fault` and `presets` in a",
        "profile. Each says what a requester that does as it must comes to, **accept** or",
        "**reject**, what it must do and why, where that is said, and public bugs of this kind.",
        "`spdm-emulator faults show NAME` has the rules.",
        "[What DMTF's requester does](presets-met.md).",
        "",
        "Sources are named by file and function: of libspdm and spdm-emu, of Linux the series",
        "'PCI device authentication'. A `#` and a number after a repository's name is an",
        "issue or a pull request there.",
        "",
    ]
    for name, group in groups.items():
        lines += [f"## {name.capitalize()}", "", *_presets(group)]
    return "\n".join(lines).rstrip() + "\n"


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"\[/?[a-z ]+\]", "", text)).strip()


def _command(name: str, command: Any, parent: Any) -> Iterator[str]:
    """One command and, below it, those of a group (typer keeps click's objects to itself)."""
    context = command.context_class(command, info_name=name, parent=parent)
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"## `{context.command_path}`"
    yield ""
    for paragraph in (command.help or "").split("\n\n"):
        yield _plain(paragraph)
        yield ""
    yield "```text"
    yield f"{context.command_path} {usage}".rstrip()
    yield "```"
    yield ""
    rows = []
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None:
            rows.append((f"`{_plain(record[0])}`", _plain(record[1])))
    if rows:
        yield from _table(("option", "meaning"), rows)
    if isinstance(command, TyperGroup):
        for sub in command.list_commands(context):
            yield from _command(sub, command.get_command(context, sub), context)


def command() -> str:
    """docs/reference/command.md."""
    lines = [
        "# Command reference",
        "",
        _NOTE,
        "Exit codes: 0 good, 1 the thing tested failed, 2 wrong use.",
        "",
        *_command("spdm-emulator", typer.main.get_command(app), None),
    ]
    return "\n".join(lines).rstrip() + "\n"


def mistakes() -> str:
    """docs/reference/mistakes.md."""
    lines = [
        "# Mistakes that the doctor knows",
        "",
        _NOTE,
        "What a device [says](../how-to/sessions.md#what-a-requester-does-wrong) where verify data",
        "or a signature does not verify, or the first record under a key does not open. The first",
        "column is `mistake` of the event `diagnosis`; of two mistakes that give one result the",
        f"first is named. A peer is told {VISITS} times in a connection.",
        "",
        *_table(
            ("mistake", "what is said"), [(f"`{one.name}`", one.explanation) for one in MISTAKES]
        ),
    ]
    return "\n".join(lines).rstrip() + "\n"


def mqtt() -> str:
    """docs/reference/mqtt.md."""
    return mqtt_page.page(_NOTE, _table, _fields)


def ide() -> str:
    """docs/reference/ide.md."""
    return ide_page.page(_NOTE, _table)


def tdisp() -> str:
    """docs/reference/tdisp.md."""
    return tdisp_page.page(_NOTE, _table)


PAGES = {
    "presets.md": presets,
    "protocol.md": protocol,
    "profile.md": profile,
    "fleet.md": fleet,
    "faults.md": faults,
    "command.md": command,
    "control.md": control,
    "events.md": events,
    "events.schema.json": events_schema,
    "mistakes.md": mistakes,
    "mqtt.md": mqtt,
    "ide.md": ide,
    "tdisp.md": tdisp,
}
"""The generated files and what writes each."""


def main() -> None:
    """Write every page."""
    REFERENCE.mkdir(exist_ok=True)
    for name, write in PAGES.items():
        (REFERENCE / name).write_text(write(), encoding="utf-8")


if __name__ == "__main__":
    main()
