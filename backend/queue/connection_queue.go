package queue

import (
	"cmp"
	"errors"
	"net/http"
	"strings"
	"time"

	"vault-plugin-secrets-apikeys/backend/retry"
	"vault-plugin-secrets-apikeys/backend/usererror"
	"vault-plugin-secrets-apikeys/providers"
)

// cleanUpSuffix ends the name of a connection's queue for what is no revocation.
const cleanUpSuffix = " clean-up"

// connectionQueue is one connection's part of the queue: a dead provider delays nobody else's.
//
// One entry that fails says little of the provider: it may be about that entry
// alone. So while it is in doubt its entries are tried in turn, each once, and
// the first success has all try again that were waiting for the provider.
type connectionQueue struct {
	items map[string]*waitingEntry // by id
	// failures count the tries in a row that failed on the provider's account, and
	// nextTry is until when all of it waits.
	failures int
	nextTry  time.Time
	// doubted is when it came to be in doubt.
	doubted time.Time
	running bool
	// more says that more may be due than is being worked on.
	more bool
	// woken has a worker look again for what is due.
	notified chan struct{}
	// succeeded is when the provider last did what it was asked, and observed when a try
	// last said anything of it.
	succeeded, observed time.Time
	// unreached and denied are the entries of which the last try, since the provider
	// did anything, could not reach it, or was not allowed.
	unreached, denied map[string]bool
	// ready are those due, in order, as of the last time that they were sorted.
	ready []*waitingEntry
}

func newConnectionQueue() *connectionQueue {
	return &connectionQueue{items: map[string]*waitingEntry{}, notified: make(chan struct{}, 1), unreached: map[string]bool{}, denied: map[string]bool{}}
}

const (
	// fewUnreached is how many keys' revocations must fail to reach a provider for it
	// to be held to be away.
	fewUnreached = 2
	// longDenied is for how long a provider that denies everything is asked as often
	// as one that is away.
	longDenied = time.Hour
	// shortAlone is the longest pause of an entry that has begun to have no answer, or one
	// that says nothing of it, while the provider serves others.
	shortAlone = time.Minute
)

// longestObserved is for how long a connection of which nothing waits is remembered after
// the last try that said something of its provider.
const longestObserved = time.Hour

// isOver reports whether nothing waits in it, nor is there anything to be known of the
// provider any more.
func (l *connectionQueue) isOver(now time.Time) bool {
	return len(l.items) == 0 && !l.running && now.Sub(l.observed).Abs() > longestObserved
}

// inDoubt reports whether the provider may do nothing for anybody at present.
func (l *connectionQueue) inDoubt() bool { return len(l.unreached)+len(l.denied) > 0 }

// mayTry reports whether the entry may be tried: it is due, or it waits for the
// provider, which is to be asked whether it is back.
func (l *connectionQueue) mayTry(item *waitingEntry, now time.Time) bool {
	return item.due(now) || l.inDoubt() && item.forProvider && !item.held && !item.busy
}

// earliest is a time before which the entry may not be tried.
func (l *connectionQueue) earliest(item *waitingEntry) time.Time {
	at := item.NextTry
	if l.inDoubt() && item.forProvider || at.Before(l.nextTry) {
		at = l.nextTry
	}
	return at
}

// backOff has all of it wait after a try that failed on the provider's account; the
// first of several at a time speaks for all.
func (l *connectionQueue) backOff(what outcome, now time.Time, jitter retry.Jitter, connection string) {
	if what < ofDenial || l.nextTry.After(now) {
		return
	}
	if l.failures == 0 {
		l.doubted = now
	}
	l.failures++
	longest := retry.LongestUnreachable
	if len(l.unreached) == 0 && now.Sub(l.doubted) > longDenied {
		longest = retry.LongestRefused
	}
	l.nextTry = now.Add(jitter.Pause("queue/"+connection, l.failures, longest))
}

// longestPause bounds an entry's own pauses. alone is for how long the provider has done
// for others what it does not for this one; zero where it has not. What the provider did
// not answer, or not with a word on this one, may be so no longer in a moment.
func longestPause(what outcome, alone time.Duration) time.Duration {
	switch {
	case what == ofEntry, what == ofSetting, alone > 0 && what == ofDenial:
		return retry.LongestRefused
	case alone > 0 && what > ofDenial:
		return min(max(shortAlone, alone/3), retry.LongestRefused)
	}
	return retry.LongestUnreachable
}

// isAlone reports whether a try that has just failed is about its entry: the provider has
// done something for others since the entry failed before or, where it was about the
// entry then, a moment ago. The caller holds mu.
func (l *connectionQueue) isAlone(item *waitingEntry, now time.Time) bool {
	if item.Attempts == 0 {
		return false
	}
	return l.succeeded.After(item.failed) || !item.alone.IsZero() && !l.inDoubt() && now.Sub(l.succeeded) < 2*shortAlone
}

// order is oldest first and, in doubt, those first that were not tried for longest.
func (l *connectionQueue) order() func(a, b *waitingEntry) int {
	doubt := l.inDoubt()
	return func(a, b *waitingEntry) int {
		if a.asked != b.asked {
			if a.asked {
				return -1
			}
			return 1
		}
		if doubt {
			if c := a.tried.Compare(b.tried); c != 0 {
				return c
			}
		}
		return cmp.Or(a.Since.Compare(b.Since), strings.Compare(a.ID, b.ID))
	}
}

func (l *connectionQueue) notify() {
	select {
	case l.notified <- struct{}{}:
	default: // it will look anyway
	}
}

// outcome is what a try says of the provider.
type outcome int

const (
	// ofNothing: the engine or its storage failed.
	ofNothing outcome = iota
	// ofSetting: it cannot be done before an operator changes something.
	ofSetting
	// ofEntry: the provider answered about the very thing.
	ofEntry
	// ofSuccess: the provider did what it was asked.
	ofSuccess
	// ofDenial: the provider did not allow it. That may be so for everything, or for
	// this thing alone.
	ofDenial
	// ofProvider: the provider failed, or did not answer in time.
	ofProvider
	// ofReach: the provider was not reached, or did not know the credential.
	ofReach
)

func outcomeOf(err error) outcome {
	var lasting lasting
	var mistaken *usererror.Error
	var failed *providers.Error
	var later retryAt
	switch {
	case err == nil:
		return ofSuccess
	case OutOfReach(err):
		return ofReach
	case errors.Is(err, ErrByHand), errors.As(err, &lasting), errors.As(err, &mistaken):
		return ofSetting
	case errors.As(err, &failed) && failed.Kind != providers.Refused:
		return ofProvider
	case failed != nil && failed.Status == http.StatusForbidden:
		return ofDenial
	case failed != nil, errors.As(err, &later):
		return ofEntry
	}
	return ofNothing
}

// lasting is an error that trying again does not mend, before an operator changes
// something.
type lasting interface {
	error
	Lasting()
}

// observe notes what a try said of the provider. The caller holds mu.
func (q *Queue) observe(l *connectionQueue, id string, what outcome) {
	doubted, paused := l.inDoubt(), l.nextTry
	defer func() {
		if doubted != l.inDoubt() || !paused.Equal(l.nextTry) {
			q.quietUntil = noTime
		}
	}()
	if what != ofNothing {
		l.observed = q.now()
	}
	switch what {
	case ofReach:
		l.unreached[id] = true
	case ofDenial, ofProvider:
		l.denied[id] = true
	case ofSuccess, ofEntry:
		if what == ofSuccess {
			l.succeeded = q.now()
		}
		if l.inDoubt() {
			l.releaseWaiting()
		}
		l.failures, l.nextTry = 0, time.Time{}
		clear(l.unreached)
		clear(l.denied)
	}
}

// releaseWaiting has all tried again that waited for the provider. The caller holds mu.
func (l *connectionQueue) releaseWaiting() {
	for _, item := range l.items {
		if item.forProvider {
			item.NextTry, item.forProvider = time.Time{}, false
		}
	}
}

// Observe notes how the revocation of a key went that was tried without the queue.
func (q *Queue) Observe(connection, id string, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.observe(q.connectionQueueOf(connection), id, outcomeOf(err))
}

// Failing reports whether a connection's provider was out of reach for several keys,
// and has done nothing since.
func (q *Queue) Failing(connection string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.byConnection[connection]
	return l != nil && len(l.unreached) >= fewUnreached
}
