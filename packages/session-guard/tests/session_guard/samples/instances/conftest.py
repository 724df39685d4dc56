"""Makes a row at import, which configures the mappers, before pytest itself is configured."""

from notes import Note

EXAMPLE = Note(text="an example")
