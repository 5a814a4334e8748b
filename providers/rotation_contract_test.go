package providers_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"testing"

	"vault-plugin-secrets-apikeys/providers"
	"vault-plugin-secrets-apikeys/providers/internal/contract"
)

// needed are the steps without which an exchange proves too little.
func (r *replaying) needed(x *contract.Exchange) []string {
	if !x.Rotates() {
		return []string{"check", "issue", "revoke"}
	}
	needed := []string{"rotate"}
	if !r.Capabilities.RotateInPlace {
		needed = append(needed, "retire")
	}
	if r.client.RotationListable() {
		needed = append(needed, "stray")
	}
	return needed
}

// rotated replaces the connection's credential and goes on with the new one.
func (r *replaying) rotated(ctx context.Context, t *testing.T, step *contract.Step) error {
	t.Helper()
	wanted := r.wanted(t, step)
	candidate, err := r.client.Candidate()
	if err != nil {
		return err
	}
	rotation, err := r.client.Rotate(ctx, providers.RotateRequest{Name: wanted.Name, Candidate: candidate, ExpiresAt: wanted.ExpiresAt})
	if err != nil {
		return err
	}
	if len(rotation.Connection) != len(step.Connection) {
		t.Errorf("rotate: %d connection fields change, want %d", len(rotation.Connection), len(step.Connection))
	}
	for name, want := range step.Connection {
		if got := fmt.Sprint(rotation.Connection[name]); got != want {
			t.Errorf("rotate: %s becomes %s, want %s", name, got, want)
		}
		if rotation.Previous[name] != r.connection[name] {
			t.Errorf("rotate: the previous value of %s is not the connection's", name)
		}
	}
	r.rotation = throughStorage(t, rotation)
	r.connection = maps.Clone(r.connection)
	maps.Copy(r.connection, r.rotation.Connection)
	r.client = r.life.client(t, r.connection)
	return nil
}

// throughStorage is a rotation as the engine would read it back.
func throughStorage(t *testing.T, rotation *providers.Rotation) *providers.Rotation {
	t.Helper()
	text, err := json.Marshal(rotation)
	if err != nil {
		t.Fatal(err)
	}
	stored := &providers.Rotation{}
	if err := json.Unmarshal(text, stored); err != nil {
		t.Fatal(err)
	}
	return stored
}

// strayed finds credentials by their name, and retires each.
func (r *replaying) strayed(ctx context.Context, t *testing.T, step *contract.Step) error {
	t.Helper()
	name := r.wanted(t, step).Name
	found, err := r.client.FindStray(ctx, name, name)
	if err != nil {
		return err
	}
	if len(found) != step.Strays {
		t.Errorf("stray: found %d, want %d", len(found), step.Strays)
	}
	for _, one := range found {
		if err := r.client.Retire(ctx, *throughStorage(t, &one)); err != nil {
			return err
		}
	}
	return nil
}

// retired removes the credential that rotate replaced.
func (r *replaying) retired(ctx context.Context, t *testing.T, step *contract.Step) error {
	t.Helper()
	if r.rotation == nil {
		t.Fatal("retire: nothing has been rotated yet")
	}
	err := r.client.Retire(ctx, *r.rotation)
	if errors.Is(err, providers.ErrRetireByHand) != step.ByHand {
		t.Errorf("retire: got %v, by hand: %t", err, step.ByHand)
	}
	if step.ByHand {
		return nil
	}
	return err
}
