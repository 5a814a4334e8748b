package providers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/zclconf/go-cty/cty"

	"vault-plugin-secrets-apikeys/providers/internal/definition"
	"vault-plugin-secrets-apikeys/providers/internal/expr"
	"vault-plugin-secrets-apikeys/providers/internal/field"
)

// cleanUpTime bounds the undoing of a failed issue, which goes on after the
// caller's context has ended: what was made must not stay.
const cleanUpTime = 30 * time.Second

// Where only its name leads to the id of a key just made, it is looked for until its
// definition's lag is over. Between two looks is a pause that doubles; a list that cannot be
// read is read again for listRetryTime.
const (
	firstLookPause   = 500 * time.Millisecond
	longestLookPause = 8 * time.Second
	listRetryTime    = 8 * time.Second
)

// minting is one issue under way.
type minting struct {
	stepRunner
	req    KeyRequest
	handle Handle // complete once its ID is known
}

// Issue makes a key. When a later step fails, or an answer cannot be
// understood, the earlier steps have been undone by the time it returns; what
// could not be undone is the *Error's Leftover.
func (c *Client) Issue(ctx context.Context, req KeyRequest) (_ *Key, err error) {
	defer rescue("issue", &err)
	m, err := c.newMinting(req)
	if err != nil {
		return nil, notSent("issue", err)
	}
	last := len(c.def.Issue.Calls) - 1
	for i, step := range c.def.Issue.Calls {
		if failed := m.make(ctx, step); failed != nil {
			return nil, m.backOut(ctx, i, false, failed)
		}
	}
	key, failed := m.finish(ctx)
	if failed != nil {
		return nil, m.backOut(ctx, last, true, failed)
	}
	return key, nil
}

// KnownHandle is the handle that the key will have, where that is known before
// the provider is called.
func (c *Client) KnownHandle(req KeyRequest) (handle Handle, known bool) {
	defer func() {
		if recover() != nil {
			handle, known = Handle{}, false
		}
	}()
	if !c.def.Capabilities.KnownID {
		return Handle{}, false
	}
	m, err := c.newMinting(req)
	if err != nil {
		return Handle{}, false
	}
	for _, step := range c.def.Issue.Calls {
		if step.ForEach == nil {
			m.saveKnown(step.Save)
		}
	}
	m.saveKnown(c.def.Issue.Save)
	err = m.readID()
	return m.handle, err == nil
}

func (c *Client) newMinting(req KeyRequest) (*minting, error) {
	req.Role = field.WithDefaults(c.def.Role, req.Role)
	s, err := c.parameterScope(req.Role, nil)
	if err != nil {
		return nil, err
	}
	key := expr.Key{Name: req.Name, ExpiresAt: req.ExpiresAt, TTL: req.TTL, CIDRs: req.CIDRs}
	s = s.Metered(context.Background(), 0).With("key", key.Value())
	if s, err = withCandidate(c.def.Issue, s); err != nil {
		return nil, err
	}
	m := &minting{stepRunner: c.newStepRunner(c.def.Issue.Calls, s), req: req}
	m.scope.Secrets.Public = req.Name
	if candidate, chosen := s.Names["candidate"]; chosen {
		m.scope.Conceal(candidate)
	}
	return m, nil
}

// withCandidate puts what we choose of a new key in scope.
func withCandidate(b *definition.IssueBlock, s expr.Scope) (expr.Scope, error) {
	if len(b.Candidate) == 0 {
		return s, nil
	}
	chosen, err := s.Choose(b.Candidate)
	if err != nil {
		return s, err
	}
	candidate, err := given(b.Candidate, chosen)
	return s.With("candidate", candidate), err
}

// saveKnown keeps the members that can be computed without any answer; id
// needs no others, or the definition would not be one whose ids are known.
func (m *minting) saveKnown(members []expr.Member) {
	for _, member := range members {
		if !expr.ReadsAnswer(member.Expr) {
			_ = m.saveAll([]expr.Member{member}, anyTime)
		}
	}
}

// finish reads the key out of the answers.
func (m *minting) finish(ctx context.Context) (*Key, *Error) {
	issue := m.c.def.Issue
	// Whatever can be read is read, so that a key that was made and cannot be
	// handed out is revoked by what is known of it.
	saveErr := m.saveAll(issue.Save, anyTime)
	secret, value, secretErr := m.readSecret()
	var idErr error
	if issue.ID != nil {
		idErr = m.readID()
	} else if secretErr == nil {
		idErr = m.findID(ctx)
	}
	for name := range m.c.def.Required.Secret {
		if m.handle.Secret == nil {
			m.handle.Secret = Values{}
		}
		m.handle.Secret[name] = secret[name]
		m.handle.Sealed = true
	}
	granted, grantErr := readActualExpiry(issue.ActualExpiry, m.strictly())
	granted.ahead = m.ahead
	if err := errors.Join(saveErr, secretErr, idErr, grantErr, m.lacks()); err != nil {
		return nil, m.unusable("issue", err)
	}
	return &Key{Handle: m.handle, Secret: secret, Value: value, ActualExpiry: granted, Granted: m.readGrant()}, nil
}

// lacks names a saved value that the answer did not hold and without which the
// key can never be revoked.
func (m *minting) lacks() error {
	for _, name := range expr.SortedNames(m.c.def.Required.InPaths) {
		if value, kept := m.saved[name]; kept && hasNull(value) {
			return fmt.Errorf("save.%s: %w", name, expr.ErrMissing)
		}
	}
	return nil
}

// hasNull reports whether a saved value, or one of those that a step with for_each has
// saved, is null.
func hasNull(value cty.Value) bool {
	return value.IsNull() || slices.ContainsFunc(expr.ElementsOf(value), cty.Value.IsNull)
}

// readSecret computes the fields for the reader. Whatever can be read is
// concealed from errors even when the rest fails.
func (m *minting) readSecret() (Values, string, error) {
	secret, value := Values{}, ""
	var firstErr error
	for i, member := range m.c.def.Issue.Secret {
		got, err := m.scope.Evaluate(member.Expr)
		if err == nil && (got.IsNull() || !got.IsWhollyKnown()) {
			err = expr.ErrMissing
		}
		if err == nil {
			m.scope.Secrets.Add(expr.AllTexts(got)...)
			secret[member.Name] = Exact(expr.FromCty(got))
			if i == 0 {
				value, _ = expr.TextOf(got)
				if value == "" {
					err = expr.ErrMissing
				}
			}
		}
		if err != nil && firstErr == nil {
			firstErr = fmt.Errorf("secret.%s: %w", member.Name, err)
		}
	}
	return secret, value, firstErr
}

// readID computes the key's id and with it the handle.
func (m *minting) readID() error {
	if m.c.def.Issue.ID == nil {
		return errors.New("the id is found by name only")
	}
	id, value, err := m.scope.Text(m.c.def.Issue.ID)
	if err != nil {
		return fmt.Errorf("id: %w", err)
	}
	m.handle = m.newHandle(m.c.def.Required.Role, m.c.def.Required.Connection, m.c.def.Required.Saved)
	m.handle.ID = id
	m.keepGiven()
	if m.isSecret(value) {
		m.handle.Sealed = true
	}
	return nil
}

// keepGiven keeps the parameters of which the id holds the text, beside those that requests
// mention.
func (m *minting) keepGiven() {
	h := &m.handle
	h.Role, h.Connection = withGiven(h.Role, m.c.def.Role, m.req.Role, h.ID), withGiven(h.Connection, m.c.def.Connection, m.c.fields, h.ID)
}

func withGiven(kept Values, fields Fields, values Values, id string) Values {
	for _, field := range fields {
		text, ok := values[field.Name].(string)
		if !ok || text == "" || field.Sensitive || !strings.Contains(id, text) {
			continue
		}
		if kept == nil {
			kept = Values{}
		}
		kept[field.Name] = text
	}
	return kept
}

// findID looks the new key up by its name, for as long as its provider may not show it.
func (m *minting) findID(ctx context.Context) error {
	scope := m.c.def.ListingScope(m.req.Role, m.c.fields)
	// Where the request was carried out twice, nobody can tell which of two ids is the key's.
	look, made := Look{Name: m.req.Name, All: true}, time.Now()
	if m.c.def.Lookup == nil {
		look.Part = m.req.Part
	}
	for pause := firstLookPause; ; pause = min(2*pause, longestLookPause) {
		asked := time.Now()
		found, err := m.c.Find(ctx, scope, look)
		err = errors.Join(append(found.Unreadable, err)...)
		patience := m.c.def.Lag
		switch {
		case err != nil:
			patience = min(patience, listRetryTime)
		case len(found.Keys) == 0:
			err = errors.New("the key is not in the provider's list")
			look.Part = m.req.Part // the list may show it under a name that the provider made of its own
		case len(found.Keys) == 1:
			m.takeHandle(found.Keys[0].Handle)
			return nil
		default:
			return errors.New("the provider lists several keys of this name")
		}
		// Only a look that began after that time says that the key will not show. Who would be
		// told that time is up is told why instead.
		rest := min(pause, max(0, time.Until(made.Add(patience))))
		deadline, limited := ctx.Deadline()
		if asked.Sub(made) >= patience || limited && time.Until(deadline) <= rest || sleep(ctx, rest) != nil {
			return fmt.Errorf("id: %w", err)
		}
	}
}

// takeHandle completes the key's handle by what the list tells of it.
func (m *minting) takeHandle(listed Handle) {
	m.handle = m.newHandle(m.c.def.Required.Role, m.c.def.Required.Connection, m.c.def.Required.Saved)
	m.handle.ID, m.handle.Sealed = listed.ID, m.handle.Sealed || listed.Sealed
	for name, value := range listed.Saved {
		if m.handle.Saved == nil {
			m.handle.Saved = Values{}
		}
		if _, kept := m.handle.Saved[name]; !kept {
			m.handle.Saved[name] = value
		}
	}
	m.keepGiven()
}

// newHandle keeps the named parameters and saved values.
func (m *minting) newHandle(role, connection, saved expr.References) Handle {
	h := Handle{
		Name:       m.req.Name,
		Role:       role.Pick(m.req.Role),
		Connection: connection.Pick(m.c.fields),
		Bound:      len(m.req.CIDRs) > 0 || m.c.def.Role.BindAddresses(m.req.Role) || m.c.def.Connection.BindAddresses(m.c.fields),
	}
	for name := range saved {
		value, ok := m.saved[name]
		if !ok || value.IsNull() {
			continue
		}
		if h.Saved == nil {
			h.Saved = Values{}
		}
		h.Saved[name] = expr.FromCty(value)
		if m.isSecret(value) {
			h.Sealed = true
		}
	}
	return h
}

// sleep waits, or returns early with the context's error.
func sleep(ctx context.Context, pause time.Duration) error {
	if pause <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
