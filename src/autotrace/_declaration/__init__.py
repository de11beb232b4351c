"""What a plugin declares: operations, targets, routes, seams, options, paths. Data, checked when it is made.

In: the keyword arguments that a plugin's author passes to `Instrumentor`, `Operation` and the like.
Out: compiled declarations; a `DeclarationError` that names the mistake.
"""
