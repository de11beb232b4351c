"""Installed plugins, and the distributions that libraries come from. Imports neither.

In: the distributions on `sys.path` and those of foreign finders.
Out: entry points, versions, and the objects that references (``module:attribute``) name.
"""
