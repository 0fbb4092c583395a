"""The protocol itself: codes, tables, negotiation, transcripts and signatures.

Pure: no sockets, no clock, no files, no randomness. Both roles use this room.
"""
