"""Wire formats as pure data and functions: how each API's JSON becomes the record's vocabulary. Tested without any SDK."""
