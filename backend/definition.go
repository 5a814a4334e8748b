package backend

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/stored"
	"vault-plugin-secrets-apikeys/backend/usererror"
	"vault-plugin-secrets-apikeys/providers"
)

// Operators upload definitions of their own beside the built-in ones. A version
// that is replaced stays in storage for as long as keys are alive that it made:
// they are revoked, and what the queue holds is cleared up, as it says.
const (
	definitionPrefix    = "definition/"
	oldDefinitionPrefix = "old-definition/"
)

// upload is an uploaded definition.
type upload struct {
	Source string `json:"source"`
	Hash   string `json:"hash"`
	// Replaced is when another one came in its place, in one that is kept; zero where that
	// was not noted.
	Replaced time.Time `json:"replaced,omitzero"`
}

// definitions caches what was parsed, by hash.
type definitions struct {
	mu     sync.Mutex
	byHash map[string]*providers.Definition
}

func (d *definitions) parse(name string, u *upload) (*providers.Definition, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if cached := d.byHash[u.Hash]; cached != nil {
		return cached, nil
	}
	parsed, err := providers.Parse(name+".hcl", []byte(u.Source))
	if err != nil {
		return nil, fmt.Errorf("the stored definition of provider %q is no longer understood: %w", name, err)
	}
	if d.byHash == nil {
		d.byHash = map[string]*providers.Definition{}
	}
	d.byHash[u.Hash] = parsed
	return parsed, nil
}

// forget drops the versions of a provider's definition; those that are still needed are
// read again.
func (d *definitions) forget(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	maps.DeleteFunc(d.byHash, func(_ string, one *providers.Definition) bool { return one.Name == name })
}

// Definition returns the definition of a provider: an uploaded one, or else the
// built-in one.
func (e *Engine) Definition(ctx context.Context, s logical.Storage, name string) (*providers.Definition, error) {
	uploaded, err := stored.Read[upload](ctx, s, definitionPrefix+name)
	if err != nil {
		return nil, err
	}
	if uploaded != nil {
		return e.clients.definitions.parse(name, uploaded)
	}
	definition, err := providers.Load(name)
	if errors.Is(err, providers.ErrNotBuiltIn) {
		names, listErr := e.Definitions(ctx, s)
		if listErr != nil {
			return nil, listErr
		}
		return nil, usererror.Errorf("there is no provider %q; %s", name, instead(name, names, "list providers/ for all, or upload its definition to definitions/"+name))
	}
	return definition, err
}

// Uploaded reports whether a provider's definition was uploaded.
func (e *Engine) Uploaded(ctx context.Context, s logical.Storage, name string) (bool, error) {
	uploaded, err := stored.Read[upload](ctx, s, definitionPrefix+name)
	return uploaded != nil, err
}

// Definitions lists the names of all providers, built-in and uploaded, sorted.
func (e *Engine) Definitions(ctx context.Context, s logical.Storage) ([]string, error) {
	uploaded, err := e.UploadedDefinitions(ctx, s)
	if err != nil {
		return nil, err
	}
	names := append(slices.Clone(providers.BuiltIn()), uploaded...)
	slices.Sort(names)
	return slices.Compact(names), nil
}

// UploadedDefinition is the text of a definition as it was uploaded, which need not be one
// that this version of the engine can read; "" where none was.
func (e *Engine) UploadedDefinition(ctx context.Context, s logical.Storage, name string) (string, error) {
	uploaded, err := stored.Read[upload](ctx, s, definitionPrefix+name)
	if err != nil || uploaded == nil {
		return "", err
	}
	return uploaded.Source, nil
}

// UploadedDefinitions lists the providers whose definitions were uploaded, sorted.
func (e *Engine) UploadedDefinitions(ctx context.Context, s logical.Storage) ([]string, error) {
	names, err := s.List(ctx, definitionPrefix)
	if err != nil {
		return nil, fmt.Errorf("listing the uploaded definitions: %w", err)
	}
	slices.Sort(names)
	return names, nil
}

// UploadOptions say how a definition is stored.
type UploadOptions struct {
	// Override allows one with the name of a built-in provider.
	Override bool
	// Force allows one under which stored admin credentials go elsewhere.
	Force bool
}

// UploadDefinition checks an uploaded definition and stores it. moved are the connections whose admin credential it sends elsewhere.
func (e *Engine) UploadDefinition(ctx context.Context, s logical.Storage, name, source string, o UploadOptions) (_ *providers.Definition, moved []string, err error) {
	parsed, err := providers.Parse(name+".hcl", []byte(source))
	if err != nil {
		return nil, nil, usererror.Errorf("%s", err)
	}
	if parsed.Name != name {
		return nil, nil, usererror.Errorf("the definition is of provider %q; write it to definitions/%s, or change its name", parsed.Name, parsed.Name)
	}
	if slices.Contains(providers.BuiltIn(), name) && !o.Override {
		return nil, nil, usererror.Errorf("provider %q is built in; choose another name, or repeat with override=true to use this definition instead", name)
	}
	if err := RefuseReservedNames(parsed); err != nil {
		return nil, nil, err
	}
	if moved, err = e.refuseLeadingElsewhere(ctx, s, parsed, o.Force); err != nil {
		return nil, nil, err
	}
	if err := e.keepVersion(ctx, s, name); err != nil {
		return nil, nil, err
	}
	there, err := e.Uploaded(ctx, s, name)
	if err != nil {
		return nil, nil, err
	}
	if err := stored.Write(ctx, s, definitionPrefix+name, upload{Source: source, Hash: parsed.Hash()}); err != nil {
		return nil, nil, fmt.Errorf("storing the definition of provider %q: %w", name, err)
	}
	e.tellChanged(eventDefinition, howWritten(there), name)
	return parsed, moved, e.resetProvider(ctx, s, name)
}

// DeleteDefinition removes an uploaded definition; the built-in one of the same
// name, if any, is in use again. While connections use it, it refuses unless
// forced.
func (e *Engine) DeleteDefinition(ctx context.Context, s logical.Storage, name string, force bool) error {
	uploaded, err := e.Uploaded(ctx, s, name)
	if err != nil {
		return err
	}
	if !uploaded {
		if slices.Contains(providers.BuiltIn(), name) {
			return usererror.Errorf("provider %q is built in and cannot be deleted", name)
		}
		return nil
	}
	if !force {
		if err := e.refuseWhileReferenced(ctx, s, name); err != nil {
			return err
		}
	}
	if err := e.keepVersion(ctx, s, name); err != nil {
		return err
	}
	if err := s.Delete(ctx, definitionPrefix+name); err != nil {
		return fmt.Errorf("deleting the definition of provider %q: %w", name, err)
	}
	e.tellChanged(eventDefinition, eventDeleted, name)
	return e.resetProvider(ctx, s, name)
}

// refuseWhileReferenced refuses to take a definition from under its connections.
func (e *Engine) refuseWhileReferenced(ctx context.Context, s logical.Storage, name string) error {
	connections, err := e.connectionsOf(ctx, s, name)
	if err != nil || len(connections) == 0 {
		return err
	}
	return usererror.Errorf("provider %q is used by connection %s; delete that first, or repeat with force=true", name, strings.Join(connections, ", "))
}

func (e *Engine) connectionsOf(ctx context.Context, s logical.Storage, provider string) ([]string, error) {
	names, err := e.Connections(ctx, s)
	if err != nil {
		return nil, err
	}
	var using []string
	for _, name := range names {
		connection, err := e.Connection(ctx, s, name)
		if err != nil {
			return nil, err
		}
		if connection != nil && connection.Provider == provider {
			using = append(using, name)
		}
	}
	return using, nil
}

// keepVersion keeps the version in use for what it made, and drops the versions
// of which nothing is left.
func (e *Engine) keepVersion(ctx context.Context, s logical.Storage, name string) error {
	if err := e.dropVersions(ctx, s, name); err != nil {
		return err
	}
	current, err := stored.Read[upload](ctx, s, definitionPrefix+name)
	if err != nil || current == nil {
		return err
	}
	// A mint may be in flight that the ledger does not show yet, so the version
	// in use is kept in any case.
	current.Replaced = e.now()
	if err := stored.Write(ctx, s, oldDefinitionPrefix+name+"/"+current.Hash, current); err != nil {
		return fmt.Errorf("keeping the replaced definition: %w", err)
	}
	return nil
}

// dropVersions drops the replaced versions of which nothing is left. Where that
// cannot be told, all of them stay.
func (e *Engine) dropVersions(ctx context.Context, s logical.Storage, name string) error {
	return e.dropVersionsIf(ctx, s, name, func(string) (bool, error) { return true, nil })
}

// dropVersionsIf is dropVersions for those that are old enough, by their paths.
func (e *Engine) dropVersionsIf(ctx context.Context, s logical.Storage, name string, isOld func(path string) (bool, error)) error {
	if !e.pending.loading.over.Load() {
		return nil // not all is known yet that a crash has left
	}
	if err := e.refuseWhileReading(ctx, s); errors.Is(err, errLedgerReading) {
		return nil
	} else if err != nil {
		return err
	}
	inUse, err := e.versionsInUse(ctx, s, name)
	if errors.Is(err, stored.ErrUnreadable) {
		e.log.Warn("the replaced versions of a definition are kept, because something in storage cannot be read that may need one", "provider", name, "error", err)
		return nil
	}
	if err != nil {
		return err
	}
	prefix := oldDefinitionPrefix + name + "/"
	kept, err := s.List(ctx, prefix)
	if err != nil {
		return fmt.Errorf("listing replaced definitions: %w", err)
	}
	for _, hash := range kept {
		if inUse[hash] {
			continue
		}
		if old, err := isOld(prefix + hash); err != nil {
			return err
		} else if !old {
			continue
		}
		if err := s.Delete(ctx, prefix+hash); err != nil {
			return fmt.Errorf("dropping a replaced definition: %w", err)
		}
		e.clients.definitions.forget(name)
	}
	return nil
}

const (
	// sweptAtOnce bounds how many providers' replaced definitions are looked at in one
	// sweep.
	sweptAtOnce = 10
	// longestReplaced is for how long a replaced version stays of which nothing is known to
	// be left: a lease may be of a key that the ledger does not have.
	longestReplaced = longestMissing
)

// sweepVersions drops the replaced versions of which nothing has been left for long, of some
// providers at a time, one after another: nobody may upload another one ever again.
func (e *Engine) sweepVersions(ctx context.Context, s logical.Storage) error {
	if e.passive() || !e.books.ledger.IsSettled() {
		return nil
	}
	folders, err := s.List(ctx, oldDefinitionPrefix)
	if err != nil {
		return fmt.Errorf("listing replaced definitions: %w", err)
	}
	slices.Sort(folders)
	from, _ := slices.BinarySearch(folders, e.pending.sweptUntil)
	until := min(from+sweptAtOnce, len(folders))
	for _, folder := range folders[from:until] {
		err := e.dropVersionsIf(ctx, s, strings.TrimSuffix(folder, "/"), func(path string) (bool, error) { return e.isReplacedForLong(ctx, s, path) })
		if err != nil {
			return err
		}
	}
	e.pending.sweptUntil = ""
	if until < len(folders) {
		e.pending.sweptUntil = folders[until]
	}
	return nil
}

// isReplacedForLong reports whether a version was replaced long ago. Where that was not noted,
// by an earlier version of the engine, it counts from now on.
func (e *Engine) isReplacedForLong(ctx context.Context, s logical.Storage, path string) (bool, error) {
	version, err := stored.Read[upload](ctx, s, path)
	if err != nil || version == nil {
		return false, err
	}
	if version.Replaced.IsZero() || version.Replaced.After(e.now()) {
		version.Replaced = e.now()
		return false, stored.Write(ctx, s, path, version)
	}
	return e.now().Sub(version.Replaced) > longestReplaced, nil
}

// versionsInUse are the hashes of the definition's versions that something may
// still need: a record, an entry of the queue, an intent of a mint in flight, a
// mark on disk, a rotation under way. After errUnreadable it is not all.
func (e *Engine) versionsInUse(ctx context.Context, s logical.Storage, name string) (map[string]bool, error) {
	inUse := map[string]bool{}
	made, err := e.books.ledger.DefinitionsOf(ctx, s, name)
	if err != nil {
		return nil, err
	}
	for _, hash := range made {
		inUse[hash] = true
	}
	marks, err := e.books.marks.All(ctx, s)
	if err != nil {
		return nil, err
	}
	for _, m := range marks {
		m.Mark.DefinitionsInUse(inUse, name)
	}
	if err := e.books.queue.DefinitionsInUse(ctx, s, inUse, name); err != nil {
		return nil, err
	}
	if err := e.rotationsInUse(ctx, s, inUse, name); err != nil {
		return nil, err
	}
	e.books.marks.DefinitionsInUse(inUse, name)
	e.pending.recoveries.definitionsInUse(inUse, name)
	return inUse, nil
}

// rotationsInUse notes the hashes of a provider's definitions that began the
// rotations under way.
func (e *Engine) rotationsInUse(ctx context.Context, s logical.Storage, inUse map[string]bool, provider string) error {
	names, err := s.List(ctx, rotationPrefix)
	if err != nil {
		return fmt.Errorf("listing unfinished rotations: %w", err)
	}
	for _, name := range names {
		note, err := stored.Read[rotationNote](ctx, s, rotationPrefix+name)
		if err != nil {
			return err
		}
		if note != nil && note.Origin.Provider == provider {
			inUse[note.Origin.Definition] = true
		}
	}
	return nil
}

// resetProvider drops the cached clients of a provider's connections.
func (e *Engine) resetProvider(ctx context.Context, s logical.Storage, name string) error {
	e.clients.definitions.forget(name)
	connections, err := e.connectionsOf(ctx, s, name)
	for _, connection := range connections {
		e.ResetConnection(connection)
		e.retryQueued(connection)
	}
	return err
}
