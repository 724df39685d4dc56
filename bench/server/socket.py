"""Where the embedded server's unix socket lies: a folder that nobody else can enter."""

import os
import re
import tempfile
from pathlib import Path

from bench.server.account import Account
from bench.server.process import SOCKET

_LONGEST_PATH = 100  # sun_path holds 108 bytes on Linux, 104 on macOS


def socket_folder(folder: Path, account: Account) -> Path:
    """A private folder for the socket of the server whose files lie in `folder`.

    It is `folder/socket`, unless a socket can't have so long or so odd a name. Then it is one of an
    unpredictable name among the temporary files, noted in `folder/socket-folder` and used again
    while it exists and is still `account`'s own.
    """
    own = folder / "socket"
    if _fits(own):
        own.mkdir(exist_ok=True)
        account.own(own)
        return own
    note = folder / "socket-folder"
    if note.exists() and account.owns_privately(Path(note.read_text())):
        return Path(note.read_text())
    made = Path(tempfile.mkdtemp(prefix="gatherbench-", dir=_temporary(account)))
    account.own(made)
    account.let_through([made])
    note.write_text(str(made))
    account.own(note)
    return made


def _fits(folder: Path) -> bool:
    path = f"{folder}/{SOCKET}"
    # The server and its clients read some characters, such as a comma, as more than a name.
    plain = re.fullmatch(r"[\w/.@+~ -]+", path) is not None
    return plain and len(os.fsencode(path)) <= _LONGEST_PATH


def _temporary(account: Account) -> Path:
    """The first usable of the session's runtime folder, the temporary folder, and /tmp."""
    name = "gatherbench-" + "x" * 8
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and account.owns_privately(Path(runtime)) and _fits(Path(runtime, name)):
        return Path(runtime)
    chosen = Path(tempfile.gettempdir())
    return chosen if _fits(chosen / name) else Path("/tmp")
