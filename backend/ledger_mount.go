package backend

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/providers"
)

// mountPath is seal-wrapped: the salt would let its holder test key values
// against the ledger.
const mountPath = "mount"

// mount is what this mount was born with.
type mount struct {
	// Tag marks the names of the mount's keys at every provider.
	Tag string `json:"tag"`
	// Salt keys the ledger's ids.
	Salt []byte `json:"salt"`
}

// openMount reads the mount's identity, making it where there is none. Two
// callers at once could make two.
func openMount(ctx context.Context, s logical.Storage) (*mount, error) {
	found, err := read[mount](ctx, s, mountPath)
	if err != nil || found != nil {
		return found, err
	}
	found = &mount{Tag: randomBase36(tagLength), Salt: make([]byte, 32)}
	if _, err := rand.Read(found.Salt); err != nil {
		return nil, fmt.Errorf("making the mount's salt: %w", err)
	}
	if err := write(ctx, s, mountPath, found); err != nil {
		return nil, fmt.Errorf("storing the mount's identity: %w", err)
	}
	return found, nil
}

// account is a fingerprint of the connection's admin credential: the same for
// the same credential, and without the mount's salt of no use to anybody.
func (m *mount) account(fields providers.Fields, values providers.Values) (string, error) {
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
