# Everything a person or CI does with this repository. `make` alone explains.

VERSION     := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
PREFIX      ?= /usr/local
FUZZTIME    ?= 20s
SOAK        ?= 10m
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
# Packages with tests of their own; test/ itself needs mounts and runs without the race detector's slowness.
UNIT         = $(shell go list ./... | grep -v '/test$$')

.PHONY: help build install lint test unit mounts test-ceph fuzz soak bench bench-crypt demo setup clean

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## bin/allasfs
	go build -trimpath -ldflags "-X main.version=$(VERSION)" -o bin/allasfs ./cmd/allasfs

# It doesn't build: under sudo there may be no Go.
install: ## allasfs, crypt4gh and crypt4gh-keygen in PREFIX/bin (/usr/local), after make build
	@[ -x bin/allasfs ] || { echo "make install: run 'make build' first" >&2; exit 1; }
	install -D -m 755 bin/allasfs $(DESTDIR)$(PREFIX)/bin/allasfs
	ln -sfn allasfs $(DESTDIR)$(PREFIX)/bin/crypt4gh
	ln -sfn allasfs $(DESTDIR)$(PREFIX)/bin/crypt4gh-keygen

lint: ## gofmt, vet, staticcheck, tidy go.mod, the rule of imports
	@files=$$(gofmt -l cmd fs cache c4gh objstore test); [ -z "$$files" ] || { echo "not formatted: $$files"; exit 1; }
	go vet -tags ceph ./...
	go run $(STATICCHECK) -tags ceph ./...
	go mod tidy -diff
	go test ./test/imports
	cd test/bench && go vet ./... && go run $(STATICCHECK) ./... && go mod tidy -diff

test: unit mounts ## all tests but Ceph's: units under the race detector, then real mounts

unit: setup
	go test -race -timeout 10m $(UNIT)
	cd test/bench && go test ./...

mounts: setup build
	ALLASFS=$(CURDIR)/bin/allasfs go test -count=1 -timeout 15m ./test

test-ceph: build ## the main paths against Ceph's object gateway
	test/setup.sh --ceph
	ALLASFS=$(CURDIR)/bin/allasfs RGW_KEYSTONE=fake test/ceph/with.sh go test -count=1 -timeout 15m -tags ceph -run Ceph -p 1 ./test ./objstore/s3store ./objstore/swiftstore

fuzz: ## each fuzz target for FUZZTIME (20s)
	test/fuzz.sh $(FUZZTIME)

soak: setup build ## processes check what they read while the store fails, for SOAK (10m), into docs/soak.md
	ALLASFS=$(CURDIR)/bin/allasfs SOAK=$(SOAK) SOAK_PAGE=$(CURDIR)/docs/soak.md go test -count=1 -timeout 0 -v -run '^TestSoak$$' ./test

bench: setup build ## reading, against other mounts, into docs/benchmarks.md; most of an hour, 4 GiB in /dev/shm. BENCH=-quick to try
	test/bench/setup.sh
	cd test/bench && go run . -allasfs $(CURDIR)/bin/allasfs -out $(CURDIR)/docs -results $(CURDIR)/.testdata/bench.json $(BENCH)

bench-crypt: setup build ## encryption against the reference, into docs/benchmarks-crypt4gh.md; some minutes, 9 GiB in TMPDIR
	test/bench-crypt.sh bin/allasfs >docs/benchmarks-crypt4gh.md.new
	mv docs/benchmarks-crypt4gh.md.new docs/benchmarks-crypt4gh.md
	@cat docs/benchmarks-crypt4gh.md

demo: setup build ## a bucket of encrypted reads, mounted and read, in a minute
	go run ./test/demo bin/allasfs

setup:
	@test/setup.sh

clean: ## removes what was built and what tests made
	rm -rf bin .testdata .venv
