package backend

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/keyname"
)

// heldLease is a lease as Vault keeps it.
type heldLease struct {
	secret *logical.Secret
	key    string
	end    time.Time
	// revoking is set once Vault asked for the key's revocation.
	revoking bool
}

// vaultView has the bounds within which Vault makes a lease of an answer.
var vaultView = &logical.StaticSystemView{DefaultLeaseTTLVal: testTTL, MaxLeaseTTLVal: 768 * time.Hour}

func (w *world) request(op logical.Operation, path string) *logical.Request {
	return &logical.Request{
		Operation:   op,
		Path:        path,
		Storage:     w.process.storage,
		ID:          "request-" + keyname.Random(keyname.RandomLength),
		DisplayName: "token-test",
		EntityID:    "entity-1",
		Connection:  &logical.Connection{RemoteAddr: "127.0.0.1"},
	}
}

// mint reads a key as Vault does: an answer becomes a lease.
func (w *world) mint(role string) (*heldLease, error) {
	return w.mintWith(context.Background(), role)
}

func (w *world) mustMint(role string) *heldLease {
	w.t.Helper()
	lease, err := w.mint(role)
	if err != nil {
		w.t.Fatalf("minting: %s", err)
	}
	return lease
}

func (w *world) mintWith(ctx context.Context, role string) (*heldLease, error) {
	response, err := w.process.Mint(ctx, w.request(logical.ReadOperation, "creds/"+role), role, Narrowing{})
	if err != nil {
		return nil, err
	}
	if w.process.gate.isDead() {
		return nil, errors.New("the process died before it could answer")
	}
	key := response.Data["api_key"].(string)
	ttl, _, err := framework.CalculateTTL(vaultView, 0, response.Secret.TTL, 0, response.Secret.MaxTTL, 0, time.Time{})
	if err != nil {
		return nil, err
	}
	response.Secret.TTL, response.Secret.IssueTime = ttl, time.Now()
	lease := &heldLease{secret: response.Secret, key: key, end: w.time().Add(ttl)}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.leases[response.Data["key_name"].(string)] = lease
	w.secrets = append(w.secrets, key)
	return lease, nil
}

// revoke ends a lease as Vault does. Vault forgets the lease only on success.
func (w *world) revoke(lease *heldLease) error {
	request := w.request(logical.RevokeOperation, "")
	request.Secret = lease.secret
	lease.revoking = true
	if _, err := w.process.revokeLease(context.Background(), request, nil); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, held := range w.leases {
		if held == lease {
			delete(w.leases, name)
		}
	}
	return nil
}

// renew renews a lease as Vault does, which takes the engine's maximum and
// computes the rest anew.
func (w *world) renew(lease *heldLease, increment time.Duration) error {
	request := w.request(logical.RenewOperation, "")
	secret := *lease.secret
	secret.Increment = increment
	request.Secret = &secret
	response, err := w.process.renewLease(context.Background(), request, nil)
	if err != nil {
		return err
	}
	if response.IsError() {
		return response.Error()
	}
	ttl, _, err := framework.CalculateTTL(vaultView, increment, response.Secret.TTL, 0, response.Secret.MaxTTL, 0, secret.IssueTime)
	if err != nil {
		return err
	}
	lease.end = w.time().Add(ttl)
	return nil
}

// expireLeases has Vault revoke what is past its end.
func (w *world) expireLeases() {
	for _, lease := range w.held() {
		if !w.time().Before(lease.end) {
			if err := w.revoke(lease); err != nil {
				w.t.Logf("revoking an expired lease: %s", err)
			}
		}
	}
}

func (w *world) held() []*heldLease {
	w.mu.Lock()
	defer w.mu.Unlock()
	var held []*heldLease
	for _, lease := range w.leases {
		held = append(held, lease)
	}
	return held
}

// forget loses a lease, as when Vault dies before it could store it.
func (w *world) forget(lease *heldLease) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, held := range w.leases {
		if held == lease {
			delete(w.leases, name)
		}
	}
}
