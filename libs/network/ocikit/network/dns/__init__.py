"""Names on networks: one small server per host, in the formats of aardvark-dns (spec: network.md, section 8).

The modules here import nothing but each other and C modules of the standard library, so that the server process stays
small (some 9 MB, most of it the interpreter) and is there 20 ms after it was asked for. ``control`` is the other side:
what set-up and teardown call.
"""
