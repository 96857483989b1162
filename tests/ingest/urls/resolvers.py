"""Resolvers of names that answer as a test wants, and ask nobody outside of this machine."""

from __future__ import annotations

import socket

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult


class Answers(AbstractResolver):
    """Resolves every name to the next of these addresses, the last one for ever; counts the questions."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        self.asked += 1
        addresses = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=0,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        pass


class LocalNames(AbstractResolver):
    """The system's resolver for names and numbers of this machine; others are not found, and nobody outside asked."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        host = host.rstrip(".")
        if host.lower() == "localhost" or not host.strip("0123456789abcdefx.:"):
            return await aiohttp.ThreadedResolver().resolve(host, port, family)
        raise OSError(f"{host} is none of this machine's names")

    async def close(self) -> None:
        pass
