"""What a credential looks like, and how it is removed: by its value, by the name of its field, by its form, and in URLs.

In: plain data or text, and the values that clients of the program send as credentials.
Out: the same without credentials, and where each one was. Pure: settings and what users add are in `_redaction`.
"""
