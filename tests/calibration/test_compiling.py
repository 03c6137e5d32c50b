"""Compiled functions, with a place to keep them and without."""

import subprocess
import sys

import numba.core.caching

from calibration.compiling import compiled


def test_where_nothing_can_be_kept_functions_are_compiled_all_the_same(monkeypatch):
    """A read-only package and no home must not keep anybody from calibrating."""

    def double(x):
        """Twice a number."""
        return 2 * x

    monkeypatch.setattr(numba.core.caching.CacheImpl, "_locator_classes", [])
    assert compiled(double)(21) == 42


def test_importing_compiles_nothing():
    """What is compiled is compiled when it is first called, or read from where it is kept."""
    code = """
import numba.core.compiler
def refuse(*args, **kwargs): raise SystemExit("something was compiled")
numba.core.compiler.compile_extra = refuse
import calibration.triangulation, calibration.solver.adjustment
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
