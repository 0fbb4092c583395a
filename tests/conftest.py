"""What holds for all tests."""

from hypothesis import settings

# No test may depend on how fast a machine is, or on what else it does; a test that hangs meets
# pytest's own time-out. What failed can be repeated: the blob is printed.
settings.register_profile("everywhere", deadline=None, print_blob=True)
settings.load_profile("everywhere")
