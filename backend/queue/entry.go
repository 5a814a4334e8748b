package queue

import (
	"time"

	"vault-plugin-secrets-apikeys/backend/origin"
	"vault-plugin-secrets-apikeys/providers"
)

// Origin is what made that which is to be cleared up.
func (q *Entry) Origin() origin.Origin {
	return origin.Origin{Connection: q.Connection, Provider: q.Provider, Definition: q.Definition, BaseURL: q.BaseURL, Account: q.Account}
}

// SetOrigin notes what made that which is to be cleared up.
func (q *Entry) SetOrigin(o origin.Origin) {
	q.Connection, q.Provider, q.Definition, q.BaseURL, q.Account = o.Connection, o.Provider, o.Definition, o.BaseURL, o.Account
}

// Entry is one revocation that waits.
type Entry struct {
	// ID is the record's for a key in the ledger, and else the fixed part of the name of
	// what is to be cleared up.
	ID string `json:"-"`
	// Kind is what is to be done.
	Kind Kind `json:"kind"`
	// Connection is the name of the one whose provider is asked.
	Connection string `json:"connection"`
	// Provider, Definition, BaseURL and Account are the origin of that which is to
	// be cleared up. A key in the ledger has them in its record.
	Provider   string `json:"provider,omitempty"`
	Definition string `json:"definition,omitempty"`
	BaseURL    string `json:"base_url,omitempty"`
	Account    string `json:"account,omitempty"`
	// Role is the role of the key; empty where there is none.
	Role string `json:"role,omitempty"`
	// KeyName is the name at the provider of the key, or of the admin credential.
	KeyName string `json:"key_name"`
	// Reason is why it is on the queue, as a part of a sentence.
	Reason string `json:"reason"`
	// Since is when it came onto the queue.
	Since time.Time `json:"since"`
	// Scope is where a clean-up looks for the key, and Handle what revokes it
	// where its id was known beforehand, or where its lease tells of it and the
	// ledger does not.
	Scope  providers.ListingScope `json:"scope,omitzero"`
	Handle *providers.Handle      `json:"handle,omitempty"`
	// Told says that an answer which could not be used told the Handle, so that it may
	// be another key's.
	Told bool `json:"told,omitempty"`
	// Removed says that the provider said it removed what the Handle names, which may be
	// another key's by now: the key is looked for by its name.
	Removed bool `json:"removed,omitempty"`
	// ByWord says of a missing key that its role takes the provider's word for a
	// revocation, also where its list goes on showing the key.
	ByWord bool `json:"by_word,omitempty"`
	// TrustAbsenceAfter is when a clean-up may trust that what it does not find does
	// not exist.
	TrustAbsenceAfter time.Time `json:"settled_at,omitzero"`
	// ExpiresAt is when the provider itself ends the key; zero where it does not.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	// MadeAt is when the key was made, where the ledger had a record of it: of a
	// revocation with a Handle, or of a clean-up that a revocation left. Of a retire
	// entry it is when the rotation began.
	MadeAt time.Time `json:"made_at,omitzero"`
	// MadeFrom and MadeUntil are when what a crash left may have been made; zero where that
	// is not known.
	MadeFrom  time.Time `json:"made_from,omitzero"`
	MadeUntil time.Time `json:"made_until,omitzero"`
	// Undo is what an undo entry has to undo.
	Undo *providers.Leftover `json:"undo,omitempty"`
	// Retire is the credential that a retire entry removes.
	Retire *providers.Rotation `json:"retire,omitempty"`
	// RetireName is that credential's name at the provider, where it is known.
	RetireName string `json:"retire_name,omitempty"`

	// Attempts, NextTry and LastError are of this process only: a restart tries
	// at once.
	Attempts  int       `json:"-"`
	NextTry   time.Time `json:"-"`
	LastError string    `json:"-"`
}

// IsComplete reports whether the entry says what is to be done.
func (q *Entry) IsComplete() bool { return q.Kind != "" && q.Connection != "" }

// OfKey reports whether the entry clears up after a mint, and so says where a key
// may be: not for one in the ledger, nor for an admin credential.
func (q *Entry) OfKey() bool {
	switch q.Kind {
	case CleanUp, Intent:
		return true
	case Undo:
		return q.Undo == nil || !q.Undo.Rotation
	}
	return false
}

// connectionQueue names the part of the queue in which the entry waits. What clears up after
// failed mints has one of its own: a list that cannot be read says nothing of
// revocations, and does not keep them.
func (q *Entry) connectionQueue() string {
	if q.Kind == Revoke {
		return q.Connection
	}
	return q.Connection + cleanUpSuffix
}
