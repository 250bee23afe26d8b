"""Builds: a Containerfile is parsed, planned and carried out; the result is an image in the store.

Rooms, in the order a build walks through them (all but the last four are pure and need no root):

- ``lexer``: text to instructions (directives, continuations, heredocs, flags, JSON forms)
- ``expand``: ``$VAR``, ``${VAR:-word}`` and friends
- ``ignore``: .containerignore patterns
- ``stages``: instructions to stages, their names and what each needs from others
- ``config``: what an instruction does to the image's configuration
- ``history``: the exact ``created_by`` texts, which are the cache key shared with Buildah
- ``copy``, ``run``: the two kinds of steps that change files
- ``executor``: the walk over the stages, with the cache
"""
