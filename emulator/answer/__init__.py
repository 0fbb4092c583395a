"""Handling a request, one file a message family, for either role.

A handler reads the exchange and returns an `Outcome`; it changes nothing itself. Checks common to
all requests are made once, by `responder/dispatcher.py`, from the row `@handles` registers.
"""
