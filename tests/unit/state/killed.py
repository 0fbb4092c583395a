"""Kills a device while it installs certificates, again and again, and looks at what is left.

    python killed.py FOLDER TIMES SEED

Each time a child process goes on from the state in FOLDER, as an emulator that was restarted does,
and installs two chains in turn over SPDM until it is killed by SIGKILL: once it has said a number
of things that is drawn, and after a time that is drawn.
Then the state must hold the chain that the child was told last that it was installed, or the one
it had asked for since; nothing else, and nothing may be broken. The last line tells how it went.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from asking import Host
from provisioned import attached, other_chain, provisionable

from emulator.entropy import Seeded
from emulator.errors import StateError

MOST = 6
"""The most that a child says before it is killed at any time."""

LONGEST = 0.015
"""The longest time it lives after that, seconds."""

NAMES = ("one", "two")


def child(folder: Path, told: int) -> None:
    """Install one chain after the other, and say before and after each which it is."""
    device = provisionable()
    attached(folder, device)
    host = Host(device).connected(0)
    number = 0
    os.write(told, b"r")
    while True:
        name = NAMES[number % 2]
        os.write(told, str(number % 2).encode())
        host.run(host.requester.set_certificate(0, other_chain(name)))
        os.write(told, "ab"[number % 2].encode())
        number += 1


def left_in(folder: Path) -> tuple[bytes, ...]:
    """The chain that the state in `folder` has in slot 0. Raises StateError."""
    device = provisionable()
    attached(folder, device).close()
    return device.slots[0].chains["ECDSA_P256"].certificates


def main() -> None:
    """See above."""
    folder, times, entropy = Path(sys.argv[1]), int(sys.argv[2]), Seeded(sys.argv[3])
    before = left_in(folder)
    chains = [other_chain(name) for name in NAMES]
    new = old = 0
    for _ in range(times):
        ours, theirs = os.pipe()
        process = os.fork()
        if not process:
            os.close(ours)
            child(folder, theirs)
        os.close(theirs)
        assert os.read(ours, 1) == b"r", "the child did not begin"
        awaited, *drawn = entropy.bytes(5, label="life")
        said = b""
        for _ in range(awaited % (MOST + 1)):
            said += os.read(ours, 1)
        time.sleep(int.from_bytes(bytes(drawn), "little") / (1 << 32) * LONGEST)
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        while data := os.read(ours, 1 << 16):
            said += data
        os.close(ours)
        installed = [chains["ab".index(chr(one))] for one in said if chr(one) in "ab"]
        last = installed[-1] if installed else before
        asked = chains[int(chr(said[-1]))] if said and chr(said[-1]) in "01" else last
        try:
            found = left_in(folder)
        except StateError as error:
            sys.exit(f"the state is broken: {error}")
        if found not in (last, asked):
            sys.exit("the state holds neither the old chain nor the new one")
        if asked != last:
            new += found == asked
            old += found == last
        before = found
    sys.stdout.write(json.dumps({"killed": times, "under way": new + old, "old": old, "new": new}))


main()
