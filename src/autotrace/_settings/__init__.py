"""Settings and the source of each value: arguments, environment variables, pyproject.toml, defaults.

In: the arguments of `enable()`, `AUTOTRACE_*`, `[tool.autotrace]`.
Out: one checked value per setting, with its source; a `SettingsError` for a malformed one.
"""
