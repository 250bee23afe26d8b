"""Commands on images that more than one tool has, word for word: each module holds COMMAND and run, as a tool's own do.

Which store a tool's global flags mean is known to the tool alone: ``Program.services`` names the module that says it.
"""
