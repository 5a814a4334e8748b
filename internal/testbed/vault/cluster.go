package vault

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/hashicorp/vault/api"

	"vault-plugin-secrets-apikeys/internal/testbed/daemon"
)

// PluginName is the name that the plugin is registered and mounted under.
const PluginName = "vault-plugin-secrets-apikeys"

// Options say how Vault is to be run. Vault, Plugin and Dir are required, and
// absolute.
type Options struct {
	Vault    string               // path of the Vault binary
	Plugin   string               // path of the plugin's binary; its folder becomes plugin_directory
	Dir      string               // an empty folder for configuration, storage and logs
	Nodes    int                  // default 1; more make a Raft cluster
	Bare     bool                 // neither register nor mount the plugin
	Apart    bool                 // every node has an empty plugin_directory of its own, Node.PluginDirectory
	Mount    string               // default "apikeys"
	Config   api.MountConfigInput // of the mount: TTLs and the like
	Settings map[string]string    // of the mount, as `vault secrets enable -options=` gives them
	Audit    bool                 // a file audit device on every node
	LogLevel string               // default "trace"
	Env      []string             // added to the environment of every Vault process
	InMemory bool                 // storage that is gone with the process, for one node alone
}

// Cluster is a set of Vault nodes that share their data.
type Cluster struct {
	Nodes     []*Node
	RootToken string

	options *Options
	key     string // the one unseal key
}

// Start starts, initialises and unseals the nodes, registers the plugin and
// mounts it. When it fails, nothing is left running.
func Start(ctx context.Context, options Options) (*Cluster, error) {
	options.setDefaults()
	c := &Cluster{options: &options}
	if err := c.begin(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (o *Options) setDefaults() {
	if o.Nodes == 0 {
		o.Nodes = 1
	}
	if o.Mount == "" {
		o.Mount = "apikeys"
	}
	if o.LogLevel == "" {
		o.LogLevel = "trace"
	}
}

func (c *Cluster) begin(ctx context.Context) error {
	if err := c.lay(); err != nil {
		return err
	}
	if err := c.initialise(ctx); err != nil {
		return err
	}
	for _, node := range c.Nodes[1:] {
		if err := c.Restart(ctx, node); err != nil {
			return err
		}
	}
	if err := c.awaitVoters(ctx); err != nil {
		return err
	}
	if err := c.audit(ctx); err != nil || c.options.Bare {
		return err
	}
	if err := c.Register(ctx); err != nil {
		return err
	}
	return c.Mount(ctx, c.options.Mount)
}

// lay chooses addresses and makes folders.
func (c *Cluster) lay() error {
	ports, err := daemon.FreeAddresses(2 * c.options.Nodes)
	if err != nil {
		return err
	}
	for i := range c.options.Nodes {
		id := fmt.Sprintf("node%d", i+1)
		node := &Node{
			ID:      id,
			Addr:    "http://" + ports[2*i],
			cluster: "https://" + ports[2*i+1],
			dir:     filepath.Join(c.options.Dir, id),
			options: c.options,
		}
		if i > 0 {
			node.leader = c.Nodes[0].Addr
		}
		for _, folder := range []string{node.storage(), node.PluginDirectory()} {
			if err := os.MkdirAll(folder, 0o700); err != nil {
				return err
			}
		}
		c.Nodes = append(c.Nodes, node)
	}
	return nil
}

// initialise starts the first node and makes it the active one.
func (c *Cluster) initialise(ctx context.Context) error {
	first := c.Nodes[0]
	if err := first.start(ctx); err != nil {
		return err
	}
	client, err := first.Client("")
	if err != nil {
		return err
	}
	secrets, err := client.Sys().InitWithContext(ctx, &api.InitRequest{SecretShares: 1, SecretThreshold: 1})
	if err != nil {
		return fmt.Errorf("initialising Vault: %w", err)
	}
	c.RootToken, c.key = secrets.RootToken, secrets.Keys[0]
	if err := c.Unseal(ctx, first); err != nil {
		return err
	}
	_, err = c.Active(ctx)
	return err
}

// Restart starts a node that was stopped or killed, unseals it, and waits
// until it serves, as the active node or as a standby.
func (c *Cluster) Restart(ctx context.Context, node *Node) error {
	if err := node.start(ctx); err != nil {
		return err
	}
	return c.Unseal(ctx, node)
}

// Unseal unseals a running node and waits until it serves. It gives the key again
// and again: a new Raft node refuses it until it has found the leader, and takes a
// while after the last one to serve.
func (c *Cluster) Unseal(ctx context.Context, node *Node) error {
	client, err := node.Client("")
	if err != nil {
		return err
	}
	return until(ctx, node.ID+" to be unsealed", func() error {
		health, err := client.Sys().HealthWithContext(ctx)
		if err != nil {
			return err
		}
		if health.Initialized && !health.Sealed {
			return nil
		}
		if _, err := client.Sys().UnsealWithContext(ctx, c.key); err != nil {
			return err
		}
		return errors.New("it is still sealed")
	})
}

// awaitVoters waits until every node has a vote; before, the loss of the
// active node would be the loss of the cluster.
func (c *Cluster) awaitVoters(ctx context.Context) error {
	if c.options.Nodes == 1 {
		return nil
	}
	client, err := c.Client(c.RootToken)
	if err != nil {
		return err
	}
	// By default a new node has to be stable for 10 s before it may vote.
	_, err = client.Logical().WriteWithContext(ctx, "sys/storage/raft/autopilot/configuration", map[string]any{"server_stabilization_time": "1s"})
	if err != nil {
		return fmt.Errorf("shortening the wait for a vote: %w", err)
	}
	return until(ctx, "every node to have a vote", func() error {
		state, err := client.Sys().RaftAutopilotStateWithContext(ctx)
		if err != nil {
			return err
		}
		if !state.Healthy || len(state.Voters) < c.options.Nodes {
			return fmt.Errorf("%d of %d vote, healthy: %t", len(state.Voters), c.options.Nodes, state.Healthy)
		}
		return nil
	})
}

// auditName is relative to the working folder of each node: the device's path
// is one for the whole cluster, its files must differ.
const auditName = "audit.log"

func (c *Cluster) audit(ctx context.Context) error {
	if !c.options.Audit {
		return nil
	}
	client, err := c.Client(c.RootToken)
	if err != nil {
		return err
	}
	return client.Sys().EnableAuditWithOptionsWithContext(ctx, "file", &api.EnableAuditOptions{
		Type:    "file",
		Options: map[string]string{"file_path": auditName},
	})
}

// Register makes the plugin's binary known to Vault by its checksum, again
// after the binary was replaced.
func (c *Cluster) Register(ctx context.Context) error {
	sum, err := Checksum(c.options.Plugin)
	if err != nil {
		return err
	}
	client, err := c.Client(c.RootToken)
	if err != nil {
		return err
	}
	return client.Sys().RegisterPluginWithContext(ctx, &api.RegisterPluginInput{
		Name:    PluginName,
		Type:    api.PluginTypeSecrets,
		Command: filepath.Base(c.options.Plugin),
		SHA256:  sum,
	})
}

// Mount mounts the plugin at path, with the configuration and settings of the
// options.
func (c *Cluster) Mount(ctx context.Context, path string) error {
	client, err := c.Client(c.RootToken)
	if err != nil {
		return err
	}
	return client.Sys().MountWithContext(ctx, path, &api.MountInput{
		Type:    PluginName,
		Config:  c.options.Config,
		Options: c.options.Settings,
	})
}

// Active waits until a node serves as the active one, and returns it.
func (c *Cluster) Active(ctx context.Context) (*Node, error) {
	var active *Node
	err := until(ctx, "a node to be active", func() error {
		active = c.active(ctx)
		if active == nil {
			return errors.New("none is")
		}
		return nil
	})
	return active, err
}

// active returns the node that is active now, or nil.
func (c *Cluster) active(ctx context.Context) *Node {
	for _, node := range c.Nodes {
		if !node.Running() {
			continue
		}
		health, err := node.health(ctx)
		if err == nil && health.Initialized && !health.Sealed && !health.Standby {
			return node
		}
	}
	return nil
}

// KillActive kills the active node with its plugin processes, waiting for one
// if there is none, and returns it.
func (c *Cluster) KillActive(ctx context.Context) (*Node, error) {
	node, err := c.Active(ctx)
	if err != nil {
		return nil, err
	}
	node.Kill()
	return node, nil
}

// Close kills every node. The folder stays, for its owner to read or remove.
func (c *Cluster) Close() {
	for _, node := range c.Nodes {
		node.Kill()
	}
}

// Checksum is the SHA-256 of a file as Vault's plugin catalogue wants it.
func Checksum(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", hash.Sum(nil)), nil
}

// PluginPath is the binary that Vault runs as the plugin.
func (c *Cluster) PluginPath() string { return c.options.Plugin }

// VaultPath is the Vault that runs, which is its command line too.
func (c *Cluster) VaultPath() string { return c.options.Vault }
