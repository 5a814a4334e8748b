package simulation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend"
	"vault-plugin-secrets-apikeys/paths"
)

const (
	// revokeAttempts, and pauses of 10 s · 2ⁿ ± 50 %, are Vault's own.
	revokeAttempts = 6
	revokePause    = 10 * time.Second
	// requestLimit is how long Vault lets a request take. It is a moment longer than
	// Vault's, so that it never ends together with a request to the provider: which of
	// two waits that end at once is noticed first is left to chance.
	requestLimit = 90*time.Second + 3*time.Millisecond
)

var errNoLeader = errors.New("no active node")

// cluster is one Vault with one mount of the engine.
type cluster struct {
	world  *world
	name   string
	disk   *disk
	copied bool // its storage is a copy of another's, which lives on
	// early says that the copy was started so soon after its snapshot that it cannot be told
	// from a successor, and ends when the keys of its original ended then.
	early *snapshot

	mu      sync.Mutex
	active  *node
	standby *node
	nodes   []*node
	leases  map[string]*lease
	minted  int
	// gone are the requests whose readers hung up while the process went on.
	gone     map[string]bool
	requests int
	// defaultTTL and maxTTL are the mount's, as it is tuned.
	defaultTTL, maxTTL time.Duration
	mountPoint         string
	// jumped says that a node's clock jumped, after which no time is exact.
	jumped bool
	// restored says that a snapshot took the place of its storage.
	restored bool
}

// node is one process of the engine.
type node struct {
	cluster *cluster
	name    string
	standby bool
	backend logical.Backend
	view    *view

	mu       sync.Mutex
	dead     bool
	readOnly bool
	lost     bool          // a snapshot took the place of its storage
	clock    time.Duration // how far its clock is ahead
	conns    []net.Conn    // in the order in which they were opened
	faults   []*diskFault
	draws    map[string]int
}

// lease is one that Vault keeps, and whose key its holder uses until it ends.
type lease struct {
	id, name string
	role     string
	key      string // its value
	secret   *logical.Secret
	end      time.Time
	timer    *time.Timer
	// ended is set when its revocation begins, and forgotten when that is done.
	ended       bool
	forgotten   bool
	irrevocable bool
}

func (n *node) String() string { return n.name }

func (n *node) isDead() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.dead
}

func (n *node) isReadOnly() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.readOnly || n.standby
}

func (n *node) now() time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return time.Now().Add(n.clock)
}

func (n *node) track(conn net.Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.conns = append(n.conns, conn)
}

func (n *node) untrack(conn net.Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.conns = slices.DeleteFunc(n.conns, func(one net.Conn) bool { return one == conn })
}

// jitter draws the random part of a pause.
func (n *node) jitter(what string, attempt int) float64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	key := fmt.Sprint(what, "#", attempt)
	n.draws[key]++
	return dice(n.cluster.world.life.Seed, n.name, key, n.draws[key]).Float64()
}

// kill ends the process: nothing of it has an effect any more.
func (n *node) kill() {
	n.mu.Lock()
	n.dead = true
	conns := slices.Clone(n.conns)
	n.mu.Unlock()
	for _, conn := range conns {
		conn.Close()
	}
}

// system is what Vault tells the mount.
type system struct {
	logical.StaticSystemView
	node *node
}

func (s *system) DefaultLeaseTTL() time.Duration {
	s.node.cluster.mu.Lock()
	defer s.node.cluster.mu.Unlock()
	return s.node.cluster.defaultTTL
}

func (s *system) MaxLeaseTTL() time.Duration {
	s.node.cluster.mu.Lock()
	defer s.node.cluster.mu.Unlock()
	return s.node.cluster.maxTTL
}

func (s *system) ReplicationState() consts.ReplicationState {
	if s.node.standby {
		return consts.ReplicationPerformanceStandby
	}
	return consts.ReplicationUnknown
}

func newCluster(w *world, name string) *cluster {
	c := &cluster{
		world: w, name: name, disk: newDisk(), leases: map[string]*lease{}, gone: map[string]bool{},
		defaultTTL: time.Hour, maxTTL: 3 * time.Hour, mountPoint: "apikeys/",
	}
	c.disk.touched = func(string) {}
	c.disk.forgotten = func(r *storedRecord) { w.forgot(c, r) }
	w.clusters = append(w.clusters, c)
	return c
}

// boot makes a process of the engine.
func (c *cluster) boot(standby bool) *node {
	c.mu.Lock()
	n := &node{
		cluster: c, name: fmt.Sprintf("%s%d", c.name, len(c.nodes)+1), standby: standby,
		draws: map[string]int{},
	}
	c.nodes = append(c.nodes, n)
	c.mu.Unlock()
	n.view = &view{node: n, disk: c.disk}
	w := c.world
	factory := paths.FactoryWith(backend.Options{Now: n.now, Dial: n.dial, Jitter: n.jitter})
	made, err := factory(context.Background(), &logical.BackendConfig{
		StorageView: n.view,
		Logger:      hclog.New(&hclog.LoggerOptions{Output: &watchedLog{w, n}, Level: hclog.Trace, DisableTime: true}),
		System:      &system{node: n},
		Config:      map[string]string{"tick_interval": w.life.Traits.Tick.String()},
	})
	if err != nil {
		panic("simulation: making the engine: " + err.Error())
	}
	n.backend = made
	return n
}

// lead makes a new process the leader. What was leases goes on.
func (c *cluster) lead() {
	c.forgetUnqueued()
	n := c.boot(false)
	c.mu.Lock()
	c.active = n
	c.mu.Unlock()
	err := n.backend.Initialize(context.Background(), &logical.InitializationRequest{Storage: n.view})
	c.world.note("vault", "%s leads%s", n, failure(err))
	for _, l := range c.allLeases() {
		c.restart(l)
	}
	if !c.copied {
		c.claimLater(n)
	}
}

// claimLater has an operator claim the mount for a leader, where it waits for that.
func (c *cluster) claimLater(n *node) {
	w := c.world
	if !w.life.Traits.Claims {
		return
	}
	w.background(func() {
		for attempt := range 10 {
			time.Sleep(between(dice(w.life.Seed, "claim", n.name, attempt), time.Second, 2*time.Minute))
			if c.leader() != n || w.isOver() || w.claim(c) {
				return
			}
		}
	})
}

func failure(err error) string {
	if err == nil {
		return ""
	}
	text, _, _ := strings.Cut(err.Error(), "\n")
	return ": " + text
}

// restart sets a lease's timer, as Vault does with every lease at start-up.
func (c *cluster) restart(l *lease) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.irrevocable || l.forgotten {
		return
	}
	l.arm(c)
}

func (l *lease) disarm() {
	if l.timer != nil {
		l.timer.Stop()
	}
}

// arm has the lease revoked at its end. The caller holds mu.
func (l *lease) arm(c *cluster) {
	l.disarm()
	wait := time.Until(l.end)
	if l.ended {
		wait = 0
	}
	// No two leases end at the same moment, so that they end in the same order each time.
	wait = max(0, wait) + time.Millisecond + between(dice(c.world.life.Seed, "expiry", l.id), 0, time.Millisecond)
	l.timer = time.AfterFunc(wait, func() { c.expire(l) })
}

func (c *cluster) allLeases() []*lease {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []*lease
	for _, id := range slices.Sorted(maps.Keys(c.leases)) {
		all = append(all, c.leases[id])
	}
	return all
}

// leader is the active node; nil when there is none.
func (c *cluster) leader() *node {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.active
}

// resign leaves the cluster without a leader, and returns the one it had; nil for none.
func (c *cluster) resign() *node {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.active
	c.active = nil
	return n
}

// demote has the node write no more.
func (n *node) demote() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.readOnly = true
}

// step down: the leader may no longer write, and what it was doing goes on. Its
// clean-up comes after a while.
func (c *cluster) stepDown(cleanUpAfter time.Duration) {
	n := c.resign()
	if n == nil {
		return
	}
	n.demote()
	c.world.loseSwaps()
	c.world.background(func() {
		// A moment later than whatever happens now, so that the order is the same each time.
		time.Sleep(cleanUpAfter + between(dice(c.world.life.Seed, "clean-up", n.name), time.Millisecond, 20*time.Millisecond))
		n.backend.Cleanup(context.Background())
	})
}

// stop ends the leader in good order, as when Vault is sealed or the plugin reloaded:
// its clean-up comes first. What it was doing goes on beside its successor, and may
// still write for a while.
func (c *cluster) stop(goesOn time.Duration) {
	n := c.resign()
	if n == nil {
		return
	}
	c.world.loseSwaps()
	n.backend.Cleanup(context.Background())
	c.world.background(func() {
		time.Sleep(goesOn)
		n.demote()
	})
}

// die ends a process at once; another leads a little later.
func (c *cluster) die(n *node) {
	c.mu.Lock()
	leads := c.active == n
	if leads {
		c.active = nil
	}
	c.mu.Unlock()
	c.world.note("vault", "%s dies", n)
	c.bury(n)
	if leads {
		c.succeed(n, 8*time.Second)
	}
}

// succeed has a new process lead after a while.
func (c *cluster) succeed(n *node, after time.Duration) {
	c.world.background(func() {
		time.Sleep(after + between(dice(c.world.life.Seed, "succession", n.name), 0, time.Second))
		if c.leader() == nil && !c.world.isOver() {
			c.lead()
		}
	})
}

// bury ends a process; the clean-up is for the bubble's sake and has no effect.
func (c *cluster) bury(n *node) {
	n.kill()
	c.world.loseSwaps()
	c.world.background(func() { n.backend.Cleanup(context.Background()) })
}

// invalidate tells the standby of a write.
func (c *cluster) invalidate(from *node, path string) {
	c.mu.Lock()
	standby := c.standby
	c.mu.Unlock()
	if standby != nil && standby != from {
		standby.backend.InvalidateKey(context.Background(), path)
	}
}

// do sends a request as Vault's router does: by way of the standby where there
// is one, which asks for it to be forwarded when it has to write.
func (c *cluster) do(op logical.Operation, path string, data map[string]any) (*logical.Response, error) {
	ctx, cancel := context.WithTimeout(context.Background(), requestLimit)
	defer cancel()
	return c.doWithin(ctx, op, path, data)
}

func (c *cluster) doWithin(ctx context.Context, op logical.Operation, path string, data map[string]any) (*logical.Response, error) {
	c.mu.Lock()
	standby := c.standby
	c.mu.Unlock()
	if standby != nil {
		resp, err := standby.handle(ctx, op, path, data)
		if !errors.Is(err, logical.ErrPerfStandbyPleaseForward) && !errors.Is(err, logical.ErrReadOnly) {
			return resp, err
		}
	}
	n := c.leader()
	if n == nil {
		return nil, errNoLeader
	}
	return n.handle(ctx, op, path, data)
}

func (n *node) handle(ctx context.Context, op logical.Operation, path string, data map[string]any) (*logical.Response, error) {
	req := n.request(op, path)
	if data != nil {
		req.Data = maps.Clone(data)
	}
	if op == logical.UpdateOperation {
		checked, exists, err := n.backend.HandleExistenceCheck(ctx, req)
		if err != nil {
			return nil, err
		}
		if checked && !exists {
			req.Operation = logical.CreateOperation
		}
	}
	resp, err := n.backend.HandleRequest(ctx, req)
	if n.isDead() {
		return nil, errDead
	}
	if err != nil && ctx.Err() != nil && !n.isReadOnly() && !n.isLost() {
		n.cluster.readerGone(req.ID)
	}
	if err == nil && resp != nil && resp.IsError() {
		return resp, resp.Error()
	}
	return resp, err
}

// readerGone notes a request whose reader hung up before it was answered.
func (c *cluster) readerGone(request string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gone[request] = true
}

// forgetUnqueued forgets the readers who hung up on a process that could put on no queue what
// was made for them: nothing but its deadline tells the next one of that.
func (c *cluster) forgetUnqueued() {
	var waiting []string
	for _, path := range c.disk.paths("queue/") {
		waiting = append(waiting, string(c.disk.get(path)))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.disk.ledger() {
		if !slices.ContainsFunc(waiting, func(entry string) bool { return strings.Contains(entry, fixedPart(r.Handle.Name)) }) {
			delete(c.gone, r.RequestID)
		}
	}
}

func (n *node) request(op logical.Operation, path string) *logical.Request {
	n.cluster.mu.Lock()
	mountPoint := n.cluster.mountPoint
	n.cluster.requests++
	id := fmt.Sprintf("%s-request-%d", n.cluster.name, n.cluster.requests)
	n.cluster.mu.Unlock()
	return &logical.Request{
		Operation: op, Path: path, Storage: n.view, ID: id, MountPoint: mountPoint,
		DisplayName: "token-sim", EntityID: "entity",
		Connection: &logical.Connection{RemoteAddr: "192.0.2.7"},
	}
}

// mint reads a key as an application does: Vault makes a lease of the answer, or
// fails to and has the key revoked. after is when the caller hangs up; 0 never.
func (c *cluster) mint(role string, hangUp time.Duration, loseLease bool) (*lease, error) {
	limit := requestLimit
	if hangUp > 0 {
		limit = hangUp
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	n := c.leader()
	resp, err := c.doWithin(ctx, logical.ReadOperation, "creds/"+role, nil)
	if err != nil {
		return nil, err
	}
	if resp == nil || resp.Secret == nil {
		return nil, errors.New("no lease in the answer")
	}
	name, _ := resp.Data["key_name"].(string)
	value := c.world.keyIn(resp.Data)
	resp.Secret.IssueTime = time.Now()
	if n == nil || n.isDead() || c.leader() != n || loseLease {
		// Registering the lease failed, so Vault revokes what it is for at once,
		// and the caller gets an error.
		c.world.note("vault", "the lease of %s is not stored, so it is revoked", name)
		if n != nil {
			err = n.revoke(ctx, resp.Secret)
		}
		return nil, errors.Join(errors.New("the lease was not stored"), err)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err() // nobody is left to take the answer, but Vault has the lease
	}
	ttl, _, err := framework.CalculateTTL(n.backend.System(), 0, resp.Secret.TTL, 0, resp.Secret.MaxTTL, 0, time.Time{})
	if err != nil {
		return nil, err
	}
	resp.Secret.TTL = ttl
	c.mu.Lock()
	defer c.mu.Unlock()
	c.minted++
	l := &lease{
		id: fmt.Sprintf("%s-lease-%03d", c.name, c.minted), name: name, role: role, key: value,
		secret: stored(resp.Secret), end: resp.Secret.ExpirationTime(),
	}
	c.leases[l.id] = l
	l.arm(c)
	return l, nil
}

// stored is a secret as Vault's storage gives it back.
func stored(secret *logical.Secret) *logical.Secret {
	kept := *secret
	text, err := json.Marshal(secret.InternalData)
	if err != nil {
		panic("simulation: a lease's data is JSON: " + err.Error())
	}
	kept.InternalData = map[string]any{}
	if err := json.Unmarshal(text, &kept.InternalData); err != nil {
		panic("simulation: reading a lease's data: " + err.Error())
	}
	return &kept
}

// holds reports whether somebody relies on the lease's key now. The caller holds
// the cluster's mu.
func (l *lease) holds(now time.Time) bool { return !l.ended && now.Before(l.end) }

// renew moves a lease's end, as Vault computes it.
func (c *cluster) renew(l *lease, increment time.Duration) error {
	n := c.leader()
	if n == nil {
		return errNoLeader
	}
	c.mu.Lock()
	if l.ended {
		c.mu.Unlock()
		return errors.New("the lease has ended")
	}
	secret := *l.secret
	c.mu.Unlock()
	secret.Increment = increment
	req := n.request(logical.RenewOperation, "creds/"+l.role)
	req.Secret = &secret
	ctx, cancel := context.WithTimeout(context.Background(), requestLimit)
	defer cancel()
	resp, err := n.backend.HandleRequest(ctx, req)
	switch {
	case err != nil:
		return err
	case n.isDead():
		return errDead
	case resp.IsError():
		return resp.Error()
	}
	ttl, _, err := framework.CalculateTTL(n.backend.System(), increment, resp.Secret.TTL, 0, resp.Secret.MaxTTL, 0, secret.IssueTime)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.ended || c.active != n {
		return errors.New("the lease has ended")
	}
	l.end = time.Now().Add(ttl)
	l.arm(c)
	return nil
}

// expire revokes a lease that came to its end, with Vault's own patience.
func (c *cluster) expire(l *lease) {
	n := c.leader()
	if n == nil {
		return // the next leader takes it up
	}
	c.mu.Lock()
	if l.forgotten || l.irrevocable || !l.ended && time.Now().Before(l.end) {
		c.mu.Unlock()
		return
	}
	l.ended = true
	c.mu.Unlock()
	for attempt := range revokeAttempts {
		ctx, cancel := context.WithTimeout(context.Background(), requestLimit)
		err := n.revoke(ctx, l.secret)
		cancel()
		if c.leader() != n {
			return
		}
		if err == nil {
			c.mu.Lock()
			l.forgotten = true
			delete(c.leases, l.id)
			c.mu.Unlock()
			c.world.note("vault", "%s (%s) is over", l.id, l.name)
			c.world.leaseIsOver(c, l)
			return
		}
		c.world.note("vault", "revoking %s (%s) failed%s", l.id, l.name, failure(err))
		d := dice(c.world.life.Seed, "revocation", l.id, attempt)
		pause := revokePause << attempt
		time.Sleep(between(d, pause/2, pause*3/2))
		if c.leader() != n {
			return
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	l.irrevocable = true
}

func (n *node) revoke(ctx context.Context, secret *logical.Secret) error {
	req := n.request(logical.RevokeOperation, "creds/role")
	req.Secret = stored(secret)
	resp, err := n.backend.HandleRequest(ctx, req)
	if n.isDead() {
		return errDead
	}
	if err == nil && resp != nil && resp.IsError() {
		err = resp.Error()
	}
	return err
}

// end has a lease revoked now.
func (c *cluster) end(l *lease) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.forgotten {
		return
	}
	l.ended = true
	l.arm(c)
}
