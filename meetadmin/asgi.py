"""The web process's door: granian serves `application`. The stream of changes is asynchronous, all pages are Django's in
threads (docs/decisions/0013)."""

import gc

from meetadmin.bridge import Pages
from meetadmin.wsgi import application as pages  # makes Django ready, so it comes before what needs models
from spaces.stream import LiveStream

THREADS = 8  # a request waits for Google now and then; the database's pool has as many connections

application = LiveStream(Pages(pages, threads=THREADS))

# What is loaded by now is needed for good. Looked through by the collector again and again it makes single answers wait.
gc.collect()
gc.freeze()
