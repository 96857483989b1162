"""YAML as people write it by hand: what YAML would take for something else, or drop, is refused with its line."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml


class YamlError(ValueError):
    """A file that cannot be read as it was meant: the message says where, and what to write instead."""


class _Loader(yaml.SafeLoader):
    """Refuses keys that stand twice, of which YAML would keep the last, keys that are no text, and numbers that YAML
    takes for others; what is written as a day or a number and is none is told with its line.
    """

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (YamlError, yaml.YAMLError):
            raise
        except (ValueError, LookupError, AttributeError) as error:  # 2026-11-31, or a tag such as !!int before a word
            kind = node.tag.rpartition(":")[2]
            raise YamlError(
                f"line {node.start_mark.line + 1}: YAML takes {node.value} for a {kind}, and it is none: {error}"
            ) from None

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        # What `<<` merges in may be there too: the section's own keys go before it.
        seen: dict[str, int] = {}
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                continue
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode) or key.tag != "tag:yaml.org,2002:str":
                written = key.value if isinstance(key, yaml.ScalarNode) else "a list or section"
                kind = key.tag.rpartition(":")[2]
                raise YamlError(
                    f'line {line}: YAML takes the key {written} for a {kind}; put it in quotes: "{written}"'
                )
            if key.value in seen:
                raise YamlError(
                    f"line {line}: the key {key.value!r} stands there twice, first in line {seen[key.value]}; "
                    "only one of them can be meant"
                )
            seen[key.value] = line
        return super().construct_mapping(node, deep)

    def whole_number(self, node: yaml.ScalarNode) -> int:
        """Zeros in front make YAML 1.1 count by eights, and colons by sixties."""
        number = self.construct_yaml_int(node)
        written = node.value.replace("_", "")
        line = node.start_mark.line + 1
        if ":" in written:
            raise YamlError(f"line {line}: YAML takes {node.value} for the number {number}; put it in quotes")
        if written.lstrip("+-").isdigit() and int(written) != number:
            raise YamlError(
                f"line {line}: YAML takes {node.value} for the number {number}, as it begins with a zero; write "
                f"{int(written)}"
            )
        return number


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.whole_number)


def read_yaml(path: Path) -> object:
    """The content of a YAML file; a byte-order mark at its beginning does not matter.

    Raises:
        OSError: the file cannot be read.
        YamlError: it is no YAML or no UTF-8, a key stands twice, a day is none, or YAML would read a key as another
            thing than text, or a number as another one.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8-sig"), _Loader)
    except UnicodeDecodeError as error:
        raise YamlError(f"not UTF-8 at byte {error.start:,}: save the file as UTF-8") from None
    except yaml.YAMLError as error:
        raise YamlError(f"not YAML: {error}") from None
    except RecursionError:
        raise YamlError("not read: lists and sections lie in each other too deep") from None
