"""Redaction: the one place through which every record passes before the sinks, and what users add to it.

In: a record, the credentials of its call, and the policy that was in force when its span began.
Out: the same record without credentials and without what the policy removes. An attribute says what was removed.
"""
