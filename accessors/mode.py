"""The mode of a backend, and `colour`, the name that the mode had before."""

import warnings
from typing import Any, Literal, TypeVar, cast

Mode = Literal["sync", "async"]
"""The kind of a backend's functions: `sync` ones run in threads, `async` ones in tasks."""

AnyBackend = TypeVar("AnyBackend")


class OldName:
    """The attribute `colour`. Reading it returns `mode`, setting it sets `mode`; both warn."""

    def __get__(self, backend: Any, backend_class: Any) -> Mode:
        warnings.warn(
            "the attribute `colour` of a backend is now called `mode`: read `mode`",
            DeprecationWarning,
            stacklevel=2,
        )
        return cast(Mode, (backend_class if backend is None else backend).mode)

    def __set__(self, backend: Any, value: Mode) -> None:
        _warn_of_setting(type(backend))
        backend.mode = value


def adopt_old_name(backend_class: type) -> None:
    """Let a backend class that sets `colour`, itself or by a base class, have it as its `mode`.

    A class that sets both keeps its `mode`. Warns with a `DeprecationWarning`.
    """
    for base in backend_class.__mro__:
        if "mode" in vars(base):
            return
        if "colour" in vars(base) and not isinstance(vars(base)["colour"], OldName):
            _warn_of_setting(backend_class, stacklevel=5)
            # Moved as it is, because it may also be a property.
            backend_class.mode = vars(base)["colour"]  # type: ignore[attr-defined]
            backend_class.colour = OldName()  # type: ignore[attr-defined]
            return


def with_mode(backend: AnyBackend) -> AnyBackend:
    """Return the backend. If it is derived from no class of ours, let its `colour` be its `mode`.

    Warns with a `DeprecationWarning` if the backend has only a `colour`.
    """
    if not hasattr(backend, "mode") and hasattr(backend, "colour"):
        _warn_of_setting(type(backend))
        backend.mode = backend.colour  # type: ignore[attr-defined]
    return backend


def _warn_of_setting(backend_class: type, stacklevel: int = 3) -> None:
    warnings.warn(
        f"{backend_class.__module__}.{backend_class.__qualname__} sets the attribute `colour`, "
        "which is now called `mode`: set `mode`",
        DeprecationWarning,
        stacklevel=stacklevel,
    )
