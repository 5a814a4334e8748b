package simulation

import (
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

// Where keys have no names, or no list shows them, the engine leaves to people what a lost
// answer has left. What an operator does then is here.

// loseWhatNobodyFinds excuses the keys that neither a list nor an id tells of: of which
// nobody was told, or a process that no longer leads.
func (w *world) loseWhatNobodyFinds() {
	for _, k := range w.livingKeys() {
		if (k.given || w.life.Traits.ShortIDs && !k.shared) && w.recordOf(k) == nil && (k.unheard || k.from != k.cluster.leader()) {
			w.excuse(k, "nothing lists it, and nobody knows its id")
		}
	}
}

// nameCandidate has an operator name something as what an entry of the queue is about: a key
// of the mount, held or not, or the credential that a connection of it holds. The engine
// ends none that anybody holds.
func nameCandidate(w *world, e Event) {
	c := w.clusterOf(e)
	entries, named := c.queued(), w.nameable(c, e.Yes)
	if len(entries) == 0 || len(named) == 0 {
		return
	}
	entry, id := entries[e.A%len(entries)], named[e.B%len(named)]
	_ = w.write(c, e, "queue/"+entry.id+"/revoke", map[string]any{"key_id": id})
}

// nameable are the ids of a mount's keys, or of the admin credentials that it has stored,
// where something tells the engine that they are those: see docs/reliability.md.
func (w *world) nameable(c *cluster, admins bool) []string {
	var ids []string
	if admins {
		for _, name := range sortedNames(c.storedAdmins()) {
			a := w.adminWith(c.storedAdmins()[name])
			if a != nil && (strings.Contains(a.secret, a.id) || w.life.Traits.Rotation == rotateNew && !isBeside(name)) {
				ids = append(ids, a.id)
			}
		}
		return ids
	}
	for _, k := range w.livingKeys() {
		if k.cluster == c && !k.isBeside() {
			ids = append(ids, k.id)
		}
	}
	return ids
}

// endWhatIsLeftToPeople has an operator end what the engine does not, and give up the entries
// of the queue that told of it.
func (w *world) endWhatIsLeftToPeople() {
	w.endUsersByHand()
	t := w.life.Traits
	if t.findsByName() {
		return
	}
	for _, c := range w.originals() {
		for _, entry := range c.queued() {
			switch {
			case !slices.Contains([]string{"clean_up", "crash", "missing"}, entry.kind):
				continue
			case entry.kind == "clean_up" && t.UniqueEnds:
				continue // it is found by its end
			case t.ShortIDs || w.clocksJumped(c) || w.replaced[c.name+"/"+entry.connection]:
				w.endByHand(c) // nothing is shown, or not when it was made, or not where
			default:
				w.endCandidates(c, entry)
			}
			_, err := c.do(logical.UpdateOperation, "queue/"+entry.id+"/give-up", nil)
			w.note("operator", "gives up queue/%s (%s), having looked at the provider", entry.id, entry.kind)
			w.told(Event{Kind: "give up"}, err)
		}
	}
}

// endCandidates has an operator revoke what an entry of the queue may be about and nobody
// uses. What somebody uses is not shown.
func (w *world) endCandidates(c *cluster, entry waiting) {
	resp, err := c.do(logical.ReadOperation, "queue/"+entry.id+"/candidates", nil)
	w.told(Event{Kind: "candidates"}, err)
	if err != nil || resp == nil {
		return
	}
	shown, _ := resp.Data["candidates"].([]map[string]any)
	held := c.heldNames()
	for _, k := range w.livingKeys() {
		if k.cluster != c || !slices.ContainsFunc(shown, func(one map[string]any) bool { return one["key_id"] == k.id }) {
			continue
		}
		if held[fixedPart(k.name)] {
			w.breaks(heldKeysWork, "%s is shown as what queue/%s may be about, and somebody holds it", k.name, entry.id)
			continue
		}
		_, err := c.do(logical.UpdateOperation, "queue/"+entry.id+"/revoke", map[string]any{"key_id": k.id})
		w.note("operator", "revokes %s, made at %s, by queue/%s", k.name, w.at(k.made), entry.id)
		w.told(Event{Kind: "revoke a candidate"}, err)
		if err == nil && k.there(time.Now()) && k.liedOf.IsZero() {
			w.breaks(workGoesOn, "%s lives on, which an operator had revoked by queue/%s", k.name, entry.id)
		}
	}
}
