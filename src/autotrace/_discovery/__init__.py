"""Which plugins are installed, and what distribution a library comes from. Imports none of them.

In: the distributions on `sys.path` and those of foreign finders.
Out: entry points, versions, and the objects that references (``module:attribute``) name.
"""
