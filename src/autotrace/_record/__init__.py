"""Makes the record of a captured call. It runs on the writer's thread, except for freezing.

In: frozen requests and responses, chunks, and what is known of the HTTP exchange.
Out: the structs of the lines, with attributes, failures and cost, cut to the limits.
"""
