//go:build bench

package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"vault-plugin-secrets-apikeys/backend"
)

// report is all that one run found.
type report struct {
	machine string
	vault   string
	date    time.Time
	mints   results
	sizes   []size
	// elsewhere is what an idle Vault takes in a second with as many entries as the
	// largest ledger, and none in a ledger; 0 where it was not measured.
	elsewhere idleness
	storms    []storm
	tick      time.Duration // between two turns of the engine's clockwork as the ledger grows
}

// thisMachine tells what the figures were taken on.
func thisMachine() string {
	model := runtime.GOARCH
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			model = strings.TrimSpace(value)
			break
		}
	}
	load, _ := os.ReadFile("/proc/loadavg")
	return fmt.Sprintf("%d cores (%s), %s/%s, %s; load before the run %s", runtime.NumCPU(), model, runtime.GOOS, runtime.GOARCH, runtime.Version(), strings.Join(strings.Fields(string(load))[:3], " "))
}

func (w *world) vaultVersion(ctx context.Context) string {
	var health struct {
		Version string `json:"version"`
	}
	if err := w.client.decode(ctx, http.MethodGet, "sys/health", &health); err != nil {
		return "unknown"
	}
	return health.Version
}

// write writes one part to each file: what was not measured now stays as it is.
func (r *report) write(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	files := map[string]string{}
	if r.mints != nil {
		files["mints.md"], files["mints.svg"] = r.mintTable(), r.mintPlot()
	}
	slices.SortFunc(r.sizes, func(a, b size) int { return cmp.Or(cmp.Compare(a.queued, b.queued), cmp.Compare(a.keys, b.keys)) })
	if r.sizes != nil {
		files["growth.md"], files["growth.svg"] = r.growthTable(), r.growthPlot()
	}
	if r.storms != nil {
		files["storm.md"] = r.stormTable()
	}
	if r.mints != nil {
		if err := r.writeReadme(folder); err != nil {
			return err
		}
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (r *report) head(title string) string {
	return fmt.Sprintf("# %s\n\nWritten by `make bench` on %s. %s. Engine %s. Ratios within one run count, not figures: the machine may have done other work.\n\n",
		title, r.date.Format("2006-01-02 15:04 UTC"), r.machine, backend.Version)
}

func (r *report) mintTable() string {
	var out bytes.Buffer
	out.WriteString(r.head("Mints and revocations"))
	fmt.Fprintf(&out, "Vault %s with storage in memory. Each turn mints for some seconds and then revokes all of it; the contenders take turns, and the ratios are the median of those within one round. \"By hand\" is the plugin in [test/bench/handwritten](../../test/bench/handwritten/main.go): one request and one write for each key. CPU is that of Vault and the plugin together for each call: on a machine that does other work it is the steadier ratio.\n\n![throughput](mints.svg)\n\n", r.vault)
	out.WriteString("| provider | by hand: mints/s | p50 | engine: mints/s | p50 | **throughput** | **p50** | **CPU** | by hand: revocations/s | engine | **throughput** | **CPU** |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, c := range courses(anyCourse) {
		by, engine := r.mints[c]["handwritten"], r.mints[c]["engine"]
		fmt.Fprintf(&out, "| %s | %.0f | %.1f ms | %.0f | %.1f ms | **%.2f** | **%.2f** | **%.2f** | %.0f | %.0f | **%.2f** | **%.2f** |\n", c,
			middle(by, mintRate), middle(by, mintMiddle), middle(engine, mintRate), middle(engine, mintMiddle),
			ratio(engine, by, mintRate), ratio(engine, by, mintMiddle), ratio(engine, by, mintCPU),
			middle(by, revokeRate), middle(engine, revokeRate), ratio(engine, by, revokeRate), ratio(engine, by, revokeCPU))
	}
	out.WriteString("\nBeside Vault's own Consul engine, which runs in Vault's process, keeps no ledger, and dials anew for each call:\n\n| provider | Consul: mints/s | p50 | engine's throughput to it | by hand's |\n|---|---|---|---|---|\n")
	for _, c := range courses(anyCourse) {
		consul := r.mints[c]["consul"]
		fmt.Fprintf(&out, "| %s | %.0f | %.1f ms | **%.2f** | %.2f |\n", c, middle(consul, mintRate), middle(consul, mintMiddle),
			ratio(r.mints[c]["engine"], consul, mintRate), ratio(r.mints[c]["handwritten"], consul, mintRate))
	}
	return out.String()
}

func (r *report) mintPlot() string {
	var groups []group
	for _, c := range courses(anyCourse) {
		g := group{name: c.String()}
		for _, of := range contenders {
			if rounds := r.mints[c][of.name]; len(rounds) > 0 {
				g.bars = append(g.bars, bar{of.name, middle(rounds, mintRate)})
			}
		}
		groups = append(groups, g)
	}
	return plot("Mints per second", groups)
}

func (r *report) growthTable() string {
	var out bytes.Buffer
	out.WriteString(r.head("As the ledger grows"))
	fmt.Fprintf(&out, "One mount, storage in memory. Vault is sealed and unsealed at each size; \"known\" is how long after that the engine knew the whole ledger and queue again, which it reads in the background, a thousand entries at each turn of its clockwork: every %s here, which is every second where nobody says otherwise. What is queued waits for a provider that is away. Idle is CPU time per second with nothing asked, the middle one of slices of ten seconds; the most of one slice is Go's collection of garbage, which comes every two minutes at the least and goes through all of Vault's storage in memory.\n\n![growth](growth.svg)\n\n| |", r.tick)
	for _, s := range r.sizes {
		fmt.Fprintf(&out, " %d keys, %d queued |", s.keys, s.queued)
	}
	out.WriteString("\n|---|" + strings.Repeat("---|", len(r.sizes)) + "\n")
	for _, line := range growthLines {
		fmt.Fprintf(&out, "| %s |", line.name)
		for _, s := range r.sizes {
			fmt.Fprintf(&out, " %s |", line.show(s))
		}
		out.WriteString("\n")
	}
	if other := r.elsewhere; other.usual.vault > 0 {
		fmt.Fprintf(&out, "\nA Vault with as many entries as the largest ledger, which nobody reads, takes %s of CPU a second when it is idle, and %s in the ten seconds that take most: that is its own.\n",
			milliseconds(other.usual.vault), milliseconds(other.most.vault))
	}
	return out.String()
}

// growthLines are the rows of the table.
var growthLines = []struct {
	name string
	show func(size) string
}{
	{"mint p50, 1 client", func(s size) string { return milliseconds(s.mint.p50) }},
	{"mint p50, 8 clients", func(s size) string { return milliseconds(s.mint8.p50) }},
	{"mints/s, 8 clients", func(s size) string { return fmt.Sprintf("%.0f", s.mint8.perSecond) }},
	{"first mint after unsealing", func(s size) string { return milliseconds(s.firstMint) }},
	{"known after", func(s size) string { return s.known.Round(time.Second / 10).String() }},
	{"idle, plugin", func(s size) string { return milliseconds(s.idle.usual.plugin) + "/s" }},
	{"idle, Vault", func(s size) string { return milliseconds(s.idle.usual.vault) + "/s" }},
	{"idle, most in ten seconds, both", func(s size) string { return milliseconds(s.idle.most.all()) + "/s" }},
	{"memory of the plugin", func(s size) string { return fmt.Sprintf("%d MiB", s.memory>>20) }},
	{"mint, lookup-key, revoke", func(s size) string { return milliseconds(s.lookup) }},
	{"keys/, first 100", func(s size) string { return milliseconds(s.first) }},
	{"keys/, 100 in the middle", func(s size) string { return milliseconds(s.mid) }},
	{"write of a connection", func(s size) string { return milliseconds(s.configWrite) }},
	{"write and deletion of a connection", func(s size) string { return milliseconds(s.configDrop) }},
	{"upload of a definition", func(s size) string { return milliseconds(s.upload) }},
	{"queue/, first 100", func(s size) string { return milliseconds(s.queuePage) }},
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

func (r *report) growthPlot() string {
	var groups []group
	for _, s := range r.sizes {
		groups = append(groups, group{fmt.Sprintf("%d keys, %d queued", s.keys, s.queued), []bar{
			{"mint p50 (µs)", float64(s.mint.p50) / float64(time.Microsecond)},
			{"idle CPU (µs/s)", float64(s.idle.usual.all()) / float64(time.Microsecond)},
			{"page of keys/ (µs)", float64(s.mid) / float64(time.Microsecond)},
		}})
	}
	return plot("Microseconds, as the ledger grows", groups)
}

func (r *report) stormTable() string {
	var out bytes.Buffer
	out.WriteString(r.head("Many leases that end at once"))
	fmt.Fprintf(&out, "At a provider that takes %d requests a second and answers 429 beyond that. Ideal is what that limit makes it take, mints and their revocations in between included.\n\n", stormLimit)
	out.WriteString("| leases | provider | took | ideal | **ratio** | 429s | irrevocable | mint p50: quiet | meanwhile | **ratio** |\n|---|---|---|---|---|---|---|---|---|---|\n")
	for _, s := range r.storms {
		fmt.Fprintf(&out, "| %d | %d ms | %.1f s | %.1f s | **%.2f** | %d | %s | %s | %s | **%.1f** |\n", s.leases, s.latency.Milliseconds(),
			s.took.Seconds(), s.ideal.Seconds(), s.took.Seconds()/s.ideal.Seconds(), s.throttled, s.irrevocable,
			milliseconds(s.quiet.p50), milliseconds(s.during.p50), float64(s.during.p50)/float64(s.quiet.p50))
	}
	return out.String()
}
