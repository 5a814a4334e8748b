package backend

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// A record goes only when its key is proven gone. One answer proves little: a
// provider that does not know a key may not know it yet, or may not show it to
// this credential; another address, another definition or another account
// answers for keys of its own. What counts for what is decided in evidence.gone
// and nowhere else.

// evidence is what was learned of a key that was to be revoked.
type evidence struct {
	// deleted says that the provider deleted the key, by this very request, and
	// deletedBefore that it said so to an earlier one: it knows the key, then.
	deleted, deletedBefore bool
	// confirmedDead says that the provider was asked with the key itself, as it would have
	// been when that was made, and does not take it: no longer, or not yet.
	confirmedDead bool
	// missing says that the provider answered that there is no such key, as the
	// definition's gone has it; refused is the status of another no; both are zero
	// when it gave neither answer.
	missing bool
	refused int
	// doubts are why the answer is not that of what made the key; none when it is.
	doubts []string
	// blind is why the provider would say so of any key: the credential that asked can
	// do nothing there now. A provider that answers "no such thing" to those without
	// rights tells the two apart in no other way.
	blind error
	// youngUntil is when the key is older than the provider may take to show or to take it;
	// zero when it was as it was asked.
	youngUntil time.Time
	// ended says that the provider's own end of the key is past, by more than its lag.
	ended bool
	// notListed says that a list which held still does not show the key, and shows
	// others of the same origin, so that whoever asks can see such keys.
	notListed bool
	// unrecorded says that the ledger has no record of the key, which goes with its
	// proven end, and listed that the provider shows the key all the same.
	unrecorded, listed bool
}

// gone is nil when the evidence proves that the key is gone, and else says what
// it lacks.
func (e evidence) gone() error {
	switch {
	case e.deleted, e.confirmedDead && (e.youngUntil.IsZero() || e.deletedBefore):
		return nil
	case !e.missing && e.refused == 0:
		return errors.New("the provider did not say what became of the key")
	case !e.youngUntil.IsZero() && (e.missing || e.confirmedDead):
		return &unproven{
			reason: "the provider knows no such key, which proves nothing yet: it may take it until then to show one this young",
			until:  e.youngUntil,
		}
	case e.ended:
		return nil
	case e.listed:
		return &unproven{reason: "the provider still lists the key"}
	case e.blind != nil && !e.notListed:
		return &unproven{reason: "the provider knows no such key, which is no proof that it is gone, since the admin credential is shown nothing there: " + e.blind.Error()}
	case e.unrecorded && e.youngUntil.IsZero():
		return nil
	case e.missing && len(e.doubts) == 0:
		return nil
	case e.youngUntil.IsZero() && e.notListed && e.saysAbsent():
		return nil
	case e.missing:
		return &unproven{reason: "the provider knows no such key, which is no proof that it is gone, since " + strings.Join(e.doubts, " and ")}
	default:
		return &unproven{reason: fmt.Sprintf("the provider refused with status %d, which is no proof that the key is gone", e.refused)}
	}
}

// isHearsay reports whether nothing but the provider's word says that there is no such
// key, which it may say of a living one to whom it does not show it.
func (e evidence) isHearsay() bool {
	return e.missing && !e.deleted && !e.confirmedDead && !e.ended && !e.notListed && !e.unrecorded
}

// isRefusal reports whether a refusal that is also given for living keys is all that says
// so of a key of which the ledger has no record. That tells of an end before, as a rule; but
// a write may have been lost.
func (e evidence) isRefusal() bool {
	saysGone := e.missing || e.refused == http.StatusNotFound || e.refused == http.StatusGone
	return e.unrecorded && !e.deleted && !e.confirmedDead && !e.ended && e.refused != 0 && !saysGone
}

// saysAbsent reports whether the answer can mean that there is no such key. One
// that says what the caller may not do cannot: it is given for living keys too.
func (e evidence) saysAbsent() bool {
	return e.missing || slices.Contains([]int{
		http.StatusBadRequest, http.StatusNotFound, http.StatusConflict, http.StatusGone, http.StatusUnprocessableEntity,
	}, e.refused)
}

// unproven says that a key may be alive although the provider did not show it,
// and is to be asked about again.
type unproven struct {
	reason string
	// until is when asking again can prove something; zero for the usual pause.
	until time.Time
	// err is the provider's refusal, if it refused.
	err error
}

func (u *unproven) Error() string {
	switch {
	case u.err != nil:
		return u.err.Error() + " (" + u.reason + ")"
	case !u.until.IsZero():
		return u.reason + " (" + u.until.UTC().Format(time.RFC3339) + ")"
	}
	return u.reason
}

func (u *unproven) Unwrap() error { return u.err }

// RetryAt is when asking again can prove something; zero for the usual pause.
func (u *unproven) RetryAt() time.Time { return u.until }
