"""Make the documents a site: README is its first page, and links out of docs/ still work.

A picture outside of docs/ is taken into the site. A link to a source file becomes the file's name,
since the site has no sources. A link that leads nowhere is an error.
"""

import logging
import re
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

log = logging.getLogger("mkdocs.hooks.site_links")

_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
_PICTURES = (".png", ".svg")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add README as the first page, and every picture that a page shows from outside of docs/."""
    root = _root(config)
    readme = (root / "README.md").read_text(encoding="utf-8")
    files.append(File.generated(config, "index.md", content=readme))
    for file in [*files.documentation_pages()]:
        for _, _, target in _LINK.findall(file.content_string):
            path = _resolved(file, target)
            if path and path.suffix in _PICTURES and not path.is_relative_to("docs"):
                source = str(path)
                if not files.get_file_from_path(source) and (root / path).is_file():
                    files.append(File.generated(config, source, abs_src_path=str(root / path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, **_: Any) -> str:
    """Return the page with every link out of docs/ made one of the site, or the file's name."""
    root = _root(config)

    def site_link(link: re.Match[str]) -> str:
        picture, text, target = link.groups()
        path = _resolved(page.file, target)
        if path is None:
            return link[0]
        if not (root / path).exists():
            log.warning("%s links to %s, which does not exist", page.file.src_uri, target)
            return link[0]
        _, _, fragment = target.partition("#")
        inside = PurePosixPath(path).relative_to("docs") if path.is_relative_to("docs") else path
        if path == Path("README.md"):
            inside = PurePosixPath("index.md")
        if path.suffix == ".md" and (path.is_relative_to("docs") or path == Path("README.md")):
            up = "../" * page.file.src_uri.count("/")
            return f"{picture}[{text}]({up}{inside}{'#' + fragment if fragment else ''})"
        if path.suffix in _PICTURES:
            up = "../" * page.file.src_uri.count("/")
            return f"{picture}[{text}]({up}{inside})"
        return text

    return _LINK.sub(site_link, markdown)


def _root(config: MkDocsConfig) -> Path:
    return Path(config.config_file_path).parent


def _resolved(file: File, target: str) -> Path | None:
    """Return the path that a link leads to, from the checkout; None for a URL or an anchor."""
    if re.match(r"[a-z][a-z+.-]*:|#", target):
        return None
    folder = (
        PurePosixPath()
        if file.src_uri == "index.md"
        else PurePosixPath("docs", file.src_uri).parent
    )
    parts: list[str] = []
    for part in (folder / target.partition("#")[0]).parts:
        if part == "..":
            if parts:
                parts.pop()
        elif part != ".":
            parts.append(part)
    return Path(*parts)
