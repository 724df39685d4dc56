"""Files are written only into their folder; an old file stays whole until the new one is."""

import os
import stat
from pathlib import Path

import pytest

from bench.system.folder import Folder
from bench.system.output_files import (
    file_name,
    link,
    made_folder,
    new_folder,
    replacing,
    write_text,
    write_where_named,
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, OSError, ValueError])
def test_an_old_file_stays_whole_when_writing_is_cut_short(
    tmp_path: Path, interrupt: type[BaseException]
) -> None:
    """Forbids half a report in place of a whole one after Ctrl-C, or on a full disk."""
    write_text(tmp_path / "report.html", "old")

    def write() -> None:
        with replacing(tmp_path / "report.html") as file:
            file.write(b"ne")
            file.flush()
            assert (tmp_path / "report.html").read_text() == "old"
            raise interrupt

    with pytest.raises(interrupt):
        write()
    assert (tmp_path / "report.html").read_text() == "old"
    assert names(tmp_path) == ["report.html"]


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    """Forbids to write through a report.html that somebody has made a link to another file."""
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "report.html").symlink_to("victim")
    write_text(tmp_path / "report.html", "new")
    assert (tmp_path / "victim").read_text() == "mine"
    assert not (tmp_path / "report.html").is_symlink()
    assert (tmp_path / "report.html").read_text() == "new"


def test_a_second_name_keeps_what_it_had(tmp_path: Path) -> None:
    """Forbids to write through a hard link."""
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "report.html").hardlink_to(tmp_path / "victim")
    write_text(tmp_path / "report.html", "new")
    assert (tmp_path / "victim").read_text() == "mine"


def test_a_fifo_is_replaced_without_waiting_for_its_reader(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "report.html")
    write_text(tmp_path / "report.html", "new")
    assert (tmp_path / "report.html").read_text() == "new"


def test_a_file_keeps_its_permissions(tmp_path: Path) -> None:
    """Forbids to show everybody what its owner had hidden."""
    write_text(tmp_path / "report.html", "old")
    (tmp_path / "report.html").chmod(0o600)
    write_text(tmp_path / "report.html", "new")
    assert stat.S_IMODE((tmp_path / "report.html").stat().st_mode) == 0o600


def test_a_device_that_the_user_names_is_written_to(tmp_path: Path) -> None:
    """Forbids to put a file in the place of /dev/null, as root could."""
    (tmp_path / "device").symlink_to(os.devnull)
    write_where_named(tmp_path / "device", "page")
    assert (tmp_path / "device").is_symlink()
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)
    write_where_named(tmp_path / "page.html", "page")
    assert (tmp_path / "page.html").read_text() == "page"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/etc/passwd", "../x", "a\0b"])
def test_no_name_leads_out_of_a_folder(tmp_path: Path, name: str) -> None:
    with Folder.at(tmp_path) as folder:
        for act in (folder.new_file, folder.read, folder.remove, folder.folder, folder.status):
            with pytest.raises(OSError, match="plain name"):
                act(name)
        with pytest.raises(OSError, match="plain name"), folder.replacing(name):
            pass
    assert names(tmp_path) == []


def test_a_linked_folder_is_refused_and_named(tmp_path: Path) -> None:
    """Forbids charts/ that leads elsewhere."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "charts").symlink_to("elsewhere")
    with Folder.at(tmp_path) as folder, pytest.raises(OSError, match="symbolic link") as refused:
        folder.folder("charts", make=True)
    assert refused.value.filename == str(tmp_path / "charts")
    assert names(tmp_path / "elsewhere") == []


def test_what_is_exchanged_is_not_written_to(tmp_path: Path) -> None:
    """Forbids to look up the path of an open folder again."""
    with made_folder(tmp_path / "results") as folder:
        (tmp_path / "results").rename(tmp_path / "moved")
        (tmp_path / "victim").mkdir()
        (tmp_path / "results").symlink_to("victim")
        with folder.replacing("summary.csv") as file:
            file.write(b"ours")
    assert names(tmp_path / "victim") == []
    assert (tmp_path / "moved" / "summary.csv").read_text() == "ours"


@pytest.mark.parametrize("name", [".", "..", "there"])
def test_a_folder_that_is_there_is_not_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there").mkdir()
    with pytest.raises(FileExistsError):
        new_folder(Path(name))


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("latency-get_customers", "latency-get_customers"),
        ("core+asyncpg", "core+asyncpg"),
        ("latency-/../../../x", "latency-%2F..%2F..%2F..%2Fx"),
        ("..", "%2E."),
        (".hidden", "%2Ehidden"),
        ("a b\0\n", "a%20b%00%0A"),
        ("über", "%C3%BCber"),
        ("\ud800", "%ED%A0%80"),
    ],
)
def test_words_become_a_plain_name(words: str, name: str) -> None:
    assert file_name(words) == name


def test_long_words_become_names_that_differ(tmp_path: Path) -> None:
    one, other = file_name("x" * 5000 + "1"), file_name("x" * 5000 + "2")
    assert one != other
    write_text(tmp_path / f"{one}.png", "")


@pytest.mark.parametrize(
    ("folders", "href"),
    [
        (("one", "report.html"), "one/report.html"),
        (("..", "one", "report.html"), "../one/report.html"),
        (("javascript:alert(1)", "run.jsonl"), "./javascript%3Aalert%281%29/run.jsonl"),
        (("a b?c#d%20\"'<&>", "run.jsonl"), "./a%20b%3Fc%23d%2520%22%27%3C%26%3E/run.jsonl"),
        (("\udcff",), "./%FF"),
    ],
)
def test_a_link_is_to_a_file_and_to_nothing_else(folders: tuple[str, ...], href: str) -> None:
    """Forbids that a folder's name is a scheme, a query, or the end of an attribute."""
    assert link(*folders) == href
