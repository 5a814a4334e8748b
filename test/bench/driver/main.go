//go:build bench

// Driver measures the engine in a real Vault beside a plugin written by hand, and
// writes what it found to docs/benchmarks.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	parts := flag.String("parts", "mints,growth,queue,storm", "what to measure; elsewhere, beside these, is an idle Vault with as many entries as the largest ledger that nobody reads")
	only := flag.String("courses", "", "a regular expression of the conditions to mint under, such as \"http, 0 ms\"; empty for all")
	clients := flag.String("clients", "1,8,32", "how many clients mint at a time")
	rounds := flag.Int("rounds", 3, "rounds of mints, in each of which all take their turn")
	long := flag.Duration("long", 2*time.Second, "how long one turn mints")
	sizes := flag.String("sizes", "0,10000,100000,1000000", "how many keys the ledger holds as it grows")
	queued := flag.String("queued", "100,100000", "how many entries the queue holds as it grows")
	idle := flag.Duration("idle", 2*time.Minute, "how long to watch an idle mount")
	tick := flag.Duration("tick", 200*time.Millisecond, "pause between turns of the engine's clockwork as the ledger grows, each of which reads a thousand records")
	leases := flag.Int("leases", 10_000, "how many leases the storm ends")
	out := flag.String("out", "docs/benchmarks", "folder to write to; empty for none")
	within := flag.Duration("within", time.Hour, "how long the whole may take; what was measured until then is written")
	flag.Parse()
	ctx, stop := context.WithTimeout(ctx, *within)
	defer stop()

	wanted, err := regexp.Compile(*only)
	if err != nil {
		return fmt.Errorf("-courses: %w", err)
	}
	r := report{machine: thisMachine(), date: time.Now().UTC(), tick: *tick}
	tell := func(text string) { fmt.Println(time.Now().Format(time.TimeOnly), text) }
	measure := map[string]func(*world) error{
		"mints": func(w *world) error {
			r.vault = w.vaultVersion(ctx)
			by, err := numbers(*clients)
			if err != nil {
				return err
			}
			r.mints, err = runMints(ctx, w, courses(by, wanted), *rounds, *long, tell)
			return err
		},
		"growth": func(w *world) error {
			counts, err := numbers(*sizes)
			if err != nil {
				return err
			}
			w.engineOptions = map[string]string{"tick_interval": tick.String()}
			r.sizes, err = runGrowth(ctx, w, counts, *idle, tell)
			return err
		},
		"queue": func(w *world) error {
			w.engineOptions = map[string]string{"tick_interval": tick.String()}
			counts, err := numbers(*queued)
			if err != nil {
				return err
			}
			r.queues, err = runQueue(ctx, w, counts, *idle, tell)
			return err
		},
		"elsewhere": func(w *world) error {
			counts, err := numbers(*sizes)
			if err != nil {
				return err
			}
			r.elsewhere, err = runElsewhere(ctx, w, counts[len(counts)-1], *idle, tell)
			return err
		},
		"storm": func(w *world) error {
			for _, latency := range []time.Duration{0, 50 * time.Millisecond} {
				s, err := runStorm(ctx, w, *leases, latency, tell)
				if err != nil {
					return err
				}
				r.storms = append(r.storms, s)
				tell(fmt.Sprintf("%+v", s))
			}
			return nil
		},
	}
	for _, part := range strings.Split(*parts, ",") {
		if measure[part] == nil {
			return fmt.Errorf("there is no part %q; write some of mints, growth, queue, storm, elsewhere", part)
		}
	}
	for _, part := range strings.Split(*parts, ",") {
		err := inWorld(ctx, measure[part])
		if err != nil {
			err = fmt.Errorf("%s: %w", part, err)
		}
		if *out != "" { // what has been measured so far
			err = errors.Join(err, r.write(*out))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// inWorld measures in a Vault of its own.
func inWorld(ctx context.Context, measure func(*world) error) error {
	w, err := newWorld(ctx)
	if err != nil {
		return err
	}
	err = measure(w)
	if err != nil {
		err = fmt.Errorf("%w; the end of Vault's log:\n%s", err, w.vault.Nodes[0].LogTail(20))
	}
	return errors.Join(err, w.close())
}

func numbers(text string) ([]int, error) {
	var all []int
	for _, word := range strings.Split(text, ",") {
		n, err := strconv.Atoi(word)
		if err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	slices.Sort(all)
	return all, nil
}
