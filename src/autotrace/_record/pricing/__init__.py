"""The cost of a call, from its usage and from price data.

In: a record's attributes with token counts, and the prices of settings, entry points and ``genai-prices``.
Out: `autotrace.cost.*` in USD, or the reason why the cost is unknown.
"""
