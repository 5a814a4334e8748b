package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/stored"
	"vault-plugin-secrets-apikeys/providers"
)

// left is storage with so many entries of a process that is gone.
func left(t *testing.T, entries int) (*logical.InmemStorage, []string) {
	t.Helper()
	s := &logical.InmemStorage{}
	ids := make([]string, entries)
	for n := range ids {
		ids[n] = fmt.Sprintf("key-%05d", n)
		if err := stored.Write(t.Context(), s, Prefix+ids[n], &Entry{Kind: Revoke, Connection: "box", KeyName: ids[n], Reason: "left"}); err != nil {
			t.Fatal(err)
		}
	}
	return s, ids
}

// readingStorage calls read with the path of each entry, once it was read.
type readingStorage struct {
	logical.Storage
	reads int
	read  func(path string)
}

func (s *readingStorage) Get(ctx context.Context, path string) (*logical.StorageEntry, error) {
	entry, err := s.Storage.Get(ctx, path)
	s.reads++
	if s.read != nil {
		s.read(path)
	}
	return entry, err
}

// TestLongQueueIsReadInParts: a start reads a part of what was left, and everybody is
// told that there is more until all of it is read, each entry once.
func TestLongQueueIsReadInParts(t *testing.T) {
	ctx := t.Context()
	storage, ids := left(t, 3*readAtStart+1)
	s := &readingStorage{Storage: storage}
	q := New(time.Now)
	if err := q.Load(ctx, s); err != nil {
		t.Fatal(err)
	}
	if s.reads != readAtStart || len(q.List()) != readAtStart {
		t.Errorf("a start read %d entries and has %d", s.reads, len(q.List()))
	}
	for rounds := 0; q.Whole() != nil; rounds++ {
		if q.Len() != len(ids) || !slices.ContainsFunc(ids, q.Waits) || !q.Waits(ids[len(ids)-1]) {
			t.Fatal("what is not read yet does not wait")
		}
		if err := q.Read(ctx, s, readAtStart); err != nil || rounds > 3 {
			t.Fatal(rounds, err)
		}
	}
	var read []string
	for _, entry := range q.List() {
		read = append(read, entry.ID)
	}
	if !slices.Equal(read, ids) || s.reads != len(ids) {
		t.Errorf("%d entries by %d reads, want %d", len(read), s.reads, len(ids))
	}
	if page := q.Page(ids[5], 2); len(page) != 2 || page[0].ID != ids[6] || page[1].ID != ids[7] {
		t.Errorf("the page after %s is %v", ids[5], page)
	}
}

// TestUnreadEntriesAreTakenOver: what is written, removed or broken while it is being
// read is neither lost nor brought back.
func TestUnreadEntriesAreTakenOver(t *testing.T) {
	const id = "key-00000"
	broken := &logical.StorageEntry{Key: Prefix + id, Value: []byte("{broken")}
	for name, test := range map[string]struct {
		act    func(ctx context.Context, q *Queue, s logical.Storage) error
		reason string // of the entry at last; empty when there is none
	}{
		"untouched": {func(context.Context, *Queue, logical.Storage) error { return nil }, "left"},
		"removed":   {func(ctx context.Context, q *Queue, s logical.Storage) error { return q.Remove(ctx, s, id) }, ""},
		"written": {func(ctx context.Context, q *Queue, s logical.Storage) error {
			return q.Add(ctx, s, Entry{ID: id, Kind: Revoke, Connection: "box", Reason: "new"}, false)
		}, "new"},
		"added unstored": {func(_ context.Context, q *Queue, _ logical.Storage) error {
			q.AddUnstored(Entry{ID: id, Kind: Revoke, Connection: "box", Reason: "unstored"})
			return nil
		}, "left"},
		"broken": {func(ctx context.Context, _ *Queue, s logical.Storage) error { return s.Put(ctx, broken) }, ""},
	} {
		for _, when := range []string{"before it is read", "while it is read"} {
			if name == "broken" && when == "while it is read" {
				continue
			}
			t.Run(name+" "+when, func(t *testing.T) {
				ctx := t.Context()
				storage, _ := left(t, 1)
				s := &readingStorage{Storage: storage}
				q := New(time.Now)
				q.unread = map[string]struct{}{id: {}}
				act := func() {
					s.read = nil
					if err := test.act(ctx, q, s); err != nil {
						t.Fatal(err)
					}
				}
				if when == "before it is read" {
					act()
				} else {
					s.read = func(string) { act() }
				}
				err := q.Read(ctx, s, 10)
				if errors.Is(err, stored.ErrUnreadable) != (name == "broken") {
					t.Errorf("reading it: %v", err)
				}
				if q.Whole() != nil {
					t.Error("something is left to be read")
				}
				reason := ""
				if entry := q.Get(id); entry != nil {
					reason = entry.Reason
				}
				if reason != test.reason {
					t.Errorf("the entry says %q, want %q", reason, test.reason)
				}
				if onDisk, err := storage.List(ctx, Prefix); err != nil || (len(onDisk) == 1) != (test.reason != "" || name == "broken") {
					t.Errorf("on disk are %v, %v", onDisk, err)
				}
			})
		}
	}
}

// TestQuietQueueIsNotLookedThrough: a long queue whose provider is away costs a look
// through it for each try, and none between.
func TestQuietQueueIsNotLookedThrough(t *testing.T) {
	l := newLine(t, numbered(2000)...)
	l.answer = func(string) error { return failing(providers.Unreachable, 0) }
	l.run(5 * time.Minute)
	looks, tries := 0, len(l.tried)
	for range 600 {
		quiet := l.quietUntil
		l.pass(time.Second)
		l.Start(l.work)
		l.Wait()
		if !quiet.After(l.now) {
			looks++
		}
	}
	tries = len(l.tried) - tries
	if looks > 3*tries+10 {
		t.Errorf("the queue was looked through %d times for %d tries in ten minutes", looks, tries)
	}
	l.answer = nil
	l.run(2 * time.Minute)
	if left := l.Len(); left > 0 {
		t.Errorf("%d are left two minutes after the provider is back", left)
	}
}

// TestSlowTryIsWaitedFor: nor is it looked through while the one try is under way that tells
// whether the provider is back; what that tells is heeded at once.
func TestSlowTryIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, numbered(20)...)
		l.answer = func(string) error { return failing(providers.Unreachable, 0) }
		l.run(time.Minute)
		answers := make(chan error)
		l.answer = func(string) error { return <-answers }
		for tries := l.tries(""); l.tries("") == tries; synctest.Wait() {
			l.pass(time.Second)
			l.Start(l.work)
		}
		l.Start(l.work)
		for range 30 {
			if !l.quietUntil.After(l.now) {
				t.Fatal("the queue is to be looked through, with one try under way and no other to come")
			}
			l.pass(time.Second)
			l.Start(l.work)
		}
		close(answers) // it is back
		l.run(time.Minute)
		if left := l.Len(); left > 0 {
			t.Errorf("%d are left a minute after the provider is back", left)
		}
	})
}

// BenchmarkLongQueue is what a queue costs whose provider is away, with each tick of
// the clockwork and for a page of it.
func BenchmarkLongQueue(b *testing.B) {
	for _, entries := range []int{100, 100_000} {
		q := New(time.Now)
		q.Jitter = func(string, int) float64 { return 1 }
		for n := range entries {
			q.AddUnstored(Entry{ID: fmt.Sprintf("key-%06d", n), Kind: []Kind{Revoke, CleanUp}[n%2], Connection: "box"})
		}
		work := func(Entry) error { return failing(providers.Unreachable, 0) }
		q.Start(work)
		q.Wait()
		q.Page("", 1) // which sorts what is new
		b.Run(fmt.Sprintf("a tick with %d entries", entries), func(b *testing.B) {
			for b.Loop() {
				q.Start(work)
				q.Wait()
			}
		})
		b.Run(fmt.Sprintf("a page with %d entries", entries), func(b *testing.B) {
			for b.Loop() {
				if len(q.Page("key-000000", 50)) != 50 {
					b.Fatal("no page")
				}
			}
		})
	}
}

// TestIntentsAreWaitedFor: the mint that an earlier process announced may still enter
// its key, so it is not cleared up after before that is over, whatever clock noted it.
func TestIntentsAreWaitedFor(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	year := 365 * 24 * time.Hour
	for name, test := range map[string]struct {
		kind  Kind
		since time.Time
		want  time.Time
	}{
		"begun a moment ago":         {Intent, now.Add(-10 * time.Second), now.Add(50 * time.Second)},
		"begun long ago":             {Intent, now.Add(-time.Hour), now.Add(-time.Hour + time.Minute)},
		"begun by a clock far ahead": {Intent, now.Add(year), now.Add(time.Minute)},
		"a clean-up":                 {CleanUp, now.Add(-10 * time.Second), time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, storage := context.Background(), &logical.InmemStorage{}
			before := New(func() time.Time { return test.since })
			entry := Entry{ID: "one", Kind: test.kind, Connection: "box", TrustAbsenceAfter: test.since.Add(time.Minute)}
			if err := before.Add(ctx, storage, entry, false); err != nil {
				t.Fatal(err)
			}
			q := New(func() time.Time { return now })
			if err := q.Load(ctx, storage); err != nil {
				t.Fatal(err)
			}
			if next := q.Get("one").NextTry; !next.Equal(test.want) {
				t.Errorf("it is tried at %v, want %v", next, test.want)
			}
		})
	}
}
