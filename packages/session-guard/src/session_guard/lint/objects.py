"""New objects of classes of the given paths, and the attributes that are set then."""

import ast

from session_guard.lint.calls import Calls, decorators_of
from session_guard.lint.libraries import words
from session_guard.lint.values import UNKNOWN, Arguments, Class, Function, Instance, Place, Value

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
_DATA = words("dataclass define frozen attrs s mutable")
_DATA_BASES = words("BaseModel NamedTuple Struct SQLModel BaseSettings")


class Objects(Calls):
    """Makes objects."""

    def make(self, home: Class, arguments: Arguments, place: Place) -> Value:
        """Return a new object of a class."""
        kind = self.kind_of_class(home)
        if kind:
            return self.session(kind)
        instance = Instance(home)
        self.heap[instance] = {}
        start = self.in_class(home, "__init__") or self.in_class(home, "__attrs_post_init__")
        if start and isinstance(start[0], FunctionNode):
            function = Function(start[0], start[1].scope, instance, start[1])
            self.run_function(function, arguments, place)
        elif self.is_data(home):
            self._set_fields(instance, home, arguments)
        else:
            held: frozenset = frozenset()  # type: ignore[type-arg]
            for value in arguments.everything():
                held |= self.held(value)
            instance.held = held
            self.heap[instance] = self.parts(instance) | arguments.keywords
        return instance

    def is_data(self, home: Class) -> bool:
        """Return whether the fields of a class are the parameters of its maker."""
        return bool(
            decorators_of(home.node) & _DATA
            or {base.last for base in self.externals(home)} & _DATA_BASES
        )

    def fields(self, home: Class) -> list[tuple[ast.AnnAssign, Class]]:
        """Return the annotated fields of a class, those of its bases first."""
        inherited: dict[str, tuple[ast.AnnAssign, Class]] = {}
        for base in self.bases(home):
            if isinstance(base, Class):
                inherited |= {_field(node): (node, owner) for node, owner in self.fields(base)}
        for node in home.node.body:
            if isinstance(node, ast.AnnAssign) and "ClassVar" not in ast.unparse(node.annotation):
                inherited[_field(node)] = (node, home)
        return list(inherited.values())

    def _set_fields(self, instance: Instance, home: Class, arguments: Arguments) -> None:
        positional = list(arguments.positional)
        for node, owner in self.fields(home):
            name = _field(node)
            if name in arguments.keywords:
                value = arguments.keywords[name]
            elif positional:
                value = positional.pop(0)
            else:
                continue  # `attribute` reads the annotation or the default
            if value is UNKNOWN:
                value = self.instance_of(node.annotation, owner.scope)
            self.set_part(instance, name, value)


def _field(node: ast.AnnAssign) -> str:
    return node.target.id if isinstance(node.target, ast.Name) else ""
