"""Cryptography: the only room, with `pki`, that imports `cryptography` (pyca)."""
