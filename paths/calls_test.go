package paths_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/paths"
)

// nodeView is a node of Vault whose part in replication may change; each question
// about it is a round trip to Vault's process.
type nodeView struct {
	logical.SystemView
	replication consts.ReplicationState
	asked       atomic.Int64
}

func (v *nodeView) ReplicationState() consts.ReplicationState {
	v.asked.Add(1)
	return v.replication
}

func (v *nodeView) LocalMount() bool {
	v.asked.Add(1)
	return false
}

// TestNodeIsAskedOnceAMoment: the framework asks with every request what part the
// node has in replication, which is answered without Vault.
func TestNodeIsAskedOnceAMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		node := &nodeView{replication: consts.ReplicationPerformanceDisabled}
		node.SystemView = &logical.StaticSystemView{DefaultLeaseTTLVal: time.Hour, MaxLeaseTTLVal: 24 * time.Hour}
		storage := &logical.InmemStorage{}
		backend, err := paths.Factory(t.Context(), &logical.BackendConfig{StorageView: storage, System: node, BackendUUID: "test"})
		if err != nil {
			t.Fatal(err)
		}
		defer backend.Cleanup(t.Context())
		read := func() error {
			_, err := backend.HandleRequest(t.Context(), &logical.Request{Operation: logical.ReadOperation, Path: "creds/none", Storage: storage})
			return err
		}
		node.asked.Store(0)
		for range 100 {
			if err := read(); err != nil {
				t.Fatal(err)
			}
		}
		if n := node.asked.Load(); n != 2 {
			t.Errorf("Vault was asked %d times for 100 requests in one moment, want 2", n)
		}

		node.replication = consts.ReplicationPerformanceStandby
		time.Sleep(2 * time.Second)
		if err := read(); !errors.Is(err, logical.ErrReadOnly) {
			t.Errorf("a node that became a standby answers %v, want that it is forwarded", err)
		}
		node.replication = consts.ReplicationUnknown // Vault could not be asked
		time.Sleep(2 * time.Second)
		_ = read()
		node.replication = consts.ReplicationPerformanceStandby
		if err := read(); !errors.Is(err, logical.ErrReadOnly) {
			t.Errorf("what could not be asked is believed: %v", err)
		}
	})
}
