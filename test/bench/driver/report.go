//go:build bench

package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
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
	// sizes are of a ledger that grows, and queues of a queue that does.
	sizes, queues []size
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
		files["mints.md"], files["mints.svg"], files["revocations.svg"] = r.mintTable(), r.mintPlot(), r.revocationPlot()
	}
	if r.sizes != nil {
		files["growth.md"], files["growth.svg"] = r.growthTable(), r.growthPlot()
	}
	if r.queues != nil {
		files["queue.md"] = r.queueTable()
	}
	if r.storms != nil {
		files["storm.md"] = r.stormTable()
	}
	for name, text := range files {
		file := filepath.Join(folder, name)
		if err := os.WriteFile(file, []byte(text+belowMark(file)), 0o644); err != nil {
			return err
		}
	}
	return r.writeReadme(folder)
}

// handMark is the line below which a page is written by hand: that stays.
const handMark = "<!-- by hand from here on -->\n"

// belowMark is what of a page is written by hand, and stays.
func belowMark(file string) string {
	before, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	_, after, found := strings.Cut(string(before), handMark)
	if !found {
		return ""
	}
	return "\n" + handMark + after
}

func (r *report) head(title string) string {
	return fmt.Sprintf("# %s\n\nWritten by `make bench` on %s. %s. Engine %s. Ratios within one run count, not figures: the machine may have done other work.\n\n",
		title, r.date.Format("2006-01-02 15:04 UTC"), r.machine, backend.Version)
}

func (r *report) mintTable() string {
	var out bytes.Buffer
	out.WriteString(r.head("Mints and revocations"))
	fmt.Fprintf(&out, "Vault %s with storage in memory. Each turn mints for some seconds and then revokes all of it; the contenders take turns, in another order in each round, and the ratios are the median of those within one round. \"By hand\" is the plugin in [test/bench/handwritten](../../test/bench/handwritten/main.go): one request and one write for each key, when it is made and when it ends. CPU is that of Vault and the plugin together for each call: on a machine that does other work it is the steadier ratio.\n\n![mints](mints.svg)\n\n", r.vault)
	out.WriteString("| provider | by hand: mints/s | p50 | engine: mints/s | p50 | **throughput** | **p50** | **CPU** |\n|---|---|---|---|---|---|---|---|\n")
	for _, c := range r.coursesRun() {
		by, of := r.mints[c][byHand], r.mints[c][engine]
		fmt.Fprintf(&out, "| %s | %.0f | %.1f ms | %.0f | %.1f ms | **%.2f** | **%.2f** | **%.2f** |\n", c,
			middle(by, mintRate), middle(by, mintMiddle), middle(of, mintRate), middle(of, mintMiddle),
			ratio(of, by, mintRate), ratio(of, by, mintMiddle), ratio(of, by, mintCPU))
	}
	out.WriteString("\n## Revocations\n\nThe plugin written by hand takes the provider's word for it. So does the engine where a role says `verify_revocation=off`: that is like for like. As it comes the engine looks some seconds later for what was revoked, all of it in one reading of the provider's list, which no revocation waits for and whose CPU is counted here.\n\n![revocations](revocations.svg)\n\n")
	out.WriteString("| provider | by hand: revocations/s | p50 | like for like: revocations/s | p50 | **throughput** | **p50** | **CPU** | with the look | **throughput** | **p50** | **CPU** |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, c := range r.coursesRun() {
		by, like, of := r.mints[c][byHand], r.mints[c][withoutLook], r.mints[c][engine]
		fmt.Fprintf(&out, "| %s | %.0f | %.1f ms | %.0f | %.1f ms | **%.2f** | **%.2f** | **%.2f** | %.0f | **%.2f** | **%.2f** | **%.2f** |\n", c,
			middle(by, revokeRate), middle(by, revokeMiddle),
			middle(like, revokeRate), middle(like, revokeMiddle), ratio(like, by, revokeRate), ratio(like, by, revokeMiddle), ratio(like, by, revokeCPU),
			middle(of, revokeRate), ratio(of, by, revokeRate), ratio(of, by, revokeMiddle), ratio(of, by, revokeCPU))
	}
	out.WriteString("\nA key that ends within the last 8,192 records that its process wrote is ended by what the process knows; of one that is older, or whose process is another one, the record is read first.\n")
	out.WriteString("\n## Vault's own Consul engine\n\nIt runs in Vault's process, keeps no ledger, and dials anew for each call.\n\n| provider | Consul: mints/s | p50 | engine's throughput to it | by hand's |\n|---|---|---|---|---|\n")
	for _, c := range r.coursesRun() {
		other := r.mints[c][consul]
		fmt.Fprintf(&out, "| %s | %.0f | %.1f ms | **%.2f** | %.2f |\n", c, middle(other, mintRate), middle(other, mintMiddle),
			ratio(r.mints[c][engine], other, mintRate), ratio(r.mints[c][byHand], other, mintRate))
	}
	return out.String()
}

// coursesRun are the conditions that were measured, in order.
func (r *report) coursesRun() []course {
	return slices.SortedFunc(maps.Keys(r.mints), course.compare)
}

func (r *report) mintPlot() string {
	return r.coursePlot("Mints per second", mintRate, byHand, engine, consul)
}

func (r *report) revocationPlot() string {
	return r.coursePlot("Revocations per second", revokeRate, byHand, withoutLook, engine)
}

func (r *report) coursePlot(title string, of func(round) float64, names ...string) string {
	var groups []group
	for _, c := range r.coursesRun() {
		g := group{name: c.String()}
		for _, name := range names {
			if rounds := r.mints[c][name]; len(rounds) > 0 {
				g.bars = append(g.bars, bar{name, middle(rounds, of)})
			}
		}
		groups = append(groups, g)
	}
	return plot(title, groups)
}

func (r *report) growthTable() string {
	var out bytes.Buffer
	out.WriteString(r.head("As the ledger grows"))
	fmt.Fprintf(&out, "%s\n\n![growth](growth.svg)\n\n", r.howGrown("the engine knew the whole ledger"))
	columns := func(s size) string { return fmt.Sprintf("%d keys", s.keys) }
	writeSizes(&out, r.sizes, columns, growthLines)
	if other := r.elsewhere; other.usual.vault > 0 {
		fmt.Fprintf(&out, "\nA Vault with as many entries as the largest ledger, which nobody reads, takes %s of CPU a second when it is idle, and %s in the ten seconds that take most: that is its own.\n",
			milliseconds(other.usual.vault), milliseconds(other.most.vault))
	}
	return out.String()
}

func (r *report) queueTable() string {
	var out bytes.Buffer
	out.WriteString(r.head("As the queue grows"))
	fmt.Fprintf(&out, "What is queued waits for a provider that is away, which is tried now and then for the whole queue. %s\n\n", r.howGrown("the engine had read the whole queue"))
	columns := func(s size) string { return fmt.Sprintf("%d queued", s.queued) }
	writeSizes(&out, r.queues, columns, slices.Concat(growthLines, queueLines))
	return out.String()
}

func (r *report) howGrown(known string) string {
	return fmt.Sprintf("One mount, storage in memory. Vault is sealed and unsealed at each size; \"known after\" is how long after that %s again, which it reads in the background, a thousand entries at each turn of its clockwork: every %s here, which is every second where nobody says otherwise. Memory is what the plugin has right after that. Mints are the middle one of the middle of %d turns, and the other calls the middle one of 50 or more. Idle is CPU time per second with nothing asked, the middle one of slices of ten seconds; the most of one slice is Go's collection of garbage, which comes every two minutes at the least and goes through all of Vault's storage in memory. \"By hand beside it\" is a mint of the plugin written by hand in the same Vault: what it takes more at a larger size is Vault's own, or the machine's. **Flat** is the worst of the larger sizes to the smallest; to the smallest with a full page, where it is about pages.", known, r.tick, turns)
}

// sizeLine is a row of a table of sizes.
type sizeLine struct {
	name string
	show func(size) string
	// of is what is to be flat; nil for what is not, or has an aim of its own.
	of func(size) float64
	// counts tells the sizes that can be compared; nil for all.
	counts func(size) bool
}

// timed is a row of a time that is to be flat.
func timed(name string, of func(size) time.Duration) sizeLine {
	return sizeLine{name: name, show: func(s size) string { return milliseconds(of(s)) }, of: func(s size) float64 { return float64(of(s)) }}
}

// paged is timed for pages: one that is not full costs less.
func paged(name string, of func(size) time.Duration, full func(size) bool) sizeLine {
	line := timed(name, of)
	line.counts = full
	return line
}

// spent is a row of CPU time in a second that is to be flat.
func spent(name string, of func(size) time.Duration) sizeLine {
	line := timed(name, of)
	line.show = func(s size) string { return fmt.Sprintf("%.2f ms/s", float64(of(s))/float64(time.Millisecond)) }
	return line
}

func hasManyKeys(s size) bool   { return s.keys >= 1000 }
func hasManyQueued(s size) bool { return s.queued >= 100 }

var growthLines = []sizeLine{
	timed("mint p50, 1 client", func(s size) time.Duration { return s.mint }),
	timed("mint p50, 8 clients", func(s size) time.Duration { return s.mint8 }),
	timed("by hand beside it, 1 client", func(s size) time.Duration { return s.byHand }),
	timed("by hand beside it, 8 clients", func(s size) time.Duration { return s.byHand8 }),
	timed("CPU for a mint, Vault's included, 8 clients", func(s size) time.Duration { return s.mintCPU.all() }),
	timed("lookup-key", func(s size) time.Duration { return s.lookup }),
	paged("keys/, first 100", func(s size) time.Duration { return s.first }, hasManyKeys),
	paged("keys/, 100 in the middle", func(s size) time.Duration { return s.mid }, hasManyKeys),
	paged("keys/, 100 in the middle of one connection", func(s size) time.Duration { return s.ofOne }, hasManyKeys),
	timed("write of a connection", func(s size) time.Duration { return s.configWrite }),
	timed("deletion of a connection", func(s size) time.Duration { return s.configDrop }),
	timed("upload of a definition", func(s size) time.Duration { return s.upload }),
	spent("idle, plugin", func(s size) time.Duration { return s.idle.usual.plugin }),
	spent("idle, Vault", func(s size) time.Duration { return s.idle.usual.vault }),
	{name: "idle, most in ten seconds, both", show: func(s size) string { return milliseconds(s.idle.most.all()) + "/s" }},
	{name: "memory of the plugin", show: func(s size) string { return fmt.Sprintf("%d MiB", s.memory>>20) }},
	{name: "first mint after unsealing", show: func(s size) string { return milliseconds(s.firstMint) }},
	{name: "known after", show: func(s size) string { return s.known.Round(time.Second / 10).String() }},
}

// queueLines are those about the queue alone.
var queueLines = []sizeLine{
	paged("queue/, first 100", func(s size) time.Duration { return s.queuePage }, hasManyQueued),
}

func writeSizes(out *bytes.Buffer, sizes []size, column func(size) string, lines []sizeLine) {
	out.WriteString("| |")
	for _, s := range sizes {
		out.WriteString(" " + column(s) + " |")
	}
	out.WriteString(" **flat** |\n|---|" + strings.Repeat("---|", len(sizes)+1) + "\n")
	for _, line := range lines {
		fmt.Fprintf(out, "| %s |", line.name)
		for _, s := range sizes {
			fmt.Fprintf(out, " %s |", line.show(s))
		}
		fmt.Fprintf(out, " %s |\n", line.flat(sizes))
	}
}

// flat is the worst of the larger sizes to the smallest that counts.
func (l sizeLine) flat(sizes []size) string {
	if l.of == nil {
		return ""
	}
	smallest, worst := 0.0, 0.0
	for _, s := range sizes {
		switch {
		case l.counts != nil && !l.counts(s):
		case smallest == 0:
			smallest = l.of(s)
		default:
			worst = max(worst, l.of(s)/smallest)
		}
	}
	if worst == 0 {
		return "–"
	}
	return fmt.Sprintf("**%.2f**", worst)
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

func (r *report) growthPlot() string {
	var groups []group
	for _, s := range r.sizes {
		groups = append(groups, group{fmt.Sprintf("%d keys", s.keys), []bar{
			{"mint p50 (µs)", float64(s.mint) / float64(time.Microsecond)},
			{"lookup-key (µs)", float64(s.lookup) / float64(time.Microsecond)},
			{"idle plugin (µs/s)", float64(s.idle.usual.plugin) / float64(time.Microsecond)},
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
