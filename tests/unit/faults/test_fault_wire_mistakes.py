"""Effects of frame and delivery that cannot be, refused where they are loaded."""

from pathlib import Path

import pytest

from emulator.errors import ProfileError
from emulator.profile.faults import load_rules

_DELAY = "a number from 0 to 600 or text such as 20ms"


@pytest.mark.parametrize(
    ("do", "problem"),
    [
        ("doe-length: {to: 1, by: 2}", "doe-length: found both; expected one of to and by"),
        ("frame-size: {to: 1, by: 0}", "frame-size: found both; expected one of to and by"),
        (
            "doe-vendor: {to: 0x10000}",
            "doe-vendor.to: found the number 0x10000; expected a whole number from 0 to 0xffff",
        ),
        (
            "doe-padding: {count: 0}",
            "doe-padding.count: found the number 0; expected a whole number from 1 to 1048576",
        ),
        (
            "oversize: {size: 1048577}",
            "oversize.size: found the number 1048577; expected a whole number from 1 to 1048576",
        ),
        (
            "frame-command: {to: NORML}",
            (
                'frame-command.to: found "NORML"; expected one of NORMAL, OOB_ENCAP_KEY_UPDATE,'
                " OOB_ENCAP_ENDPOINT_INFO, CONTINUE, SHUTDOWN, UNKNOWN, TEST; did you mean NORMAL?"
            ),
        ),
        (
            "frame-transport: {to: -1}",
            (
                "frame-transport.to: found the number -1; expected one of NONE, MCTP, PCI_DOE, TCP"
                " or a whole number from 0 to 0xffffffff"
            ),
        ),
        ("delay: {for: 601}", f"delay.for: found the number 601; expected {_DELAY}"),
        ("delay: {time: 2}", "delay.time: found an unknown key; expected for"),
        ("drip: {every: -1}", f"drip.every: found the number -1; expected {_DELAY}"),
        (
            "split: {at: 0}",
            "split.at: found the number 0; expected a whole number from 1 to 1048576",
        ),
        (
            "cut: {after: half}",
            'cut.after: found "half"; expected a whole number from -1048576 to 1048576',
        ),
        (
            "drop: {then: nothing}",
            'drop.then: found "nothing"; expected one of no-response, close',
        ),
        (
            "close: {when: durin}",
            (
                'close.when: found "durin"; expected one of before, during, after;'
                " did you mean during?"
            ),
        ),
        (
            "reset: {when: later}",
            'reset.when: found "later"; expected one of before, during, after; did you mean after?',
        ),
    ],
)
def test_what_cannot_be_is_refused_with_what_could(do: str, problem: str, tmp_path: Path) -> None:
    file = tmp_path / "odd.yaml"
    file.write_text(f"faults: 1\nrules:\n  - name: odd\n    do:\n      - {do}\n")
    with pytest.raises(ProfileError) as caught:
        load_rules(file)
    (line,) = str(caught.value).splitlines()
    where, _, said = line.partition(": ")
    assert where.startswith(f"{file}:5:")
    assert said == f"rules[0].do[0].{problem}"
