"""Choke points that several SDKs share: how their calls, raw responses and streams are made.

In: the import package of an SDK.
Out: targets, routes, seams and error paths for an `Instrumentor`.
"""

__all__ = []
