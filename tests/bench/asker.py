"""Challenges devices by turns for some seconds, verifying nothing: `asker.py SECONDS PORT...`.

Prints how many challenges were answered.
"""

import sys
import time
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.client import CHALLENGE, Client


def main() -> None:
    """Ask, and print how often there was an answer."""
    seconds, *ports = sys.argv[1:]
    with ExitStack() as stack:
        clients = [stack.enter_context(Client("127.0.0.1", int(port))) for port in ports]
        for client in clients:
            client.attest("ECDSA_P384", "SHA_384")
        count, until = 0, time.perf_counter() + float(seconds)
        for client in cycle(clients):
            client.ask(CHALLENGE)
            count += 1
            if time.perf_counter() > until:
                break
    print(count)  # noqa: T201 - a script's result


if __name__ == "__main__":
    main()
