"""Where each value comes from: arguments, environment variables, pyproject.toml, defaults.

In: what `enable()` is given, `AUTOTRACE_*`, `[tool.autotrace]`.
Out: one checked value for each setting, with its source; a `SettingsError` for what is malformed.
"""
