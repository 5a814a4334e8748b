package ledger

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/stored"
)

// index is what this process knows of the ledger without reading it: which ids are
// taken, when each record is to be looked at, and how many each origin has. So a
// mint need not look whether an id is free, and the reaper costs what is due and
// not what exists.
//
// A record comes to it before it is written and goes after it is deleted, so an id
// that a known shard does not have is free; one that it has may be gone. What
// earlier processes left is read in the background, shard by shard, at a bounded
// rate. Later rounds only list, to find what a former leader may have written after
// its shard was read. Before the first of those is over, what is not in the index may
// be in the ledger all the same.
type index struct {
	// dueAt is when a record is to be looked at, and targetsOf what revoking its key
	// removes; none for nothing that another key's revocation could remove, too.
	dueAt     func(*Record) time.Time
	targetsOf func(*Record) []uint32

	mu      sync.Mutex
	shards  [Shards]indexShard
	origins origins
	targets map[uint32]uint32 // records by their target
	// newest is when the newest key was made that was ever in the index.
	newest time.Time
	// reading is the shard that is being read, and gone are the ids that went from
	// it meanwhile.
	reading int
	gone    map[indexKey]bool
	damaged map[string]bool
	written written

	round indexRound
	// rounds is how often the whole ledger was gone through.
	rounds atomic.Int64
}

// Rounds is how often the whole ledger was gone through; 0 is before the first.
func (i *index) Rounds() int { return int(i.rounds.Load()) }

// IsSettled reports whether the index has every record that can be read, those too that a
// former leader wrote at last. Unreadable are the others.
func (i *index) IsSettled() bool { return i.Rounds() > 1 && i.IsListed() }

// indexKey is a record's id.
type indexKey [IDLength / 2]byte

type indexShard struct {
	// known says that what was in storage at the start is in records.
	known   bool
	records indexTable
	// further are the values of records, beside their ids, by which the provider may know
	// their keys; of those records alone that have any.
	further map[indexKey][]uint32
	// beside are the targets of records beside their first; of those records alone that
	// have any.
	beside map[indexKey][]uint32
	// earliest is the earliest due of all, or before that.
	earliest uint32
}

// indexed is a record, in little: there may be a million.
type indexed struct {
	key    indexKey
	due    uint32 // in seconds since 1970
	origin uint32 // its number
	target uint32 // the first one; 0 for none
	// part and id stand for the end of the key's name and for its id at the provider.
	part, id uint32
}

// indexTable are records in order of their ids: 36 bytes for each and nothing that
// the garbage collector has to look through, where a map takes twice that.
type indexTable []indexed

// find is where a record is, or would have to be.
func (t indexTable) find(key indexKey) (at int, there bool) {
	return slices.BinarySearchFunc(t, key, func(one indexed, key indexKey) int { return bytes.Compare(one.key[:], key[:]) })
}

// of is a record; nil when there is none.
func (t indexTable) of(key indexKey) *indexed {
	if at, there := t.find(key); there {
		return &t[at]
	}
	return nil
}

// put adds a record that the table does not have.
func (t *indexTable) put(one indexed) {
	at, _ := t.find(one.key)
	*t = slices.Insert(*t, at, one)
}

// indexRound is how far the reading has come. The clockwork alone uses it.
type indexRound struct {
	shard   int
	listed  bool     // the shard is, and pending is what is left of it
	pending []string // paths
	inUse   map[string]bool
}

// relistedAtOnce is how many shards a call lists anew in the first round after the
// ledger was read; later rounds are in no hurry.
const relistedAtOnce = 16

// nothingReading is no shard.
const nothingReading = -1

func newIndex(dueAt func(*Record) time.Time, targetsOf func(*Record) []uint32) *index {
	return &index{
		dueAt: dueAt, targetsOf: targetsOf, targets: map[uint32]uint32{}, origins: newOrigins(),
		reading: nothingReading, damaged: map[string]bool{}, written: written{byKey: map[indexKey]*writtenRecord{}},
	}
}

func indexKeyOf(id string) (key indexKey, shard int) {
	if n, err := hex.Decode(key[:], []byte(id)); err != nil || n != len(key) {
		panic("ledger: no id of a record: " + id)
	}
	return key, int(key[0])
}

// seconds is a time in whole seconds since 1970.
func seconds(t time.Time) uint32 { return uint32(min(max(t.Unix(), 0), math.MaxUint32)) }

// put notes a record that is about to be written.
func (i *index) put(r *Record) *writtenRecord {
	due, targets := i.dueAt(r), i.targetsOf(r)
	key, _ := indexKeyOf(r.ID)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.note(r, seconds(due), targets)
	return i.written.begin(key)
}

// note adds a record or takes the place of it. The caller holds mu.
func (i *index) note(r *Record, due uint32, targets []uint32) {
	key, n := indexKeyOf(r.ID)
	i.remove(key, n)
	s := &i.shards[n]
	if len(s.records) == 0 {
		s.earliest = due
	}
	s.earliest = min(s.earliest, due)
	origin := i.origins.begin(r)
	if r.IssuedAt.After(i.newest) {
		i.newest = r.IssuedAt
	}
	var first uint32
	if len(targets) > 0 {
		first = targets[0]
	}
	s.records.put(indexed{key, due, origin, first, wordOf(partAtEnd(r.Handle.Name)), wordOf(r.Handle.ID)})
	if words := furtherWords(r); len(words) > 0 {
		if s.further == nil {
			s.further = map[indexKey][]uint32{}
		}
		s.further[key] = words
	}
	if len(targets) > 1 {
		if s.beside == nil {
			s.beside = map[indexKey][]uint32{}
		}
		s.beside[key] = targets[1:]
	}
	for _, target := range targets {
		i.targets[target]++
	}
	delete(i.damaged, r.ID)
}

// remove takes a record out. The caller holds mu.
func (i *index) remove(key indexKey, n int) {
	records := &i.shards[n].records
	if at, there := records.find(key); there {
		was := (*records)[at]
		i.origins.end(was.origin)
		for _, target := range i.shards[n].targetsOf(was) {
			if i.targets[target]--; i.targets[target] == 0 {
				delete(i.targets, target)
			}
		}
		*records = slices.Delete(*records, at, at+1)
		delete(i.shards[n].further, key)
		delete(i.shards[n].beside, key)
	}
}

// drop notes that a record is gone.
func (i *index) drop(id string) {
	key, n := indexKeyOf(id)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.remove(key, n)
	i.written.forget(key)
	delete(i.damaged, id)
	if i.reading == n {
		i.gone[key] = true
	}
}

// LookAt has a record looked at again at that time; the zero time is at once.
func (i *index) LookAt(id string, at time.Time) {
	key, n := indexKeyOf(id)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.written.forget(key)
	s := &i.shards[n]
	if one := s.records.of(key); one != nil {
		one.due = seconds(at)
		s.earliest = min(s.earliest, one.due)
	}
}

// DropDue drops a record that was found gone, unless it was written meanwhile.
func (i *index) DropDue(id string, now time.Time) {
	key, n := indexKeyOf(id)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.written.forget(key)
	if one := i.shards[n].records.of(key); one != nil && one.due <= seconds(now) {
		i.remove(key, n)
	}
}

// Damage notes that a record cannot be read.
func (i *index) Damage(id string) {
	key, n := indexKeyOf(id)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.remove(key, n)
	i.written.forget(key)
	i.damaged[id] = true
}

// MayHave reports whether there may be a record with this id.
func (i *index) MayHave(id string) bool {
	key, n := indexKeyOf(id)
	i.mu.Lock()
	defer i.mu.Unlock()
	s := &i.shards[n]
	return s.records.of(key) != nil || !s.known || i.damaged[id]
}

// targetsOf are all targets of a record.
func (s *indexShard) targetsOf(one indexed) []uint32 {
	if one.target == 0 {
		return nil
	}
	return append([]uint32{one.target}, s.beside[one.key]...)
}

// has reports whether a record has a target.
func (s *indexShard) has(one indexed, target uint32) bool {
	return one.target == target || len(s.beside) > 0 && slices.Contains(s.beside[one.key], target)
}

// Sharing are the ids of the records, but for one, that have one of these targets, as far
// as they are known. Without one it is of all of them.
func (i *index) Sharing(targets []uint32, but string) (ids []string) {
	for _, target := range targets {
		ids = append(ids, i.sharing(target, but)...)
	}
	if len(targets) > 1 {
		slices.Sort(ids)
		ids = slices.Compact(ids)
	}
	return ids
}

func (i *index) sharing(target uint32, but string) (ids []string) {
	var key indexKey
	n := 0
	if but != "" {
		key, n = indexKeyOf(but)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	left := i.targets[target]
	if own := i.shards[n].records.of(key); own != nil && i.shards[n].has(*own, target) {
		left--
	}
	for n := 0; n < Shards && left > 0; n++ {
		for _, one := range i.shards[n].records {
			if i.shards[n].has(one, target) && one.key != key {
				ids = append(ids, hex.EncodeToString(one.key[:]))
				left--
			}
		}
	}
	return ids
}

// IsListed reports whether everything that lay in storage at the start is known.
func (i *index) IsListed() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return !slices.ContainsFunc(i.shards[:], func(s indexShard) bool { return !s.known })
}

// Due are the ids, at most so many, that are to be looked at by now, in order.
func (i *index) Due(now time.Time, most int) []string {
	at := seconds(now)
	i.mu.Lock()
	defer i.mu.Unlock()
	var found []string
	for n := range i.shards {
		if s := &i.shards[n]; len(s.records) > 0 && s.earliest <= at && len(found) < most {
			found = append(found, s.due(at)...)
		}
	}
	return found[:min(len(found), most)]
}

// Due are those of one shard.
func (s *indexShard) due(at uint32) []string {
	var found []string
	s.earliest = math.MaxUint32
	for _, one := range s.records {
		s.earliest = min(s.earliest, one.due)
		if one.due <= at {
			found = append(found, hex.EncodeToString(one.key[:]))
		}
	}
	return found
}

// count counts the records of those origins; sure is false where the ledger has to
// be read for that.
func (i *index) count(of func(recordOrigin) bool) (alive int, sure bool) {
	if !i.IsSettled() {
		return 0, false
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	for origin, n := range i.origins.all() {
		if of(origin) {
			alive += n
		}
	}
	return alive, true
}

// tells are what origins of records with a provider tell, each once; sure is as in count.
func (i *index) tells(provider string, of func(recordOrigin) string) (told []string, sure bool) {
	if !i.IsSettled() {
		return nil, false
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	for origin := range i.origins.all() {
		if one := of(origin); origin.provider == provider && !slices.Contains(told, one) {
			told = append(told, one)
		}
	}
	return told, true
}

// ByConnection counts the records that are known.
func (i *index) ByConnection() map[string]int {
	i.mu.Lock()
	defer i.mu.Unlock()
	counts := map[string]int{}
	for origin, n := range i.origins.all() {
		counts[origin.connection] += n
	}
	return counts
}

// Unreadable are the ids of the records that cannot be read.
func (i *index) Unreadable() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Sorted(maps.Keys(i.damaged))
}

// Read goes on with the round, by at most so many records. An error leaves the
// rest for the next time; what cannot be read keeps nothing from being read, and
// the first of it is told.
func (i *index) Read(ctx context.Context, s logical.Storage, most int) (broken error) {
	r := &i.round
	if r.inUse == nil {
		inUse, err := shardsToRead(ctx, s)
		if err != nil {
			return err
		}
		r.inUse = map[string]bool{}
		for _, shard := range inUse {
			r.inUse[shard] = true
		}
	}
	for read, listed := 0, 0; r.shard < Shards; {
		if !r.listed {
			if err := i.list(ctx, s); err != nil {
				return err
			}
		}
		for ; len(r.pending) > 0; r.pending = r.pending[1:] {
			if read++; read > most {
				return broken
			}
			err := i.take(ctx, s, r.pending[0])
			if errors.Is(err, stored.ErrUnreadable) {
				broken = cmp.Or(broken, err)
			} else if err != nil {
				return err
			}
		}
		i.finish()
		r.listed = false
		r.shard++
		if number := i.Rounds(); number > 0 && r.inUse[ShardName(r.shard-1)] {
			if listed++; number > 1 || listed == relistedAtOnce {
				return broken
			}
		}
	}
	*r = indexRound{}
	i.rounds.Add(1)
	return broken
}

// list begins a shard: what of it is not in the index is left to be read.
func (i *index) list(ctx context.Context, s logical.Storage) error {
	r := &i.round
	i.mu.Lock()
	i.reading, i.gone = r.shard, map[indexKey]bool{}
	i.mu.Unlock()
	r.pending = nil
	if r.inUse[ShardName(r.shard)] {
		for _, prefix := range []string{Prefix, SealedPrefix} {
			folder := prefix + ShardName(r.shard) + "/"
			ids, err := s.List(ctx, folder)
			if err != nil {
				return fmt.Errorf("listing the ledger: %w", err)
			}
			for _, id := range ids {
				if IsID(id) && !i.has(id) {
					r.pending = append(r.pending, folder+id)
				}
			}
		}
	}
	r.listed = true
	return nil
}

func (i *index) has(id string) bool {
	key, n := indexKeyOf(id)
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.shards[n].records.of(key) != nil
}

// take reads a record that the index does not have.
func (i *index) take(ctx context.Context, s logical.Storage, path string) error {
	id := idIn(path)
	r, err := stored.Read[Record](ctx, s, path)
	if err != nil && !errors.Is(err, stored.ErrUnreadable) {
		return err
	}
	var due time.Time
	var targets []uint32
	if r != nil {
		r.ID = id
		due, targets = i.dueAt(r), i.targetsOf(r)
	}
	key, n := indexKeyOf(id)
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case i.shards[n].records.of(key) != nil || i.gone[key]: // it was written or deleted meanwhile
		return nil
	case err != nil:
		i.damaged[id] = true
	case r == nil:
		delete(i.damaged, id)
	default:
		i.note(r, seconds(due), targets)
		return nil
	}
	return err
}

// finish ends the shard that was being read.
func (i *index) finish() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.shards[i.reading].known = true
	i.reading, i.gone = nothingReading, nil
}

// inShard are the ids in a shard that come after a text, of a connection or of all, in
// order: at most so many.
func (i *index) inShard(n int, after, connection string, most int) []string {
	if isBefore(ShardName(n), after) {
		return nil
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	records := i.shards[n].records
	from := sort.Search(len(records), func(at int) bool { return hex.EncodeToString(records[at].key[:]) > after })
	var found []string
	for _, one := range records[from:] {
		if connection != "" && i.origins.of(one.origin).connection != connection {
			continue
		}
		if found = append(found, hex.EncodeToString(one.key[:])); len(found) == most {
			break
		}
	}
	return found
}
