// Package backend is the engine: a key's life from mint to proven death, the
// ledger of live keys, the durable revocation queue, recovery after a crash,
// and the stored connections and roles. It knows no endpoint and no provider.
//
// It keeps four invariants:
//
//  1. A key that exists at the provider is in the ledger, or its connection is
//     marked dirty on disk (package marks), or an intent is on disk (package
//     queue).
//  2. A ledger record goes only after the provider said that the key is gone
//     (revoke.go).
//  3. Every ledger record has a deadline, after which the engine itself revokes
//     the key, lease or no lease (reaper.go).
//  4. A secret value is in the response to its reader and, for providers whose
//     revocation demands it, in a sealed ledger record; nowhere else.
package backend

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
	"golang.org/x/sync/semaphore"

	"vault-plugin-secrets-apikeys/backend/keyed"
	"vault-plugin-secrets-apikeys/backend/keyname"
	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/marks"
	"vault-plugin-secrets-apikeys/backend/queue"
	"vault-plugin-secrets-apikeys/backend/retry"
	"vault-plugin-secrets-apikeys/backend/timetable"
)

// Version is the plugin's version, and Commit the one of its sources; a release's
// build sets both. Commit is "" in any other build.
var (
	Version = "v0.1.0"
	Commit  string
)

const help = `
Mints short-lived, scoped API keys at any provider with an admin API, hands each
out as a lease, and revokes it at the provider when the lease ends.

Write a connection to config/NAME and a role to roles/NAME; read keys from
creds/ROLE. List providers/ for the providers it knows.`

// Engine is one mount. The endpoints act on it; all its methods may be called
// concurrently.
type Engine struct {
	*framework.Backend

	storage logical.Storage
	log     hclog.Logger
	options Options
	metrics *metrics
	events  events

	times
	clients    clients
	books      books
	locks      locks
	guard      guard
	pending    pending
	rotations  rotations
	background background
}

// times are what the engine goes by, and how long it waits.
type times struct {
	clock *clock
	// now is the clock's steady time.
	now          func() time.Time
	jitter       retry.Jitter
	tickInterval time.Duration
	// acceptance bounds the wait for a new credential or static key to be
	// accepted everywhere at the provider.
	acceptance time.Duration
}

// clients are the connections ready for use, and what they are made of.
type clients struct {
	connections struct {
		mu     sync.RWMutex
		byName map[string]*boundConnection
	}
	roles       roleCache
	bounds      bounds
	definitions definitions
	unsaved     unsavedCredentials
}

// books are what the engine keeps of keys, on disk and in memory.
type books struct {
	identity struct {
		mu    sync.Mutex
		mount *ledger.Mount
	}
	ledger      *ledger.Ledger
	marks       *marks.Marks
	queue       *queue.Queue
	timetable   *timetable.Timetable
	holdingsLog *holdingsLog
	overdue     overdue
}

// locks keep operations off each other, and bound how many there are.
type locks struct {
	records keyed.Locks
	// targets keep two ends of one key apart that several records are about.
	targets keyed.Locks
	// rotations keep two rotations of the same thing apart.
	rotations keyed.Locks
	// settings keep two changes of one role apart.
	settings    keyed.Locks
	admissions  admissions
	revokeSlots keyed.Shared[*semaphore.Weighted] // by connection
}

// guard is whether this mount may end what it knows of.
type guard struct {
	ownership ownership
	lookout   *lookout
	namer     *keyname.Namer
}

// pending is what is under way, or was just now.
type pending struct {
	loading    loading
	recoveries recoveries
	searches   searches
	passes     passes
	// ending are the keys in the ledger, by record id, that are being revoked.
	ending  keyed.Counts
	watched watched
	ended   recentlyEnded
	// deletions are what providers did delete of late, and seen where they listed
	// something.
	deletions, seen recently
	// removed are since when providers say that they removed what nobody holds.
	removed recently
	// unshown are when providers last said of a key that is to be revoked that there is
	// none, which proved nothing.
	unshown recently
	// unanswered are until when a request may be carried out that ends a credential, or
	// replaces it in place, and that was not answered.
	unanswered recently
	ticks      int
	// queueRead says that the queue was read once more, after all former leaders.
	queueRead bool
	// sweptUntil is after which of the replaced definitions the next sweep goes on.
	sweptUntil string
}

// rotations are what this process knows of those under way.
type rotations struct {
	known knownRotations
	// failing are what could not be rotated when that was last tried.
	failing failing
	// told are the failures of scheduled ones that the log has.
	told toldFailures
	// installing are the static roles of which a key is being made and stored. What
	// the ledger has of such a role may be about to be its current key.
	installing keyed.Counts
}

// FactoryWith makes the engine with the given endpoints for Vault to mount, in the
// given surroundings; the zero Options are the real ones.
func FactoryWith(paths func(*Engine) []*framework.Path, options Options) logical.Factory {
	return func(ctx context.Context, config *logical.BackendConfig) (logical.Backend, error) {
		e, err := newEngine(config, paths, options)
		if err != nil {
			return nil, err
		}
		if err := e.Setup(ctx, config); err != nil {
			return nil, fmt.Errorf("setting up the engine: %w", err)
		}
		return e, nil
	}
}

func newEngine(config *logical.BackendConfig, paths func(*Engine) []*framework.Path, options Options) (*Engine, error) {
	interval, err := tickInterval(config.Config)
	if err != nil {
		return nil, err
	}
	options = options.withDefaults()
	clock := newClock(options.Now, options.Elapsed)
	now := clock.steady
	e := &Engine{
		storage:    config.StorageView,
		log:        config.Logger,
		options:    options,
		times:      times{clock: clock, now: now, jitter: options.Jitter, tickInterval: interval, acceptance: defaultAcceptance},
		background: background{trigger: make(chan struct{}, 1)},
	}
	e.clients.connections.byName = map[string]*boundConnection{}
	e.books = books{
		ledger:      ledger.New(now, func(r *ledger.Record) time.Time { return e.books.overdue.at(r, now()) }, e.shortTargets),
		marks:       marks.New(clock.latest),
		queue:       queue.New(now),
		timetable:   timetable.New(now),
		holdingsLog: newHoldingsLog(),
	}
	e.locks = locks{records: keyed.New(), targets: keyed.New(), rotations: keyed.New(), settings: keyed.New()}
	e.guard.lookout = newLookout()
	e.pending.passes = newPasses()
	e.pending.recoveries.byLocation = map[string]*recovery{}
	e.pending.loading.steps = []func(context.Context, logical.Storage) error{
		e.findIdentity, e.findOwnership, e.books.queue.Load, e.books.timetable.Load, e.findInterrupted, e.findRecoveries,
	}
	e.guard.ownership.epoch = e.books.marks.Epoch
	e.guard.namer = keyname.NewNamer(e.books.marks.Epoch)
	e.books.marks.AccountedFor = e.accountsForOwn
	e.books.queue.Jitter, e.books.timetable.Jitter = e.jitter, e.jitter
	if e.log == nil {
		e.log = hclog.NewNullLogger()
	}
	e.metrics = newMetrics(e)
	e.events = newEvents(config.EventsSender)
	e.Backend = e.framework(paths(e))
	return e, nil
}

// framework is what Vault is told of the mount.
func (e *Engine) framework(paths []*framework.Path) *framework.Backend {
	return &framework.Backend{
		BackendType:    logical.TypeLogical,
		Help:           strings.TrimSpace(help),
		RunningVersion: Version,
		Paths:          paths,
		Secrets:        []*framework.Secret{e.secret()},
		PathsSpecial: &logical.Paths{
			SealWrapStorage: []string{connectionPrefix, ledger.MountPath, ledger.SealedPrefix, queue.Prefix, rotationPrefix, staticKeyPrefix},
			LocalStorage:    []string{framework.WALPrefix},
			// A definition decides where admin credentials are sent.
			Root: []string{"definitions/*"},
		},
		InitializeFunc: e.initialize,
		Invalidate:     e.invalidate,
		Clean:          e.clean,
	}
}

// tickInterval reads the mount option of that name.
func tickInterval(options map[string]string) (time.Duration, error) {
	text, ok := options["tick_interval"]
	if !ok {
		return defaultTickInterval, nil
	}
	interval, err := time.ParseDuration(text)
	if err != nil || interval <= 0 {
		return 0, fmt.Errorf("mount option tick_interval is %q; write a duration such as %q", text, defaultTickInterval)
	}
	return interval, nil
}

// initialize takes over what an earlier process left, and starts the work in
// the background. Only the node that may write does either.
func (e *Engine) initialize(ctx context.Context, req *logical.InitializationRequest) error {
	if !e.writable() {
		return nil
	}
	// After an error Vault goes on with the mount all the same, so the background
	// has to run, and tries again.
	err := e.loadState(ctx, req.Storage)
	e.startBackground()
	return err
}

// writable reports whether this node writes to this mount's storage.
func (e *Engine) writable() bool {
	state := e.System().ReplicationState()
	if state.HasState(consts.ReplicationPerformanceStandby | consts.ReplicationDRSecondary) {
		return false
	}
	return e.System().LocalMount() || !state.HasState(consts.ReplicationPerformanceSecondary)
}

// invalidate drops what is cached of a storage entry that another node changed.
func (e *Engine) invalidate(_ context.Context, key string) {
	switch {
	case strings.HasPrefix(key, connectionPrefix):
		e.ResetConnection(strings.TrimPrefix(key, connectionPrefix))
	case strings.HasPrefix(key, rolePrefix):
		e.clients.roles.drop(strings.TrimPrefix(key, rolePrefix))
	case strings.HasPrefix(key, definitionPrefix):
		e.resetAll()
	case strings.HasPrefix(key, ledger.Prefix):
		e.books.ledger.Forget(key[strings.LastIndexByte(key, '/')+1:])
	case key == ledger.MountPath:
		e.books.identity.mu.Lock()
		e.books.identity.mount = nil
		e.books.identity.mu.Unlock()
	}
}

func (e *Engine) clean(ctx context.Context) {
	e.stopBackground()
	e.release(ctx)
	e.resetAll()
}

// resetAll drops every cached client.
func (e *Engine) resetAll() {
	e.clients.connections.mu.Lock()
	defer e.clients.connections.mu.Unlock()
	for name, bound := range e.clients.connections.byName {
		bound.client.Close()
		delete(e.clients.connections.byName, name)
	}
}

// Info is what the engine says of itself.
type Info struct {
	// Version and Commit are the build's; Commit is empty in one that is no release.
	Version string
	Commit  string
	// Providers are the names of all definitions, built-in and uploaded, sorted.
	Providers []string
	// Queued counts the revocations that wait, and Recovering the connections
	// that a crash left dirty and that are not reconciled yet.
	Queued     int
	Recovering []string
	// Missing counts the keys that are looked for since their provider did not know
	// them when they were to be revoked.
	Missing int
	// Passive says that the mount may be a copy of another one, and acts on
	// nothing that it knows.
	Passive bool
	// Unrecovered tells, one sentence each, which locations could not be reconciled
	// yet and why, and Damaged names the ledger's records that cannot be read.
	Unrecovered []string
	Damaged     []string
	// LeftByDisable tells, one sentence each, what would live on at providers if
	// the mount were disabled now: Vault ends leases then, and asks for no more.
	LeftByDisable []string
}

// Info describes the running engine.
func (e *Engine) Info(ctx context.Context, s logical.Storage) (Info, error) {
	names, err := e.Definitions(ctx, s)
	if err != nil {
		return Info{}, err
	}
	left, err := e.leftByDisable(ctx, s)
	if err != nil {
		return Info{}, err
	}
	return Info{
		Version:       Version,
		Commit:        Commit,
		Providers:     names,
		Queued:        e.books.queue.Len(),
		Missing:       e.books.queue.CountMissing(),
		Recovering:    e.pending.recoveries.names(),
		Unrecovered:   e.pending.recoveries.failures(),
		Damaged:       e.books.ledger.Unreadable(),
		Passive:       e.passive(),
		LeftByDisable: left,
	}, nil
}
