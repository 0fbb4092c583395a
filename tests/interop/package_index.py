"""Where this machine's pip takes packages from, handed on to a pip inside a root."""

import ast
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from support import require_or_skip

_SECTIONS = ("global", "install", ":env:")
"""In this order a later one prevails."""

_OPTIONS = frozenset(
    {"index-url", "extra-index-url", "find-links", "no-index", "trusted-host", "proxy"}
    | {"cert", "client-cert", "timeout", "default-timeout"}
)
_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
_SYSTEM = ("/etc/resolv.conf", "/etc/hosts")


def finds(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Have pip look for what these arguments of `pip install` want, and install nothing."""
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed"]
    return subprocess.run(
        [*command, "--retries=1", *arguments], check=False, capture_output=True, text=True
    )


def require() -> None:
    """Skip where pip reaches no index."""
    reached = finds("construct").returncode == 0
    require_or_skip(reached, "needs a package index: see `pip config list`")


def settings() -> dict[str, str]:
    """Environment variables that make another pip use the same indexes in the same way.

    Options that are about anything but the source of packages stay behind.
    """
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True
    )
    found: dict[str, dict[str, str]] = {section: {} for section in _SECTIONS}
    for line in listing.stdout.splitlines():
        key, _, value = line.partition("=")
        section, _, option = key.rpartition(".")
        if section in found and option in _OPTIONS:
            variable = f"PIP_{option.upper().replace('-', '_')}"
            found[section][variable] = str(ast.literal_eval(value))
    env = {name: os.environ[name] for name in _VARIABLES if name in os.environ}
    env |= {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    for section in _SECTIONS:
        env |= found[section]
    return env


def paths(env: dict[str, str]) -> list[Path]:
    """The files and folders of this machine that the settings need inside the root."""
    named = {Path(one) for one in _SYSTEM}
    for value in env.values():
        named |= {found for word in value.split() if (found := _path(word)) is not None}
    return sorted(one for one in named if one.exists())


def _path(word: str) -> Path | None:
    """The path in a setting; of an index, the folder around it, where its links lead."""
    if word.startswith("file:"):
        return Path(unquote(urlsplit(word).path)).parent
    return Path(word) if word.startswith("/") else None
