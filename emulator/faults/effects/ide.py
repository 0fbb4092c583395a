"""Stage device, the registers of the IDE extended capability; what is written lasts."""

from pydantic import Field

from emulator.faults.effect import Effect, Hit, Stage, effect
from emulator.forms import U8, U32


@effect("write-register", Stage.DEVICE)
class WriteRegister(Effect):
    """A register of the IDE extended capability is written, as a host might do at a bad time.

    So a stream loses its enable bit, and with it falls to Insecure.
    """

    port: U8 = Field(default=0, description="The index of the port.")
    index: int = Field(
        ge=0, description="Which register, counted from the capability register, which is 0."
    )
    value: U32 = Field(description="What is written; bits that are read-only stay as they are.")

    def on_device(self, hit: Hit) -> None:
        """Write it."""
        ide = hit.device.ide
        port = None if ide is None else ide.port(self.port)
        if port is None or self.index >= len(port.registers()):
            return
        before = port.registers()
        port.write(self.index, self.value)
        if port.registers() != before:
            hit.note(f"wrote 0x{self.value:08x} to register {self.index} of port {self.port}")
