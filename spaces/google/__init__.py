"""Google as plain Python: no Django, no settings, no models.

Nothing is re-exported here on purpose. `meet` pulls in Google's generated client (some 60 MB of memory), so it is
imported only by whoever really talks to Meet; `codes`, `config`, `endpoints`, `errors` and `resources` cost next to
nothing.
"""
