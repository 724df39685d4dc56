"""The folder of the embedded server's unix socket, which no other user can enter."""

import os
import re
import tempfile
from pathlib import Path

from bench.server.account import Account
from bench.server.process import SOCKET
from bench.system.folder import READ_FOLDER, Folder

NAME, NOTE = "socket", "socket-folder"

_LONGEST_PATH = 100  # sun_path holds 108 bytes on Linux, 104 on macOS


def socket_folder(folder: Folder, account: Account) -> Folder:
    """Open a private folder for the socket of the server whose files lie in `folder`.

    It is `folder/socket`, unless that path is too long for a socket or has unusual characters. Then
    it is a temporary folder with an unpredictable name. `folder/socket-folder` holds that name, and
    the folder is used again while it exists and belongs to `account`. Raises `OSError`.
    """
    if _fits(folder.path / NAME):
        beside = folder.folder(NAME, make=True, mode=0o700)
        account.own(beside.descriptor, beside.path)
        return beside
    if noted := _noted(folder, account):
        return noted
    temporary_folder = Path(tempfile.mkdtemp(prefix="gatherbench-", dir=_temporary(account)))
    opened = Folder(temporary_folder, os.open(temporary_folder, READ_FOLDER | os.O_NOFOLLOW))
    account.own(opened.descriptor, temporary_folder)
    account.let_through([temporary_folder])
    with folder.replacing(NOTE, 0o600) as note:
        note.write(os.fsencode(temporary_folder))
    return opened


def _noted(folder: Folder, account: Account) -> Folder | None:
    note = folder.read(NOTE)
    path = Path(os.fsdecode(note)) if note else None
    if path is None or not account.owns_privately(path):
        return None
    return Folder(path, os.open(path, READ_FOLDER | os.O_NOFOLLOW))


def _fits(folder: Path) -> bool:
    path = f"{folder}/{SOCKET}"
    # The server and its clients give some characters, such as a comma, a special meaning.
    plain = re.fullmatch(r"[\w/.@+~ -]+", path) is not None
    return plain and len(os.fsencode(path)) <= _LONGEST_PATH


def _temporary(account: Account) -> Path:
    """Return the first usable of: the session's runtime folder, the temporary folder, /tmp."""
    name = "gatherbench-" + "x" * 8
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and account.owns_privately(Path(runtime)) and _fits(Path(runtime, name)):
        return Path(runtime)
    chosen = Path(tempfile.gettempdir()).resolve()
    trusted = account.users.trusted(chosen.stat())
    return chosen if trusted and _fits(chosen / name) else Path("/tmp")
