# One command for each thing people do here. "make help" lists them.

SHELL := /bin/bash
.DEFAULT_GOAL := help

WEB_SOURCES := $(shell find web -type d \( -name node_modules -o -path web/tests \) -prune -o -type f -print 2>/dev/null)
GO_BUILD := CGO_ENABLED=0 go build -trimpath -ldflags '-s -w'

FUZZTIME ?= 20s
ARGS ?=

.PHONY: help run build web test lint bench soak fuzz clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## build and start the server with its defaults (data in ./data, page on 127.0.0.1:8080); ARGS="--listen ..." adds flags
	bin/cofferd serve $(ARGS)

build: web ## build bin/cofferd and bin/coffer, with the web UI inside
	@mkdir -p bin
	$(GO_BUILD) -o bin/cofferd ./cmd/cofferd
	$(GO_BUILD) -o bin/coffer ./cmd/coffer

web: internal/web/dist/index.html

# npm ci leaves this file behind, so it tells when the packages were installed.
web/node_modules/.package-lock.json: web/package.json web/package-lock.json
	cd web && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

internal/web/dist/index.html: web/node_modules/.package-lock.json $(WEB_SOURCES)
	cd web && npm run build
	@touch $@

test: ## run every check: lint, web, Go with -race on SQLite and PostgreSQL, browser
	scripts/test.sh

soak: build ## the same proofs with full counts: 200 kills, 20 GB, 5,000 files (takes hours)
	COFFER_SOAK=1 TEST_TIMEOUT=6h scripts/with-postgres.sh go run scripts/gotest.go -race -timeout 6h ./...
	bench/bigfile.sh 5120 5000
	STREAM=1 bench/bigfile.sh 20480 100
	bench/many.sh 100 256

lint: web/node_modules/.package-lock.json ## check form and known mistakes
	scripts/lint.sh

fuzz: ## run each fuzz target for FUZZTIME (20s)
	FUZZTIME=$(FUZZTIME) scripts/fuzz.sh

bench: build ## measure beside nginx and a minimal reference server (about 25 minutes)
	bench/run.sh

clean: ## remove what was built and fetched, never ./data
	rm -rf bin .tools bench/results web/node_modules
	find internal/web/dist -mindepth 1 ! -name placeholder.html -delete
