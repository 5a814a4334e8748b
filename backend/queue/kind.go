package queue

import (
	"fmt"
	"strings"
)

// Kind is what a queue entry waits for.
type Kind string

const (
	// Revoke: a key in the ledger is to be revoked.
	Revoke Kind = "revoke"
	// CleanUp: a mint whose outcome is unknown; the key is looked for by
	// name and revoked.
	CleanUp Kind = "clean_up"
	// Undo: steps of a failed mint are to be undone, then as CleanUp.
	Undo Kind = "undo"
	// Intent: a mint that was about to start. It is a CleanUp unless
	// the key turns out to be in the ledger.
	Intent Kind = "intent"
	// Retire: an admin credential that was replaced is to be removed.
	Retire Kind = "retire"
	// ByHand: an admin credential may be alive that the engine can neither
	// find nor remove. It waits for an operator to look for it and give it up.
	ByHand Kind = "by_hand"
	// Crash: keys may be alive that were being made at a crash, in a place that the
	// connection no longer leads to, or that cannot be listed, or that the mark does not
	// tell since it cannot be read. It waits for the credential and the address of then,
	// for the place to be listed, or for an operator who looks there and gives it up. It
	// is stored where the mark of the crash is not kept.
	Crash Kind = "crash"
	// Missing: a provider knew no such key when it was to be revoked, which it may say
	// to an admin credential without rights, too. It waits until that can be told, at
	// growing distances and within a bound; nothing waits for it.
	Missing Kind = "missing"
)

// Kinds are all kinds, in the order in which help and documentation tell of them.
var Kinds = []Kind{Revoke, CleanUp, Undo, Intent, Retire, ByHand, Crash, Missing}

// Describe says what waits, as a part of a sentence.
func (k Kind) Describe() string {
	switch k {
	case Revoke:
		return "a key in the ledger"
	case CleanUp:
		return "a mint whose outcome is unknown"
	case Undo:
		return "steps of a failed mint or rotation"
	case Intent:
		return "a mint that was about to start"
	case Retire:
		return "an admin credential that was replaced"
	case ByHand:
		return "an admin credential that may be alive and that an operator has to look for at the provider, and then give up here"
	case Crash:
		return "keys that a crash may have left where the connection no longer leads, or where nothing can be listed"
	case Missing:
		return "a key that its provider did not know when it was to be revoked, and that may only not have been shown to the admin credential"
	}
	return "unknown"
}

// DescribeKinds tells of all kinds, for the help of an endpoint.
func DescribeKinds() string {
	var told []string
	for _, k := range Kinds {
		told = append(told, fmt.Sprintf("%s (%s)", k, k.Describe()))
	}
	last := len(told) - 1
	return strings.Join(told[:last], ", ") + " or " + told[last]
}
