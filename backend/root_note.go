package backend

import (
	"time"

	"vault-plugin-secrets-apikeys/backend/keyname"
	"vault-plugin-secrets-apikeys/backend/origin"
	"vault-plugin-secrets-apikeys/providers"
)

// rotationStage is how far a rotation has come.
type rotationStage string

const (
	// rotationBegun: the provider may have been asked. What it made, if anything,
	// is known by its name, or is what we chose for it.
	rotationBegun rotationStage = "begun"
	// rotationMade: the provider answered. The new credential is in the note, and
	// may be in the connection.
	rotationMade rotationStage = "made"
	// rotationStored: the connection held the new credential when it was read
	// back. The old one is to be retired.
	rotationStored rotationStage = "stored"
	// rotationAbandoned: the new credential is not going to be used, and is to be
	// removed.
	rotationAbandoned rotationStage = "abandoned"
)

// rotationNote is a rotation that is under way.
type rotationNote struct {
	Stage rotationStage `json:"stage,omitempty"`
	// Origin is what was asked for it; in notes of earlier versions only what is
	// known of the connection.
	Origin origin.Origin `json:"origin,omitzero"`
	// Name is the new credential's at the provider.
	Name    string    `json:"name"`
	Started time.Time `json:"started"`
	// Candidate holds what we chose ourselves, such as a password.
	Candidate providers.Values `json:"candidate,omitempty"`
	// Replaces is the name of the credential before, where a rotation made that one.
	Replaces string `json:"replaces,omitempty"`
	// ExpiresAt is the end that is asked for it; zero where none is.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	// Made is the new credential, once the provider has answered.
	Made *providers.Rotation `json:"made,omitempty"`
	// Undo is what removes Made as long as nothing uses it; nil where the
	// definition has no undo for it.
	Undo *providers.Leftover `json:"undo,omitempty"`
}

// stage is the note's; notes of earlier versions have none.
func (n *rotationNote) stage() rotationStage {
	switch {
	case n.Stage != "":
		return n.Stage
	case n.Made != nil:
		return rotationMade
	}
	return rotationBegun
}

// entryID is the id of what a rotation leaves on the queue: the part of the
// credential's name that no provider's alphabet touches.
func (n *rotationNote) entryID() string { return n.Name[max(0, len(n.Name)-keyname.PartLength):] }
