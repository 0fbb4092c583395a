"""Two ends of a link, for tests: with keys on both, or not yet."""

from emulator.link import (
    PLACES,
    Direction,
    End,
    KeySet,
    Place,
    Stream,
    stream_control,
)

HOST, DEVICE = 0x0000, 0x0100


def secret(place: Place, *, of: int = 0) -> bytes:
    """A key for a place, as the device sees it; `of`: another one."""
    return bytes((place.byte, of)) + bytes(range(30))


def end(name: str, *, stream: int = 0, enabled: bool = True, selective: bool = True) -> End:
    """A port with one stream, which takes all TLPs."""
    control = stream_control(stream, enabled=enabled, default=selective)
    made = Stream(selective=selective, control=control)
    requester = DEVICE if name == "device" else HOST
    if selective:
        return End(name, requester, selective=(made,))
    return End(name, requester, link=(made,))


def key_up(root: End, device: End, key_set: KeySet = KeySet.K0, *, of: int = 0) -> None:
    """Program a key set at both ends of a link, and set it to go."""
    for place in PLACES:
        if place.key_set is key_set:
            device.streams[0].program(place, secret(place, of=of), 1)
            root.streams[0].program(place.opposite, secret(place, of=of), 1)
    for direction in Direction:
        for place in PLACES:
            if place.key_set is key_set and place.direction is direction:
                device.streams[0].go(place)
                root.streams[0].go(place)


def keyed() -> tuple[End, End]:
    """A root port and a device whose stream is Secure."""
    root, device = end("root port"), end("device")
    key_up(root, device)
    assert root.streams[0].secure
    assert device.streams[0].secure
    return root, device
