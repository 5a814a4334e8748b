package providers

import "time"

// KeyRequest says which key to issue.
type KeyRequest struct {
	// Name is the key's name at the provider, chosen by the caller and unique.
	Name string
	// Part is what providers leave as it is of a name that they change, in whichever case;
	// empty for nothing.
	Part string
	// Role holds the role's provider parameters, as Fields.Merge left them.
	Role Values
	// ExpiresAt is the provider-side end of the key, already on the
	// definition's grid (see Expiry.At). Ignored where the definition's issue
	// never mentions it.
	ExpiresAt time.Time
	// TTL is the time from now to ExpiresAt.
	TTL time.Duration
	// CIDRs are the networks that may use the key; none means any.
	CIDRs []string
	// Spare is asked before anything is removed again because the issue failed.
	Spare Spare
}

// Handle is all that looking up, extending and revoking a key needs beside the
// connection's credential. It stays valid when the role is deleted or changed.
// It is kept in storage, and holds nothing secret unless Sealed is set.
type Handle struct {
	// Name is the key's at the provider, and ID the provider's own for it; ID is empty
	// where only a look-up by name tells it.
	Name string `json:"name"`
	ID   string `json:"id,omitempty"`
	// Role and Connection hold the parameters that those requests mention, as
	// they were when the key was issued, and those of which the id holds the text: what
	// people chose, they may choose again. Sensitive fields are never among them.
	Role       Values `json:"role,omitempty"`
	Connection Values `json:"connection,omitempty"`
	// Saved are the values that issue kept for them.
	Saved Values `json:"saved,omitempty"`
	// Secret are the fields of the key itself that revoke or extend demands.
	Secret Values `json:"secret,omitempty"`
	// Bound says that the key works from some addresses alone. Vault's may be none of
	// them, so that a no to the key itself proves nothing.
	Bound bool `json:"bound,omitempty"`
	// Sealed says that the handle carries secret values (in ID, Saved or
	// Secret) and belongs in seal-wrapped storage only.
	Sealed bool `json:"sealed,omitempty"`
}

// Key is a key just issued.
type Key struct {
	// Handle is what looking up, extending and revoking it needs.
	Handle Handle
	// Secret are the fields for the reader, shown once and never stored.
	Secret Values
	// ActualExpiry is the end that the provider gave it.
	ActualExpiry ActualExpiry
	// Granted is what the provider says that the key may do, beside what was asked for.
	Granted Grant
	// Value is the first field of the definition's secret: the value by which
	// a leaked key is recognised.
	Value string
}

// String keeps the secret out of logs and errors.
func (k *Key) String() string { return "key " + k.Handle.Name }

// GoString keeps the secret out of %#v.
func (k *Key) GoString() string { return k.String() }

// String keeps secret fields of a sealed handle out of logs and errors.
func (h Handle) String() string { return "key " + h.Name }

// GoString keeps secret fields of a sealed handle out of %#v.
func (h Handle) GoString() string { return h.String() }

// Listed is one key as the provider lists it.
type Listed struct {
	// Handle is enough to revoke the key.
	Handle Handle
	// CreatedAt is zero where the provider does not say.
	CreatedAt time.Time
	// LastUsedAt is when the key was last used, as coarse as the provider counts it;
	// zero where it does not say, and for a key that never was.
	LastUsedAt time.Time
	// NeverUsed says that the provider tells that it never was: an answer that says
	// nothing of it, as where it was shortened, does not.
	NeverUsed bool
	// ExpiresAt is when the provider ends the key, by its own clock; zero where it does not
	// say, or does not end it.
	ExpiresAt time.Time
	// ClockAhead is by how much the provider's clock was ahead of ours when it said so.
	ClockAhead time.Duration
}

// TellsUse reports whether the provider says when the key was last used, or that it never
// was.
func (l Listed) TellsUse() bool { return l.NeverUsed || !l.LastUsedAt.IsZero() }

// Liveness is what a probe or look-up saw of a key.
type Liveness int

const (
	// Unclear means that the answer was neither what the definition calls
	// alive nor dead.
	Unclear Liveness = iota
	Alive            // the provider takes the key
	Dead             // it refuses it, or knows it no more
)

// String is the answer in a word.
func (l Liveness) String() string {
	switch l {
	case Alive:
		return "alive"
	case Dead:
		return "dead"
	}
	return "unclear"
}

// Leftover is what a failed issue or rotation of several steps made and could
// not undo.
type Leftover struct {
	// Rotation says that it was a rotation.
	Rotation bool `json:"rotation,omitempty"`
	// Undo names the steps still to be undone, newest first.
	Undo []string `json:"undo"`
	// Handle carries the values that the undo requests need.
	Handle Handle `json:"handle"`
}
