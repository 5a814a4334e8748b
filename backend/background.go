package backend

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"vault-plugin-secrets-apikeys/backend/queue"
	"vault-plugin-secrets-apikeys/backend/stored"
)

// defaultTickInterval is the pause between two ticks.
const defaultTickInterval = time.Second

// background is the engine's own clockwork: Vault's periodic function comes once
// a minute, too seldom for a queue.
type background struct {
	mu   sync.Mutex
	stop context.CancelFunc
	done chan struct{}
	// delivering is the sending of events.
	delivering sync.WaitGroup
	// trigger has the queue looked at before the next tick.
	trigger chan struct{}
}

func (e *Engine) startBackground() {
	e.background.mu.Lock()
	defer e.background.mu.Unlock()
	if e.background.stop != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	e.background.stop = cancel
	done := make(chan struct{})
	e.background.done = done
	go e.run(ctx, done)
	e.background.delivering.Go(func() { e.deliver(done) })
}

func (e *Engine) stopBackground() {
	e.background.mu.Lock()
	defer e.background.mu.Unlock()
	if e.background.stop == nil {
		return
	}
	e.background.stop()
	<-e.background.done
	e.background.delivering.Wait()
	e.background.stop = nil
}

func (e *Engine) run(ctx context.Context, done chan<- struct{}) {
	defer close(done)
	defer e.waitBackground()
	ticker := time.NewTicker(e.tickInterval)
	defer ticker.Stop()
	for {
		e.resumeLoading(ctx)
		e.recoverDirty(ctx)
		e.startQueue(ctx)
		e.startRotations(ctx)
		select {
		case <-ctx.Done():
			return
		case <-e.background.trigger:
		case <-ticker.C:
			e.tick(ctx)
		}
	}
}

// tick is the regular work, whose cost does not grow with the ledger's size but
// while the ledger is read for the first time.
func (e *Engine) tick(ctx context.Context) {
	if err := e.keepSigning(ctx, e.storage); err != nil {
		e.log.Warn("no sign of life could be left in storage; that is tried again with the next tick", "error", err)
	}
	if err := e.readQueue(ctx); err != nil {
		e.log.Error("a part of the queue could not be read; what cannot be read is left out, and what storage refused is tried again", "error", err)
	}
	if err := e.readLedger(ctx); err != nil {
		e.log.Warn("a part of the ledger could not be read; that is tried again with the next tick", "error", err)
	}
	if err := e.reapDue(ctx); err != nil {
		e.log.Warn("the reaper could not read a part of the ledger; it comes round again", "error", err)
	}
	if e.pending.ticks%sweepTicks == 0 {
		e.sweep(ctx)
	}
	e.pending.passes.forgetOld(e.now())
	e.pending.ticks++
	if err := e.books.marks.CleanIdle(ctx, e.storage); err != nil {
		e.log.Warn("the mark of an idle connection stays; it is cleared with the next tick", "error", err)
	}
	e.lookForEnded(ctx)
}

// sweep drops what is left of things that there are no more, in storage and in memory.
func (e *Engine) sweep(ctx context.Context) {
	if err := e.books.ledger.SweepSameValues(ctx, e.storage); err != nil {
		e.log.Warn("the notes of keys with the same value could not be looked through; that is done again on the next round", "error", err)
	}
	if err := e.sweepVersions(ctx, e.storage); err != nil {
		e.log.Warn("the replaced versions of definitions could not be looked through; that is done again on the next round", "error", err)
	}
	e.locks.admissions.byConnection.Sweep()
	e.locks.revokeSlots.Sweep()
	e.pending.searches.forgetUnused(e.now())
	e.books.overdue.forgetGone(e.books.ledger.MayHave)
}

const (
	// readAtOnce is how many records one tick reads, of those that an earlier
	// process left and of those that are due.
	readAtOnce = 1000
	// sweepTicks and relistTicks are how many ticks lie between two sweeps, and
	// between two shards that are listed anew.
	sweepTicks, relistTicks = 256, 60
)

// readQueue goes on with what earlier processes left on the queue, and looks once more
// when the longest call that a former leader may have had in flight is over.
func (e *Engine) readQueue(ctx context.Context) error {
	if !e.pending.queueRead && e.clock.running() >= e.pending.recoveries.longestCall()+reaperGrace {
		err := e.books.queue.Load(ctx, e.storage)
		if err == nil || errors.Is(err, stored.ErrUnreadable) {
			e.pending.queueRead = true
			e.books.queue.Settle()
		}
		return err
	}
	return e.books.queue.Read(ctx, e.storage, readAtOnce)
}

// readLedger takes up what earlier processes left in the ledger, and later looks
// now and then for what a former leader may have written meanwhile: soon after the
// longest call that it may have had in flight, and more seldom after that.
func (e *Engine) readLedger(ctx context.Context) error {
	switch number := e.books.ledger.Rounds(); {
	case number == 1 && e.clock.running() < e.pending.recoveries.longestCall()+reaperGrace:
		return nil
	case number > 1 && e.pending.ticks%relistTicks != 0:
		return nil
	}
	return e.books.ledger.Read(ctx, e.storage, readAtOnce)
}

func (e *Engine) startQueue(ctx context.Context) {
	if e.passive() {
		return
	}
	e.books.queue.Start(func(entry queue.Entry) error {
		err := guarded(func() error { return e.processQueueEntry(ctx, entry) })
		if err != nil {
			e.log.Debug("a queued revocation did not succeed yet", "connection", entry.Connection, "key_name", entry.KeyName, "error", err)
		}
		return err
	})
}

// startRotations runs the rotations that are due.
func (e *Engine) startRotations(ctx context.Context) {
	if e.passive() {
		return
	}
	e.books.timetable.Start(func(key string, due time.Time) error {
		err := guarded(func() error { return e.rotateDue(ctx, key, due) })
		switch isNew := e.rotations.told.isNew(key, err, e.now()); {
		case isNew:
			e.log.Warn("a rotation failed; it is tried again", "rotation", key, "error", err)
		case err != nil:
			e.log.Debug("a rotation fails as before", "rotation", key, "error", err)
		}
		return err
	})
}

func (e *Engine) rotateDue(ctx context.Context, key string, due time.Time) error {
	if name, ok := strings.CutPrefix(key, rootJobPrefix); ok {
		return e.runRoot(ctx, name, due)
	}
	return e.runStatic(ctx, strings.TrimPrefix(key, staticJobPrefix), due)
}

// triggerQueue has the queue looked at now.
func (e *Engine) triggerQueue() {
	select {
	case e.background.trigger <- struct{}{}:
	default: // a nudge is waiting already
	}
}

// waitBackground returns when nothing runs in the background.
func (e *Engine) waitBackground() {
	e.books.queue.Wait()
	e.pending.recoveries.running.Wait()
	e.pending.watched.running.Wait()
	e.books.timetable.Wait()
}
