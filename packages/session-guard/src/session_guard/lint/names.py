"""Names: their values in a scope, in a module, and by an import."""

import ast
import builtins

from session_guard.lint.alternatives import join
from session_guard.lint.branches import Branches
from session_guard.lint.module import Binding, Module
from session_guard.lint.project import import_target
from session_guard.lint.values import (
    UNKNOWN,
    Class,
    External,
    Function,
    Literally,
    ModuleValue,
    Scope,
    Session,
    TypeForm,
    Value,
)


class Names(Branches):
    """Looks names up."""

    def name(self, name: str, scope: Scope) -> Value:
        """Return the value of a name in a scope."""
        place: Scope | None = scope
        while place is not None:
            if name in place.names:
                return place.names[name]
            place = place.parent
        if name in scope.module.bindings:
            return self.module_value(scope.module, name)
        if hasattr(builtins, name):
            return External(f"builtins.{name}")
        return self._from_star(name, scope.module) or External(f"?.{name}")

    def _from_star(self, name: str, module: Module) -> Value | None:
        """Return a name that `from ... import *` binds."""
        for binding in module.bindings.get("*", ()):
            if isinstance(binding.node, ast.ImportFrom):
                target, level = binding.node.module or "", binding.node.level
                other = self.project.find(target, module, level)
                if other is None:
                    return External(f"{'.' * bool(level)}{target}.{name}")
                if other is not module and name in other.bindings:
                    return self.module_value(other, name)
        return None

    def module_value(self, module: Module, name: str) -> Value:
        """Return the value of a module's name."""
        key = (module, name)
        if key not in self.module_values:
            self.module_values[key] = UNKNOWN  # for a name that is defined by itself
            with self.aside():
                self.module_values[key] = self._bound(module, name)
        return self.module_values[key]

    def _bound(self, module: Module, name: str) -> Value:
        value: Value = UNKNOWN
        for binding in module.bindings.get(name, ()):
            new = self._binding(binding, module, name)
            if isinstance(new, Literally) and new.content is None:
                continue
            if isinstance(new, Session) and not new.token.name:
                new.token.name = name
            # A later definition replaces an earlier one, except in the handler of an ImportError.
            value = new if isinstance(new, Function | Class) else join(value, new)
        return value

    def _binding(self, binding: Binding, module: Module, name: str) -> Value:
        scope = Scope(module)
        match binding.node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() as node:
                return Function(node, scope)
            case ast.ClassDef() as node:
                return Class(node, scope)
            case ast.Import() | ast.ImportFrom() as node:
                return self.imported(node, name, module)
            case ast.AnnAssign(annotation=annotation, value=content):
                if _says_type_alias(annotation) and content is not None:
                    return TypeForm(content, scope)
                typed = self.instance_of(annotation, scope)
                if typed is not UNKNOWN or content is None:
                    return typed
                return self.evaluate(content, scope)
            case ast.withitem(context_expr=content):
                return self.evaluate(content, scope)
        if type(binding.node).__name__ == "TypeAlias" and binding.value is not None:
            return TypeForm(binding.value, scope)
        if binding.value is None:
            return UNKNOWN
        if binding.within is not None:
            if binding.within in self.stack:
                return UNKNOWN
            scope = Scope(module, function=binding.within)
        return self.evaluate(binding.value, scope)

    def imported(self, node: ast.Import | ast.ImportFrom, name: str, importer: Module) -> Value:
        """Return the value to which an import statement binds a name."""
        target, member, level = import_target(node, name)
        module = self.project.find(target, importer, level)
        if module is not None and member is None:
            return ModuleValue(module)
        prefix = "." * bool(level) + target
        if member is None:
            return External(prefix)
        if module is not None and module is not importer:
            return self.member(module, member)
        inner = self.project.find(f"{target}.{member}" if target else member, importer, level)
        return ModuleValue(inner) if inner else External(f"{prefix}.{member}")

    def member(self, module: Module, name: str) -> Value:
        """Return a name of a module, also from modules of which it imports all names."""
        if name in module.bindings:
            return self.module_value(module, name)
        inner = self.project.find(f"{module.path.absolute().parent.name}.{name}", module)
        if module.is_package and inner is not None:
            return ModuleValue(inner)
        return self._from_star(name, module) or External(f".{name}")

    def in_class(self, home: Class, name: str) -> tuple[ast.AST, Class] | None:
        """Return the statement that defines a name in a class or its bases, and that class."""
        for node in home.node.body:
            match node:
                case ast.FunctionDef(name=defined) | ast.AsyncFunctionDef(name=defined):
                    if defined == name:
                        return node, home
                case ast.Assign(targets=[ast.Name(id=defined)]) if defined == name:
                    return node, home
                case ast.AnnAssign(target=ast.Name(id=defined)) if defined == name:
                    return node, home
        for base in self.bases(home):
            if isinstance(base, Class) and base.node is not home.node:
                inherited = self.in_class(base, name)
                if inherited:
                    return inherited
        return None

    def bases(self, home: Class) -> list[Value]:
        """Return the values of a class's bases."""
        values = []
        for base in home.node.bases:
            inner = base.value if isinstance(base, ast.Subscript) else base
            value = self.evaluate(inner, home.scope)
            values.append(
                UNKNOWN if isinstance(value, Class) and value.node is home.node else value
            )
        return values

    def externals(self, home: Class, depth: int = 0) -> list[External]:
        """Return the bases of a class, and of its bases, that lie outside the given paths."""
        outside = []
        for base in self.bases(home):
            if isinstance(base, External):
                outside.append(base)
            elif isinstance(base, Class) and depth < 8:
                outside += self.externals(base, depth + 1)
        return outside


def _says_type_alias(annotation: ast.expr) -> bool:
    return "TypeAlias" in ast.unparse(annotation)
