package vault

import (
	"bytes"
	"context"
	"fmt"
)

// Snapshot is what `vault operator raft snapshot save` writes.
func (c *Cluster) Snapshot(ctx context.Context) ([]byte, error) {
	client, err := c.Client(c.RootToken)
	if err != nil {
		return nil, err
	}
	var snapshot bytes.Buffer
	if err := client.Sys().RaftSnapshotWithContext(ctx, &snapshot); err != nil {
		return nil, fmt.Errorf("taking a snapshot: %w", err)
	}
	return snapshot.Bytes(), nil
}

// Restore puts another cluster's snapshot in the place of what this one holds, as
// `vault operator raft snapshot restore -force` does. From then on it has that
// one's unseal key and root token, and, since the plugin is registered in what was
// restored, needs to run the same binary. It has to be a cluster of one node.
func (c *Cluster) Restore(ctx context.Context, snapshot []byte, from *Cluster) error {
	client, err := c.Client(c.RootToken)
	if err != nil {
		return err
	}
	if err := client.Sys().RaftSnapshotRestoreWithContext(ctx, bytes.NewReader(snapshot), true); err != nil {
		return fmt.Errorf("restoring a snapshot: %w", err)
	}
	c.key, c.RootToken = from.key, from.RootToken
	// A node that finds other keys in its storage than those it runs with seals
	// itself, some time after it has answered.
	node := c.Nodes[0]
	if err := node.Stop(); err != nil {
		return err
	}
	if err := c.Restart(ctx, node); err != nil {
		return err
	}
	_, err = c.Active(ctx)
	return err
}
