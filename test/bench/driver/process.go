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

// tick is Linux's unit of CPU time in /proc, whatever the machine.
const tick = time.Second / 100

// cpu is the CPU time that the process has used.
func (p process) cpu() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.id))
	if err != nil {
		return 0, err
	}
	// The name, in parentheses, may hold anything; behind it the fields are fixed.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	user, err := strconv.Atoi(fields[11])
	if err != nil {
		return 0, err
	}
	system, err := strconv.Atoi(fields[12])
	return time.Duration(user+system) * tick, err
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
