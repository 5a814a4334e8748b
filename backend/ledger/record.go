package ledger

import (
	"time"

	"vault-plugin-secrets-apikeys/backend/origin"
	"vault-plugin-secrets-apikeys/providers"
)

// UnsealedHandle is the handle where it may lie beside a lease; nil where only
// the sealed ledger may hold it.
func (r *Record) UnsealedHandle() *providers.Handle {
	if r.Handle.Sealed {
		return nil
	}
	handle := r.Handle
	return &handle
}

// EarliestEnd is when the provider may end the key; zero where it does not.
func (r *Record) EarliestEnd() time.Time {
	if r.ExpiresAt.IsZero() {
		return time.Time{}
	}
	return r.ExpiresAt.Add(-r.Ahead)
}

// Left is how much of that time the key lives through, whichever of two clocks is right: the
// time that has passed tells of the key's earliest end, and the later one of that and the
// wall clock of its end.
func (r *Record) Left(ttl time.Duration, steady, latest time.Time) time.Duration {
	if r.ExpiresAt.IsZero() {
		return ttl
	}
	return min(ttl, min(r.EarliestEnd().Sub(steady), r.ExpiresAt.Sub(latest)).Truncate(time.Second))
}

// Record is one live key: who holds it, until when, and what revoking it needs.
type Record struct {
	// Uncompared says that the ledger had not been read when the key was made, so that
	// nobody knows whether another record is of the same key.
	Uncompared bool `json:"uncompared,omitempty"`
	// ID is made of the mount's salt and the key's value, in hex; it is the entry's
	// name in storage.
	ID string `json:"-"`
	// Format is that of a version of the engine which changes what its fields mean;
	// it is recordFormat in what this one writes.
	Format int `json:"format,omitempty"`
	// ValueID is the id that the key's value gives, where another key with that
	// value had it when this one was made; empty where it is the ID.
	ValueID string `json:"value_id,omitempty"`
	// Role is the role, or static role, for which the key was made.
	Role string `json:"role"`
	// Connection and Provider are the names of what made the key.
	Connection string `json:"connection"`
	Provider   string `json:"provider"`
	// Definition, BaseURL and Account are the rest of the key's origin; each is
	// empty where an earlier version of the engine did not note it.
	Definition string `json:"definition,omitempty"`
	BaseURL    string `json:"base_url,omitempty"`
	Account    string `json:"account,omitempty"`
	// Credential tells the admin credential that made the key from others, where keys end
	// with it; empty elsewhere, and where an earlier version of the engine did not note it.
	Credential string `json:"credential,omitempty"`
	// Ended says that the key ended with that credential, which was replaced.
	Ended bool `json:"ended,omitempty"`
	// Handle is what revoking the key needs at its provider.
	Handle providers.Handle `json:"handle"`
	// Scope is the part of the provider's account in whose list the key is.
	Scope providers.ListingScope `json:"scope"`
	// IssuedAt is when the lease began: at the answer that gave the key.
	IssuedAt time.Time `json:"issued_at"`
	// Deadline is the end of the lease as it now stands plus a margin; after it
	// the engine revokes the key, lease or no lease.
	Deadline time.Time `json:"deadline"`
	// DeadlineSet is when the deadline was set by a renewal, by the same clock;
	// zero where it counts from the issue.
	DeadlineSet time.Time `json:"deadline_set,omitzero"`
	// ExpiresAt is the provider's own end of the key; zero where it has none.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	// Ahead is by how much the wall clock was ahead of the time that had passed since its
	// process began, when ExpiresAt was set: if it was set back since, a key whose life
	// the provider counts ends as much earlier.
	Ahead time.Duration `json:"ahead,omitempty"`
	// Granted is what the provider said that the key may do, by role field; nil where it
	// said nothing.
	Granted providers.Values `json:"granted,omitempty"`
	// AskedUntil is the latest end to which the provider was ever asked to extend
	// the key, whatever came of that; zero where it was not.
	AskedUntil time.Time `json:"asked_until,omitzero"`
	// VerifyRevocation is how the key is seen dead once it is revoked.
	VerifyRevocation Verification `json:"verify_revocation,omitempty"`
	// SeenAfter says that the provider went on showing the key after it had said
	// that it was revoked: from then on its word does for nothing.
	SeenAfter bool `json:"seen_after,omitempty"`
	// Misnamed says that the id which the answer told is another key's, or may be: this
	// one is then known by its name alone.
	Misnamed bool `json:"misnamed,omitempty"`
	// StaticRole holds the key instead of a lease; empty for leased keys.
	StaticRole string `json:"static_role,omitempty"`
	// Kept says that StaticRole was deleted and its key was to live on: nobody but
	// an operator revokes it.
	Kept bool `json:"kept,omitempty"`

	// InPlace says that the key is a credential which its provider replaces in place:
	// the one before ended when it was made, and it ends with its successor.
	InPlace bool `json:"in_place,omitempty"`

	// Unrecorded says that this is no record of the ledger: it is made up of what a
	// lease tells, where the ledger has none.
	Unrecorded bool `json:"-"`

	// EntityID, DisplayName, RequestID and RemoteAddr are the caller's, as Vault told
	// them; empty where it did not, and for the keys of static roles.
	EntityID    string `json:"entity_id,omitempty"`
	DisplayName string `json:"display_name,omitempty"`
	RequestID   string `json:"request_id,omitempty"`
	RemoteAddr  string `json:"remote_addr,omitempty"`
}

// recordFormat is the format of records that this version writes.
const recordFormat = 0

// IsNewer reports whether a later version has written the record, whose meaning this
// one does not know.
func (r *Record) IsNewer() bool { return r.Format > recordFormat }

// IsComplete reports whether the record tells of a key.
func (r *Record) IsComplete() bool { return r.Connection != "" && r.Handle.Name != "" }

// Path is where the record lies in storage.
func (r *Record) Path() string {
	if r.Handle.Sealed {
		return SealedPrefix + ShardOf(r.ID) + "/" + r.ID
	}
	return Prefix + ShardOf(r.ID) + "/" + r.ID
}

func (r *Record) sameValuePath() string { return SameValuePrefix + r.ValueID + "/" + r.ID }

// Origin is what made the key.
func (r *Record) Origin() origin.Origin {
	return origin.Origin{Connection: r.Connection, Provider: r.Provider, Definition: r.Definition, BaseURL: r.BaseURL, Account: r.Account}
}

// SetOrigin notes what makes the key.
func (r *Record) SetOrigin(o origin.Origin) {
	r.Connection, r.Provider, r.Definition, r.BaseURL, r.Account = o.Connection, o.Provider, o.Definition, o.BaseURL, o.Account
}

// DeadlineSetAt is when the deadline was set, by the clock of that time.
func (r *Record) DeadlineSetAt() time.Time {
	if r.DeadlineSet.IsZero() {
		return r.IssuedAt
	}
	return r.DeadlineSet
}

// YoungUntil is when the key is old enough for its provider to know it for
// certain; zero when it is. The revocation was asked for no earlier than the key
// was made, which holds even when the clock was wrong at the time.
func (r *Record) YoungUntil(now, since time.Time, lag time.Duration) time.Time {
	if until := r.OldEnough(since, lag); now.Before(until) {
		return until
	}
	return time.Time{}
}

// OldEnough is when the key is old enough for its provider to list it for certain; asked is
// when its revocation was first asked for, as in YoungUntil.
func (r *Record) OldEnough(asked time.Time, lag time.Duration) time.Time {
	if asked.Before(r.IssuedAt) {
		return asked.Add(lag)
	}
	return r.IssuedAt.Add(lag)
}

// HasEnded reports whether the provider itself has ended the key by now.
func (r *Record) HasEnded(now time.Time, lag time.Duration) bool {
	end := r.ExpiresAt
	if r.AskedUntil.After(end) {
		end = r.AskedUntil
	}
	return !r.ExpiresAt.IsZero() && now.After(end.Add(lag))
}

// HandleScope is where the definition lists the key.
func (r *Record) HandleScope(definition *providers.Definition) providers.ListingScope {
	return definition.ListingScope(r.Handle.Role, r.Handle.Connection)
}

// IsSiblingOf reports whether the same account made both keys at the same address.
func (r *Record) IsSiblingOf(other *Record) bool {
	return r.Account != "" && r.Account == other.Account && r.BaseURL != "" && origin.SameAddress(r.BaseURL, other.BaseURL)
}
