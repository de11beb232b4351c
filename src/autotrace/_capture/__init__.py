"""One call, from its start to its single end: values, streams, callbacks, context.

In: the calls of replaced functions, of plugins' callbacks, and of manual spans, on the program's threads.
Out: one `Draft` for each call that started, handed to the writer.
"""
