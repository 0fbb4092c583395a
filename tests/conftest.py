"""What holds for all tests."""

import signal

from hypothesis import settings

# No test may depend on how fast a machine is, or on what else it does; a test that hangs meets
# pytest's own time-out. What failed can be repeated: the blob is printed.
settings.register_profile("everywhere", deadline=None, print_blob=True)
settings.load_profile("everywhere")

# What a shell starts in the background ignores Ctrl-C, and so does what that starts: the programs
# that tests interrupt are to hear of it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
