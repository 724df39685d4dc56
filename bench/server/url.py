"""Database URLs as text: in libpq's form, and cleaned of secrets before they are shown."""

import re
from urllib.parse import unquote

from bench.model.errors import UsageError

_SCHEME = re.compile(r"(?:postgresql|postgres)(?:\+\w+)?://")
_HOST = r"(?:\[[^\]]*\]|[^@/?:,\[\]]*)(?::\d*)?"
_WELL_FORMED = re.compile(
    rf"(?:[^:/@?]*(?::(?P<password>[^@/]*))?@)?{_HOST}(?:,{_HOST})*(?:/[^?@]*)?(?:\?.*)?"
)
_SECRET_PARAMETERS = {
    "password",
    "sslpassword",
    "oauth_client_secret",
    "scram_client_key",
    "scram_server_key",
}


def normalised(url: str) -> str:
    """`url` as libpq reads it: without the driver that SQLAlchemy's form may name.

    UsageError, without a word of the URL, when it has another form.
    """
    url = url.strip()
    scheme = _SCHEME.match(url)
    if scheme is None:
        raise UsageError(
            "the database URL must begin with postgresql:// as in\n"
            "postgresql://user:password@host:5432/database"
        )
    if not _WELL_FORMED.fullmatch(url, scheme.end()):
        raise unreadable()  # libpq would take what follows an unescaped @ for the host, and say it
    return "postgresql://" + url[scheme.end() :]


def unreadable() -> UsageError:
    """The error for a URL whose form is wrong. It quotes nothing: any part may be the password."""
    return UsageError(
        "the database URL cannot be read. Its form is "
        "postgresql://user:password@host:port/database;\n"
        "in a password, write the characters @ / : ? # % as %40 %2F %3A %3F %23 %25."
    )


def masked(url: str) -> str:
    """`url` with `***` for every secret in it, also in a URL that is not well formed."""
    if "://" not in url:
        return "***"
    for start, end in reversed(_secret_spans(url)):
        url = url[:start] + "***" + url[end:]
    return url


def redact(text: str, url: str) -> str:
    """`text` with `***` for every secret of `url`, as it stands there, encoded or decoded."""
    written = {url[start:end] for start, end in _secret_spans(url)}
    for secret in sorted(written | {unquote(secret) for secret in written}, key=len, reverse=True):
        text = re.sub("".join(map(_in_any_form, secret)), "***", text)
    return text


def _in_any_form(character: str) -> str:
    """A pattern for one character, as it is or percent-encoded: libraries encode different ones."""
    encoded = "".join(f"%{byte:02x}" for byte in character.encode())
    return f"(?:{re.escape(character)}|(?i:{encoded}))"


def _secret_spans(url: str) -> list[tuple[int, int]]:
    begin = url.find("://") + 3 if "://" in url else 0
    spans = []
    if found := _WELL_FORMED.fullmatch(url, begin):
        if found["password"]:
            spans.append(found.span("password"))
        query = url.find("?", max(begin, *spans[0]) if spans else begin)
    else:
        # An unescaped @ or / in the password: hide all that may belong to it.
        colon, at = url.find(":", begin), url.rfind("@")
        if 0 <= colon < at:
            spans.append((colon + 1, at))
        query = url.find("?", at + 1)
    if query >= 0:
        for parameter in re.finditer(r"[?&]([^=&]*)=([^&]*)", url[query:]):
            if unquote(parameter[1]).strip().lower() in _SECRET_PARAMETERS and parameter[2]:
                start, end = parameter.span(2)
                spans.append((query + start, query + end))
    return spans
