"""One corpus of malformed JSON for every place that reads JSON from outside."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Document:
    """A text that an entrance takes, with a number and a text in it that can be spoilt."""

    text: str
    number: str
    word: str

    def __post_init__(self) -> None:
        assert self.text.count(self.number) == self.text.count(f'"{self.word}"') == 1

    def with_number(self, literal: str) -> bytes:
        """Put something in the number's place."""
        return self.text.replace(self.number, literal).encode()

    def with_word(self, literal: str) -> str:
        """Put something in the text's place."""
        return self.text.replace(f'"{self.word}"', literal)

    def with_its_first_key_twice(self) -> bytes:
        """Repeat the first member."""
        key, value = next(iter(json.loads(self.text).items()))
        return f"{{{json.dumps(key)}: {json.dumps(value)}, {self.text.lstrip()[1:]}".encode()


MALFORMED: Mapping[str, Callable[[Document], bytes]] = {
    "a key twice": Document.with_its_first_key_twice,
    "NaN": lambda document: document.with_number("NaN"),
    "Infinity": lambda document: document.with_number("Infinity"),
    "-Infinity": lambda document: document.with_number("-Infinity"),
    "a float beyond the range": lambda document: document.with_number("1e400"),
    "an integer beyond the range": lambda document: document.with_number("9" * 400),
    "an integer that takes for ever": lambda document: document.with_number("9" * 100_000),
    "a number with a zero before it": lambda document: document.with_number("01"),
    "a hexadecimal number": lambda document: document.with_number("0x1"),
    "nested too deeply": lambda document: document.with_number("[" * 101 + "]" * 101),
    "nested for ever": lambda document: document.with_number("[" * 100_000),
    "half of a surrogate pair": lambda document: document.with_word('"\\ud800"').encode(),
    "a key with half of a pair": lambda document: document.with_number('{"\\udfff": 1}'),
    "a control character": lambda document: document.with_word('"\x01"').encode(),
    "single quotes": lambda document: document.with_word(f"'{document.word}'").encode(),
    "not UTF-8": lambda document: document.with_word('"é"').encode("latin-1"),
    "UTF-16": lambda document: document.text.encode("utf-16"),
    "a byte order mark": lambda document: b"\xef\xbb\xbf" + document.text.encode(),
    "cut off": lambda document: document.text.rstrip()[:-1].encode(),
    "something after it": lambda document: document.text.encode() + b"{}",
    "a comma too many": lambda document: document.text.rstrip()[:-1].encode() + b",}",
    "a comment": lambda document: document.text.encode() + b" // x",
    "nothing": lambda _: b"",
}
