"""The built-in backends whose libraries are installed here. Extras may be absent."""

from accessors import BUILTIN, EXTRAS, discover

_FOUND = discover()

INSTALLED = [name for name in BUILTIN if name not in EXTRAS or _FOUND[name].backend]
"""The backends that the tests cover. One that is absent and no extra makes them fail."""

ABSENT = {name: _FOUND[name].reason for name in EXTRAS if name not in INSTALLED}
"""The extras that the tests leave out here -> the reason."""
