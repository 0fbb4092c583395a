"""`spdm-emulator ctl`: asking and telling a running emulator, a file a subject."""
