"""Starting and ending a program that stands for QEMU."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from unit.qemu import fake_machine

from emulator.qemu.launch import INSTALL_HINT, NVME_IDENTITY, QemuDevice, QemuError
from emulator.qemu.process import QemuProcess
from emulator.transport import doe

_TESTS = Path(fake_machine.__file__).parents[2]
_VERSION = 'case "$1" in --version) echo "QEMU emulator version 10.0.2"; exit 0;; esac'
_REQUEST = doe.spdm_object(bytes.fromhex("10840000"))

Stand = Callable[[str], str]


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    """Writes a script that stands for QEMU: it tells a version, then does what `text` says."""

    def write(text: str) -> str:
        path = tmp_path / "qemu"
        path.write_text(f"#!/bin/sh\n{_VERSION}\n{text}\n")
        path.chmod(0o755)
        return str(path)

    return write


def _python(statement: str) -> str:
    """A shell line that becomes Python, with the fake machine's `run` at hand."""
    prologue = f"import sys; sys.path.insert(0, {str(_TESTS)!r})"
    imports = "from unit.qemu.fake_machine import run"
    return f'exec {sys.executable} -c "{prologue}; {imports}; {statement}" "$@"'


_WELL = _python("sys.exit(run(sys.argv[1:]))")


def _is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def test_it_starts_answers_and_ends(stand: Stand) -> None:
    process = QemuProcess([QemuDevice(2323), QemuDevice(2324, slot=5)], qemu=stand(_WELL))
    async with process:
        pid = process.pid
        function = await process.function()
        assert await function.identity() == NVME_IDENTITY
        mailbox = await process.mailbox()
        assert await mailbox.exchange(_REQUEST) == _REQUEST
        with pytest.raises(QemuError, match=r"device at 00:05\.0 has no DOE capability"):
            await process.mailbox(1)
    assert _is_gone(pid)
    with pytest.raises(QemuError, match="QEMU is not running: enter the context first"):
        await process.function()


async def test_the_arguments_stop_the_processors_and_come_before_extra_ones(
    stand: Stand, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    qemu = stand(f'echo "$@" > {told}\n{_WELL}')
    async with QemuProcess([QemuDevice(2323)], qemu=qemu, extra=["-m", "64M"]):
        words = told.read_text().split()
    assert words[:4] == ["-M", "q35", "-device", "nvme,serial=spdm2323,addr=0x4,spdm_port=2323"]
    assert {"-S", "-nodefaults", "tcg"} < set(words)
    assert words[-4:-3] == ["-qtest"]
    assert words[-2:] == ["-m", "64M"]
    assert not Path(words[-3].removeprefix("unix:")).parent.exists()


async def test_its_output_can_be_read_while_it_runs_and_afterwards(stand: Stand) -> None:
    process = QemuProcess([], qemu=stand(f"echo one; echo two >&2\n{_WELL}"))
    assert process.output == ""
    async with process:
        assert process.output == "one\ntwo"
    assert process.output == "one\ntwo"


async def test_nothing_runs_before_it_is_entered() -> None:
    with pytest.raises(QemuError, match="not running"):
        _ = QemuProcess([]).pid


async def test_a_program_that_is_not_there_is_told_with_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(QemuError, match="cannot be run: No such file or directory") as caught:
        async with QemuProcess([], qemu=str(tmp_path / "none")):
            raise AssertionError
    assert INSTALL_HINT in str(caught.value)


async def test_what_it_said_before_it_ended_is_told(stand: Stand) -> None:
    qemu = stand("echo 'cannot connect: Connection refused' >&2; exit 3")
    with pytest.raises(QemuError) as caught:
        async with QemuProcess([], qemu=qemu):
            raise AssertionError
    assert str(caught.value) == (
        "QEMU did not start, it ended with status 3: cannot connect: Connection refused"
    )


async def test_an_old_qemu_is_told_with_what_to_install(tmp_path: Path) -> None:
    path = tmp_path / "qemu"
    path.write_text("#!/bin/sh\necho QEMU emulator version 7.2.22; [ $1 = --version ]\n")
    path.chmod(0o755)
    with pytest.raises(QemuError, match=r"status 1: .*is version 7\.2\.22\. QEMU 9\.1 or later"):
        async with QemuProcess([], qemu=str(path)):
            raise AssertionError


async def test_one_that_ends_before_its_devices_stand_is_told(stand: Stand) -> None:
    connect = (
        "import socket; s = socket.socket(socket.AF_UNIX);"
        " s.connect(sys.argv[sys.argv.index('-qtest') + 1][5:]); s.close(); sys.exit(1)"
    )
    with pytest.raises(QemuError, match=r"status 1: sent 'outl 0xcf8 .*, the connection"):
        async with QemuProcess([], qemu=stand(_python(connect))):
            raise AssertionError


async def test_one_that_never_connects_is_killed(stand: Stand, tmp_path: Path) -> None:
    told = tmp_path / "pid"
    qemu = stand(f"trap '' TERM; echo $$ > {told}; exec sleep 60")
    with pytest.raises(QemuError, match=r"its qtest socket was not opened in 0\.5 s"):
        async with QemuProcess([], qemu=qemu, timeout=0.5, grace=0.1):
            raise AssertionError
    assert _is_gone(int(told.read_text()))


async def test_one_that_ended_by_itself_needs_no_ending(stand: Stand) -> None:
    async with QemuProcess([], qemu=stand(_WELL)) as process:
        assert process._qtest is not None
        await process._qtest.close()
        assert await process._ended()


async def test_a_temporary_folder_too_deep_for_a_socket_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    deep = tmp_path / ("x" * 120)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    with pytest.raises(QemuError, match=r"cannot listen on .*: AF_UNIX path too long"):
        async with QemuProcess([]):
            raise AssertionError
