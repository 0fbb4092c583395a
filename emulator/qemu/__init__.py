"""A real QEMU with this package's devices behind it: starting it, and its DOE mailboxes.

No guest runs. QEMU is started with its processors stopped, and the qtest protocol makes the
accesses to configuration space that a guest's driver would make.
"""
