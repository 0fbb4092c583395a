"""Control over MQTT: events and retained status out, commands in, and fleets that are shared."""

from emulator.control.mqtt.bridge import Bridge, bridged
from emulator.control.mqtt.link import Dialer

__all__ = ["Bridge", "Dialer", "bridged"]
