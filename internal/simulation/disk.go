package simulation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

var (
	errDisk = errors.New("the storage failed")
	errDead = errors.New("the node is dead")
)

// disk is a cluster's storage for one mount. Its work takes no time: the engine
// holds locks across it, which a bubble cannot wait for.
type disk struct {
	mu      sync.Mutex
	entries map[string][]byte
	records map[string]*storedRecord // of the ledger, by path
	// touched is called after each write, with the lock released.
	touched func(path string)
	// forgotten is called when a ledger record is removed.
	forgotten func(*storedRecord)
}

// storedRecord is what the world needs to know of a record in the ledger.
type storedRecord struct {
	path       string
	Connection string `json:"connection"`
	Handle     struct {
		Name string `json:"name"`
		ID   string `json:"id"`
	} `json:"handle"`
	IssuedAt  time.Time `json:"issued_at"`
	Deadline  time.Time `json:"deadline"`
	ExpiresAt time.Time `json:"expires_at"`
	Static    string    `json:"static_role"`
	Kept      bool      `json:"kept"`
	RequestID string    `json:"request_id"`
}

func newDisk() *disk {
	return &disk{entries: map[string][]byte{}, records: map[string]*storedRecord{}}
}

func isRecord(path string) bool {
	return strings.HasPrefix(path, "ledger/") || strings.HasPrefix(path, "sealed-ledger/")
}

func (d *disk) put(path string, value []byte) {
	d.mu.Lock()
	d.entries[path] = slices.Clone(value)
	if isRecord(path) {
		record := &storedRecord{path: path}
		if err := json.Unmarshal(value, record); err == nil {
			d.records[path] = record
		}
	}
	d.mu.Unlock()
	d.touched(path)
}

func (d *disk) delete(path string) {
	d.mu.Lock()
	delete(d.entries, path)
	record := d.records[path]
	delete(d.records, path)
	d.mu.Unlock()
	if record != nil {
		d.forgotten(record)
	}
	d.touched(path)
}

func (d *disk) get(path string) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.entries[path]
}

// paths are those under a prefix, sorted.
func (d *disk) paths(prefix string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var found []string
	for path := range d.entries {
		if strings.HasPrefix(path, prefix) {
			found = append(found, path)
		}
	}
	slices.Sort(found)
	return found
}

// ledger is every record, by path.
func (d *disk) ledger() []*storedRecord {
	d.mu.Lock()
	defer d.mu.Unlock()
	var found []*storedRecord
	for _, path := range slices.Sorted(maps.Keys(d.records)) {
		found = append(found, d.records[path])
	}
	return found
}

// snapshot is a copy of all that is stored.
func (d *disk) snapshot() map[string][]byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.entries)
}

// restore puts a snapshot in the place of all that is stored.
func (d *disk) restore(snapshot map[string][]byte) {
	d.mu.Lock()
	d.entries, d.records = map[string][]byte{}, map[string]*storedRecord{}
	d.mu.Unlock()
	for _, path := range slices.Sorted(maps.Keys(snapshot)) {
		d.put(path, snapshot[path])
	}
}

// decode reads the JSON at path; false when nothing is there.
func (d *disk) decode(path string, into any) bool {
	value := d.get(path)
	return value != nil && json.Unmarshal(value, into) == nil
}

// view is a node's way to the disk. Each write is an action that can fail,
// before it is carried out or after.
type view struct {
	node *node
	disk *disk
}

func (v *view) Get(_ context.Context, path string) (*logical.StorageEntry, error) {
	if v.node.isDead() {
		return nil, errDead
	}
	if err := v.node.readFault(path); err != nil {
		return nil, err
	}
	value := v.disk.get(path)
	if value == nil {
		return nil, nil
	}
	return &logical.StorageEntry{Key: path, Value: slices.Clone(value)}, nil
}

func (v *view) List(_ context.Context, prefix string) ([]string, error) {
	if v.node.isDead() {
		return nil, errDead
	}
	if err := v.node.readFault(prefix); err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, path := range v.disk.paths(prefix) {
		rest := strings.TrimPrefix(path, prefix)
		if folder, _, deeper := strings.Cut(rest, "/"); deeper {
			rest = folder + "/"
		}
		seen[rest] = true
	}
	return slices.Sorted(maps.Keys(seen)), nil
}

func (v *view) Put(_ context.Context, entry *logical.StorageEntry) error {
	return v.write("write", entry.Key, func() {
		v.node.cluster.world.lookForSecrets(entry.Key, entry.Value)
		v.disk.put(entry.Key, entry.Value)
	})
}

func (v *view) Delete(_ context.Context, path string) error {
	return v.write("delete", path, func() { v.disk.delete(path) })
}

func (v *view) write(what, path string, carryOut func()) error {
	if v.node.isDead() {
		return errDead
	}
	if v.node.isReadOnly() {
		return logical.ErrReadOnly
	}
	f := v.node.strike(path, false)
	if f != nil {
		v.node.cluster.world.note("storage", "%s: %s (%s %s)", v.node, f, what, path)
	}
	if f == nil || f.after {
		carryOut()
		v.node.cluster.invalidate(v.node, path)
	}
	if f == nil {
		return nil
	}
	if f.kill {
		v.node.cluster.die(v.node)
	}
	return errDisk
}

func (r *storedRecord) String() string {
	return fmt.Sprintf("%s (id %s, connection %s)", r.Handle.Name, r.Handle.ID, r.Connection)
}
