package simulation

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"
)

const (
	// quiet is how long the world is left alone at a life's end.
	quiet = time.Hour
	// aftermath is how long after that what is on its way may still do harm.
	aftermath = 5 * time.Minute
	// longestHistory bounds what is kept of a life that goes wild.
	longestHistory = 20_000
)

// Outcome is what became of a life.
type Outcome struct {
	History []string
	// Broken is what was found first, in order; empty when all held.
	Broken []Violation
}

// Violation is an invariant that did not hold.
type Violation struct {
	Invariant string
	What      string
}

func (v Violation) String() string { return v.Invariant + ": " + v.What }

// Play plays a life from its beginning to its end, or until something breaks.
func Play(t *testing.T, life Life) (outcome Outcome) {
	_ = dialectOf(life.Traits.Catalog) // files are read outside the bubble
	if provider := life.Traits.provider(); !warm[provider] {
		warm[provider] = true
		enact(t, Life{Seed: life.Seed, Traits: life.Traits})
	}
	return enact(t, life)
}

// warm are the definitions of which this process has played a life. What it does once, such
// as reading a definition of the catalog, would else have the first life draw other chances
// than the same one later.
var warm = map[string]bool{}

func enact(t *testing.T, life Life) (outcome Outcome) {
	cryptotest.SetGlobalRandom(t, life.Seed)
	synctest.Test(t, func(*testing.T) {
		w := newWorld(life)
		w.live()
		outcome = w.outcome()
	})
	return outcome
}

// world is a life being played.
type world struct {
	life      Life
	began     time.Time
	providers map[string]*provider // by address
	host      *provider
	clusters  []*cluster
	tasks     sync.WaitGroup

	mu      sync.Mutex
	over    bool
	history []historyLine
	broken  []Violation
	// takenAway are the admin credentials that the world ended, and that so
	// need not work although they are stored.
	takenAway map[string]bool
	// replaced are the connections, by cluster, whose credential or address an
	// operator changed: who made what is pending cannot be told there.
	replaced map[string]bool
	// elsewhere are those that an operator had lead to another account.
	elsewhere map[string]bool
	// shared are the admin credentials that an operator gave a second connection.
	shared []string
	// handled is when an operator last wrote or rotated a static role, by cluster and role.
	handled map[string]time.Time
	// forced says that an operator had a rotation end the keys of a credential.
	forced bool
	mended time.Time // when; zero for not yet
}

func newWorld(life Life) *world {
	w := &world{
		life: life, began: time.Now(), providers: map[string]*provider{},
		takenAway: map[string]bool{}, replaced: map[string]bool{}, elsewhere: map[string]bool{}, handled: map[string]time.Time{},
	}
	w.host = w.newProvider("one.sim:80")
	w.newProvider("two.sim:80")
	return w
}

func (w *world) newProvider(address string) *provider {
	p := &provider{
		world: w, address: address, traits: w.life.Traits,
		weather: map[string]time.Time{}, counts: map[string]int{}, asked: map[string]int{},
	}
	if d := dialectOf(p.traits.Catalog); d != nil {
		p.routes = d.all()
	}
	for _, name := range []string{"ours", "theirs"} {
		p.accounts = append(p.accounts, newAccount(name))
	}
	w.providers[address] = p
	return p
}

// note adds a line to the history.
func (w *world) note(who, format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.history) == longestHistory {
		return
	}
	text := strings.Join(strings.Fields(fmt.Sprintf(format, args...)), " ") // a line of its own
	w.history = append(w.history, historyLine{time.Since(w.began), fmt.Sprintf("%-9s %s", who, text)})
}

// historyLine is something that happened, and when.
type historyLine struct {
	at   time.Duration
	text string
}

// linesOf is the history as lines. What happened at one moment, to the nanosecond,
// has no order but that of the alphabet.
func linesOf(history []historyLine) []string {
	sorted := slices.SortedStableFunc(slices.Values(history), func(a, b historyLine) int {
		return cmp.Or(cmp.Compare(a.at, b.at), strings.Compare(a.text, b.text))
	})
	var lines []string
	for _, line := range sorted {
		lines = append(lines, fmt.Sprintf("%10s  %s", line.at.Round(time.Millisecond), line.text))
	}
	return lines
}

// breaks notes that an invariant does not hold.
func (w *world) breaks(invariant, format string, args ...any) {
	v := Violation{invariant, fmt.Sprintf(format, args...)}
	w.note("BROKEN", "%s", v)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken = append(w.broken, v)
}

func (w *world) isBroken() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.broken) > 0
}

func (w *world) isOver() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.over
}

// isShared reports whether an operator gave an admin credential to a second connection.
func (w *world) isShared(secret string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Contains(w.shared, secret)
}

// isForced reports whether an operator had keys end with the credential that made them.
func (w *world) isForced() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.forced
}

func (w *world) isMended() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.mended.IsZero()
}

// mendedFor is for how long nothing goes wrong any more; false while things do.
func (w *world) mendedFor() (time.Duration, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Since(w.mended), !w.mended.IsZero()
}

func (w *world) outcome() Outcome {
	w.mu.Lock()
	defer w.mu.Unlock()
	return Outcome{linesOf(w.history), slices.Clone(w.broken)}
}

// background runs something beside the script.
func (w *world) background(what func()) { w.tasks.Go(what) }

// live plays the script, then mends the world and leaves it alone for an hour.
func (w *world) live() {
	defer w.end()
	w.setUp()
	if w.isBroken() {
		return
	}
	start := time.Now()
	for _, e := range w.life.Events {
		time.Sleep(time.Until(start.Add(e.At)))
		w.note("EVENT", "%s", e.describe(w.life.Traits))
		w.background(func() { actionOf(e.Kind).do(w, e) })
		if w.checked(standing) {
			return
		}
	}
	w.mend()
	for minute := range int((aftermath + quiet) / time.Minute) {
		w.claimRestored()
		if minute == int(aftermath/time.Minute) {
			w.comeBack()
			w.mendConnections()
			w.rotateWhatIsDead()
			w.host.beginCount()
		}
		time.Sleep(time.Minute)
		if w.checked(standing) {
			return
		}
	}
	w.giveUpWhatIsDead()
	w.endWhatIsLeftToPeople()
	// A rotation by schedule may be under way at any moment, but not at each. Where it takes long
	// until a key is listed, what operators have only now given up goes on for a while: keys that
	// were made beside it are looked for by their names after their end, until that is over.
	rounds := 3
	if w.life.Traits.Lag == longLag {
		rounds = 7
	}
	for range rounds {
		if w.settled() {
			break
		}
		time.Sleep(4*time.Minute + 7*time.Second)
	}
	w.checked(final)
}

// settled reports whether the final invariants that need no request hold.
func (w *world) settled() bool {
	synctest.Wait()
	return len(ledgerMatchesProvider(w)) == 0 && len(nothingIsLeftToDo(w)) == 0
}

// checked asks every invariant, once everything that can happen at this moment
// has; true means that one is broken.
func (w *world) checked(invariants []invariant) bool {
	synctest.Wait()
	w.loseWhatNobodyFinds()
	for _, inv := range invariants {
		for _, what := range inv.broken(w) {
			w.breaks(inv.name, "%s", what)
		}
	}
	return w.isBroken()
}

// end stops everything, so that nothing is left in the bubble.
func (w *world) end() {
	w.mu.Lock()
	w.over = true
	w.mu.Unlock()
	for _, c := range w.clusters {
		c.mu.Lock()
		c.active, c.standby = nil, nil
		nodes := slices.Clone(c.nodes)
		for _, l := range c.leases {
			l.disarm()
		}
		c.mu.Unlock()
		for _, n := range nodes {
			c.bury(n)
		}
	}
	w.tasks.Wait()
	// What sleeps beside them, such as a request on its way, comes to its end.
	time.Sleep(quiet)
}

// watchedLog looks for secrets in what the engine logs.
type watchedLog struct {
	world *world
	node  *node
}

func (l *watchedLog) Write(line []byte) (int, error) {
	text := strings.TrimSpace(string(line))
	if strings.Contains(text, secretMark) {
		l.world.breaks(secretsStayHidden, "%s logs one: %s", l.node, text)
	}
	if !strings.Contains(text, "[TRACE]") && !strings.Contains(text, "[DEBUG]") {
		l.world.note("engine", "%s: %s", l.node, text)
	}
	return len(line), nil
}

// lookForSecrets looks at what is stored where secrets may not be.
func (w *world) lookForSecrets(path string, value []byte) {
	for _, sealed := range []string{"config/", "sealed-ledger/", "queue/", "rotation/", "static-key/", "definition/", "old-definition/"} {
		if strings.HasPrefix(path, sealed) {
			return
		}
	}
	if bytes.Contains(value, []byte(secretMark)) {
		w.breaks(secretsStayHidden, "one is stored at %s", path)
	}
}
