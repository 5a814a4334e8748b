package backend

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/marks"
	"vault-plugin-secrets-apikeys/backend/queue"
	"vault-plugin-secrets-apikeys/backend/stored"
	"vault-plugin-secrets-apikeys/backend/usererror"
)

// Storage that was restored beside its living original looks, to the engine that
// starts on it, like the storage of a leader that has just died. What the
// original has renewed, made or rotated since the snapshot is not in it, so an
// engine that went on as after a failover would end what others hold.
//
// So whoever acts on a storage signs it: with an epoch of its own at the start,
// with a sign of life every minute, and with a release when it stops in good
// order. A snapshot of a living mount never carries a release, and one that is
// more than a few minutes old carries an old sign of life. A mount that finds
// neither a release nor a fresh sign is passive: it reads, mints, and keeps its
// books, and ends, replaces and removes nothing, until an operator says that it
// is the only one.
const (
	ownershipPath = "ownership"

	// signInterval is the pause between two signs of life.
	signInterval = time.Minute
	// longestFailover is how old the last sign of life may be when a process
	// that stopped without a release is followed by another one.
	longestFailover = 10 * time.Minute
	// longestStop is how old a release may be. Who was stopped for longer is
	// asked: a clock that is far ahead looks the same.
	longestStop = 7 * 24 * time.Hour
)

// errPassive is why a mount that may be a copy leaves something undone.
var errPassive = errors.New("this mount may be a copy of another one that is alive, so it ends, replaces and removes nothing (read ownership)")

// ownership is what this process knows of its right to act.
type ownership struct {
	epoch string

	// writing keeps two writes of the signature apart, and is taken before mu.
	writing sync.Mutex

	mu sync.Mutex
	// decided is set once the signature that was found is judged, and signed once
	// the own one is on disk, at firstSigned. succeeds says that another process acted
	// on this storage before.
	decided, signed, succeeds bool
	firstSigned               time.Time
	own                       signature
	lastSigned                time.Time
	superseded                bool
	// hurried says that something waits for the next signature, and ahead is what
	// it is to tell of windows that a clock which was ahead has left.
	hurried bool
	ahead   marks.Windows
}

// findOwnership judges what the last process left, and signs the storage.
func (e *Engine) findOwnership(ctx context.Context, s logical.Storage) error {
	o := &e.guard.ownership
	o.writing.Lock()
	defer o.writing.Unlock()
	if o.isSigned() || !e.writable() {
		return nil
	}
	if err := e.judgeSignature(ctx, s); err != nil {
		return err
	}
	return e.sign(ctx, s, o.signature())
}

// judgeSignature decides once: a signature whose writing failed may be on disk.
func (e *Engine) judgeSignature(ctx context.Context, s logical.Storage) error {
	o := &e.guard.ownership
	if o.isDecided() {
		return nil
	}
	found, err := stored.Read[signature](ctx, s, ownershipPath)
	if err != nil && !errors.Is(err, stored.ErrUnreadable) {
		return err
	}
	stake, stakeErr := e.hasStake(ctx, s)
	if stakeErr != nil {
		return stakeErr
	}
	var doubt *Doubt
	switch {
	case err != nil:
		doubt = &Doubt{Since: e.now(), Reason: "the signature of whoever acted on this storage last cannot be read"}
	default:
		doubt = found.doubt(e.now(), stake)
	}
	note := found.lookout(e.now())
	former, err := e.formerMakers(ctx, s, found, note)
	if err != nil {
		return err
	}
	switch {
	case doubt == nil:
	case doubt.Before == nil:
		doubt.Before = makersOf(former)
	case !found.Released && !slices.Contains(doubt.Before, found.Maker):
		// The process before this one may go on beside a copy.
		doubt.Before = append(doubt.Before, found.Maker)
	}
	if note != nil && doubt == nil {
		e.keepLookout(note, former)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.decided, o.succeeds = true, found != nil || doubt != nil
	o.own = signature{Epoch: o.epoch, makerNote: makerNote{Maker: e.guard.namer.Maker}, Doubt: doubt, Lookout: note, Former: former}
	o.own.ClaimAfterCrash = found != nil && found.ClaimAfterCrash
	if doubt != nil {
		e.logDoubt(doubt)
	}
	return nil
}

func (e *Engine) logDoubt(doubt *Doubt) {
	e.log.Error("this mount is passive: it may be a copy of another one that is alive. If it is the only one, write ownership/claim; if another one is the owner, write ownership/yield",
		"reason", doubt.Reason, "evidence", doubt.Evidence, "since", doubt.Since)
	e.tell(eventPassive, "ownership", true, "reason", doubt.Reason)
}

// hasStake reports whether the storage tells of anything at a provider.
func (e *Engine) hasStake(ctx context.Context, s logical.Storage) (bool, error) {
	for _, prefix := range []string{connectionPrefix, ledger.Prefix, ledger.SealedPrefix, queue.Prefix, marks.Prefix} {
		found, err := s.List(ctx, prefix)
		if err != nil {
			return false, fmt.Errorf("finding out what this mount answers for: %w", err)
		}
		if len(found) > 0 {
			return true, nil
		}
	}
	return false, nil
}

// passive reports whether this mount is to end, replace and remove nothing at a
// provider. It is passive as long as storage does not say who acted last.
func (e *Engine) passive() bool {
	o := &e.guard.ownership
	if !o.isDecided() {
		if err := e.findOwnership(context.Background(), e.storage); err != nil {
			e.log.Debug("it cannot be told yet whether this mount is a copy of another one", "error", err)
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.decided || o.superseded || o.own.Doubt != nil
}

// mayEnd is nil for a key that a passive mount has made itself, since it is passive.
func (o *ownership) mayEnd(r *ledger.Record, maker string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	doubt := o.own.Doubt
	if doubt != nil && !o.superseded && r.IssuedAt.After(doubt.Since.Add(nodesApart)) && !slices.Contains(doubt.Before, maker) {
		return nil
	}
	return errPassive
}

// refuseIfPassive is a *usererror.Error for whoever asks a passive mount for what it may
// not do.
func (e *Engine) refuseIfPassive(what string) error {
	if !e.passive() {
		return nil
	}
	return usererror.Errorf("%s is not done, because this mount may be a copy of another one that is alive; read ownership for the reason, and if this mount is the only one, write ownership/claim", what)
}

func (o *ownership) isDecided() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.decided
}
