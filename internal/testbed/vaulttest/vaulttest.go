package vaulttest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"vault-plugin-secrets-apikeys/internal/testbed/build"
	"vault-plugin-secrets-apikeys/internal/testbed/vault"
)

// Options are those of vault; what is left empty in Vault, Plugin and
// Dir is found, built and made.
type Options = vault.Options

// Cluster is a Raft cluster of Vaults with the plugin mounted. Its failures
// end the test.
type Cluster struct {
	*vault.Cluster
	Client *api.Client // with the root token, to whichever node is active

	t testing.TB
}

// Server is a single Vault with the plugin mounted.
type Server struct {
	*Cluster
	Addr string
}

// Start starts one Vault. In short mode the test is skipped.
func Start(t testing.TB, options Options) *Server {
	t.Helper()
	cluster := StartCluster(t, 1, options)
	return &Server{Cluster: cluster, Addr: cluster.Nodes[0].Addr}
}

// StartCluster starts that many Vaults, all with a vote. In short mode the
// test is skipped.
func StartCluster(t testing.TB, nodes int, options Options) *Cluster {
	t.Helper()
	if testing.Short() {
		t.Skip("it needs a Vault, which -short leaves out")
	}
	options.Nodes = nodes
	complete(t, &options)
	inner, err := vault.Start(t.Context(), options)
	if err != nil {
		t.Fatalf("starting Vault: %v", err)
	}
	c := &Cluster{Cluster: inner, t: t}
	t.Cleanup(c.finish)
	c.Client = c.NewClient(c.RootToken)
	return c
}

// complete finds a Vault and builds the plugin where the test names none.
func complete(t testing.TB, options *Options) {
	t.Helper()
	if options.Dir == "" {
		options.Dir = t.TempDir()
	}
	if options.Vault == "" {
		path, err := build.Vault(t.Context(), os.Stderr)
		if err != nil {
			t.Fatalf("getting Vault: %v", err)
		}
		options.Vault = path
	}
	if options.Plugin == "" {
		options.Plugin = filepath.Join(t.TempDir(), vault.PluginName)
		program, err := plugin()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(options.Plugin, program, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// plugin builds the plugin once per test binary, with the race detector if
// the test has it. It is held in memory since nothing would remove a file that
// outlives the first test.
var plugin = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", vault.PluginName)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	built := filepath.Join(dir, vault.PluginName)
	build := exec.Command("go", "build", fmt.Sprintf("-race=%t", race), "-o", built,
		"vault-plugin-secrets-apikeys/cmd/"+vault.PluginName)
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building the plugin: %w\n%s", err, out)
	}
	return os.ReadFile(built)
})

// finish ends Vault, reports what only its log knows, and shows the end of the
// log when the test failed.
func (c *Cluster) finish() {
	c.Close()
	for _, node := range c.Nodes {
		for _, disaster := range []string{"WARNING: DATA RACE", "panic: ", "fatal error: "} {
			if at := strings.Index(node.Log(), disaster); at >= 0 {
				c.t.Errorf("%s or its plugin said:\n%.4000s", node.ID, node.Log()[at:])
			}
		}
		if c.t.Failed() {
			c.t.Logf("the end of %s's log:\n%s", node.ID, node.LogTail(40))
		}
	}
}

// NewClient returns a client with the token, to whichever node is active.
func (c *Cluster) NewClient(token string) *api.Client {
	c.t.Helper()
	client, err := c.Cluster.Client(token)
	c.must("making a client", err)
	return client
}

// Active waits until a node is active and returns it.
func (c *Cluster) Active() *vault.Node {
	c.t.Helper()
	node, err := c.Cluster.Active(c.t.Context())
	c.must("finding the active node", err)
	return node
}

// KillActive is kill -9 for the active node and its plugin processes.
func (c *Cluster) KillActive() *vault.Node {
	c.t.Helper()
	node, err := c.Cluster.KillActive(c.t.Context())
	c.must("killing the active node", err)
	return node
}

// Restart starts a killed or stopped node on its storage and waits until it
// serves.
func (c *Cluster) Restart(node *vault.Node) {
	c.t.Helper()
	c.must("restarting "+node.ID, c.Cluster.Restart(c.t.Context(), node))
}

// Log returns what all nodes and their plugins wrote at every level.
func (c *Cluster) Log() string {
	var all strings.Builder
	for _, node := range c.Nodes {
		all.WriteString(node.Log())
	}
	return all.String()
}

// AuditLog returns the audit lines of all nodes, if Options.Audit is set.
func (c *Cluster) AuditLog() string {
	var all strings.Builder
	for _, node := range c.Nodes {
		all.WriteString(node.AuditLog())
	}
	return all.String()
}

// Kill9 is kill -9 for Vault and its plugin process.
func (s *Server) Kill9() { s.Nodes[0].Kill() }

// Stop ends Vault as an operator would.
func (s *Server) Stop() {
	s.t.Helper()
	s.must("stopping Vault", s.Nodes[0].Stop())
}

// Restart starts a killed or stopped Vault on its storage and waits until it
// is active.
func (s *Server) Restart() {
	s.t.Helper()
	s.Cluster.Restart(s.Nodes[0])
	s.Active()
}

func (c *Cluster) must(what string, err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatalf("%s: %v", what, err)
	}
}

// Eventually waits until cond holds, and ends the test with what was waited
// for and what cond said last when it does not within that time.
func Eventually(t testing.TB, within time.Duration, what string, cond func() (ok bool, seen string)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	for {
		ok, seen := cond()
		if ok {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not within %s; last seen: %s", what, within, seen)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
