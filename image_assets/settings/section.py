"""What every section of a dataset file has in common, and the names that may be given in one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    TypeAdapter,
    ValidationError,
    model_validator,
)

# Names become folder names, asset keys and partition values of tables: one alphabet is safe in all of them.
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_\-]{0,63}$")]
# Dagster asset keys and job names are stricter than folder names.
DatasetName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_NAME = TypeAdapter(Name)
NAME_RULE = "expected 1 to 64 of a to z, A to Z, digits, _ and -, beginning with a letter or digit"


def name_problem(text: str) -> str:
    """Why this is no name; empty where it is one."""
    try:
        _NAME.validate_python(text)
    except ValidationError:
        return NAME_RULE
    return ""


def key_path(parts: Iterable[object]) -> str:
    """Where something stands in a file, in one line whatever its keys are: what does not print is escaped."""
    return ".".join(part if part.isprintable() else repr(part)[1:-1] for part in map(str, parts))


def faults_of(error: ValidationError) -> str:
    """What is wrong with a file that was read, in one line: every key with its fault."""
    told = ((key_path(one["loc"]), one["msg"].removeprefix("Value error, ")) for one in error.errors())
    return "; ".join(f"{where}: {said}" if where else said for where, said in told)


class Frozen(BaseModel):
    """Data that does not change once it is made."""

    model_config = ConfigDict(frozen=True)


class Strict(Frozen):
    """What is read of a file: it has no other keys than those that are known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SettingsSection(Strict):
    """A part of a dataset file."""

    @model_validator(mode="wrap")
    @classmethod
    def _no_number_is_yes_or_no(cls, given: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        made = handler(given)
        for where in _taken_for_numbers(given, vars(made)):
            raise ValueError(
                f"{where}: expected a number, found yes or no (on, off, true and false are the same to YAML)"
            )
        return made


def _taken_for_numbers(given: object, made: object, where: str = "") -> Iterator[str]:
    """Where something that is true or false became 1 or 0."""
    if isinstance(given, bool):
        if isinstance(made, int | float) and not isinstance(made, bool):
            yield where
    elif isinstance(given, Mapping) and isinstance(made, Mapping):
        for key in given.keys() & made.keys():
            yield from _taken_for_numbers(given[key], made[key], f"{where}.{key}" if where else str(key))
    elif isinstance(given, list | tuple) and isinstance(made, list | tuple):
        for one, other in zip(given, made, strict=False):
            yield from _taken_for_numbers(one, other, where)
