package build

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
)

// Missing says that a server cannot be run here for want of a program.
type Missing struct {
	Server  string // that cannot be run
	Program string // that is not here
	Install string // what brings it
}

func (m *Missing) Error() string {
	return fmt.Sprintf("%s needs %s, which is not on this machine: install %s", m.Server, m.Program, m.Install)
}

// PostgreSQL returns the folder that holds PostgreSQL's server programs, initdb
// and postgres. Debian keeps them away from PATH. Where there are none the
// error is a *Missing that names the server which needs them.
func PostgreSQL(server string) (string, error) {
	if initdb, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(initdb), nil
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return "", &Missing{Server: server, Program: "PostgreSQL", Install: "the package postgresql"}
	}
	slices.Sort(found)
	return filepath.Dir(found[len(found)-1]), nil
}
