"""Links and files of another user in the embedded server's path: none is followed or given away."""

import os
import shutil
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.model.errors import BenchError
from bench.server.account import account_for_caller
from bench.server.embedded import EmbeddedServer
from bench.server.place import Users, enter
from tests.bench.server.embedded_server import ask

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be two users")

STRANGER = 65534

Plant = Callable[[Path, Path], None]


@pytest.fixture
def victim(place: Path) -> Path:
    """Give a folder of root with a secret, which no other user may read or own afterwards."""
    folder = place / "victim"
    folder.mkdir(mode=0o700)
    (folder / "secret").write_text("secret")
    (folder / "secret").chmod(0o600)
    return folder


@pytest.fixture
def home(place: Path) -> Path:
    """Give a home to which every user can write, like /tmp."""
    folder = place / "home"
    folder.mkdir()
    folder.chmod(0o1777)
    return folder


def untouched(victim: Path) -> bool:
    modes = [(path.stat().st_uid, stat.S_IMODE(path.stat().st_mode)) for path in victim.iterdir()]
    folder = victim.stat()
    private = folder.st_uid == 0 and stat.S_IMODE(folder.st_mode) == 0o700
    return private and modes == [(0, 0o600)] and (victim / "secret").read_text() == "secret"


def a_link(path: Path, victim: Path) -> None:
    path.symlink_to(victim)
    os.chown(path, STRANGER, STRANGER, follow_symlinks=False)


def a_link_of_roots(path: Path, victim: Path) -> None:
    path.symlink_to(victim)


def a_folder(path: Path, victim: Path) -> None:
    path.mkdir()
    os.chown(path, STRANGER, STRANGER)


def a_file(path: Path, victim: Path) -> None:
    path.touch()
    os.chown(path, STRANGER, STRANGER)


def a_fifo(path: Path, victim: Path) -> None:
    os.mkfifo(path)
    os.chown(path, STRANGER, STRANGER)


def a_socket(path: Path, victim: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))
    os.chown(path, STRANGER, STRANGER)


def a_hard_link(path: Path, victim: Path) -> None:
    path.hardlink_to(victim / "secret")


IN_THE_WAY = (a_link, a_link_of_roots, a_folder, a_file, a_fifo, a_socket)


@pytest.mark.parametrize("name", [".gatherbench", ".gatherbench/postgres18"])
@pytest.mark.parametrize("plant", IN_THE_WAY)
def test_a_folder_that_we_make_is_refused_where_it_is_planted(
    home: Path, victim: Path, plant: Plant, name: str
) -> None:
    """Forbids giving away, as root, the target of a planted `.gatherbench/postgres18 -> victim`."""
    (home / name).parent.mkdir(exist_ok=True)
    plant(home / name, victim)
    server = EmbeddedServer(home / ".gatherbench" / "postgres18")
    for act in (server.start, server.stop, server.status):
        with pytest.raises(BenchError, match=r"\n.*GATHERBENCH_HOME") as refused:
            act()
        assert str(home / name) in str(refused.value)
    assert untouched(victim)


def test_a_planted_gatherbench_that_holds_the_link(home: Path, victim: Path) -> None:
    """Forbids the original attack: the attacker owns both names."""
    a_folder(home / ".gatherbench", victim)
    a_link(home / ".gatherbench" / "postgres18", victim)
    with pytest.raises(BenchError, match=r"belongs to another user \(uid 65534\)"):
        EmbeddedServer(home / ".gatherbench" / "postgres18").start()
    assert untouched(victim)


@pytest.mark.parametrize("name", ["data", "data.partial", "socket", "server.log", "lock"])
@pytest.mark.parametrize("plant", [*IN_THE_WAY, a_hard_link])
def test_what_is_planted_in_the_folder_is_no_way_out(
    home: Path, victim: Path, plant: Plant, name: str
) -> None:
    """Forbids reading, writing or giving away, as root, a name's target in the server's folder.

    The folder belongs to the server's user; it was open to others for a while.
    """
    folder = home / ".gatherbench" / "postgres18"
    folder.mkdir(parents=True)
    plant(folder / name, victim)
    server = EmbeddedServer(folder)
    refused = ""
    try:
        server.start()
        server.stop()
    except BenchError as error:
        refused = str(error)
    finally:
        shutil.rmtree(folder)
    assert untouched(victim)
    assert str(folder / name) in refused
    assert "\n" in refused


@pytest.mark.parametrize("name", ["postgres", "socket-folder"])
def test_a_long_path_with_a_planted_note(place: Path, victim: Path, name: str) -> None:
    """Forbids following a note of the socket's folder that is a link, or names a folder of root."""
    folder = place / ("long" * 30) / "postgres"
    folder.mkdir(parents=True)
    server = EmbeddedServer(folder)
    (folder / "socket-folder").write_text(str(victim))
    if name == "socket-folder":
        (folder / "socket-folder").unlink()
        (folder / "socket-folder").symlink_to(victim / "secret")
        with pytest.raises(BenchError, match=r"socket-folder: .*symbolic link"):
            server.start()
        (folder / "socket-folder").unlink()
    assert ask(server.start(), "select 1") == 1
    sockets = server.status().socket_folder
    server.stop()
    assert sockets is not None
    assert untouched(victim)
    shutil.rmtree(sockets)


@pytest.mark.parametrize("name", ["pg_hba.conf", "pg_ident.conf", "postmaster.pid", "PG_VERSION"])
def test_the_servers_user_cannot_have_root_write_elsewhere(
    stopped: EmbeddedServer, victim: Path, name: str
) -> None:
    """Forbids writing, as root, through a link that a hijacked server left in its data."""
    file = stopped.data / name
    kept = file.read_text() if file.exists() else None
    file.unlink(missing_ok=True)
    file.symlink_to(victim / "secret")
    if name == "PG_VERSION":
        with pytest.raises(BenchError, match=r"PG_VERSION: .*symbolic link"):
            stopped.start()
        assert kept is not None
        file.unlink()
        file.write_text(kept)
    assert ask(stopped.start(), "select 1") == 1
    assert untouched(victim)
    assert not file.is_symlink()


def test_a_folder_with_files_of_roots_is_not_given_away(place: Path) -> None:
    """Forbids giving away a folder that root named by mistake, or that a user moved there."""
    (place / "postgres").mkdir()
    (place / "postgres" / "thesis.txt").write_text("mine")
    with pytest.raises(BenchError, match=r"contains thesis\.txt.*\n.*GATHERBENCH_HOME"):
        EmbeddedServer(place / "postgres").start()
    assert (place / "postgres").stat().st_uid == 0


def test_what_is_exchanged_after_it_was_opened_is_left_alone(home: Path, victim: Path) -> None:
    """Forbids looking up a path twice: the checked folder must be the used folder."""
    path = home / ".gatherbench" / "postgres18"
    users = account_for_caller().users
    with enter(path, users, make=True) as folder:  # type: ignore[union-attr]
        path.rename(path.with_name("moved"))
        path.symlink_to(victim)
        with folder.replacing("pg_hba.conf") as file:
            file.write(b"ours")
        folder.folder("socket", make=True).close()
    assert untouched(victim)
    assert (path.with_name("moved") / "pg_hba.conf").read_text() == "ours"
    with pytest.raises(BenchError, match="symbolic link"):
        enter(path, users)


def test_the_way_is_not_opened_through_another_users_folder(home: Path) -> None:
    """Forbids that `let_through` adds o+x to a folder of another user."""
    shut = home / "shut"
    shut.mkdir(mode=0o700)
    os.chown(shut, STRANGER, STRANGER)
    with pytest.raises(BenchError, match=r"cannot pass through .*shut.*another user.*\n"):
        account_for_caller().let_through([shut / "postgres"])
    assert stat.S_IMODE(shut.stat().st_mode) == 0o700


@pytest.mark.parametrize("owner", [0, STRANGER])
def test_a_link_on_the_way_is_followed_where_root_or_the_caller_made_it(
    place: Path, owner: int
) -> None:
    """Forbids following another user's link to a home. The caller's own link is followed."""
    disk = place / "disk"
    disk.mkdir()
    link = place / "home"
    link.symlink_to("disk/../disk")
    os.chown(link, owner, owner, follow_symlinks=False)
    server = EmbeddedServer(link / ".gatherbench" / "postgres18")
    assert server.data == disk / ".gatherbench" / "postgres18" / "data"
    if owner == STRANGER:
        with pytest.raises(BenchError, match=r"another user can change \(uid 65534\).*\n"):
            server.start()
        assert list(disk.iterdir()) == []
    else:
        assert ask(server.start(), "select 1") == 1
        server.stop()


def test_a_link_in_a_folder_that_others_can_change_is_refused(place: Path) -> None:
    (place / "disk").mkdir()
    shared = place / "shared"
    shared.mkdir()
    (shared / "home").symlink_to(place / "disk")
    os.chown(shared, STRANGER, STRANGER)
    with pytest.raises(BenchError, match="another user can change"):
        EmbeddedServer(shared / "home" / ".gatherbench" / "postgres18").start()


def test_links_in_a_circle(place: Path) -> None:
    (place / "a").symlink_to("b")
    (place / "b").symlink_to("a")
    with pytest.raises(BenchError, match=r"in a circle.*\n.*GATHERBENCH_HOME"):
        EmbeddedServer(place / "a" / ".gatherbench" / "postgres18").start()


@pytest.mark.parametrize(
    ("owner", "mode", "trusted"),
    [
        (1000, 0o755, True),
        (1000, 0o777, True),
        (0, 0o755, True),
        (0, 0o775, False),
        (0, 0o757, False),
        (0, 0o777, False),
        (0, 0o1777, True),
        (STRANGER, 0o755, False),
        (STRANGER, 0o1777, False),
    ],
)
def test_whom_a_user_trusts_with_the_home(
    place: Path, owner: int, mode: int, trusted: bool
) -> None:
    """Forbids a home where another user could replace `.gatherbench`."""
    os.chown(place, owner, owner)
    place.chmod(mode)
    made = place / ".gatherbench" / "postgres18"
    made.mkdir(parents=True)
    for path in (made.parent, made):
        os.chown(path, 1000, 1000)
    users = Users(caller=1000, server=1000)
    try:
        if trusted:
            enter(made, users).close()  # type: ignore[union-attr]
        else:
            with pytest.raises(BenchError, match=r"another user|other users"):
                enter(made, users)
    finally:
        os.chown(place, 0, 0)


def test_a_temporary_folder_of_others_holds_no_socket(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forbids a socket folder that another user could replace."""
    from bench.server.socket import _temporary

    os.chown(place, STRANGER, STRANGER)
    monkeypatch.setattr("tempfile.tempdir", str(place))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    assert _temporary(account_for_caller()) == Path("/tmp")
