"""Questions for measuring whole answers, and the texts that they are asked about.

``questions/`` holds JSON lines: ``explaining`` (how, why, what is, which ones, what happens; each
with the facts that a good answer holds, as lists of alternative strings), ``phrases`` (a short
phrase answers), ``unrelated`` and ``near`` (the texts do not answer these: another topic
altogether, or a missing attribute, a neighbour that is not described, a false premise) and
``followups`` (they need the turns before them, and stand there written out too). The corpus
``handbook`` is ``data/handbook/2026-07-15``; the corpus ``docs`` is ``documents/docs``, copies that
stay as they are while the originals change. ``firms`` makes 24 invented firms, all alike, with six
facts each asked in four wordings. All of it is for testing: nothing here may be trained on.
"""
