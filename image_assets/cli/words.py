"""How the words of a command line are read: short forms, and what is wrong with them in one line.

What belongs here: what holds of every command and is not as click does it by itself. What does not: what one command
takes; options that several take are in `options`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import click
from click.core import ParameterSource

from image_assets.cli.printing import say
from image_assets.environment import DATASETS, Variable, refuse_unknown

_PROJECT_FILE = "image-assets.yaml"  # as image_assets.project names it, which takes long to load
_FOUND = "image_assets.found"
_IS_QUIET = "image_assets.quiet"
_QUIET = "do not say which settings were found, and where"
_STATUSES = (
    ("2", "bad usage, input or places"),
    ("130", "Ctrl-C"),
    ("141", "the reader of a pipe left"),
    ("143", "SIGTERM"),
)


class Setting(click.Option):
    """An option that is found where it is not given: a variable says it, or else the project file.

    Args:
        variable: That says it.
        given: As `click.Option`.
    """

    def __init__(self, *given: Any, variable: Variable, **named: Any) -> None:
        super().__init__(*given, **named)
        self.variable = variable
        if self.required:
            self.help = f"{self.help}; default: {variable.name} or the project file"

    def get_help_extra(self, ctx: click.Context) -> Any:
        """Without the word that it is required: as a rule it is found."""
        return {name: said for name, said in super().get_help_extra(ctx).items() if name != "required"}

    def get_default(self, ctx: click.Context, call: bool = True) -> Any:
        """What is found; as an option without a default where nothing is, and where only its help is shown."""
        if not call or ctx.resilient_parsing:
            return super().get_default(ctx, call)
        refuse_unknown()
        from image_assets.project import found, found_datasets

        if self.variable is DATASETS:
            several = found_datasets()
            if several and self.multiple:
                ctx.meta.setdefault(_FOUND, {})[self.name] = several[0].origin
                return [one.value for one in several]
            if len(several) > 1:
                names = ", ".join(one.value for one in several)
                raise click.UsageError(
                    f"{len(several)} datasets are named by {DATASETS.name} ({names}): say which by --dataset", ctx
                )
            one = several[0] if several else None
        else:
            one = found(self.variable)
        if one is None:
            return super().get_default(ctx, call)
        ctx.meta.setdefault(_FOUND, {})[self.name] = one.origin
        return one.value


class _Told(click.Command):
    """Whose line in the help of the group above is not cut short."""

    def get_short_help_str(self, limit: int = 0) -> str:
        """The first paragraph of its help."""
        del limit
        return " ".join((self.help or "").partition("\n\n")[0].split())


class Command(_Told):
    """A command that says what is wrong with its words, and where it was told to look when something fails later.

    Args:
        given: As `click.Command`.
        examples: Of its use, for its help, whole.
        failed: What exit status 1 means; empty where it does not end so.
    """

    def __init__(self, *given: Any, examples: Sequence[str] = (), failed: str = "", **named: Any) -> None:
        super().__init__(*given, **named)
        self.examples, self.failed = examples, failed
        if any(isinstance(one, Setting) for one in self.params):
            self.params.append(
                click.Option(["--quiet"], is_flag=True, callback=_note_quiet, expose_value=False, help=_QUIET)
            )

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The examples, and what the exit status means."""
        del ctx
        with formatter.section("Examples"):
            formatter.write("".join(f"  {example}\n" for example in self.examples))
        failed = [("1", self.failed)] if self.failed else []
        with formatter.section("Exit status"):
            formatter.write_dl([("0", "done"), *failed, *_STATUSES])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, but all that is missing is told at once, and no option is taken for another one's value."""
        if ctx.resilient_parsing:
            return super().parse_args(ctx, args)
        words = self._written_out(ctx, args)
        try:
            return super().parse_args(ctx, [*words])
        except click.MissingParameter as error:
            missing = ", ".join(_called(param, ctx) for param in self._missing(ctx, words))
            raise click.UsageError(f"missing: {missing}{self._other_ways(ctx, words)}", error.ctx) from None
        except click.UsageError as error:
            error.ctx = error.ctx or ctx  # click leaves it out of some
            raise

    def invoke(self, ctx: click.Context) -> Any:
        """Run it; the dictionary of the outermost context has its options."""
        refuse_unknown()
        ctx.ensure_object(dict).update(ctx.params)
        # Who gives all of it and reads JSON is a program, which knows.
        is_told = ctx.meta.get(_FOUND) or not ctx.params.get("as_json")
        if is_told and not ctx.meta.get(_IS_QUIET) and (line := _where_from(ctx, self.params)):
            say(line, to_stderr=True)
        return super().invoke(ctx)

    def _written_out(self, ctx: click.Context, words: Iterable[str]) -> list[str]:
        """The words, with names of options in full where they were cut short and only one begins so."""
        options = {name: one for one in self.get_params(ctx) if isinstance(one, click.Option) for name in one.opts}
        written: list[str] = []
        rest = [*words]
        while rest and rest[0] != "--":
            name, equals, value = rest.pop(0).partition("=")
            name = _in_full(ctx, name, options)
            written.append(f"{name}{equals}{value}")
            takes_value = name in options and not options[name].is_flag and not equals
            if takes_value and rest:
                if _looks_like_option(rest[0]):
                    said = f"{name} takes a value, and {rest[0]!r} looks like an option"
                    raise click.UsageError(f"{said}; if it is the value, write {name}={rest[0]}", ctx)
                written.append(rest.pop(0))
        return [*written, *rest]

    def _missing(self, ctx: click.Context, words: Sequence[str]) -> list[click.Parameter]:
        probe = self.make_context(ctx.info_name, [*words], ctx.parent, resilient_parsing=True)
        given = {
            one.name for one in self.params if probe.get_parameter_source(one.name or "") is ParameterSource.COMMANDLINE
        }
        for one in self.params:
            if isinstance(one, Setting) and one.name not in given:
                one.get_default(ctx)  # notes what it finds
        found = ctx.meta.get(_FOUND, {})
        return [one for one in self.params if one.required and one.name not in given and one.name not in found]

    def _other_ways(self, ctx: click.Context, words: Sequence[str]) -> str:
        """How else to say what is missing."""
        variables = [one.variable.name for one in self._missing(ctx, words) if isinstance(one, Setting)]
        if not variables:
            return ""
        ways = f"set {' and '.join(variables)}, or have {_PROJECT_FILE} in this folder or above"
        return f"; give what is missing, {ways}, as image-assets init writes it"


class CommandGroup(_Told, click.Group):
    """Commands in the order in which they were added: what is used first comes first."""

    command_class = Command

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, no_args_is_help=False, **named)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names, as they were added."""
        del ctx
        return list(self.commands)


def exactly_one(**given: object) -> None:
    """Refuse the usage unless exactly one of these options was given."""
    if sum(bool(value) for value in given.values()) != 1:
        names = " or ".join(f"--{name}" for name in given)
        raise click.UsageError(f"give either {names}", click.get_current_context())


def usage_line(error: click.UsageError) -> str:
    """What is wrong with a command, which command, and where to read what would be right."""
    said = " ".join(error.format_message().split())
    said = f"{said[:1].lower()}{said[1:]}"
    said = said if said.endswith("...") else said.removesuffix(".")
    if error.ctx is None:
        return said
    command = error.ctx.command
    if isinstance(command, click.Group) and not getattr(error, "possibilities", ()):
        said += f"; expected one of {', '.join(command.list_commands(error.ctx))}"
    return f"{error.ctx.command_path}: {said} (see {error.ctx.command_path} --help)"


def _where_from(ctx: click.Context, params: Iterable[click.Parameter]) -> str:
    """The settings and who said each; nothing of a command that has none."""
    origins = ctx.meta.get(_FOUND, {})
    said = {one.name or "": ctx.params[one.name or ""] for one in params if isinstance(one, Setting)}
    several = {name: [value] if isinstance(value, str) else value for name, value in said.items() if value}
    if not several:
        return ""
    from image_assets.places import without_user
    from image_assets.project import seen_from_here

    return ", ".join(
        f"{name} {' and '.join(without_user(seen_from_here(one)) for one in values)} ({origins.get(name, f'--{name}')})"
        for name, values in several.items()
    )


def _note_quiet(ctx: click.Context, param: click.Parameter, quiet: bool) -> None:
    del param
    ctx.meta[_IS_QUIET] = quiet


def _called(param: click.Parameter, ctx: click.Context) -> str:
    metavar = param.make_metavar(ctx)
    return metavar if isinstance(param, click.Argument) else f"{param.opts[0]} {metavar}"


def _in_full(ctx: click.Context, name: str, options: Iterable[str]) -> str:
    if not name.startswith("--") or name in options:
        return name
    meant = [one for one in options if one.startswith(name)]
    if len(meant) > 1:
        raise click.UsageError(f"{name} could be {' or '.join(meant)}", ctx)
    return meant[0] if meant else name


def _looks_like_option(word: str) -> bool:
    """As a rule what begins so is an option, but for numbers below zero and texts of several words."""
    return len(word) > 1 and word[0] == "-" and not word[1].isdigit() and " " not in word
