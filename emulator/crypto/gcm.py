"""AES-GCM with a tag cut short, as links have it: PCIe IDE's MAC has 96 bits.

Source of the size: Linux `include/uapi/linux/pci_regs.h`, `PCI_IDE_CAP_ALG_AES_GCM_256`. A tag cut
short is the first bytes of the whole one (NIST SP 800-38D, 7.1).
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import GCM

from emulator.crypto.aead import NONCE_SIZE


class ShortTagGcm:
    """One AES key, used in GCM with tags of `tag_size` bytes."""

    __slots__ = ("_key", "tag_size")

    def __init__(self, key: bytes, tag_size: int) -> None:
        """Raises ValueError for a key that is none of AES's."""
        self._key = AES(key)
        self.tag_size = tag_size

    def seal(self, nonce: bytes, associated: bytes, plain: bytes) -> tuple[bytes, bytes]:
        """The ciphertext and the tag."""
        encryptor = Cipher(self._key, GCM(_checked(nonce))).encryptor()
        encryptor.authenticate_additional_data(associated)
        sealed = encryptor.update(plain) + encryptor.finalize()
        return sealed, encryptor.tag[: self.tag_size]

    def open(self, nonce: bytes, associated: bytes, sealed: bytes, tag: bytes) -> bytes | None:
        """The plain text, or None where the tag is not over these bytes under this key."""
        if len(tag) != self.tag_size:
            return None
        mode = GCM(_checked(nonce), tag, min_tag_length=self.tag_size)
        decryptor = Cipher(self._key, mode).decryptor()
        decryptor.authenticate_additional_data(associated)
        plain = decryptor.update(sealed)
        try:
            return plain + decryptor.finalize()
        except InvalidTag:
            return None


def _checked(nonce: bytes) -> bytes:
    if len(nonce) != NONCE_SIZE:
        raise ValueError(f"{len(nonce)} bytes of nonce where {NONCE_SIZE} belong")
    return nonce
