# `make` alone lists the words. What they do lives in bin/ and embedded/.
.DEFAULT_GOAL := help
.PHONY: help setup demo run test test-fast coverage check fix messages bench screenshots lock
python := .venv/bin/python

help:  ## this list
	@echo "Meetadmin. The words:"
	@sed -n 's/^\([a-z-]*\):  *## \(.*\)/  make \1|\2/p' $(firstword $(MAKEFILE_LIST)) | grep -v 'make help' | \
		while IFS='|' read -r word text; do printf '%-15s  %s\n' "$$word" "$$text"; done

setup:  ## make .venv with everything for working on Meetadmin
	@bin/environment dev

demo:  ## a living demo in this terminal (PORT=8000 SIMULATOR_PORT=8010 ROOMS=120, data in var/)
	@bin/environment runtime && exec $(python) -m embedded demo

run:  ## a small real installation in this terminal, configured by the environment (docs/install.md)
	@bin/environment runtime && exec $(python) -m embedded run

test:  ## everything: checks, tests on PostgreSQL and SQLite, browser journeys
	@bin/environment dev && exec $(python) -m embedded test

test-fast:  ## the fast loop: tests on SQLite without browser, processes and walks through every combination
	@bin/environment dev && exec $(python) -m embedded test-fast

coverage:  ## which lines the tests have touched (the tests on SQLite, measured)
	@bin/environment dev && exec $(python) -m embedded coverage

check:  ## lint, format, types, layers, templates, translations, migrations, deployment settings
	@bin/environment dev && exec $(python) -m embedded check

fix:  ## repair what the tools can repair
	@bin/environment dev && exec $(python) -m embedded fix

messages:  ## bring the translations in locale/ up to date with the sources; tells what is left to translate
	@bin/environment dev && exec $(python) -m embedded messages

bench:  ## measure (PARTS="overview clients"), some eight minutes; PARTS=outage takes a quarter of an hour
	@bin/environment dev && exec $(python) -m benchmarks $(PARTS)

screenshots:  ## pictures of the main screens in var/screenshots/, and those of the README
	@bin/environment dev && exec $(python) -m benchmarks.pictures

lock:  ## write the locked requirements anew (needs the package index)
	@bin/environment dev && exec bin/lock
