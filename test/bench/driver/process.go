//go:build bench

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// process is a running program, as /proc tells of it.
type process struct{ id int }

// process finds the process that runs the file for this world, the oldest where Vault has
// another one started for a moment; an error when there is none. Others on the machine may
// run the same Vault: this one's, and its plugins, work in its folder.
func (w *world) process(file string) (process, error) {
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		return process{}, err
	}
	oldest := process{}
	for _, link := range links {
		folder, _ := os.Readlink(filepath.Join(filepath.Dir(link), "cwd")) // one that is gone is none of ours
		if target, err := os.Readlink(link); err == nil && target == file && strings.HasPrefix(folder, w.dir) {
			id, err := strconv.Atoi(filepath.Base(filepath.Dir(link)))
			if err == nil && (oldest.id == 0 || id < oldest.id) {
				oldest.id = id
			}
		}
	}
	if oldest.id == 0 {
		return process{}, fmt.Errorf("no process runs %s", file)
	}
	return oldest, nil
}

// cpu is the CPU time that the process has used: the sum over its threads, of which Go
// ends none. /proc/ID/stat has it in hundredths of a second, which is more than an idle
// plugin takes in several.
func (p process) cpu() (time.Duration, error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.id))
	if err != nil {
		return 0, err
	}
	all := time.Duration(0)
	for _, thread := range threads {
		text, err := os.ReadFile(thread)
		if err != nil {
			return 0, err
		}
		used, _, _ := strings.Cut(string(text), " ")
		n, err := strconv.ParseInt(used, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", thread, err)
		}
		all += time.Duration(n)
	}
	return all, nil
}

// memory is what of the process is in memory now, in bytes, and what was at most.
func (p process) memory() (now, most int64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.id))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		kilobytes, _ := strconv.ParseInt(fields[1], 10, 64)
		switch fields[0] {
		case "VmRSS:":
			now = kilobytes << 10
		case "VmHWM:":
			most = kilobytes << 10
		}
	}
	return now, most, nil
}
