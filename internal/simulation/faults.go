package simulation

import "strings"

// diskFault fails writes of a node, before they are carried out or after.
type diskFault struct {
	skip  int    // so many writes pass first
	count int    // so many fail
	path  string // prefix of those that it is about; empty is all
	after bool   // they are carried out all the same
	kill  bool   // the process dies there
	reads bool   // it is about reads
}

func (f *diskFault) String() string {
	var text strings.Builder
	what := "write"
	if f.reads {
		what = "read"
	}
	if f.path != "" {
		what += " of " + f.path + "…"
	}
	switch {
	case f.kill && f.after:
		text.WriteString("the process dies just after a " + what)
	case f.kill:
		text.WriteString("the process dies just before a " + what)
	case f.after:
		text.WriteString("a " + what + " is carried out and answered with an error")
	default:
		text.WriteString("a " + what + " fails")
	}
	return text.String()
}

// hit reports whether the fault strikes now.
func (f *diskFault) hit(path string, read bool) bool {
	if f.reads != read || f.count == 0 || !strings.HasPrefix(path, f.path) {
		return false
	}
	if f.skip > 0 {
		f.skip--
		return false
	}
	f.count--
	return true
}

// arm has a fault strike the node's storage.
func (n *node) arm(f *diskFault) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.faults = append(n.faults, f)
}

func (n *node) heal() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.faults = nil
}

// strike is the fault that hits the given action, if any.
func (n *node) strike(path string, read bool) *diskFault {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, f := range n.faults {
		if f.hit(path, read) {
			return f
		}
	}
	return nil
}

// readFault fails a read that a fault strikes.
func (n *node) readFault(path string) error {
	f := n.strike(path, true)
	if f == nil {
		return nil
	}
	n.cluster.world.note("storage", "%s: %s (%s)", n, f, path)
	return errDisk
}
