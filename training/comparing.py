"""Comparing what was saved with what is there: the differences, listed, or nothing."""

import difflib

#: Lines of a difference that a message holds.
SHOWN = 12


def architecture(model):
    """A network in words: a line for each layer, with what it is made of and what it makes.

    How weights are drawn is no part of it.

    Examples
    --------
    >>> from layers import FC, CReLU, Representation
    >>> for line in architecture(CReLU()(FC(3, initialisation="orthogonal")(Representation((2,))))):
    ...     print(line)
    input -> (2,)
    0 FC(3) of input -> (3,)
    1 CReLU() of 0 -> (6,)
    """
    lines, numbers = [], {}
    for step in model.representation.steps:
        if step.layer is None:
            numbers[step] = "input"
            lines.append(f"input -> {step.shape}")
            continue
        sources = ", ".join(str(numbers[source]) for source in step.sources)
        numbers[step] = len(lines) - 1
        lines.append(f"{numbers[step]} {_described(step.layer)} of {sources} -> {step.shape}")
    return lines


def refuseOtherArchitecture(saved, present, name):
    """Raises ValueError if two lists of `architecture` differ, with the lines that do."""
    if saved == present:
        return
    changes = [line for line in difflib.ndiff(saved, present) if line.startswith(("-", "+"))]
    raise ValueError(
        f"{name} holds another architecture; - is saved, + is the model's:\n{_some(changes)}"
    )


def refuseOtherTensors(saved, present, name):
    """Raises ValueError if two dicts of arrays differ in names, shapes or dtypes, and says how."""
    saved, present = _kinds(saved), _kinds(present)
    changes = [f"missing: {key} {kind}" for key, kind in present.items() if key not in saved]
    changes += [f"extra: {key} {kind}" for key, kind in saved.items() if key not in present]
    changes += [
        f"other: {key} is {saved[key]}, the model's {kind}"
        for key, kind in present.items()
        if saved.get(key, kind) != kind
    ]
    if changes:
        raise ValueError(f"{name} does not hold the model's tensors:\n{_some(changes)}")


def refuseOtherSettings(saved, present, name):
    """Raises ValueError if two dicts of settings differ, with each setting that does."""
    keys = dict.fromkeys([*saved, *present])
    changes = [
        f"{key}: {saved.get(key)!r} when it was saved, {present.get(key)!r} now"
        for key in keys
        if saved.get(key) != present.get(key)
    ]
    if changes:
        raise ValueError(
            f"{name} was trained with other settings:\n{_some(changes)}\nTo go on with new ones, "
            f"load its weights into a new run."
        )


def _kinds(arrays):
    return {name: f"{array.shape} {array.dtype}" for name, array in arrays.items()}


def _described(layer):
    """A layer's kind and arguments, without its initialisation."""
    drawn = layer.describeWeights() if hasattr(layer, "describeWeights") else ""
    settings = layer.settings()
    return f"{type(layer).__name__}({settings.replace(drawn, '') if drawn else settings})"


def _some(lines):
    more = [f"… and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return "\n".join([*lines[:SHOWN], *more])
