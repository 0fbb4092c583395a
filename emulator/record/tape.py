"""What endpoints record onto: a recorder that may be put in and taken out while they live."""

from emulator.record.recorder import Recorder


class Tape:
    """Where the endpoints of one or several devices record, if anywhere.

    Attributes:
        recorder: what records now; None: nothing does.
    """

    def __init__(self, recorder: Recorder | None = None) -> None:
        self.recorder = recorder
