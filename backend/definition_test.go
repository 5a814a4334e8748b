package backend

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/marks"
	"vault-plugin-secrets-apikeys/backend/origin"
	"vault-plugin-secrets-apikeys/backend/queue"
	"vault-plugin-secrets-apikeys/backend/stored"
	"vault-plugin-secrets-apikeys/backend/usererror"
	"vault-plugin-secrets-apikeys/internal/sandbox"
	"vault-plugin-secrets-apikeys/providers"
)

// uploadedSandbox is the sandbox's definition under another name, with a
// revocation that may be changed.
func uploadedSandbox(t *testing.T, revoke string) string {
	t.Helper()
	builtIn, err := providers.Load("sandbox")
	if err != nil {
		t.Fatal(err)
	}
	source := strings.Replace(builtIn.Source(), `provider "sandbox"`, `provider "mine"`, 1)
	return strings.Replace(source, "revoke {\n    delete = \"/v1/keys/${key.id}\"", "revoke {\n    "+revoke, 1)
}

// withoutBlock is a definition's source without the block that begins with a line.
func withoutBlock(t testing.TB, source, line string) string {
	t.Helper()
	indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
	before, rest, found := strings.Cut(source, "\n"+line+"\n")
	_, after, ends := strings.Cut(rest, "\n"+indent+"}\n")
	if !found || !ends {
		t.Fatalf("the definition has no block that begins with %q", line)
	}
	return before + "\n" + after
}

// SaveDefinition uploads for an operator who forces what has to be forced.
func (e *Engine) SaveDefinition(ctx context.Context, s logical.Storage, name, source string, override bool) (*providers.Definition, error) {
	definition, _, err := e.UploadDefinition(ctx, s, name, source, UploadOptions{Override: override, Force: true})
	return definition, err
}

func TestUploadedDefinition(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	const good, bad = `delete = "/v1/keys/${key.id}"`, `delete = "/v1/nowhere/${key.id}"`
	if _, err := w.process.SaveDefinition(ctx, w.storage, "mine", uploadedSandbox(t, good), false); err != nil {
		t.Fatal(err)
	}
	w.configure("mine", "box", "app", nil)
	lease := w.mustMint("app")

	// A new version that cannot revoke what the old one made.
	broken := strings.Replace(uploadedSandbox(t, bad), "gone   = [404]", "gone   = [410]", 1)
	if _, err := w.process.SaveDefinition(ctx, w.storage, "mine", broken, false); err != nil {
		t.Fatal(err)
	}
	w.start(fault{})
	if err := w.revoke(lease); err != nil {
		t.Errorf("revoking a key of the replaced version: %s", err)
	}
	later := w.mustMint("app")
	var m *usererror.Error
	if err := w.process.DeleteDefinition(ctx, w.storage, "mine", false); !errors.As(err, &m) || !strings.Contains(err.Error(), "box") {
		t.Errorf("deleting a definition in use: %v", err)
	}
	if _, err := w.process.SaveDefinition(ctx, w.storage, "mine", uploadedSandbox(t, good), false); err != nil {
		t.Fatal(err)
	}
	if err := w.process.DeleteDefinition(ctx, w.storage, "mine", true); err != nil {
		t.Fatal(err)
	}
	if err := w.revoke(later); err == nil {
		t.Error("the version that cannot revoke its key revoked it")
	}
	kept, err := w.storage.List(ctx, oldDefinitionPrefix+"mine/")
	if err != nil || len(kept) == 0 {
		t.Errorf("no version is kept for the key that is alive: %v", err)
	}
}

// TestReplacedDefinitionClearsUp what it was at when a new version came.
func TestReplacedDefinitionClearsUp(t *testing.T) {
	inBubble(func(t *testing.T) {
		w := newWorld(t)
		ctx := context.Background()
		good := uploadedSandbox(t, `delete = "/v1/keys/${key.id}"`)
		lost := strings.ReplaceAll(good, `"/v1/keys`, `"/v1/nowhere`)
		_, err := w.process.SaveDefinition(ctx, w.storage, "mine", good, false)
		w.must(err)
		w.configure("mine", "box", "app", nil)
		w.addFaults([]sandbox.Fault{
			{Kind: sandbox.CommitThenReset, Match: sandbox.Match{Route: "POST /v1/keys"}},
			{Kind: sandbox.Status, Status: 503, Count: new(0), Match: sandbox.Match{Route: "GET /v1/keys"}},
		})
		if _, err := w.mint("app"); err == nil {
			t.Fatal("a key was handed out")
		}
		w.sandbox.ClearFaults()
		for range 2 { // the second time, no key in the ledger is of the first version
			_, err = w.process.SaveDefinition(ctx, w.storage, "mine", lost, false)
			w.must(err)
		}
		w.start(fault{})
		w.run(5*time.Minute, 20*time.Second)
		if alive := w.alive(); len(alive) > 0 {
			t.Errorf("alive: %v", alive)
		}
		w.noRotationLeft() // and nothing on the queue
	})(t)
}

// TestReplacedDefinitionRecovers what its process was making when it died: the
// versions that came since list elsewhere.
func TestReplacedDefinitionRecovers(t *testing.T) {
	for name, replace := range map[string]func(w *world, upload func()){
		"before the crash": func(w *world, upload func()) { upload(); w.start(fault{}) },
		"after the crash":  func(w *world, upload func()) { w.start(fault{}); upload() },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			good := uploadedSandbox(t, `delete = "/v1/keys/${key.id}"`)
			upload := func(source string) {
				_, err := w.process.SaveDefinition(context.Background(), w.storage, "mine", source, false)
				w.must(err)
			}
			upload(good)
			w.configure("mine", "box", "app", nil)
			w.makeOrphan() // as by a mint that never came into the ledger
			replace(w, func() {
				for _, elsewhere := range []string{"nowhere", "elsewhere"} {
					upload(strings.ReplaceAll(good, `"/v1/keys`, `"/v1/`+elsewhere))
				}
			})
			w.run(5*time.Minute, 20*time.Second)
			if orphans := w.orphans(); len(orphans) > 0 {
				t.Errorf("alive and held by nobody: %v", orphans)
			}
			if left := w.process.pending.recoveries.names(); len(left) > 0 {
				t.Errorf("not recovered: %v", left)
			}
		})
	}
}

// TestVersionIsKept: a version that was replaced stays in storage for as long as
// anything may need it, or as it cannot be told whether anything does.
func TestVersionIsKept(t *testing.T) {
	ctx := context.Background()
	const hash = "0123456789abcdef"
	for name, test := range map[string]struct {
		needs func(w *world) error
		gone  bool
	}{
		"nothing needs it": {needs: func(*world) error { return nil }, gone: true},
		"another provider's record": {gone: true, needs: func(w *world) error {
			return w.process.books.ledger.Write(ctx, w.storage, &ledger.Record{ID: strings.Repeat("ab", 16), Connection: "box", Provider: "other", Definition: hash, Handle: providers.Handle{Name: "key"}})
		}},
		"a record": {needs: func(w *world) error {
			return w.process.books.ledger.Write(ctx, w.storage, &ledger.Record{ID: strings.Repeat("ab", 16), Connection: "box", Provider: "cabinet", Definition: hash, Handle: providers.Handle{Name: "key"}})
		}},
		"an entry of the queue": {needs: func(w *world) error {
			return w.process.books.queue.Add(ctx, w.storage, queue.Entry{ID: "one", Kind: queue.CleanUp, Provider: "cabinet", Definition: hash}, false)
		}},
		"an intent of a mint in flight": {needs: func(w *world) error {
			return w.process.books.queue.Add(ctx, w.storage, queue.Entry{ID: "one", Kind: queue.Intent, Provider: "cabinet", Definition: hash}, true)
		}},
		"an entry of another process": {needs: func(w *world) error {
			return stored.Write(ctx, w.storage, queue.Prefix+"one", queue.Entry{Kind: queue.CleanUp, Connection: "box", Provider: "cabinet", Definition: hash})
		}},
		"a mark on disk": {needs: func(w *world) error {
			return stored.Write(ctx, w.storage, marks.Prefix+"one/other", marks.Mark{Windows: []marks.Window{{}}, Locations: []marks.Location{{Provider: "cabinet", Definition: hash}}})
		}},
		"a rotation under way": {needs: func(w *world) error {
			return stored.Write(ctx, w.storage, rotationPrefix+"one", rotationNote{Origin: origin.Origin{Provider: "cabinet", Definition: hash}})
		}},
		"a record that cannot be read": {needs: func(w *world) error {
			return w.storage.Put(ctx, &logical.StorageEntry{Key: ledger.Prefix + "ab/" + strings.Repeat("ab", 16), Value: []byte("{")})
		}},
		"a mark that cannot be read": {needs: func(w *world) error {
			return w.storage.Put(ctx, &logical.StorageEntry{Key: marks.Prefix + "one/other", Value: []byte("{")})
		}},
		"what a crash left is not taken over yet": {needs: func(w *world) error {
			w.process.pending.loading.over.Store(false)
			return nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, _ := cabinetWorld(t)
			w.must(stored.Write(ctx, w.storage, oldDefinitionPrefix+"cabinet/"+hash, upload{Source: cabinetDefinition, Hash: hash}))
			w.must(test.needs(w))
			w.uploadCabinet(cabinetDefinition + "\n# another version\n")
			kept, err := w.storage.List(ctx, oldDefinitionPrefix+"cabinet/")
			w.must(err)
			if gone := !slices.Contains(kept, hash); gone != test.gone {
				t.Errorf("kept are %v", kept)
			}
		})
	}
}

func TestUploadMistakes(t *testing.T) {
	for name, test := range map[string]struct {
		name, source string
		override     bool
		want         string
	}{
		"no HCL":                   {name: "mine", source: "provider {", want: "mine.hcl"},
		"typing error":             {name: "mine", source: strings.Replace(uploadedSandbox(t, `delete = "/v1/keys/${key.id}"`), "connection.admin_key }", "connection.admin_kye }", 1), want: `did you mean "admin_key"`},
		"another name":             {name: "yours", source: uploadedSandbox(t, `delete = "/v1/keys/${key.id}"`), want: `definitions/mine`},
		"too long":                 {name: "mine", source: strings.Repeat("#", providers.LongestDefinition+1), want: "at most 64 KiB"},
		"a field of a connection":  {name: "mine", source: strings.Replace(uploadedSandbox(t, `delete = "/v1/keys/${key.id}"`), "  role {\n", "  connection \"force\" { type = string }\n  role {\n", 1), want: `"force"`},
		"a field of a static role": {name: "mine", source: strings.ReplaceAll(strings.Replace(uploadedSandbox(t, `delete = "/v1/keys/${key.id}"`), "owner  = {", "overlap = {", 1), "role.owner", "role.overlap"), want: `"overlap"`},
		"shadows":                  {name: "sandbox", source: strings.Replace(uploadedSandbox(t, `delete = "/v1/keys/${key.id}"`), `"mine"`, `"sandbox"`, 1), want: "override=true"},
		"shadows, and says":        {name: "sandbox", source: strings.Replace(uploadedSandbox(t, `delete = "/v1/keys/${key.id}"`), `"mine"`, `"sandbox"`, 1), override: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			_, err := w.process.SaveDefinition(context.Background(), w.storage, test.name, test.source, test.override)
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var m *usererror.Error
			if !errors.As(err, &m) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %v, want %q", err, test.want)
			}
			if stored, err := w.process.Uploaded(context.Background(), w.storage, test.name); err != nil || stored {
				t.Errorf("it was stored: %v, %v", stored, err)
			}
		})
	}
}
