"""Where the profiles and the sample authority are found, in a checkout and in an installed wheel.

Both folders stand at the top level of the repository; the wheel carries copies inside the package
(`[tool.hatch.build.targets.wheel.force-include]` in pyproject.toml).
"""

from pathlib import Path

_PACKAGE = Path(__file__).parent


def folder(name: str) -> Path:
    """The data folder `name` (`profiles` or `certs`).

    Raises FileNotFoundError when the installation lacks it, naming both places it looked in.
    """
    places = (_PACKAGE / "_data" / name, _PACKAGE.parent / name)
    for place in places:
        if place.is_dir():
            return place
    looked = " and ".join(str(place) for place in places)
    message = f"the installation lacks its {name} folder; looked in {looked}"
    raise FileNotFoundError(message)
