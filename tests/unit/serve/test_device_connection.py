"""The asyncio protocol around an endpoint, without a network."""

import asyncio
import socket
from unittest.mock import Mock

import pytest
from devices import GET_VERSION, device, frame, spdm_frame
from unit.serve.loopback import until

from emulator import tcp as options
from emulator.device import Timing
from emulator.endpoint import Endpoint
from emulator.serve.connection import MAX_HELD, DeviceConnection
from emulator.tcp import quickack, set_nodelay


def transport_of(sock: socket.socket | Mock, peer: object = ("192.0.2.1", 5000)) -> Mock:
    """A transport over `sock` that only remembers what it is asked for."""
    made = Mock(spec=asyncio.Transport)
    made.is_closing.return_value = False
    made.get_extra_info.side_effect = {"socket": sock, "peername": peer}.get
    made.get_write_buffer_size.return_value = 0
    return made


def tcp() -> Mock:
    made = Mock(spec=socket.socket)
    made.family = socket.AF_INET
    return made


async def test_a_connection_aborted_before_it_is_made_ends_once_it_is() -> None:
    gone: list[DeviceConnection] = []
    connection = DeviceConnection(lambda: Endpoint(device()), gone.append)
    transport = transport_of(tcp())
    connection.abort()
    connection.connection_made(transport)
    transport.abort.assert_called_once_with()
    connection.connection_lost(None)
    assert gone == [connection]


async def test_a_connection_is_aborted_when_asked() -> None:
    connection = DeviceConnection(lambda: Endpoint(device()), lambda _connection: None)
    transport = transport_of(tcp())
    connection.connection_made(transport)
    transport.abort.assert_not_called()
    connection.abort()
    transport.abort.assert_called_once_with()


async def test_a_peer_that_floods_a_slow_device_waits() -> None:
    slow = device(timing=Timing(delay=0.05))
    connection = DeviceConnection(lambda: Endpoint(slow), lambda _connection: None)
    transport = transport_of(tcp())
    connection.connection_made(transport)
    for _ in range(MAX_HELD):
        connection.data_received(spdm_frame(GET_VERSION))
    transport.pause_reading.assert_not_called()
    connection.data_received(spdm_frame(GET_VERSION))
    transport.pause_reading.assert_called_once_with()
    connection.pause_writing()
    connection.resume_writing()
    transport.resume_reading.assert_not_called()  # the held replies are a reason still
    await until(lambda: transport.resume_reading.called)
    await until(lambda: transport.write.call_count == MAX_HELD + 1)
    transport.pause_reading.assert_called_once_with()
    transport.resume_reading.assert_called_once_with()


async def test_a_peer_that_does_not_read_is_not_read() -> None:
    connection = DeviceConnection(lambda: Endpoint(device()), lambda _connection: None)
    transport = transport_of(tcp())
    connection.connection_made(transport)
    connection.pause_writing()
    transport.pause_reading.assert_called_once_with()
    connection.resume_writing()
    transport.resume_reading.assert_called_once_with()


async def test_each_reply_is_written_once_and_whole() -> None:
    connection = DeviceConnection(lambda: Endpoint(device()), lambda _connection: None)
    transport = transport_of(tcp())
    connection.connection_made(transport)
    connection.data_received(spdm_frame(GET_VERSION) + frame(command=0xFFFE))
    await until(lambda: transport.close.called)  # a busy machine may take two turns for it
    assert [len(call.args[0]) for call in transport.write.call_args_list] == [32, 12]
    transport.close.assert_called_once_with()


async def test_no_more_is_written_once_a_write_has_failed() -> None:
    connection = DeviceConnection(lambda: Endpoint(device()), lambda _connection: None)
    transport = transport_of(tcp())
    connection.connection_made(transport)
    transport.write.side_effect = lambda _data: setattr(transport.is_closing, "return_value", True)
    connection.data_received(spdm_frame(GET_VERSION) * 3)
    transport.write.assert_called_once()


async def test_what_comes_later_waits_behind_what_is_held_back() -> None:
    held = device(timing=Timing(delay=0.3))
    connection = DeviceConnection(lambda: Endpoint(held), lambda _connection: None)
    transport = transport_of(tcp())
    connection.connection_made(transport)
    hello, shutdown = frame(command=0xDEAD), frame(command=0xFFFE)
    for data in (spdm_frame(GET_VERSION), hello, spdm_frame(GET_VERSION), shutdown):
        connection.data_received(data)
    transport.write.assert_not_called()
    await until(lambda: transport.close.called)
    commands = [call.args[0][2:4].hex() for call in transport.write.call_args_list]
    assert commands == ["0001", "dead", "0001", "fffe"]


async def test_nothing_is_written_after_the_peer_has_left() -> None:
    held = device(timing=Timing(delay=0.3))
    connection = DeviceConnection(lambda: Endpoint(held), lambda _connection: None)
    transport = transport_of(tcp())
    connection.connection_made(transport)
    connection.data_received(spdm_frame(GET_VERSION) + spdm_frame(GET_VERSION)[:1])
    connection.connection_lost(ConnectionResetError("reset"))
    await asyncio.sleep(0.35)
    transport.write.assert_not_called()


async def test_peers_are_called_by_their_address() -> None:
    names = {("192.0.2.1", 5000): "192.0.2.1:5000", ("::1", 7, 0, 0): "::1:7", "": "local"}
    for peer, shown in names.items():
        connection = DeviceConnection(lambda: Endpoint(device()), lambda _connection: None)
        connection.connection_made(transport_of(tcp(), peer))
        assert connection.peer == shown


async def test_a_unix_socket_serves_as_well() -> None:
    ours, theirs = socket.socketpair()
    loop = asyncio.get_running_loop()
    transport, connection = await loop.create_connection(
        lambda: DeviceConnection(lambda: Endpoint(device()), lambda _connection: None), sock=ours
    )
    reader, writer = await asyncio.open_connection(sock=theirs)
    writer.write(spdm_frame(GET_VERSION))
    assert (await reader.readexactly(32))[21] == 0x04
    assert connection.peer == "local"
    writer.close()
    await writer.wait_closed()
    transport.close()
    await asyncio.sleep(0)


def test_tcp_sockets_send_and_acknowledge_at_once() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 0
        set_nodelay(sock)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
    sock = tcp()
    quickack(sock)()
    quickack(sock)()
    sock.setsockopt.assert_called_with(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
    assert sock.setsockopt.call_count == 2


def test_other_sockets_have_no_such_options() -> None:
    sock = Mock(spec=socket.socket)
    sock.family = socket.AF_UNIX
    set_nodelay(sock)
    quickack(sock)()
    sock.setsockopt.assert_not_called()


def test_systems_without_the_option_do_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "_QUICKACK", None)
    sock = tcp()
    quickack(sock)()
    sock.setsockopt.assert_not_called()
