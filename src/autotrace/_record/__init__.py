"""From what was captured to the record of it. On the writer's side, but for freezing.

In: frozen requests and answers, chunks, what is known of the HTTP exchange.
Out: the lines' structs: attributes, failures, cost, cut to the limits.
"""
