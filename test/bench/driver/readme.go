//go:build bench

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// readmeEnd ends each of the README's parts that the bench writes.
const readmeEnd = "<!-- end -->"

// writeReadme puts what was measured into the README of the tree that the folder of
// results lies in; it does nothing where there is none.
func (r *report) writeReadme(folder string) error {
	file := filepath.Join(folder, "..", "..", "README.md")
	text, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	readme := string(text)
	if r.mints != nil {
		readme = replacePart(readme, "mints", r.ratios())
	}
	if r.sizes != nil {
		readme = replacePart(readme, "growth", r.grown())
	}
	if r.storms != nil {
		readme = replacePart(readme, "storm", r.stormed())
	}
	return os.WriteFile(file, []byte(readme), 0o644)
}

// replacePart puts a text in the place of the README's part of that name, where it has one.
func replacePart(readme, name, text string) string {
	begin := "<!-- " + name + ": make bench -->\n"
	before, rest, found := strings.Cut(readme, begin)
	_, after, ended := strings.Cut(rest, readmeEnd)
	if !found || !ended {
		return readme
	}
	return before + begin + text + readmeEnd + after
}

// grown is what the README says of a ledger that grows.
func (r *report) grown() string {
	least, most := r.sizes[0], r.sizes[len(r.sizes)-1]
	return fmt.Sprintf("With %d keys in the ledger a mint takes %s by one client, where it takes %s with %d; the\nfirst one after Vault is unsealed takes %s, and the plugin has %d MiB of memory and,\nwhen idle, takes %.1f ms of CPU a second.\n",
		most.keys, milliseconds(most.mint), milliseconds(least.mint), least.keys, milliseconds(most.firstMint), most.memory>>20, float64(most.idle.usual.plugin)/float64(time.Millisecond))
}

// stormed is what the README says of many leases that end at once.
func (r *report) stormed() string {
	var took, mints []float64
	throttled := int64(0)
	for _, s := range r.storms {
		took, mints = append(took, s.took.Seconds()/s.ideal.Seconds()), append(mints, float64(s.during.p50)/float64(s.quiet.p50))
		throttled += s.throttled
	}
	return fmt.Sprintf("%d leases that end at once, at a provider that takes %d requests a second, are gone in\n%.2f of the time that this limit makes it take, with %d requests refused; mints in between\ntake %.1f to %.1f times what they take in quiet.\n",
		r.storms[0].leases, stormLimit, slices.Max(took), throttled, slices.Min(mints), slices.Max(mints))
}

// ratios are what the README says of mints and revocations.
func (r *report) ratios() string {
	var out strings.Builder
	fmt.Fprintf(&out, "Measured on %s (%s); with 1, 8 and 32 clients, over http and TLS, the engine has\n\n", r.date.Format("2006-01-02"), r.machine)
	out.WriteString("| of the plugin written by hand | provider answers at once | in 50 ms |\n|---|---|---|\n")
	for _, line := range []struct {
		name, who string
		of        func(round) float64
	}{
		{"mints per second", engine, mintRate}, {"median time of a mint", engine, mintMiddle}, {"CPU for a mint, Vault's included", engine, mintCPU},
		{"revocations per second, like for like", withoutLook, revokeRate}, {"median time of a revocation", withoutLook, revokeMiddle}, {"CPU for a revocation", withoutLook, revokeCPU},
		{"revocations per second, each looked for afterwards", engine, revokeRate},
	} {
		fmt.Fprintf(&out, "| %s | %s | %s |\n", line.name, r.span(line.who, byHand, line.of, ofLatency(0)), r.span(line.who, byHand, line.of, ofLatency(50*time.Millisecond)))
	}
	plain, secure := ofLatency(0), func(c course) bool { return c.latency == 0 && c.secure }
	fmt.Fprintf(&out, "\nand %s of the mints per second of Vault's own Consul engine over http, %s of those over TLS,\nwhere that one dials anew for each call; it runs in Vault's process and keeps no ledger.\n",
		r.span(engine, consul, mintRate, func(c course) bool { return plain(c) && !c.secure }), r.span(engine, consul, mintRate, secure))
	return out.String()
}

func ofLatency(latency time.Duration) func(course) bool {
	return func(c course) bool { return c.latency == latency }
}

// span is from the lowest to the highest ratio of one contender's rounds to another's.
func (r *report) span(one, other string, of func(round) float64, wanted func(course) bool) string {
	var found []float64
	for c, by := range r.mints {
		if wanted(c) {
			found = append(found, ratio(by[one], by[other], of))
		}
	}
	if len(found) == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f to %.2f", slices.Min(found), slices.Max(found))
}
