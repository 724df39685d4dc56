"""The files in the embedded server's folder: names, owner and kind."""

import os
import stat

from bench.model.errors import BenchError
from bench.server.account import Account
from bench.server.process import Postmaster, read_postmaster
from bench.server.socket import NAME as SOCKET
from bench.server.socket import NOTE
from bench.system.folder import Folder

DATA, PARTIAL_DATA, LOG, LOCK = "data", "data.partial", "server.log", "lock"

_FOLDERS = (DATA, PARTIAL_DATA)
_FILES = (LOG, LOCK)


def take_over(folder: Folder, account: Account) -> None:
    """Close the folder to all users but the account, then check every file in it.

    Raises `BenchError` for a link, a file with a second name, or a file of another user. As root it
    also refuses a folder with files that are not the server's, because it would give them away.
    """
    strange = sorted({*folder.names()} - {*_FOLDERS, *_FILES, SOCKET, NOTE})
    if strange and os.fstat(folder.descriptor).st_uid != account.uid:
        raise BenchError(
            f"{folder.path} is the embedded server's folder, but it contains {strange[0]}.\n"
            "Move that file away, or set GATHERBENCH_HOME to another folder."
        )
    account.own(folder.descriptor, folder.path)
    for name in (*_FOLDERS, *_FILES):
        _check(folder, name, account)


def _check(folder: Folder, name: str, account: Account) -> None:
    status = folder.status(name)
    if status is None:
        return
    kind = stat.S_ISDIR if name in _FOLDERS else stat.S_ISREG
    fault = ""
    if not kind(status.st_mode):
        fault = "is not a folder" if name in _FOLDERS else "is not a regular file"
        if stat.S_ISLNK(status.st_mode):
            fault = "is a symbolic link"
    elif status.st_uid not in (account.users.caller, account.uid):
        fault = f"belongs to another user (uid {status.st_uid})"
    elif name in _FILES and status.st_nlink > 1:
        fault = "has a second name (a hard link)"
    if fault:
        raise BenchError(
            f"{folder.path / name} {fault}, and was not made by the embedded server.\n"
            "Remove it and try again."
        )


def open_lock(folder: Folder, account: Account) -> int:
    """Return the open lock file, created if missing. Raises `OSError`."""
    how = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
    lock = os.open(LOCK, how, 0o600, dir_fd=folder.descriptor)
    try:
        account.own(lock, folder.path / LOCK)
    except OSError:
        os.close(lock)
        raise
    return lock


def postmaster(folder: Folder) -> Postmaster | None:
    """Return the server named by the folder's data, or None. Raises `OSError`."""
    if folder.status(DATA) is None:
        return None
    with folder.folder(DATA) as data:
        return read_postmaster(data)


def admit(data: Folder, account: Account) -> None:
    """Admit the account's users, identified by the kernel, as the only superuser `postgres`."""
    rules = "".join(f'gatherbench "{user}" postgres\n' for user in account.admitted)
    texts = {"pg_hba.conf": "local all postgres peer map=gatherbench\n", "pg_ident.conf": rules}
    for name, text in texts.items():
        with data.replacing(name, 0o600) as file:
            file.write(text.encode())
            account.own(file.fileno(), data.path / name)
