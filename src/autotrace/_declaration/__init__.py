"""What a plugin declares: operations, targets, routes, seams, options, paths. Data, checked when it is made.

In: keywords of `Instrumentor`, `Operation` and the like, from the plugin's author.
Out: compiled declarations; a `DeclarationError` that names the mistake.
"""
