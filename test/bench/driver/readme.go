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

// The README's part between these lines is written by the bench.
const (
	readmeBegin = "<!-- mints: make bench -->\n"
	readmeEnd   = "<!-- end -->"
)

// writeReadme puts the ratios into the README of the tree that the folder of results lies
// in; it does nothing where that has no such lines.
func (r *report) writeReadme(folder string) error {
	file := filepath.Join(folder, "..", "..", "README.md")
	text, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	before, rest, found := strings.Cut(string(text), readmeBegin)
	_, after, ended := strings.Cut(rest, readmeEnd)
	if !found || !ended {
		return nil
	}
	return os.WriteFile(file, []byte(before+readmeBegin+r.ratios()+readmeEnd+after), 0o644)
}

// ratios are what the README says of mints and revocations.
func (r *report) ratios() string {
	var out strings.Builder
	fmt.Fprintf(&out, "Measured on %s (%s); with 1, 8 and 32 clients, over http and TLS, the engine has\n\n", r.date.Format("2006-01-02"), r.machine)
	out.WriteString("| of the plugin written by hand | provider answers at once | in 50 ms |\n|---|---|---|\n")
	for _, line := range []struct {
		name string
		of   func(round) float64
	}{
		{"mints per second", mintRate}, {"median time of a mint", mintMiddle}, {"CPU for a mint, Vault's included", mintCPU},
		{"revocations per second", revokeRate}, {"CPU for a revocation", revokeCPU},
	} {
		fmt.Fprintf(&out, "| %s | %s | %s |\n", line.name, r.span("handwritten", line.of, ofLatency(0)), r.span("handwritten", line.of, ofLatency(50*time.Millisecond)))
	}
	plain, secure := ofLatency(0), func(c course) bool { return c.latency == 0 && c.secure }
	fmt.Fprintf(&out, "\nand %s of the mints per second of Vault's own Consul engine over http, %s of those over TLS,\nwhere that one dials anew for each call; it runs in Vault's process and keeps no ledger.\n",
		r.span("consul", mintRate, func(c course) bool { return plain(c) && !c.secure }), r.span("consul", mintRate, secure))
	return out.String()
}

func ofLatency(latency time.Duration) func(course) bool {
	return func(c course) bool { return c.latency == latency }
}

// span is from the lowest to the highest ratio of the engine's rounds to another's.
func (r *report) span(other string, of func(round) float64, wanted func(course) bool) string {
	var found []float64
	for c, by := range r.mints {
		if wanted(c) {
			found = append(found, ratio(by["engine"], by[other], of))
		}
	}
	if len(found) == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f to %.2f", slices.Min(found), slices.Max(found))
}
