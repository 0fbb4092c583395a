"""An SPDM responder that emulates a PCIe endpoint's DOE mailbox over a socket."""

__version__ = "0.1.0"
