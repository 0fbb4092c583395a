"""A profile to start from."""

import json

_TEXT = """\
# A profile of spdm-emulator. It changes nvme-ssd, so only what differs has to be said here.
# Lines with `#` and no single space after it are examples: take the `#` away to use one.
# `spdm-emulator profile check FILE` tells every mistake, `profile schema` all there is.
profile: 1                   # the version of this file format
name: {name}
description: a device of my own
extends: nvme-ssd            # mappings are merged with its, lists replace its

# The PCI registers; the certificate's subjectAltName is made of them.
identity:
  vendor: 0x1b36
  device: 0x0010
  class_code: 0x010802
  revision: 0x02
#  serial: 0x0123456789abcdef

# In quotes, because 1.3 is a number.
#versions: ["1.3"]

# Lists are in order of preference.
#algorithms:
#  asym: [ECDSA_P256]
#  hash: [SHA_256]
#  measurement_hash: SHA_256

# Bytes. A small portion makes the requester ask for its certificates piece by piece.
#sizes:
#  certificate_portion: 256

# Slots 0 to 7. `1: {{chains: [{{certificates: [chain.pem], key: key.pem}}]}}` is one from files.
#slots:
#  0: auto
#  1:
#    auto:
#      common_name: the same device again

# One of text, hex, file, digest, number, mode, structured and extended; report raw or digest.
#measurements:
#  - index: 1
#    type: mutable-firmware
#    text: firmware 1.0
#  - index: 2
#    type: version
#    report: raw
#    text: "1.0"
#  - index: 3
#    type: secure-version-number
#    number: 7

# Opaque data: the bytes in hexadecimal, or the elements of the general opaque data table.
#opaque:
#  challenge:
#    FORMAT_1:
#      - {{registry: PCISIG, vendor: "36 1b", data: "01 02 03"}}

#timing:
#  delay: 20ms

#listener:
#  port: 2324
#  path: device.sock    # a Unix socket instead
"""


def new(name: str) -> str:
    """The text of a commented profile called `name`, ready to be loaded and changed."""
    return _TEXT.format(name=json.dumps(name, ensure_ascii=False))
