"""LightGBM's text format, checked before the C library sees it.

The library believes a model: a child that does not exist, a feature beyond the row or a list that
is too short makes it read foreign memory, two nodes that are each other's child make it run for
ever, and a tree that does not lie where ``tree_sizes`` says ends the process. So every tree must
be one before it is loaded. The format is what ``save_model`` writes in versions 3 and 4
(https://github.com/microsoft/LightGBM, ``src/boosting/gbdt_model_text.cpp``, ``src/io/tree.cpp``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from tradeworthy.errors import ArtifactInvalid

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]

_FIRST: Final = re.compile(rb"tree\nversion=v[34]\n")
_NUMBERS: Final = re.compile(rb"[-+0-9.eE infa]*")
_INTEGERS: Final = re.compile(rb"[-0-9 ]*")
_NOT_ZERO: Final = re.compile(rb"[^eE]*[1-9]")
_INT32: Final = 2**31
_CATEGORICAL: Final = 1
_NODE_STATISTICS: Final = ("split_gain", "internal_value", "internal_weight", "internal_count")
_LEAF_STATISTICS: Final = ("leaf_weight", "leaf_count")
_KEYS: Final = frozenset(
    {b"num_leaves", b"num_cat", b"split_feature", b"threshold", b"decision_type", b"left_child"}
    | {b"right_child", b"leaf_value", b"cat_boundaries", b"cat_threshold", b"is_linear"}
    | {b"leaf_const", b"num_features", b"leaf_features", b"leaf_coeff", b"shrinkage"}
    | {key.encode() for key in (*_NODE_STATISTICS, *_LEAF_STATISTICS)}
)


def check_model_text(data: bytes) -> None:
    """Check that a LightGBM text model is one that can be loaded and run safely.

    Raises
    ------
    ArtifactInvalid
        For another format or version, several outputs, no tree, a tree that is not where
        ``tree_sizes`` says, and one whose nodes are no binary tree over the model's features.

    Examples
    --------
    >>> from tradeworthy.errors import ArtifactInvalid
    >>> try:
    ...     check_model_text(b"not a model")
    ... except ArtifactInvalid as error:
    ...     print(error)
    the artifact is not a LightGBM text model (save_model, v3 or v4)
    """
    # The C side reads up to the first NUL byte: what follows would be hashed, never loaded.
    if _FIRST.match(data) is None or b"\x00" in data or b"\r" in data:
        raise ArtifactInvalid("the artifact is not a LightGBM text model (save_model, v3 or v4)")
    begin = data.find(b"\nTree=") + 1
    if begin == 0:
        raise ArtifactInvalid("the LightGBM model has no tree")
    header = _header(data[:begin])
    n_inputs = _integer(header, b"max_feature_idx") + 1
    for number, text in enumerate(_trees(data, begin, header)):
        _Tree(number, text).check(n_inputs)


def _header(text: bytes) -> dict[bytes, bytes]:
    pairs = [line.partition(b"=") for line in text.split(b"\n") if line]
    header = {key: value for key, _, value in pairs}
    if len(header) != len(pairs):
        raise ArtifactInvalid("the LightGBM model's header names something twice")
    classes = _integer(header, b"num_class"), _integer(header, b"num_tree_per_iteration")
    if classes != (1, 1) or header.get(b"objective", b"").startswith(b"multiclass"):
        raise ArtifactInvalid(
            f"the LightGBM model answers {max(classes)} numbers a row; one is served"
        )
    return header


def _integer(header: dict[bytes, bytes], key: bytes) -> int:
    value = header.get(key, b"")
    if re.fullmatch(rb"\d{1,9}", value) is None:
        raise ArtifactInvalid(f"the LightGBM model's {key.decode()} is no whole number")
    return int(value)


def _trees(data: bytes, begin: int, header: dict[bytes, bytes]) -> Iterator[bytes]:
    """Cut the trees out as the library does, by their sizes."""
    sizes = header.get(b"tree_sizes", b"")
    if re.fullmatch(rb"\d{1,9}( \d{1,9})*", sizes) is None:
        raise ArtifactInvalid("the LightGBM model's tree_sizes are no whole numbers")
    position = begin
    for size in map(int, sizes.split()):
        yield data[position : position + size]
        position += size
    if not data[position:].startswith(b"end of trees"):
        raise ArtifactInvalid(
            "the LightGBM model's trees are not where tree_sizes says; the text was changed after "
            "save_model wrote it"
        )


class _Tree:
    """The lines of one tree."""

    def __init__(self, number: int, text: bytes) -> None:
        self._number = number
        lines, _, rest = text.partition(b"\n\n")
        first, *others = lines.split(b"\n")
        pairs = [line.partition(b"=") for line in others]
        self._values = {key: value for key, _, value in pairs}
        if first != b"Tree=%d" % number or rest.strip(b"\n") or not text.endswith(b"\n\n"):
            raise self._wrong("it is not where tree_sizes says")
        if len(self._values) != len(pairs) or not _KEYS.issuperset(self._values):
            raise self._wrong("it has lines that are unknown or stand twice")

    def check(self, n_inputs: int) -> None:
        """Check that the lists describe one binary tree over the model's inputs."""
        leaves = int(self._integers("num_leaves", 1)[0])
        linear = b"is_linear" in self._values and int(self._integers("is_linear", 1)[0]) != 0
        if leaves < 1:
            raise self._wrong("it has no leaf")
        self._finite("leaf_value", leaves)
        if b"shrinkage" in self._values:
            self._numbers("shrinkage", 1)
        nodes = leaves - 1
        if nodes:
            self._check_children(leaves)
            self._check_range("split_feature", self._integers("split_feature", nodes), n_inputs)
            self._check_decisions(nodes, self._finite("threshold", nodes))
            self._check_statistics(_NODE_STATISTICS, nodes)
            self._check_statistics(_LEAF_STATISTICS, leaves)
        if linear:
            self._check_linear(leaves, n_inputs)

    def _check_children(self, leaves: int) -> None:
        """Every node but the first and every leaf has one parent, so that no path can return."""
        nodes = leaves - 1
        children = np.concatenate(
            [self._integers("left_child", nodes), self._integers("right_child", nodes)]
        )
        expected = np.concatenate([np.arange(-leaves, 0), np.arange(1, nodes)])
        if not np.array_equal(np.sort(children), expected):
            raise self._wrong("its nodes do not form a tree")

    def _check_decisions(self, nodes: int, threshold: FloatArray) -> None:
        categories = int(self._integers("num_cat", 1)[0])
        decisions = np.zeros(nodes, dtype=np.int64)
        if b"decision_type" in self._values:
            decisions = self._integers("decision_type", nodes)
            self._check_range("decision_type", decisions, 128)
        self._check_range("threshold", threshold[decisions & _CATEGORICAL != 0], categories)
        if categories:
            boundaries = self._integers("cat_boundaries", categories + 1)
            if boundaries[0] != 0 or np.any(np.diff(boundaries) < 0):
                raise self._wrong("its cat_boundaries do not ascend from 0")
            self._check_range(
                "cat_threshold", self._integers("cat_threshold", int(boundaries[-1])), 2**32
            )

    def _check_linear(self, leaves: int, n_inputs: int) -> None:
        self._normal("leaf_const", leaves)
        counts = self._integers("num_features", leaves)
        self._check_range("num_features", counts, n_inputs + 1)
        total = int(counts.sum())
        self._check_range("leaf_features", self._integers("leaf_features", total), n_inputs)
        self._normal("leaf_coeff", total)

    def _check_statistics(self, keys: tuple[str, ...], count: int) -> None:
        for key in keys:
            if key.encode() in self._values:
                self._numbers(key, count)

    def _check_range(self, key: str, values: IntArray | FloatArray, end: int) -> None:
        if np.any((values < 0) | (values >= end)):
            raise self._wrong(f"its {key} is not from 0 to {end - 1}")

    def _integers(self, key: str, count: int) -> IntArray:
        values: IntArray = self._list(key, count, _INTEGERS, np.int64)
        if np.any(np.abs(values) > 2 * _INT32):
            raise self._wrong(f"its {key} has a number that is too large")
        return values

    def _finite(self, key: str, count: int) -> FloatArray:
        values = self._numbers(key, count)
        if not np.isfinite(values).all():
            raise self._wrong(f"its {key} has a number that is not finite")
        return values

    def _normal(self, key: str, count: int) -> None:
        """Check numbers of a linear leaf: the library ends the process at one that underflows."""
        values = self._finite(key, count)
        words = self._values[key.encode()].split()
        for index in np.flatnonzero(np.abs(values) < np.finfo(np.float64).tiny):
            if _NOT_ZERO.match(words[index]):
                raise self._wrong(f"its {key} has a number that is too small")

    def _numbers(self, key: str, count: int) -> FloatArray:
        values: FloatArray = self._list(key, count, _NUMBERS, np.float64)
        return values

    def _list(self, key: str, count: int, form: re.Pattern[bytes], dtype: type[Any]) -> Any:
        text = self._values.get(key.encode())
        if text is None or form.fullmatch(text) is None:
            raise self._wrong(f"its {key} is no list of numbers")
        words = text.split()
        if len(words) != count:
            raise self._wrong(f"its {key} has {len(words)} numbers, not {count}")
        try:
            return np.array(words, dtype=object).astype(dtype)
        except (ValueError, OverflowError):
            raise self._wrong(f"its {key} is no list of numbers") from None

    def _wrong(self, what: str) -> ArtifactInvalid:
        return ArtifactInvalid(
            f"tree {self._number} of the LightGBM model cannot be run: {what}", tree=self._number
        )
