package vault

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/vault/api"

	"vault-plugin-secrets-apikeys/internal/testbed/child"
	"vault-plugin-secrets-apikeys/internal/testbed/daemon"
)

// Node is one Vault process with storage of its own. It can be stopped,
// killed and started again on the same storage and address.
type Node struct {
	ID   string // node1, node2, …
	Addr string // http://127.0.0.1:port

	options *Options
	cluster string // address for the other nodes
	leader  string // address of the node to join at first; "" for the first node
	dir     string

	process atomic.Pointer[child.Process] // nil before the first start
}

// start starts the process and waits until it answers, sealed or not.
func (n *Node) start(ctx context.Context) error {
	if n.Running() {
		return fmt.Errorf("%s is running already", n.ID)
	}
	config := filepath.Join(n.dir, "vault.hcl")
	if err := os.WriteFile(config, []byte(n.config()), 0o600); err != nil {
		return err
	}
	log, err := os.OpenFile(n.LogFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()

	cmd := exec.Command(n.options.Vault, "server", "-config="+config)
	sockets, err := os.MkdirTemp("", "vault") // a socket's path has to be short
	if err != nil {
		return err
	}
	cmd.Env = append(append(daemon.Environ("VAULT_"), "TMPDIR="+sockets), n.options.Env...)
	cmd.Dir = n.dir
	cmd.Stdout, cmd.Stderr = log, log
	process, err := child.Start(cmd, func() { os.RemoveAll(sockets) })
	if err != nil {
		os.RemoveAll(sockets)
		return err
	}
	n.process.Store(process)
	client, err := n.Client("")
	if err != nil {
		return err
	}
	return until(ctx, n.ID+" to answer", func() error {
		if !n.Running() {
			return final(fmt.Errorf("%s ended at once; the end of its log:\n%s", n.ID, n.LogTail(20)))
		}
		_, err := client.Sys().SealStatusWithContext(ctx)
		return err
	})
}

// Stop ends Vault as an operator would, giving up the lead and closing its
// storage, and waits until it has gone.
func (n *Node) Stop() error { return n.process.Load().Stop(30 * time.Second) }

// Kill is kill -9 for Vault and its plugin processes, as when the machine
// fails. It returns when they are gone.
func (n *Node) Kill() { n.process.Load().Kill() }

// Running says whether the Vault process lives.
func (n *Node) Running() bool { return n.process.Load().Running() }

// Log returns all that Vault and its plugins wrote, over every start.
func (n *Node) Log() string {
	text, _ := os.ReadFile(n.LogFile())
	return string(text)
}

// LogTail returns the last lines of the log.
func (n *Node) LogTail(lines int) string {
	all := strings.Split(strings.TrimSpace(n.Log()), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// AuditLog returns the audit device's lines; Options.Audit turns it on.
func (n *Node) AuditLog() string {
	text, _ := os.ReadFile(n.auditFile())
	return string(text)
}

// LogFile is where Vault and its plugins write.
func (n *Node) LogFile() string { return filepath.Join(n.dir, "vault.log") }

func (n *Node) auditFile() string { return filepath.Join(n.dir, auditName) }

// config is the server's configuration.
func (n *Node) config() string {
	return fmt.Sprintf(`
api_addr         = %q
cluster_addr     = %q
plugin_directory = %q
log_level        = %q
disable_mlock    = true

listener "tcp" {
  address         = %q
  cluster_address = %q
  tls_disable     = true
}

%s
`, n.Addr, n.cluster, n.PluginDirectory(), n.options.LogLevel,
		host(n.Addr), host(n.cluster), n.storageConfig())
}

// storageConfig is Raft's even for one node, since the minimal build has no other
// storage that lasts.
func (n *Node) storageConfig() string {
	if n.options.InMemory {
		return `storage "inmem" {}`
	}
	join := ""
	if n.leader != "" {
		join = fmt.Sprintf("retry_join { leader_api_addr = %q }", n.leader)
	}
	return fmt.Sprintf(`storage "raft" {
  path                         = %q
  node_id                      = %q
  performance_multiplier       = 1
  autopilot_reconcile_interval = "1s"
  autopilot_update_interval    = "1s"
  %s
}`, n.storage(), n.ID, join)
}

func (n *Node) storage() string { return filepath.Join(n.dir, "storage") }

// PluginDirectory is where this node looks for plugins.
func (n *Node) PluginDirectory() string {
	if n.options.Apart {
		return filepath.Join(n.dir, "plugins")
	}
	return filepath.Dir(n.options.Plugin)
}

// health asks this node itself, which answers even when it is sealed.
func (n *Node) health(ctx context.Context) (*api.HealthResponse, error) {
	client, err := n.Client("")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return client.Sys().HealthWithContext(ctx)
}

func host(url string) string {
	return strings.TrimPrefix(strings.TrimPrefix(url, "https://"), "http://")
}
