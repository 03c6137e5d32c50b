"""Compiled functions, with a place to keep them and without."""

import numba.core.caching

from calibration.compiling import compiled


def test_where_nothing_can_be_kept_functions_are_compiled_all_the_same(monkeypatch):
    """A read-only package and no home must not keep anybody from calibrating."""

    def double(x):
        """Twice a number."""
        return 2 * x

    monkeypatch.setattr(numba.core.caching.CacheImpl, "_locator_classes", [])
    assert compiled(double)(21) == 42
