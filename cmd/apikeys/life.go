package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/paths"
	"vault-plugin-secrets-apikeys/providers"
)

const (
	// mountedName is what the connection and the role are called.
	mountedName = "try"
	// cleanUpTime bounds the clearing up, which goes on after an interrupt.
	cleanUpTime = time.Minute
)

// askAgain is the pause between two looks at the provider; tests have no need of
// one.
var askAgain = time.Second

// life is one key's, held by the engine in this process on storage in memory,
// and watched by a client of its own.
type life struct {
	*report
	definition *providers.Definition
	command    *tryCommand
	engine     logical.Backend
	storage    logical.Storage
	client     *providers.Client
	scope      providers.ListingScope
	fields     providers.Values // of the connection

	lease   *logical.Secret // nil before the mint and after the revocation
	keyName string
	look    providers.Look // by which the key is found at the provider
	dead    bool           // the key was seen dead, or unlisted
	secret  providers.Values
	seed    []byte             // of the mount
	found   []providers.Listed // as the provider listed the key
}

func newLife(ctx context.Context, d *providers.Definition, c *tryCommand, r *report) (*life, error) {
	r.secrets = append(r.secrets, c.secretsOf(d)...)
	l := &life{report: r, definition: d, command: c, storage: &logical.InmemStorage{}}
	mount, err := ledger.OpenMount(ctx, l.storage) // what the engine takes then, too
	if err != nil {
		return nil, err
	}
	l.seed = mount.Salt
	if err := l.connect(); err != nil {
		return nil, err
	}
	engine, err := paths.Factory(ctx, &logical.BackendConfig{
		Logger:      hclog.NewNullLogger(),
		StorageView: l.storage,
		System:      &logical.StaticSystemView{DefaultLeaseTTLVal: c.TTL, MaxLeaseTTLVal: 10 * 365 * 24 * time.Hour},
		BackendUUID: mountedName,
	})
	if err != nil {
		return nil, err
	}
	l.engine = engine
	return l, engine.Initialize(ctx, &logical.InitializationRequest{Storage: l.storage})
}

// connect makes the client that watches.
func (l *life) connect() error {
	fields, err := l.definition.Connection.Merge(nil, anyOf(l.command.Connection), engineFields)
	if err != nil {
		return err
	}
	role, err := l.definition.Role.Merge(nil, anyOf(l.command.Role), engineFields)
	if err != nil {
		return err
	}
	l.scope, l.fields = l.definition.ListingScope(role, fields), fields
	l.client, err = l.clientOf(l.definition)
	return err
}

// clientOf is a client of a definition with the connection that is tried.
func (l *life) clientOf(d *providers.Definition) (*providers.Client, error) {
	return providers.NewClient(d, providers.Settings{
		Values:    l.fields,
		BaseURL:   l.command.Connection["base_url"],
		AllowHTTP: l.command.Connection["allow_http"] == "true",
		Seed:      l.seed,
	})
}

// engineFields are the engine's own that stand beside the provider's.
var engineFields = []string{"base_url", "allow_http"}

func anyOf(texts map[string]string) map[string]any {
	values := make(map[string]any, len(texts))
	for name, text := range texts {
		values[name] = text
	}
	return values
}

// live goes on for as long as there is something to go on with.
func (l *life) live(ctx context.Context) {
	for _, step := range []func(context.Context) error{
		l.upload, l.configure, l.mint, l.works, l.isRefusedOutside, l.isListed, l.revoke, l.isDead, l.isUnlisted, l.revokeAgain,
	} {
		if err := step(ctx); err != nil {
			l.wrong("%s", err)
			return
		}
	}
}

// do makes a request as Vault would.
func (l *life) do(ctx context.Context, operation logical.Operation, path string, data map[string]any) (*logical.Response, error) {
	resp, err := l.engine.HandleRequest(ctx, &logical.Request{Operation: operation, Path: path, Data: data, Storage: l.storage, DisplayName: "try"})
	if err != nil {
		return nil, err
	}
	if resp.IsError() {
		return nil, resp.Error()
	}
	return resp, nil
}

// upload gives the engine a definition that is not built in.
func (l *life) upload(ctx context.Context) error {
	if builtIn, err := providers.Load(l.definition.Name); err == nil && builtIn == l.definition {
		return nil
	}
	_, err := l.do(ctx, logical.UpdateOperation, "definitions/"+l.definition.Name, map[string]any{
		"definition": l.definition.Source(),
		"override":   true,
	})
	return err
}

func (l *life) configure(ctx context.Context) error {
	if !l.definition.Capabilities.Check {
		l.note("the definition has no check, so the admin credential was not tried")
	} else if err := l.client.Check(ctx); err != nil {
		return fmt.Errorf("the admin credential is not accepted: %w", err)
	} else {
		l.ok("the admin credential works")
	}
	config := anyOf(l.command.Connection)
	config["provider"], config["allowed_roles"], config["verify_connection"] = l.definition.Name, mountedName, false
	if _, err := l.do(ctx, logical.CreateOperation, "config/"+mountedName, config); err != nil {
		return err
	}
	role := anyOf(l.command.Role)
	role["connection"], role["ttl"] = mountedName, l.command.TTL.String()
	_, err := l.do(ctx, logical.CreateOperation, "roles/"+mountedName, role)
	return err
}

func (l *life) mint(ctx context.Context) error {
	resp, err := l.do(ctx, logical.ReadOperation, "creds/"+mountedName, nil)
	if err != nil {
		return err
	}
	l.lease = resp.Secret
	l.keyName, _ = resp.Data["key_name"].(string)
	l.secret = providers.Values{}
	for _, name := range l.definition.SecretFields() {
		value := resp.Data[name]
		l.secret[name] = value
		if text, ok := value.(string); ok {
			l.secrets = append(l.secrets, text)
		}
	}
	if err := l.learnLook(ctx); err != nil {
		return err
	}
	end := "the provider does not end it by itself"
	if at, ok := resp.Data["expires_at"].(string); ok {
		end = "the provider itself ends it at " + at
	}
	l.ok("minted %s, held by a lease of %s; %s", l.keyName, resp.Secret.TTL, end)
	for _, warning := range resp.Warnings {
		l.note("%s", warning)
	}
	return nil
}

// learnLook says how the key is found: by its name, or by its id where it has none.
func (l *life) learnLook(ctx context.Context) error {
	l.look = providers.Look{Name: l.keyName}
	if l.definition.Capabilities.Lookup {
		return nil
	}
	for r, err := range ledger.All(ctx, l.storage) {
		if err != nil {
			return err
		}
		l.look = providers.Look{ID: r.Handle.ID}
	}
	return nil
}

func (l *life) works(ctx context.Context) error {
	if !l.definition.Capabilities.Probe {
		l.note("the definition has no probe, so the key was not used")
		return nil
	}
	if err := l.await(ctx, func() (bool, error) { return l.probed(ctx, providers.Alive) }); err != nil {
		return fmt.Errorf("the new key does not work: %w", err)
	}
	l.ok("used it: it works")
	return nil
}

// probed reports whether the provider says this of the key.
func (l *life) probed(ctx context.Context, want providers.Liveness) (bool, error) {
	got, err := l.client.Probe(ctx, l.secret)
	return err == nil && got == want, err
}

func (l *life) isListed(ctx context.Context) error {
	if !l.definition.Capabilities.ShowsKeys() {
		l.note("the definition has neither list nor lookup, so a key whose making had no answer cannot be found")
		return nil
	}
	if err := l.await(ctx, func() (bool, error) { return l.listed(ctx, true) }); err != nil {
		return fmt.Errorf("the key is not found at the provider by its %s: %w", l.foundBy(), err)
	}
	l.ok("found it at the provider by its %s", l.foundBy())
	return nil
}

func (l *life) foundBy() string {
	if l.look.Name == "" {
		return "id, since keys have no names there"
	}
	return "name"
}

// listed reports whether the key is listed, or is not.
func (l *life) listed(ctx context.Context, want bool) (bool, error) {
	found, err := l.client.Find(ctx, l.scope, l.look)
	if len(found.Keys) > 0 {
		l.found = found.Keys
		return want, err
	}
	return !want && found.Absent(), err
}

func (l *life) revoke(ctx context.Context) error {
	err := l.endLease(ctx)
	if err == nil {
		l.ok("revoked it: the provider said yes")
		if can := l.definition.Capabilities; !can.Probe && !can.ShowsKeys() {
			l.unproven = "nothing shows whether the key is dead: without probe, list and lookup, a revoke of a misspelt path would look the same; write one of them, or look at the provider"
			l.note("%s", l.unproven)
		}
		return nil
	}
	if l.isAlive(ctx) {
		return fmt.Errorf("the key was not revoked, and is alive; look at the path of revoke, and at gone: %w", err)
	}
	return fmt.Errorf("the key was not revoked: %w", err)
}

// isAlive reports whether the provider shows that the key is.
func (l *life) isAlive(ctx context.Context) bool {
	if l.definition.Capabilities.Probe {
		alive, err := l.probed(ctx, providers.Alive)
		return alive && err == nil
	}
	listed, err := l.listed(ctx, true)
	return l.definition.Capabilities.ShowsKeys() && listed && err == nil
}

func (l *life) endLease(ctx context.Context) error {
	resp, err := l.engine.HandleRequest(ctx, &logical.Request{Operation: logical.RevokeOperation, Storage: l.storage, Secret: l.lease})
	if err != nil {
		return err
	}
	if resp.IsError() {
		return resp.Error()
	}
	l.lease = nil
	return nil
}

func (l *life) isDead(ctx context.Context) error {
	if !l.definition.Capabilities.Probe {
		return nil // told by works
	}
	began := time.Now()
	if err := l.await(ctx, func() (bool, error) { return l.probed(ctx, providers.Dead) }); err != nil {
		return fmt.Errorf("the provider only SAID that it revoked the key, which still works; look at the path of revoke, and at gone: %w", err)
	}
	l.dead = true
	l.ok("used it again: it is dead%s", after(began))
	return nil
}

func (l *life) isUnlisted(ctx context.Context) error {
	if !l.definition.Capabilities.ShowsKeys() {
		return nil // told by isListed
	}
	if err := l.await(ctx, func() (bool, error) { return l.listed(ctx, false) }); err != nil {
		return fmt.Errorf("the provider only SAID that it revoked the key, which is still listed; look at the path of revoke, and at gone: %w", err)
	}
	l.dead = true
	l.ok("the provider does not list it any more")
	return nil
}

// revokeAgain sees that a key that is gone already is revoked without an error,
// as it must be where an operator deleted it by hand.
func (l *life) revokeAgain(ctx context.Context) error {
	for _, listed := range l.found {
		if err := l.client.Revoke(ctx, listed.Handle); err != nil {
			return fmt.Errorf("revoking a key that is gone is refused, so leases of keys deleted by hand would never end; write what the provider answers into gone: %w", err)
		}
		l.ok("revoking it again is no error")
	}
	return nil
}

// await asks until the answer is yes, for as long as the command's patience is.
func (l *life) await(ctx context.Context, yes func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, l.command.Patience)
	defer cancel()
	for {
		is, err := yes()
		if is {
			return nil
		}
		select {
		case <-ctx.Done():
			if err == nil || errors.Is(err, context.DeadlineExceeded) {
				err = fmt.Errorf("not within %s", l.command.Patience)
			}
			return err
		case <-time.After(askAgain):
		}
	}
}

// close ends what is left of the key, interrupted or not, and says what stays.
func (l *life) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTime)
	defer cancel()
	defer l.client.Close()
	defer l.engine.Cleanup(ctx)
	if l.lease != nil {
		switch err := l.endLease(ctx); {
		case err == nil:
			l.ok("cleaned up: the key of a life cut short is revoked")
		case l.isSeenDead(ctx):
			// The engine goes on asking for as long as the provider may not know a key
			// this young; here it has been seen.
			l.ok("cleaned up: the key of a life cut short is dead")
			return
		default:
			l.note("ending the key of a life cut short: %s", err)
		}
	}
	if err := l.drain(ctx); err != nil {
		l.wrong("something is left at the provider; look there for keys named %s-…: %s", mountedName, err)
		return
	}
	if l.failed > 0 && l.keyName != "" && !l.dead {
		l.wrong("key %s was never seen dead; look for it at the provider, and delete it there by hand", l.keyName)
	}
}

// isSeenDead reports whether the key itself shows that it is.
func (l *life) isSeenDead(ctx context.Context) bool {
	if !l.definition.Capabilities.Probe {
		return false
	}
	dead, err := l.probed(ctx, providers.Dead)
	l.dead = l.dead || dead && err == nil
	return l.dead
}

// drain waits until the engine has cleared up what a mint or a revocation left.
func (l *life) drain(ctx context.Context) error {
	return l.await(ctx, func() (bool, error) {
		resp, err := l.do(ctx, logical.ListOperation, "queue/", nil)
		if err != nil {
			return false, err
		}
		waiting, _ := resp.Data["keys"].([]string)
		return len(waiting) == 0, nil
	})
}

// after says how long something took that was not at once.
func after(began time.Time) string {
	if took := time.Since(began).Round(time.Second); took > 0 {
		return ", " + took.String() + " after that"
	}
	return ""
}
