"""A family of features: one function, and a feature for each combination of some parameters."""

from __future__ import annotations

import itertools
import string
from collections.abc import Iterator, Mapping

from tradeworthy.errors import FeatureGraphInvalid

Value = int | float | str | bool
MOST = 1000
# Source that is only read may ask for names of gigabytes.
LONGEST = 64


def members(template: str, each: Mapping[str, object]) -> Iterator[tuple[str, dict[str, Value]]]:
    """Give the name of each member of a family with the values of its parameters.

    Parameters
    ----------
    template
        The name, with a field for each parameter: ``volatility_{days}``, ``lag_{n:03}``.
    each
        Parameter to its values; several parameters multiply, the last one varies fastest.

    Raises
    ------
    FeatureGraphInvalid
        If two members would have one name, or the values are none that a name can be made of.

    Examples
    --------
    >>> list(members("beta_{market}_{days}", {"market": ("us",), "days": (5, 20)}))
    [('beta_us_5', {'market': 'us', 'days': 5}), ('beta_us_20', {'market': 'us', 'days': 20})]
    """
    choices = _checked(template, each)
    _check_fields(template, choices)
    names: set[str] = set()
    for combination in itertools.product(*choices.values()):
        values = dict(zip(choices, combination, strict=True))
        name = _named(template, values)
        if name in names:
            raise FeatureGraphInvalid(
                f"two features of the family {template} would be called {name}: give each "
                "combination of values once"
            )
        names.add(name)
        yield name, values


def _checked(template: str, each: Mapping[str, object]) -> dict[str, tuple[Value, ...]]:
    if not isinstance(template, str) or len(template) > 4 * LONGEST:
        raise FeatureGraphInvalid(
            f"the name of a family is text up to {4 * LONGEST} long with a field for each value"
        )
    if not isinstance(each, Mapping) or not each or not all(isinstance(key, str) for key in each):
        raise FeatureGraphInvalid(
            f"each of feature {template} is {each!r}; give a dict of parameter to values, such as "
            '{"days": (5, 20)}'
        )
    choices: dict[str, tuple[Value, ...]] = {}
    count = 1
    for parameter, values in each.items():
        if not isinstance(values, list | tuple) or not values or not all(map(_is_short, values)):
            raise FeatureGraphInvalid(
                f"each of feature {template}: the values of {parameter} cannot be used; give a "
                f"list or tuple of numbers or text up to {LONGEST} long, such as (5, 20)"
            )
        choices[parameter] = tuple(values)
        count *= len(values)
    if count > MOST:
        raise FeatureGraphInvalid(f"the family {template} has {count} features; {MOST} is the most")
    return choices


def _is_short(value: object) -> bool:
    if type(value) is int:
        return value.bit_length() <= LONGEST
    return type(value) in (float, bool) or (type(value) is str and len(value) <= LONGEST)


def _check_fields(template: str, choices: Mapping[str, object]) -> None:
    """Require one field for each parameter, and none for anything else."""
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise FeatureGraphInvalid(f"the name {template!r} cannot be read: {error}") from error
    fields = [field for _, field, _, _ in parts if field is not None]
    if sorted(fields) != sorted(choices) or any(
        layout and len(layout) > 3 for _, _, layout, _ in parts
    ):
        stem = template.partition("{")[0].rstrip("_")
        whole = "_".join([stem, *(f"{{{name}}}" for name in choices)])
        raise FeatureGraphInvalid(
            f"the name {template!r} of a family has to hold each parameter of each= once, and "
            f'nothing else in braces: write name="{whole}"'
        )


def _named(template: str, values: Mapping[str, Value]) -> str:
    try:
        return template.format_map(values)
    except (ValueError, TypeError) as error:
        raise FeatureGraphInvalid(
            f"the name {template!r} cannot be made of {dict(values)}: {error}"
        ) from error
