"""How kernels are compiled: at their first call, kept on disk by numba where it finds a folder that it can write."""

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

_Function = TypeVar("_Function", bound=Callable[..., Any])

_UNCOUNTED: dict[str, Any] = {"_nrt": False}
"""What allocates nothing need not count references to arrays: that took most of its time (numba's typing lacks it)."""

_ENCLOSED: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""What Python never calls needs no way in from there: it takes as long to compile as the function."""


def kernel(function: _Function) -> _Function:
    """A function of numbers and arrays, compiled; it allocates nothing."""
    return _compiled(function, _UNCOUNTED)


def inner(function: _Function) -> _Function:
    """The same for one that only kernels call."""
    return _compiled(function, {**_UNCOUNTED, **_ENCLOSED})


def _compiled(function: _Function, options: dict[str, Any]) -> _Function:
    compiled: _Function
    try:
        compiled = njit(cache=True, **options)(function)
    except RuntimeError:  # numba found no folder to write to: each process compiles for itself
        compiled = njit(**options)(function)
    return compiled
