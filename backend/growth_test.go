package backend

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/timetable"
	"vault-plugin-secrets-apikeys/providers"
)

// bounded are the collections that keep what is past, up to a number that their own tests
// hold them to.
var bounded = []string{
	"pending.ended", "pending.deletions", "pending.seen", // some thousands each
	"books.ledger.index.written", "books.ledger.index.shards",
	"clients.definitions.byHash[]", // what one definition holds
	"metrics",                      // mostLabels
	"books.timetable.shards",       // of which there is a fixed number
}

// sizesOf are the lengths of all maps and slices that are reached from a thing, by the way to
// them. What belongs to other modules is left out.
func sizesOf(thing any) map[string]int {
	sizes := map[string]int{}
	measure(reflect.ValueOf(thing), "", map[uintptr]bool{}, sizes)
	return sizes
}

func measure(v reflect.Value, way string, seen map[uintptr]bool, sizes map[string]int) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() || seen[v.Pointer()] || !isOurs(v.Type().Elem()) {
			return
		}
		seen[v.Pointer()] = true
		measure(v.Elem(), way, seen, sizes)
	case reflect.Interface:
		if !v.IsNil() {
			measure(v.Elem(), way, seen, sizes)
		}
	case reflect.Struct:
		if !isOurs(v.Type()) {
			return
		}
		for n := range v.NumField() {
			measure(v.Field(n), strings.TrimPrefix(way+"."+v.Type().Field(n).Name, "."), seen, sizes)
		}
	case reflect.Map:
		sizes[way] += v.Len()
		for _, key := range v.MapKeys() {
			measure(v.MapIndex(key), way+"[]", seen, sizes)
		}
	case reflect.Slice:
		sizes[way] += v.Len()
		if v.Type().Elem().Kind() != reflect.Uint8 {
			for n := range v.Len() {
				measure(v.Index(n), way+"[]", seen, sizes)
			}
		}
	}
}

func isOurs(t reflect.Type) bool {
	return t.PkgPath() == "" || strings.HasPrefix(t.PkgPath(), "vault-plugin-secrets-apikeys/backend")
}

// grown tells of what is larger than before by more than a few.
func (w *world) grown(before map[string]int, most int) (told []string) {
	for way, size := range w.sizes() {
		if size > before[way]+most {
			told = append(told, fmt.Sprintf("%s from %d to %d", way, before[way], size))
		}
	}
	return told
}

// sizes are those of all that the process keeps, and of storage by prefix.
func (w *world) sizes() map[string]int {
	w.t.Helper()
	sizes := sizesOf(w.process.Engine)
	for way := range sizes {
		for _, known := range bounded {
			if strings.HasPrefix(way, known) {
				delete(sizes, way)
			}
		}
	}
	paths, err := logical.CollectKeys(context.Background(), w.storage)
	w.must(err)
	for _, path := range paths {
		sizes["storage "+prefixOf(path)]++
	}
	return sizes
}

// TestNothingGrowsWithWhatComesAndGoes: many of each thing that an operator or a caller
// makes come, are used, and go, and nothing of them is left, neither in memory nor in storage.
func TestNothingGrowsWithWhatComesAndGoes(t *testing.T) {
	const few = 20
	ctx := context.Background()
	for name, test := range map[string]struct {
		// come makes the nth thing and uses it, and leave has it end: at once or, where there
		// is a meanwhile, after that, when all are there.
		come      func(w *world, n int)
		meanwhile func(w *world, things int)
		leave     func(w *world, n int)
		after     time.Duration // how long the rest takes to go
		// things is how many there are; 0 is a thousand.
		things int
	}{
		"roles": {
			come: func(w *world, n int) {
				name := fmt.Sprint("role-", n)
				w.must(w.process.SaveRole(ctx, w.process.storage, name, &Role{Connection: "box", TTL: time.Hour, Fields: providers.Values{"scopes": []any{"read"}}, KeyNameTemplate: name}))
				w.must(w.revoke(w.mustMint(name)))
			},
			leave: func(w *world, n int) { w.must(w.process.DeleteRole(ctx, w.process.storage, fmt.Sprint("role-", n))) },
		},
		"connections": {
			things: 250,
			come: func(w *world, n int) {
				name := fmt.Sprint("connection-", n)
				w.must(w.process.SaveConnection(ctx, w.process.storage, name, &Connection{
					Provider: "sandbox", AllowedRoles: []string{"*"}, BaseURL: w.front.URL, Fields: providers.Values{"admin_key": testAdminKey},
					Schedule: timetable.Schedule{Period: 24 * time.Hour},
				}, SaveOptions{}))
				w.must(w.process.SaveRole(ctx, w.process.storage, name, &Role{Connection: name, TTL: time.Hour, Fields: providers.Values{"scopes": []any{"read"}}}))
				lease := w.mustMint(name)
				w.process.ResetByHand(name)
				if _, err := w.process.Reconcile(ctx, w.process.storage, name, ReconcileOptions{}); err != nil {
					w.t.Fatal(err)
				}
				w.must(w.revoke(lease))
			},
			leave: func(w *world, n int) {
				name := fmt.Sprint("connection-", n)
				w.must(w.process.DeleteRole(ctx, w.process.storage, name))
				w.must(w.process.DeleteConnection(ctx, w.process.storage, name, SaveOptions{Force: true}))
			},
			after: 3 * time.Hour,
		},
		"connections whose provider is away": {
			things: 250,
			come: func(w *world, n int) {
				name := fmt.Sprint("connection-", n)
				w.configure("sandbox", name, name, nil)
				lease := w.mustMint(name)
				w.must(w.process.ChangeConnection(ctx, w.process.storage, name, func(c *Connection) (SaveOptions, error) {
					c.BaseURL = "http://127.0.0.1:1"
					return SaveOptions{Force: true, Credential: true}, nil
				}))
				_ = w.revoke(lease)
				if _, err := w.mint(name); err == nil {
					w.t.Error("a key was made by nobody")
				}
			},
			leave: func(w *world, n int) {
				name := fmt.Sprint("connection-", n)
				w.must(w.process.DeleteRole(ctx, w.process.storage, name))
				w.must(w.process.DeleteConnection(ctx, w.process.storage, name, SaveOptions{Force: true}))
				for _, entry := range w.process.Queue() {
					if entry.Connection == name {
						w.must(w.process.GiveUp(ctx, w.request(logical.UpdateOperation, "queue/give-up"), entry.ID))
					}
				}
			},
			after: 3 * time.Hour,
		},
		"static roles whose rotation fails": {
			things: 250,
			come: func(w *world, n int) {
				w.must(w.process.SaveStaticRole(ctx, w.process.storage, fmt.Sprint("static-", n), &StaticRole{
					Role: Role{Connection: "box", Fields: providers.Values{"scopes": []any{"read"}}}, Schedule: timetable.Schedule{Period: time.Hour},
				}))
			},
			meanwhile: func(w *world, things int) {
				w.changeBox(func(c *Connection) { c.Fields = providers.Values{"admin_key": "no-such-key-of-anybody"} })
				w.run(70*time.Minute, 10*time.Minute)
				if len(w.process.rotations.told.byKey) < things {
					w.t.Errorf("%d failures were told", len(w.process.rotations.told.byKey))
				}
				w.changeBox(func(c *Connection) { c.Fields = providers.Values{"admin_key": testAdminKey} })
			},
			leave: func(w *world, n int) {
				w.must(w.process.DeleteStaticRole(ctx, w.process.storage, fmt.Sprint("static-", n)))
			},
			after: 3 * time.Hour,
		},
		"definitions": {
			come: func(w *world, n int) {
				_, err := w.process.SaveDefinition(ctx, w.process.storage, fmt.Sprint("own-", n), ownDefinition(n), false)
				w.must(err)
				_, err = w.process.Definition(ctx, w.process.storage, fmt.Sprint("own-", n))
				w.must(err)
			},
			leave: func(w *world, n int) {
				w.must(w.process.DeleteDefinition(ctx, w.process.storage, fmt.Sprint("own-", n), false))
			},
			after: longestReplaced + 24*time.Hour,
		},
		"leases whose keys the ledger does not have": {
			come: func(w *world, n int) {
				if n%10 == 0 { // each looks, and the list is short
					lease := w.mustMint("app")
					w.advance(2 * listLag)
					w.dropRecordOf(lease)
					w.process.pending.ended = recentlyEnded{}
					w.must(w.revoke(lease))
				}
			},
			leave: func(*world, int) {},
		},
		"revocations that are given up": {
			come: func(w *world, n int) {
				if n%10 == 0 {
					w.mustMint("app")
				}
			},
			meanwhile: func(w *world, things int) {
				w.changeBox(func(c *Connection) { c.BaseURL = "http://127.0.0.1:1" })
				for _, lease := range w.held() {
					if record := w.recordOf(lease); w.revoke(lease) == nil && record != nil {
						w.t.Error("a key that lives on counts as revoked")
					}
				}
			},
			leave: func(w *world, n int) {
				for _, entry := range w.process.Queue() {
					w.must(w.process.GiveUp(ctx, w.request(logical.UpdateOperation, "queue/give-up"), entry.ID))
				}
				if n == 0 {
					w.changeBox(func(c *Connection) { c.BaseURL = w.front.URL })
				}
			},
			after: 3 * time.Hour,
		},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newWorld(t)
			w.start(fault{}) // as after a crash: a lookout is kept
			round := func(things int) {
				for n := range things {
					test.come(w, n)
					if test.meanwhile == nil {
						test.leave(w, n)
					}
				}
				if test.meanwhile != nil {
					test.meanwhile(w, things)
					for n := range things {
						test.leave(w, n)
					}
				}
				w.run(max(test.after, time.Hour), max(test.after, time.Hour)/20)
				for range things / sweptAtOnce {
					w.process.sweep(ctx)
				}
			}
			round(2 * few) // what is kept of one kind is there
			before := w.sizes()
			things := cmp.Or(test.things, 1000)
			if testing.Short() {
				things /= 2
			}
			round(things)
			for _, told := range w.grown(before, few) {
				t.Errorf("grown: %s", told)
			}
		}))
	}
}

// ownDefinition is a short definition of its own.
func ownDefinition(n int) string {
	return fmt.Sprintf(`provider "own-%d" {
  base_url = "https://own-%d.example"
  connection "token" {
    type      = string
    required  = true
    sensitive = true
  }
  auth "bearer" { token = connection.token }
  issue {
    post   = "/keys"
    json   = { name = key.name }
    id     = body.id
    secret = { api_key = body.key }
  }
  revoke { delete = "/keys/${key.id}" }
}
`, n, n)
}
