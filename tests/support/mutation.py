"""Change one operator or constant of a solution at a time."""

import ast
import copy

from course import exercises

OPERATORS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.MatMult: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


def solution_lines(source):
    """Return the numbers of the lines between the marks of a solution."""
    inside, numbers = False, set()
    for number, line in enumerate(source.splitlines(), 1):
        if line.strip() == exercises.BEGIN:
            inside = True
        elif line.strip() == exercises.END:
            inside = False
        elif inside:
            numbers.add(number)
    return numbers


def mutants(source):
    """Yield (what was changed, changed source) for every operator and constant of a solution.

    A number becomes one more, a truth value its opposite, a text another one; + and − change
    places, as do × and ÷, < and ≤, and the like; a minus sign or a `not` goes. Documentation is
    left alone.
    """
    lines = solution_lines(source)
    tree = ast.parse(source)
    for number, node in enumerate(ast.walk(tree)):
        if getattr(node, "lineno", None) not in lines or _is_documentation(node, tree):
            continue
        for what, change in _changes(node):
            other = copy.deepcopy(tree)
            change(_nth(other, number), other)
            yield f"line {node.lineno}: {what}", ast.unparse(ast.fix_missing_locations(other))


def _nth(tree, number):
    return next(node for k, node in enumerate(ast.walk(tree)) if k == number)


def _is_documentation(node, tree):
    statements = (n.value for n in ast.walk(tree) if isinstance(n, ast.Expr))
    return isinstance(node, ast.Constant) and any(node is value for value in statements)


def _changes(node):
    """Yield (description, function that changes the same node of a copy in place)."""
    match node:
        case ast.Constant(value=bool(value)):
            yield f"{value} → {not value}", lambda n, _: setattr(n, "value", not n.value)
        case ast.Constant(value=int() | float() | complex() as value):
            yield f"{value} → {value + 1}", lambda n, _: setattr(n, "value", n.value + 1)
        case ast.Constant(value=str(value)):
            new = {"a": "b"}.get(value, "a" if len(value) == 1 else f"{value}x")
            yield f"{value!r} → {new!r}", lambda n, _: setattr(n, "value", new)
        case ast.BinOp() | ast.BoolOp() | ast.AugAssign():
            if new := OPERATORS.get(type(node.op)):
                name = f"{type(node.op).__name__} → {new.__name__}"
                yield name, lambda n, _: setattr(n, "op", new())
        case ast.Compare():
            for k, op in enumerate(node.ops):
                if new := OPERATORS.get(type(op)):
                    name = f"{type(op).__name__} → {new.__name__}"
                    yield name, lambda n, _, k=k, new=new: n.ops.__setitem__(k, new())
        case ast.UnaryOp(op=ast.USub() | ast.Not()):
            yield f"{type(node.op).__name__} dropped", _replaced_by_operand


def _replaced_by_operand(node, tree):
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is node:
                setattr(parent, name, node.operand)
            elif isinstance(value, list) and any(v is node for v in value):
                setattr(parent, name, [node.operand if v is node else v for v in value])
