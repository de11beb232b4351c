"""Choke points that several SDKs share: their calls, raw responses and streams.

In: the import package of an SDK.
Out: targets, routes, seams and error paths for an `Instrumentor`.
"""

__all__ = []
