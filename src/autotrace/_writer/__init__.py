"""The queue between the program's threads and the sinks, and the one thread that empties it.

In: drafts that have ended.
Out: batches of entries, offered to each sink until it has taken them; what was lost is counted.
"""
