package backend

import (
	"context"
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
	now  func() time.Time
	node recent[nodeState]
}

// nodeState is a node's part in replication, and whether the mount has none.
type nodeState struct {
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
func (v *recentView) ReplicationState() consts.ReplicationState { return v.state().replication }

// LocalMount implements logical.SystemView.
func (v *recentView) LocalMount() bool { return v.state().local }

func (v *recentView) state() nodeState {
	return v.node.of(v.now(), stateAge, func() (nodeState, bool) {
		fresh := nodeState{v.SystemView.ReplicationState(), v.SystemView.LocalMount()}
		return fresh, fresh.replication != consts.ReplicationUnknown
	})
}
