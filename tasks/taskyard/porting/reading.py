"""Read one module: what its names stand for, and each use of something."""

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from .names import CLASSES_BUILT_IN, UNKNOWN, Names, Scope, in_scopes


@dataclass(frozen=True, slots=True)
class Use:
    """A use of something, written as the rules want it; see `rules`."""

    words: str
    line: int
    column: int
    source: str | ast.expr | ast.stmt | ast.keyword
    is_handed_on: bool = False
    """A function that something else gets to call."""

    @property
    def code(self) -> str:
        """What stands there; written anew only where somebody wants to see it, which takes time."""
        return self.source if isinstance(self.source, str) else ast.unparse(self.source)


class Reader(ast.NodeVisitor):
    """Walks through a module, keeping its names and the uses it comes by."""

    def __init__(self, module: str, names: Names, *, is_package: bool) -> None:
        self.module = module
        self.package = module if is_package else module.rpartition(".")[0]
        self.names = names
        self.scopes: list[Scope] = [names.modules.setdefault(module, {})]
        self.uses: list[Use] = []
        self._classes: list[str] = []
        self._class_depth = 0

    # What an expression stands for

    def value(self, node: ast.AST | None) -> str:  # noqa: PLR0911 - one for each kind
        """Return what an expression stands for."""
        match node:
            case ast.Name():
                return self.names.settled(in_scopes(node.id, reversed(self.scopes)))
            case ast.Attribute():
                owner = self.value(node.value)
                is_ours = owner.endswith("()") and self.names.has(owner)
                return UNKNOWN if is_ours else self.names.settled(f"{owner}.{node.attr}")
            case ast.Call():
                return self._given(self._called(node.func))
            case ast.Await() | ast.NamedExpr() | ast.Starred():
                return self.value(node.value)
            case ast.Subscript():
                return self.names.settled(f"{self.value(node.value)}[]")
            case ast.BinOp(op=ast.BitOr()):
                return self._piped(node)
            case ast.Constant():
                return f"builtins.{type(node.value).__name__}"
            case ast.List() | ast.Tuple() | ast.Dict() | ast.Set() | ast.JoinedStr():
                return f"builtins.{type(node).__name__}"
            case _:
                return UNKNOWN

    def _called(self, function: ast.expr) -> str:
        """Return what is called: a method is its own, whatever else an object of the project may hold."""
        if isinstance(function, ast.Attribute):
            return self.names.settled(f"{self.value(function.value)}.{function.attr}")
        return self.value(function)

    def _given(self, called: str) -> str:
        """Return what a call gives: an object of a class; of a function of the project, who knows what."""
        is_class = called.rpartition(".")[2][:1].isupper() or called in CLASSES_BUILT_IN
        if not is_class and self.names.has(called):
            return UNKNOWN
        return self.names.settled(f"{called}()")

    def _piped(self, node: ast.BinOp) -> str:
        for side in (node.left, node.right):
            if (piped := f"{self.value(side)} |") in self.names.values:
                return self.names.values[piped]
        return UNKNOWN

    # Uses

    def _use(self, words: str, node: ast.expr | ast.stmt | ast.keyword, code: str = "") -> None:
        self.uses.append(Use(words, node.lineno, node.col_offset, code or node))

    def visit_Import(self, node: ast.Import) -> None:
        """Keep the modules' names."""
        for alias in node.names:
            self._use(f"import {alias.name}", node)
            if alias.asname:
                self._bind(alias.asname, alias.name)
            else:
                top = alias.name.partition(".")[0]
                self._bind(top, top)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """Keep the names' sources."""
        source = self._source_of(node)
        self._use(f"import {source}", node)
        for alias in node.names:
            if alias.name != "*":
                self._bind(alias.asname or alias.name, f"{source}.{alias.name}")

    def _source_of(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = self.package.split(".")
        base = package[: len(package) - node.level + 1]
        return ".".join([*base, *([node.module] if node.module else [])])

    def visit_Assign(self, node: ast.Assign) -> None:
        """Keep what the names are set to."""
        self.visit(node.value)
        for target in node.targets:
            self._set(target, node.value, node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Keep what the name is set to."""
        if node.value is not None:
            self.visit(node.value)
            self._set(node.target, node.value, node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        """See a setting that grows."""
        self.visit(node.value)
        if isinstance(node.target, ast.Name) and len(self.scopes) == 1:
            self._use(f"set {node.target.id}", node)

    def _set(self, target: ast.expr, value: ast.expr | None, statement: ast.stmt) -> None:
        match target:
            case ast.Name():
                self._bind(target.id, self.value(value))
                if len(self.scopes) == 1:
                    self._use(f"set {target.id}", statement)
            case ast.Attribute():
                self._use(f"{self.value(target)} =", statement)
            case ast.Tuple() | ast.List():
                for each in target.elts:
                    self._set(each, None, statement)
            case ast.Subscript():
                self.visit(target)
            case _:
                pass

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        """Keep what the name is set to."""
        self.visit(node.value)
        self._bind(node.target.id, self.value(node.value))

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        """Know nothing of what is gone through."""
        self._forget(node.target)
        self.generic_visit(node)

    visit_AsyncFor = visit_For  # noqa: N815

    def visit_comprehension(self, node: ast.comprehension) -> None:
        """Know nothing of what is gone through."""
        self._forget(node.target)
        self.generic_visit(node)

    def _in_comprehension(self, node: ast.expr) -> None:
        with self._scope({}):
            for each in getattr(node, "generators", ()):
                self.visit(each)
            for part in ("key", "value", "elt"):
                if (inner := getattr(node, part, None)) is not None:
                    self.visit(inner)

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _in_comprehension  # noqa: N815

    def visit_withitem(self, node: ast.withitem) -> None:
        """Take a context manager's value for itself."""
        self.visit(node.context_expr)
        if isinstance(node.optional_vars, ast.Name):
            self._bind(node.optional_vars.id, self.value(node.context_expr))

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        """Know the exception by its class."""
        if node.name:
            self._bind(node.name, UNKNOWN if node.type is None else f"{self.value(node.type)}()")
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """See the decorators, keep the name, and go through the body."""
        decorated = self._decorated(node)
        self._bind(node.name, decorated or self._own(node.name))
        self._defaults(node.args)
        if isinstance(node, ast.AsyncFunctionDef) and node.args.args:
            first, code = node.args.args[0].arg, f"async def {node.name}({ast.unparse(node.args)})"
            is_handed_on = bool({node.name, self._own(node.name)} & self.names.handed_on)
            words = f"{UNKNOWN}.async def ({first})"
            self.uses.append(Use(words, node.lineno, node.col_offset, code, is_handed_on=is_handed_on))
        with self._scope(self._arguments(node)):
            for statement in node.body:
                self.visit(statement)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def _decorated(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> str | None:
        kind = None
        for decorator in node.decorator_list:
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            words = f"@{self.value(called)}"
            self._use(words, decorator, f"@{ast.unparse(called)}")
            if isinstance(decorator, ast.Call):
                self._arguments_of(words, decorator)
            kind = self.names.values.get(words, kind)
        return kind

    def _arguments(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> Scope:
        every = node.args
        names = [*every.posonlyargs, *every.args, *every.kwonlyargs]
        names += [each for each in (every.vararg, every.kwarg) if each is not None]
        scope = {each.arg: UNKNOWN for each in names}
        if (first := self._first(node)) and (positional := [*every.posonlyargs, *every.args]):
            scope[positional[0].arg] = first
        return scope

    def _first(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> str | None:
        """Return what a function's first argument stands for, where the source tells."""
        if isinstance(node, ast.Lambda):
            return None
        for decorator in node.decorator_list:
            if isinstance(decorator, ast.Call):
                for keyword in decorator.keywords:
                    words = f"@{self.value(decorator.func)}({keyword.arg}=)"
                    if words in self.names.values:
                        return self.names.values[words]
        if isinstance(node, ast.AsyncFunctionDef) and node.args.args:
            by_name = f"async def ({node.args.args[0].arg})"
            if by_name in self.names.values:
                return self.names.values[by_name]
        if self._classes and len(self.scopes) == self._class_depth:
            return self.names.values.get(f"self({self._classes[-1]})", f"{self._classes[-1]}()")
        return None

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """Go through the body with its arguments."""
        self._defaults(node.args)
        with self._scope(self._arguments(node)):
            self.visit(node.body)

    def _defaults(self, arguments: ast.arguments) -> None:
        for each in (*arguments.defaults, *arguments.kw_defaults):
            if each is not None:
                self.visit(each)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """See the bases, keep the name, and go through the body."""
        kind = None
        head = f"class {node.name}({', '.join(ast.unparse(base) for base in node.bases)})"
        self._use(f"class {node.name}", node, head.removesuffix("()"))
        for base in node.bases:
            words = f"class({self.value(base)})"
            self._use(words, node, head)
            kind = self.names.values.get(words) or (
                self.value(base) if self.value(base).endswith(" class") else kind
            )
        for decorator in node.decorator_list:
            self.visit(decorator)
        value = kind or self._own(node.name)
        self._bind(node.name, value)
        self._classes.append(value)
        depth, self._class_depth = self._class_depth, len(self.scopes) + 1
        with self._scope({}):
            for statement in node.body:
                self.visit(statement)
        self._class_depth = depth
        self._classes.pop()

    def visit_Call(self, node: ast.Call) -> None:
        """See the call and its arguments."""
        words = self._called(node.func)
        self._use(f"{words}()", node)
        self._hand_on(node.args[:1])
        if isinstance(node.func, ast.Attribute):
            self.visit(node.func.value)
        elif not isinstance(node.func, ast.Name):
            self.visit(node.func)
        self._arguments_of(words, node)

    def _arguments_of(self, words: str, node: ast.Call) -> None:
        for argument in node.args:
            self.visit(argument)
        for keyword in node.keywords:
            if keyword.arg:
                self._use(f"{words}({keyword.arg}=)", keyword)
            self.visit(keyword.value)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """See the whole chain of attributes as one."""
        self._named(node)
        inner: ast.expr = node
        while isinstance(inner, ast.Attribute):
            inner = inner.value
        if not isinstance(inner, ast.Name):
            self.visit(inner)

    def visit_Name(self, node: ast.Name) -> None:
        """See a name that is passed on, or raised."""
        self._named(node)

    def _named(self, node: ast.Name | ast.Attribute) -> None:
        if not (value := self.value(node)).endswith(")"):  # what a call gave was seen with the call
            self._use(value, node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        """See an item by its name."""
        if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
            self._use(f"{self.value(node.value)}[{node.slice.value}]", node)
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        """See what is piped, once for a whole chain."""
        if isinstance(node.op, ast.BitOr) and (value := self._piped(node)) != UNKNOWN:
            self._use(f"{value} |", node)
            self._ends_of_pipe(node)
        else:
            self.generic_visit(node)

    def _ends_of_pipe(self, node: ast.expr) -> None:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            self._ends_of_pipe(node.left)
            self._ends_of_pipe(node.right)
        else:
            self.visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        """See a text."""
        if isinstance(node.value, str):
            self._use(f'"{node.value}"', node)

    def visit_List(self, node: ast.List) -> None:
        """See what is in it."""
        self._hand_on(node.elts)
        self.generic_visit(node)

    def _hand_on(self, nodes: list[ast.expr]) -> None:
        for node in nodes:
            match node:
                case ast.Constant(value=str() as text):
                    self.names.handed_on.add(text)
                case _:
                    self.names.handed_on.add(self.value(node))

    # Names

    def _bind(self, name: str, value: str) -> None:
        self.scopes[-1][name] = value

    def _own(self, name: str) -> str:
        return f"{self.module}.{name}" if len(self.scopes) == 1 else f"{self.module}.<local>.{name}"

    def _forget(self, target: ast.expr) -> None:
        for each in ast.walk(target):
            if isinstance(each, ast.Name):
                self._bind(each.id, UNKNOWN)

    @contextmanager
    def _scope(self, scope: Scope) -> Iterator[None]:
        self.scopes.append(scope)
        try:
            yield
        finally:
            self.scopes.pop()
