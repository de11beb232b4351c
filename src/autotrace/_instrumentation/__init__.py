"""Enabling and disabling: installed plugins and their states, patching and reverting, health.

In: `enable()`, `disable()`, and the modules that the import hook reports.
Out: a library with patched functions, or the original ones again; `status()` and `health()`.
"""
