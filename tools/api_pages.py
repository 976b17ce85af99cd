"""The API reference of the site: a page for each room of the house, in MyST Markdown, from signatures and docstrings.

The code is read by griffe and not imported, so that neither torch nor MONAI is needed, and docstrings are Markdown.
"""

import inspect
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import griffe

INTRODUCTION = "The public classes and functions, room by room. A name such as `Case` in a signature is a link to what it names."
EXAMPLE = re.compile(r"(?:^>>>.*\n?(?:(?!\n|>>>).*\n?)*)+", re.MULTILINE)
HEADINGS = {"parameters": "Parameters", "returns": "Returns", "yields": "Yields", "raises": "Raises", "attributes": "Attributes"}


def loaded(project: Path, package: str = "radlearn") -> griffe.Module:
    """Return the package as it is written, without importing it."""
    # Where a docstring says a type in words, griffe warns that it is no annotation.
    logging.getLogger("griffe").setLevel(logging.ERROR)
    options: griffe.GoogleOptions = {"returns_named_value": False, "returns_multiple_items": False, "warn_unknown_params": False}
    found = griffe.load(package, search_paths=[str(project)], docstring_parser="google", docstring_options=options, resolve_aliases=False)
    assert isinstance(found, griffe.Module)
    return found


def rooms(package: griffe.Module) -> Iterator[griffe.Module]:
    """Yield a package and all packages in it, in the order of their names."""
    yield package
    for one in _inside(package):
        if one.is_init_module:
            yield from rooms(one)


def summary(module: griffe.Module) -> str:
    """Return the first sentences of a module's docstring."""
    return as_markdown(module.docstring.value.split("\n\n")[0].replace("\n", " ")) if module.docstring else ""


def index(package: griffe.Module) -> str:
    """Return the page that lists the rooms, with what each is for."""
    listed = list(rooms(package))
    tree = "```{toctree}\n:hidden:\n\n" + "\n".join(room.path for room in listed) + "\n```"
    lines = [f"- [`{room.path}`]({room.path}.md): {summary(room)}" for room in listed]
    return "# API reference\n\n" + INTRODUCTION + "\n\n" + "\n".join(lines) + f"\n\n{tree}\n"


def page(room: griffe.Module) -> str:
    """Return the page of a room: its modules, each with its public classes and functions in the order of the file."""
    modules = [one for one in _inside(room) if not one.is_init_module]
    lines = [f"- [`{one.name}`](#module-{one.path}): {summary(one)}" for one in modules]
    parts = [f"# `{room.path}`", "\n".join(_documented(room)), "\n".join(lines)]
    for one in modules:
        parts += [f"## `{one.name}`", f"```{{py:module}} {one.path}\n```", *_documented(one)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _documented(module: griffe.Module) -> list[str]:
    parts = [as_markdown(module.docstring.value)] if module.docstring else []
    members = [one for one in module.members.values() if one.is_public and not one.is_alias and not one.is_module]
    for member in sorted(members, key=lambda one: one.lineno or 0):
        if isinstance(member, griffe.Class):
            parts.append(_class(member))
        elif isinstance(member, griffe.Function) or (isinstance(member, griffe.Attribute) and member.docstring):
            parts.append(_directive(member))
    return parts


def as_markdown(text: str) -> str:
    """Return a docstring, or a part of it, as Markdown: tags are no HTML, examples are code.

    >>> as_markdown("Read <id>.dcm, `a < b`.")
    'Read &lt;id>.dcm, `a < b`.'
    """
    escaped = re.sub(r"(`[^`]*`)|<(?=[A-Za-z/!])", lambda found: found[1] or "&lt;", text)
    return re.sub(
        r"(?:^>>>.*\n?(?:(?!\n|>>>).*\n?)*)+", lambda found: f"```python\n{found[0].rstrip()}\n```\n", escaped, flags=re.MULTILINE
    )


def _inside(module: griffe.Module) -> list[griffe.Module]:
    # What a module imports from elsewhere is an alias in it.
    modules = [one for one in module.members.values() if isinstance(one, griffe.Module) and not one.name.startswith("_")]
    return sorted(modules, key=lambda one: one.name)


def _class(found: griffe.Class) -> str:
    fields = [one for one in found.members.values() if isinstance(one, griffe.Attribute) and one.is_public and not one.is_alias]
    rows = [f"- `{_declared(one)}`{_told(one)}" for one in fields if one.annotation is not None and "property" not in one.labels]
    properties = [_directive(one, 4) for one in fields if "property" in one.labels and one.docstring]
    functions = [one for one in found.members.values() if isinstance(one, griffe.Function) and one.is_public and one.docstring]
    inside = ["**Fields**", "\n".join(rows)] if rows else []
    return _directive(found, 5, [*inside, *properties, *(_directive(one, 4) for one in functions)])


def _directive(found: griffe.Object, fences: int = 4, inside: list[str] | None = None) -> str:
    kind, signature = "attribute", found.name
    if isinstance(found, griffe.Function):
        kind, signature = ("method" if found.parent and found.parent.is_class else "function"), f"{found.name}{_signature(found)}"
    elif isinstance(found, griffe.Class):
        bases = ", ".join(str(base) for base in found.bases)
        kind, signature = "class", f"{found.name}({bases})" if bases else found.name
    elif "property" in found.labels:
        kind = "property"
    options = [f":module: {found.module.path}"]
    name = found.path.removeprefix(f"{found.module.path}.")
    signature = name.removesuffix(found.name) + signature
    if isinstance(found, griffe.Attribute) and found.annotation is not None:
        options.append(f":type: {_annotation(found.annotation)}")
    body = "\n\n".join([*_sections(found), *(inside or [])])
    fence = "`" * fences
    return f"{fence}{{py:{kind}}} {signature}\n" + "\n".join(options) + f"\n\n{body}\n{fence}"


def _annotation(expression: Any) -> str:
    """Return an annotation in which each name of this package is written in full, so that it is the link that it means."""
    if not isinstance(expression, griffe.Expr):
        return str(expression)
    return "".join(_full_name(one) if isinstance(one, griffe.ExprName) else str(one) for one in expression.iterate(flat=True))


def _full_name(name: griffe.ExprName) -> str:
    if not isinstance(name.parent, griffe.Object):
        return name.name
    try:
        found = name.parent.modules_collection[name.canonical_path]
        return found.final_target.path if isinstance(found, griffe.Alias) else found.path
    except (KeyError, griffe.AliasResolutionError):
        # Of another package, which was not read.
        return name.name


def _signature(function: griffe.Function) -> str:
    parameters, kinds = [], griffe.ParameterKind
    starred = False
    for one in function.parameters:
        if one.name in ("self", "cls") and function.parent and function.parent.is_class:
            continue
        mark = {kinds.var_positional: "*", kinds.var_keyword: "**"}.get(one.kind, "")
        if one.kind is kinds.keyword_only and not starred:
            parameters.append("*")
        starred = starred or one.kind in (kinds.keyword_only, kinds.var_positional)
        annotated = f"{mark}{one.name}" + (f": {_annotation(one.annotation)}" if one.annotation is not None else "")
        has_default = one.default is not None and not mark
        # Sphinx cannot read an f-string in a signature.
        default = "..." if re.match(r"[fF]['\"]", str(one.default)) else one.default
        parameters.append(f"{annotated} = {default}" if has_default else annotated)
    returns = f" -> {_annotation(function.returns)}" if function.returns is not None else ""
    return f"({', '.join(parameters)}){returns}"


def _sections(found: griffe.Object) -> list[str]:
    if found.docstring is None:
        return []
    parts = []
    for section in found.docstring.parsed:
        kind, value = section.kind.value, section.value
        if kind == "text":
            parts.append(as_markdown(value))
        elif kind == "examples":
            parts.append(as_markdown("\n\n".join(text for _, text in value)))
        elif kind == "admonition":
            parts.append(f"**{section.title}** {as_markdown(value.description)}")
        elif kind in HEADINGS:
            parts.append(f"**{HEADINGS[kind]}**\n\n{_listed(kind, value, found.docstring.value)}")
    return parts


def _listed(kind: str, value: Any, docstring: str) -> str:
    if kind in ("returns", "yields"):
        # As it is written: a colon in it need not end a type.
        written = re.search(rf"^{kind}:\n((?: .*\n?|\n)+)", docstring, flags=re.MULTILINE | re.IGNORECASE)
        return as_markdown(inspect.cleandoc(written[1])) if written else ""
    names = [f"`{one.annotation if kind == 'raises' else one.name}`" for one in value]
    return "\n".join(f"- {name}: {_item(one.description)}" for name, one in zip(names, value, strict=True))


def _item(text: str) -> str:
    """Return a text of several lines as one item of a list."""
    return as_markdown(text).strip().replace("\n", "\n  ")


def _declared(field: griffe.Attribute) -> str:
    return f"{field.name}: {field.annotation}" + (f" = {field.value}" if field.value is not None else "")


def _told(field: griffe.Attribute) -> str:
    """Return what is said of a field: its docstring, or the comment above it, which is the help of its flag."""
    if field.docstring:
        return f": {_item(field.docstring.value)}"
    assert isinstance(field.filepath, Path)
    lines, number = field.lines_collection[field.filepath], (field.lineno or 1) - 2
    comment: list[str] = []
    while number >= 0 and lines[number].strip().startswith("#"):
        comment.insert(0, lines[number].strip().lstrip("# "))
        number -= 1
    return f": {_item(' '.join(comment))}" if comment else ""
