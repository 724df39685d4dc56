"""The files in the embedded server's folder: their names, their owner, their form."""

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
    """Close the folder to everybody but the account, then refuse what somebody else left in it.

    Raises BenchError for a link, for a file with a second name, for what belongs to another user,
    and, as root, for a folder with files that are not the server's: it would be given away.
    """
    strange = sorted({*folder.names()} - {*_FOLDERS, *_FILES, SOCKET, NOTE})
    if strange and os.fstat(folder.descriptor).st_uid != account.uid:
        raise BenchError(
            f"{folder.path} is to be the embedded server's, and holds {strange[0]}.\n"
            "Move that away, or set GATHERBENCH_HOME to another folder."
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
        fault = "is no folder" if name in _FOLDERS else "is no plain file"
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
    """Return the open lock file, created where it is missing. Raises `OSError`."""
    how = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
    lock = os.open(LOCK, how, 0o600, dir_fd=folder.descriptor)
    try:
        account.own(lock, folder.path / LOCK)
    except OSError:
        os.close(lock)
        raise
    return lock


def postmaster(folder: Folder) -> Postmaster | None:
    """Return the server that the folder's data say they have. Raises `OSError`."""
    if folder.status(DATA) is None:
        return None
    with folder.folder(DATA) as data:
        return read_postmaster(data)


def admit(data: Folder, account: Account) -> None:
    """Admit the account's own users by what the kernel says of them, as the one superuser."""
    rules = "".join(f'gatherbench "{user}" postgres\n' for user in account.admitted)
    texts = {"pg_hba.conf": "local all postgres peer map=gatherbench\n", "pg_ident.conf": rules}
    for name, text in texts.items():
        with data.replacing(name, 0o600) as file:
            file.write(text.encode())
            account.own(file.fileno(), data.path / name)
