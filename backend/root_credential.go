package backend

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"vault-plugin-secrets-apikeys/providers"
)

// credentialEnd is the end of a new admin credential where the provider lets it
// be chosen: well after its own rotation, and within a year, which is the most
// that several allow; zero elsewhere.
func (e *Engine) credentialEnd(bound *boundConnection) time.Time {
	if !bound.definition.Capabilities.RotateExpiry {
		return time.Time{}
	}
	life := longestCredential
	if schedule := bound.connection.Schedule; schedule.Automatic() {
		life = min(life, schedule.LongestGap(e.now())+staticReserve)
	}
	return e.now().Add(life).Truncate(time.Second)
}

// rotated is the connection with what a rotation made.
func (c *Connection) rotated(note *rotationNote) *Connection {
	next := *c
	next.Fields = maps.Clone(c.Fields)
	maps.Copy(next.Fields, note.Made.Connection)
	maps.DeleteFunc(next.Fields, func(_ string, value any) bool { return value == nil })
	next.CredentialName, next.CredentialExpiresAt = note.Name, note.ExpiresAt
	return &next
}

// before is the connection as it was before a rotation.
func (c *Connection) before(made *providers.Rotation) *Connection {
	former := *c
	former.Fields = maps.Clone(c.Fields)
	maps.Copy(former.Fields, made.Previous)
	maps.DeleteFunc(former.Fields, func(_ string, value any) bool { return value == nil })
	return &former
}

// renewed is the connection with its new credential, and a client for it.
func (e *Engine) renewed(bound *boundConnection, note *rotationNote) (*Connection, *providers.Client, error) {
	next := bound.connection.rotated(note)
	client, err := e.newClient(bound.definition, next)
	if err != nil {
		return nil, nil, fmt.Errorf("using the new credential: %w", err)
	}
	return next, client, nil
}

// holding says which credential of a rotation a connection holds.
type holding int

const (
	holdsOther holding = iota // written by hand meanwhile
	holdsOld
	holdsNew
)

// holds compares the connection's secrets with those before and after a rotation.
func (c *Connection) holds(fields providers.Fields, made *providers.Rotation) holding {
	has := func(values providers.Values) bool {
		compared := 0
		for name := range made.Connection {
			if field := fields.Lookup(name); field == nil || !field.Sensitive {
				continue
			}
			if !sameValue(c.Fields[name], values[name]) {
				return false
			}
			compared++
		}
		return compared > 0
	}
	switch {
	case has(made.Connection):
		return holdsNew
	case has(made.Previous):
		return holdsOld
	}
	return holdsOther
}

func sameSecrets(fields providers.Fields, a, b providers.Values) bool {
	return !slices.ContainsFunc(fields, func(f *providers.Field) bool {
		return f.Sensitive && !sameValue(a[f.Name], b[f.Name])
	})
}

// sameValue compares two values of a field, of which either may come from storage.
func sameValue(a, b any) bool {
	if reflect.DeepEqual(a, b) {
		return true
	}
	one, err := json.Marshal(a)
	other, otherErr := json.Marshal(b)
	return err == nil && otherErr == nil && bytes.Equal(one, other)
}
