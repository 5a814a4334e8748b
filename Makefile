# What a person calls; `make` alone lists it.

.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory

PLUGIN := vault-plugin-secrets-apikeys
# A release sets VERSION, such as v1.2.3, which Vault then shows as the running version.
LDFLAGS := -s -w $(if $(VERSION),-X $(PLUGIN)/backend.Version=$(VERSION))
# The race detector and Gitea need a C compiler, which Go itself does not.
C := $(filter 1,$(shell go env CGO_ENABLED))
RACE := $(if $(C),-race)
DEADCODE := go tool -modfile=scripts/tools/go.mod deadcode
STATICCHECK := go tool -modfile=scripts/tools/go.mod staticcheck
ERRORLINT := go tool -modfile=scripts/tools/go.mod go-errorlint
UNPARAM := go tool -modfile=scripts/tools/go.mod unparam

.PHONY: help build try demo dev check unit test simulate integration chaos compatibility bench servers docs outdated release clean

help: ## list these targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

build: ## compile the plugin into build/
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o build/$(PLUGIN) ./cmd/$(PLUGIN)

try: ## take a key through its whole life at a sandbox, without Vault
	@go run ./cmd/apikeys try --sandbox

demo: ## watch a key being minted, used and revoked by a real Vault
	@go build -o build/demo ./scripts/demo
	@build/demo

dev: ## leave a Vault with the plugin and a sandbox provider running, until Ctrl-C
	@go build -o build/demo ./scripts/demo
	@build/demo -dev

check: ## formatting, vet, static analysis, and code that nothing reaches
	@test -z "$$(gofmt -l .)" || { echo "Run gofmt -w on:"; gofmt -l .; exit 1; }
	go vet ./...
	go vet -tags chaos,integration,bench ./...
	@# One run over both sets of files: what is unused in one may be used in the other.
	printf 'plain:\ntagged: -tags=chaos,integration,bench\n' | $(STATICCHECK) -matrix ./...
	$(ERRORLINT) -test=false ./...
	$(UNPARAM) -tests=false ./cmd/... ./paths/... ./backend/... ./providers/... ./internal/... ./scripts/...
	@dead="$$($(DEADCODE) -filter '$(PLUGIN)/(cmd|paths|backend|providers)' ./cmd/...)"; \
	test -z "$$dead" || { echo "No program reaches:"; echo "$$dead"; exit 1; }

unit: ## the tests that need no real server, in a minute: what to run while writing
	@# Vet is a part of make check.
	@go run ./scripts/gotest -short -vet=off ./...

test: check ## check, and all tests: unit and with real servers
	@VAULT_BIN="$$(go run ./scripts/getserver vault)"; export VAULT_BIN; \
	$(if $(C),GITEA_BIN="$$(go run ./scripts/getserver gitea)"; export GITEA_BIN,echo "There is no C compiler, so the tests run without the race detector and without Gitea."); \
	go run ./scripts/gotest $(RACE) -parallel 6 -timeout 30m ./...
	@# A seed's life is not itself under the race detector, nor where turns are taken by chance.
	@overlay="$$(go run ./scripts/overlay build/_runtime)" && go run ./scripts/gotest -overlay "$$overlay" -timeout 30m ./internal/simulation

simulate: ## play lives of the engine until Ctrl-C, for SECONDS, or the one of SEED
	@echo "The first time this builds Go's runtime anew, which takes a few minutes."
	@overlay="$$(go run ./scripts/overlay build/_runtime)" && \
	$(if $(SEED),SEED=$(SEED) go test -overlay "$$overlay" ./internal/simulation -run '^TestLife$$' -count 1 -timeout 0 -v,SECONDS=$(or $(SECONDS),1000000) FROM=$(or $(FROM),1) go test -overlay "$$overlay" ./internal/simulation -run '^TestLives$$' -count 1 -timeout 0 -v)

integration: servers ## keys' whole lives at all real servers, and with faults on the way there
	@VAULT_BIN="$$(go run ./scripts/getserver vault)"; export VAULT_BIN; \
	go run ./scripts/gotest -tags integration -parallel 20 -count 1 -timeout 30m ./test/acceptance

chaos: ## the long tests: killed nodes, fuzzing
	@VAULT_BIN="$$(go run ./scripts/getserver vault)"; export VAULT_BIN; \
	go run ./scripts/gotest -show -tags chaos -count 1 -timeout 40m ./test/chaos; \
	scripts/fuzz

compatibility: ## the tests that use a real Vault, on each of VAULTS="v1.19.5 v1.21.2", which are built
	@scripts/compatibility $(VAULTS)

bench: ## what the engine costs beside a plugin written by hand, and as it grows; ARGS="-parts mints" for less
	@go run -tags bench ./test/bench/driver $(ARGS)

servers: ## get the real servers that the tests need, so that the first test does not
	@go run ./scripts/getserver vault
	@$(if $(C),go run ./scripts/getserver gitea)
	@go run ./scripts/getserver etcd
	@go run ./scripts/getserver toxiproxy
	@go run ./scripts/getserver consul-template
	@go run ./scripts/getserver terraform-provider-vault
	@go run ./scripts/getserver headscale
	@go run ./scripts/getserver consul
	@go run ./scripts/getserver unleash || true # without Node.js its tests say what to install
	@go run ./scripts/getserver express-gateway || true
	@for server in rabbitmq influxdb1 icinga2 verdaccio miniflux zabbix buildah; do go run ./scripts/getserver "$$server" || true; done # their tests say what to install

docs: ## write docs/providers from the definitions, docs/api.md from the endpoints, and what ARCHITECTURE.md draws from the code
	go run ./scripts/providerdocs
	go run ./scripts/apidocs
	go run ./scripts/rooms

outdated: ## direct dependencies of which there is a newer version
	@go list -m -u -f '{{if and .Update (not .Indirect)}}{{.Path}} {{.Version}} -> {{.Update.Version}}{{end}}' all

release: ## all that a release VERSION=v1.2.3 has, in build/release
	@scripts/release $(VERSION)

clean: ## remove build/
	rm -rf build
