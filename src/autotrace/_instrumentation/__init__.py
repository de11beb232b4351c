"""Switching on and off: installed plugins and their states, patching and undoing, health.

In: `enable()`, `disable()`, and modules that the import hook reports.
Out: a library whose functions are replaced, or the original ones again; `status()` and `health()`.
"""
