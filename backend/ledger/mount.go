package ledger

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/keyname"
	"vault-plugin-secrets-apikeys/backend/stored"
	"vault-plugin-secrets-apikeys/providers"
)

// RecordID is made of the key's own value, so that a leaked key is found in one
// read, and with the mount's salt, so that the ledger betrays no value.
//
// Two keys may have one value, as where the first field that a reader gets is a
// user name. The one that comes second gets an id of its own, made of its name
// too, and is noted under the first one's: whoever holds a value is found by one
// read and one listing, which is of nothing but for such keys. An id whose key is
// gone may be another key's later, so what keeps an id keeps the key's name too.
func (m *Mount) RecordID(keyValue string) string {
	mac := hmac.New(sha256.New, m.Salt)
	mac.Write([]byte(keyValue))
	return hex.EncodeToString(mac.Sum(nil))[:IDLength]
}

// MountPath is seal-wrapped: the salt would let its holder test key values
// against the ledger.
const MountPath = "mount"

// Mount is what this mount was born with.
type Mount struct {
	// Tag marks the names of the mount's keys at every provider.
	Tag string `json:"tag"`
	// Salt keys the ledger's ids.
	Salt []byte `json:"salt"`
}

// IsComplete reports whether the mount can tell its keys from others.
func (m *Mount) IsComplete() bool { return m.Tag != "" && len(m.Salt) > 0 }

// OpenMount reads the mount's identity, making it where there is none. Two
// callers at once could make two.
func OpenMount(ctx context.Context, s logical.Storage) (*Mount, error) {
	found, err := stored.Read[Mount](ctx, s, MountPath)
	if err != nil || found != nil {
		return found, err
	}
	found = &Mount{Tag: keyname.Random(keyname.TagLength), Salt: make([]byte, 32)}
	if _, err := rand.Read(found.Salt); err != nil {
		return nil, fmt.Errorf("making the mount's salt: %w", err)
	}
	if err := stored.Write(ctx, s, MountPath, found); err != nil {
		return nil, fmt.Errorf("storing the mount's identity: %w", err)
	}
	return found, nil
}

// AccountOf is a fingerprint of the connection's admin credential: the same for
// the same credential, and without the mount's salt of no use to anybody.
func (m *Mount) AccountOf(fields providers.Fields, values providers.Values) (string, error) {
	credential := map[string]any{}
	for _, field := range fields {
		if value := values[field.Name]; value != nil {
			credential[field.Name] = value
		}
	}
	text, err := json.Marshal(credential) // map keys are sorted
	if err != nil {
		return "", fmt.Errorf("reading the credential: %w", err)
	}
	mac := hmac.New(sha256.New, m.Salt)
	mac.Write([]byte("account\x00"))
	mac.Write(text)
	return hex.EncodeToString(mac.Sum(nil))[:16], nil
}
