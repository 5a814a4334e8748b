package simulation

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

// People are at work at a provider, too. Where the engine chooses what a thing is called,
// nobody else has that name; where a role gives it, somebody may, and what is there before
// is not the engine's to end.

// users are the names that the roles user0, user1, … give, short ones and long ones. Of the
// last two people made users before.
var users = []string{"reporter", "reader-0f3c9a71b2d84e65a7", "keeper", "keeper-9b04e7d2c1f85a36e0"}

// usersOfPeople is how many of the last ones those are.
const usersOfPeople = 2

// newAccount is an account in which people have made what they need.
func newAccount(name string) *account {
	a := &account{name: name, projects: map[string]bool{}, peoples: map[string]bool{}}
	for _, user := range users[len(users)-usersOfPeople:] {
		a.peoples["users/"+user] = true
	}
	for _, application := range applicationNames {
		a.peoples["applications/"+application] = true
	}
	return a
}

// endPeoples ends what people made, or says that there is nothing. The caller holds mu.
func (p *provider) endPeoples(in *account, path string) *answer {
	if !in.peoples[path] {
		return notFound()
	}
	p.world.breaks(peoplesStay, "%s of account %s is deleted, which somebody else made", path, in.name)
	delete(in.peoples, path)
	return &answer{status: http.StatusNoContent}
}

// userOf is the user of a name that the engine had made; nil for none. The caller holds mu.
func (p *provider) userOf(in *account, user string) *key {
	for _, k := range in.keys {
		if k.given && k.id == user && k.there(time.Now()) {
			return k
		}
	}
	return nil
}

// makeUser makes a user of a name that nobody has. The caller holds mu.
func (p *provider) makeUser(from *node, by *admin, name, user string) *answer {
	if by.account.peoples["users/"+user] || p.userOf(by.account, user) != nil {
		if time.Now().Before(p.weather[weatherExisting]) {
			return told(http.StatusOK, map[string]any{"name": user}) // and nobody is told its key
		}
		return refusal(http.StatusConflict, "there is one of that name")
	}
	k := &key{
		id: user, name: name, given: true, secret: secretMark + p.mark("secret "+name),
		account: by.account, provider: p, by: by, cluster: from.cluster, from: from, made: time.Now(),
	}
	p.keep(k)
	return told(http.StatusCreated, map[string]any{"key": k.secret})
}

// endUser ends a user, whoever made it, as was asked for at a time. The caller holds mu.
func (p *provider) endUser(from *node, in *account, user string, asked time.Time) *answer {
	k := p.userOf(in, user)
	if k == nil {
		return p.endPeoples(in, "users/"+user)
	}
	if from.isLost() {
		p.world.excuse(k, "its end was asked for before a snapshot was restored")
	}
	if asked.Before(k.made) {
		p.world.excuse(k, "the end of the one before came late") // see docs/reliability.md
	}
	k.deleted, k.dies = time.Now(), time.Now()
	p.world.died(k)
	return &answer{status: http.StatusNoContent}
}

// setUpUsers writes the connection and the roles of users.
func (w *world) setUpUsers() {
	c := w.clusters[0]
	w.mustWrite(c, "definitions/"+usersName, map[string]any{"definition": w.life.Traits.beside(usersText)})
	w.connect(c, usersConnection, map[string]any{"provider": usersName, "rotation_period": 0})
	for i, user := range users {
		w.mustWrite(c, fmt.Sprint("roles/user", i), map[string]any{"connection": usersConnection, "user": user, "ttl": "20m", "max_ttl": "90m"})
	}
}

func (e Event) user() string { return fmt.Sprint("user", e.A%len(users)) }

func makesUsers(t Traits) bool { return t.GivenIDs }

func readUser(w *world, e Event) {
	c := w.originals()[0]
	l, err := c.mint(e.user(), 0, false)
	if err == nil {
		w.note("reader", "has %s until %s (%s)", l.name, w.at(l.end), l.id)
	}
	w.told(e, err)
}

// isUserThere reports whether a role gives the name of a user whom its connection's account
// has.
func (w *world) isUserThere(role string) bool {
	n := slices.IndexFunc(users, func(user string) bool { return role == fmt.Sprint("user", slices.Index(users, user)) })
	if n < 0 {
		return false
	}
	w.host.mu.Lock()
	defer w.host.mu.Unlock()
	in := w.host.accounts[0]
	return in.peoples["users/"+users[n]] || w.host.userOf(in, users[n]) != nil
}

// endUsersByHand has an operator end the users that no lease tells of: neither a name nor an
// id tells the engine that they are its own.
func (w *world) endUsersByHand() {
	for _, c := range w.originals() {
		for _, entry := range c.queued() {
			if entry.connection != usersConnection || !slices.Contains([]string{"clean_up", "crash", "missing"}, entry.kind) {
				continue
			}
			for _, k := range w.livingKeys() {
				if k.given && k.cluster == c && w.recordOf(k) == nil {
					k.excused = "an operator deleted it"
					k.deleted, k.dies = time.Now(), time.Now()
				}
			}
			_, err := c.do(logical.UpdateOperation, "queue/"+entry.id+"/give-up", nil)
			w.note("operator", "gives up queue/%s (%s), having looked at the users", entry.id, entry.kind)
			w.told(Event{Kind: "give up"}, err)
		}
	}
}
