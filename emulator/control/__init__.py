"""Live control: operations on devices that are served, and the events they tell."""

from emulator.control.port import ALL, Control, ControlError, Subscription, Wanted

__all__ = ["ALL", "Control", "ControlError", "Subscription", "Wanted"]
