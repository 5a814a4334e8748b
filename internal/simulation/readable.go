package simulation

import (
	"fmt"
	"regexp"
	"strings"
)

// keyNames are the names of keys and credentials, of which people tell the first part.
var keyNames = regexp.MustCompile(`\b([a-z0-9]+)-[A-Za-z0-9._-]*[a-z0-9]{22}\b`)

// ids are those that the provider gives.
var ids = regexp.MustCompile(`\b[0-9a-f]{16}\b`)

// readable is a history as a person reads it: up to the first promise that is broken,
// with short names for keys, and without what was said before.
func readable(history []string) []string {
	short := map[string]string{}
	named := map[string]int{}
	shorten := func(pattern *regexp.Regexp, line, of string) string {
		return pattern.ReplaceAllStringFunc(line, func(name string) string {
			if short[name] == "" {
				kind := of
				if kind == "" {
					kind, _, _ = strings.Cut(name, "-")
				}
				named[kind]++
				short[name] = fmt.Sprintf("%s#%d", kind, named[kind])
			}
			return short[name]
		})
	}
	said := map[string]int{}
	var lines []string
	for _, line := range history {
		line = shorten(ids, shorten(keyNames, line, ""), "id")
		_, what, _ := strings.Cut(strings.TrimSpace(line), "  ")
		if said[what]++; said[what] > 2 && strings.HasPrefix(what, "engine") {
			continue
		}
		lines = append(lines, line)
		if strings.HasPrefix(what, "BROKEN") {
			break
		}
	}
	return lines
}
