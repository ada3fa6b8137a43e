"""SHA-256 digests and canonical JSON: the two primitives under every fingerprint.

Digests are 64 lowercase hexadecimal characters. Every structured digest starts with a tag that
names its scheme and version, so that no two kinds of thing can share a digest.
"""

from __future__ import annotations

import hashlib
import re
from typing import TypeAlias, cast

import rfc8785

from tradeworthy.errors import InvalidInput

Json: TypeAlias = "None | bool | int | float | str | list[Json] | dict[str, Json]"

_DIGEST = re.compile(r"[0-9a-f]{64}")


def sha256_hex(data: bytes | bytearray | memoryview) -> str:
    """Return the SHA-256 of ``data`` as 64 hexadecimal characters.

    Examples
    --------
    >>> sha256_hex(b"abc")[:16]
    'ba7816bf8f01cfea'
    """
    return hashlib.sha256(data).hexdigest()


def canonical_json(value: object) -> bytes:
    """Encode ``value`` by RFC 8785 (JSON Canonicalization Scheme).

    Raises
    ------
    InvalidInput
        For NaN, infinities, keys that are not strings, integers beyond 2**53 and objects that
        JSON does not have.

    Examples
    --------
    >>> canonical_json({"b": 1.0, "a": [True, None]})
    b'{"a":[true,null],"b":1}'
    """
    try:
        return rfc8785.dumps(cast("dict[str, object]", value))  # type: ignore[arg-type]
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise InvalidInput(f"not canonical JSON: {error}") from error


def tagged_digest(tag: str, *parts: bytes) -> str:
    """Digest ``parts`` under ``tag``; each is length-prefixed, so that no two lists collide.

    Examples
    --------
    >>> tagged_digest("t/v1", b"ab", b"c") == tagged_digest("t/v1", b"a", b"bc")
    False
    """
    state = hashlib.sha256()
    for part in (tag.encode(), *parts):
        state.update(len(part).to_bytes(8, "big"))
        state.update(part)
    return state.hexdigest()


def json_digest(tag: str, value: object) -> str:
    """Digest the canonical JSON of ``value`` under ``tag``."""
    return tagged_digest(tag, canonical_json(value))


def is_digest(text: str) -> bool:
    """Tell whether ``text`` is a well-formed digest.

    Examples
    --------
    >>> is_digest("0" * 64), is_digest("0" * 63), is_digest("G" * 64)
    (True, False, False)
    """
    return _DIGEST.fullmatch(text) is not None
