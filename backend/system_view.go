package backend

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
)

// stateAge is how long it is believed what part Vault's node has in replication.
const stateAge = time.Second

// recentView is Vault's view with the node's part in replication as of a moment
// ago. The framework asks for it with every request, to have those forwarded that
// only another node can carry out, and each question is a round trip to Vault's
// process. A node whose part changes sets its mounts up anew, with another view;
// and should one be asked within that moment, then its storage refuses what the
// framework let pass.
type recentView struct {
	logical.SystemView
	now func() time.Time

	mu          sync.Mutex
	at          time.Time // zero when nothing is known
	replication consts.ReplicationState
	local       bool
}

// Setup implements logical.Backend: what the framework asks of Vault with every
// request it is answered by this process.
func (e *Engine) Setup(ctx context.Context, config *logical.BackendConfig) error {
	own := *config
	own.System = &recentView{SystemView: config.System, now: e.now}
	return e.Backend.Setup(ctx, &own)
}

// ReplicationState implements logical.SystemView.
func (v *recentView) ReplicationState() consts.ReplicationState {
	replication, _ := v.state()
	return replication
}

// LocalMount implements logical.SystemView.
func (v *recentView) LocalMount() bool {
	_, local := v.state()
	return local
}

// state asks Vault outside the lock: nobody waits for what another one asks.
func (v *recentView) state() (consts.ReplicationState, bool) {
	now := v.now()
	v.mu.Lock()
	replication, local, at := v.replication, v.local, v.at
	v.mu.Unlock()
	if age := now.Sub(at); !at.IsZero() && age >= 0 && age < stateAge {
		return replication, local
	}
	replication, local = v.SystemView.ReplicationState(), v.SystemView.LocalMount()
	if replication == consts.ReplicationUnknown {
		return replication, local // Vault could not be asked
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.replication, v.local, v.at = replication, local, now
	return replication, local
}
