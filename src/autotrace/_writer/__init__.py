"""The queue between the program's threads and the sinks, and the one thread that empties it.

In: drafts of calls that have ended.
Out: batches of entries, offered to each sink until it has taken them. Losses are counted.
"""
