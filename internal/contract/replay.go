package contract

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"vault-plugin-secrets-apikeys/providers"
)

// patience bounds each call of the client. Nothing waits: it is for a definition
// that asks without end.
const patience = 10 * time.Second

// Replay has a definition make the requests of an exchange, and read its answers.
// It answers what was not as the exchange says, nil where all was. document, which
// may be nil, is what the requests are held against as well.
func Replay(ctx context.Context, d *providers.Definition, x *Exchange, document *Document) []string {
	r, err := newReplaying(d, x, document)
	if err != nil {
		return []string{err.Error()}
	}
	defer r.close()
	for i, step := range x.Steps {
		r.carryOut(ctx, i, step)
	}
	for _, needed := range r.needed(x) {
		if !slices.ContainsFunc(x.Steps, func(s *Step) bool { return s.Do == needed }) {
			r.wrong("the exchange has no step %q, without which it proves too little", needed)
		}
	}
	return r.list
}

// replaying carries out the steps of an exchange, on the key issued last.
type replaying struct {
	*subject
	player   *Player
	client   *providers.Client
	key      *providers.Key
	rotation *providers.Rotation
	at       string // the step that is carried out, for what is wrong in it
}

func newReplaying(d *providers.Definition, x *Exchange, document *Document) (*replaying, error) {
	s, err := newSubject(d, x.Connection, x.Role)
	if err != nil {
		return nil, err
	}
	if x.Now != "" {
		now, err := time.Parse(time.RFC3339, x.Now)
		if err != nil {
			return nil, fmt.Errorf("now is no RFC 3339 time: %w", err)
		}
		s.now = func() time.Time { return now }
	}
	r := &replaying{subject: s}
	if r.player, err = NewPlayer(x, document); err != nil {
		return nil, err
	}
	if s.way, err = NewInternet(r.player); err != nil {
		return nil, err
	}
	if r.client, err = s.client(s.connection); err != nil {
		s.way.Close()
		return nil, err
	}
	return r, nil
}

func (r *replaying) close() {
	r.client.Close()
	r.way.Close()
}

func (r *replaying) wrong(format string, args ...any) {
	r.findings.wrong("%s: %s", r.at, fmt.Sprintf(format, args...))
}

// needed are the steps without which an exchange proves too little.
func (r *replaying) needed(x *Exchange) []string {
	r.at = "exchange"
	if !x.Rotates() {
		return []string{"check", "issue", "revoke"}
	}
	needed := []string{"rotate"}
	if !r.Capabilities.RotateInPlace {
		needed = append(needed, "retire")
	}
	if r.client.RotationListable() {
		needed = append(needed, "stray")
	}
	return needed
}

// actions are what a step can do, by its label.
var actions = map[string]func(*replaying, context.Context, *Step) error{
	"check":  func(r *replaying, ctx context.Context, _ *Step) error { return r.client.Check(ctx) },
	"issue":  (*replaying).issue,
	"list":   (*replaying).listed,
	"find":   (*replaying).found,
	"extend": (*replaying).extended,
	"probe":  (*replaying).alive,
	"revoke": func(r *replaying, ctx context.Context, _ *Step) error { return r.client.Revoke(ctx, r.key.Handle) },
	"rotate": (*replaying).rotated,
	"stray":  (*replaying).strayed,
	"retire": (*replaying).retired,
}

// withoutKey are the actions that need no key.
var withoutKey = []string{"check", "issue", "rotate", "stray", "retire"}

func (r *replaying) carryOut(ctx context.Context, number int, step *Step) {
	r.at = fmt.Sprintf("step %d, %s", number+1, step.Do)
	act, known := actions[step.Do]
	switch {
	case !known:
		r.wrong("there is no such step: write %s", strings.Join(slices.Sorted(maps.Keys(actions)), ", "))
		return
	case r.key == nil && !slices.Contains(withoutKey, step.Do):
		r.wrong("there is no key yet: put a step \"issue\" before it")
		return
	case r.rotation == nil && step.Do == "retire":
		r.wrong("nothing has been rotated yet: put a step \"rotate\" before it")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r.player.Expect(step.Trips)
	err := act(r, ctx, step)
	for _, difference := range r.player.Wrong() {
		r.wrong("%s", difference)
	}
	r.outcome(step, err)
}

// outcome holds the end of a step against what the exchange says. An error that is
// the answer to a request other than the exchange's says nothing more.
func (r *replaying) outcome(step *Step, err error) {
	got := failure(err)
	var e *providers.Error
	switch {
	case got == step.Fails:
	case errors.As(err, &e) && e.Status == http.StatusTeapot:
	case step.Fails == "":
		r.wrong("it fails: %v", err)
	case got == "":
		r.wrong("it succeeds, and should fail as %q", step.Fails)
	default:
		r.wrong("it fails as %q, and should as %q: %v", got, step.Fails, err)
	}
}

// kinds are the failures as exchanges write them.
var kinds = map[providers.Kind]string{
	providers.Unknown: "unknown", providers.Refused: "refused", providers.Unauthorized: "unauthorized",
	providers.Throttled: "throttled", providers.Unreachable: "unreachable",
}

// failure is the kind of an error as exchanges write it, "" for none.
func failure(err error) string {
	var e *providers.Error
	switch {
	case err == nil:
		return ""
	case !errors.As(err, &e):
		return err.Error()
	}
	return kinds[e.Kind]
}

func (r *replaying) wanted(step *Step) (providers.KeyRequest, error) {
	if step.Key == nil {
		return providers.KeyRequest{}, errors.New("write key { name = … }: it is the key that is asked for")
	}
	request := providers.KeyRequest{Name: step.Key.Name, Role: r.role, CIDRs: step.Key.CIDRs, TTL: time.Duration(step.Key.TTL) * time.Second}
	if step.Key.ExpiresAt != "" {
		end, err := time.Parse(time.RFC3339, step.Key.ExpiresAt)
		if err != nil {
			return providers.KeyRequest{}, fmt.Errorf("key.expires_at is no RFC 3339 time: %w", err)
		}
		request.ExpiresAt = end
	}
	return request, nil
}

func (r *replaying) issue(ctx context.Context, step *Step) error {
	request, err := r.wanted(step)
	if err != nil {
		return err
	}
	key, err := r.client.Issue(ctx, request)
	if err != nil {
		return err
	}
	r.key = key
	if key.Handle.ID != step.ID {
		r.wrong("id is %q, not %q", key.Handle.ID, step.ID)
	}
	for _, name := range slices.Sorted(maps.Keys(key.Secret)) {
		want, expected := step.Secret[name]
		switch got := fmt.Sprint(key.Secret[name]); {
		case !expected:
			r.wrong("secret.%s is %q, and the exchange does not have it", name, got)
		case got != want:
			r.wrong("secret.%s is %q, not %q", name, got, want)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(step.Secret)) {
		if _, found := key.Secret[name]; !found {
			r.wrong("secret.%s is not read", name)
		}
	}
	for _, more := range key.Granted.More {
		r.wrong("granted reads more than was asked for: %s; translate what the answer writes in another way", more)
	}
	for _, less := range key.Granted.Less {
		r.wrong("granted reads less than was asked for: %s", less)
	}
	return r.granted(step, request, key.ActualExpiry)
}

func (r *replaying) extended(ctx context.Context, step *Step) error {
	request, err := r.wanted(step)
	if err != nil {
		return err
	}
	granted, err := r.client.Extend(ctx, r.key.Handle, request.ExpiresAt, request.TTL)
	if err != nil {
		return err
	}
	return r.granted(step, request, granted)
}

// endless is how an exchange writes that a key has no end.
const endless = "never"

func (r *replaying) granted(step *Step, request providers.KeyRequest, granted providers.ActualExpiry) error {
	want := request.ExpiresAt
	switch step.Ends {
	case "":
	case endless:
		want = time.Time{}
	default:
		var err error
		if want, err = time.Parse(time.RFC3339, step.Ends); err != nil {
			return fmt.Errorf("ends is neither %q nor an RFC 3339 time: %w", endless, err)
		}
	}
	if got := granted.End(request.ExpiresAt.Add(-request.TTL), request.ExpiresAt); !got.Equal(want) {
		r.wrong("the key ends %s, not %s", written(got), written(want))
	}
	return nil
}

// written is an end as exchanges write it.
func written(end time.Time) string {
	if end.IsZero() {
		return endless
	}
	return end.Format(time.RFC3339)
}

func (r *replaying) listed(ctx context.Context, step *Step) error {
	var keys []providers.Listed
	for listed, err := range r.client.List(ctx, r.scope()) {
		if err != nil {
			return err
		}
		keys = append(keys, listed)
	}
	r.saw(keys, step)
	return nil
}

func (r *replaying) found(ctx context.Context, step *Step) error {
	found, err := r.client.Find(ctx, r.scope(), providers.Look{Name: r.key.Handle.Name})
	if err != nil {
		return err
	}
	r.saw(found.Keys, step)
	return nil
}

// saw holds the keys that were read against those of the step.
func (r *replaying) saw(keys []providers.Listed, step *Step) {
	want := step.IDs
	if len(step.Items) > 0 && len(want) > 0 {
		r.wrong("write either ids, or an item \"ID\" { … } for each key")
		return
	}
	for _, item := range step.Items {
		want = append(want, item.ID)
	}
	var ids []string
	for _, key := range keys {
		ids = append(ids, key.Handle.ID)
	}
	if !slices.Equal(ids, want) {
		r.wrong("the ids are %q, not %q", ids, want)
		return
	}
	for i, item := range step.Items {
		r.readAs(keys[i], item)
	}
}

// neverUsed is how an exchange writes that the answer says so of a key.
const neverUsed = "never"

// readAs holds what was read of a listed key against the exchange.
func (r *replaying) readAs(key providers.Listed, want *ListedItem) {
	used := moment(key.LastUsedAt)
	if key.NeverUsed {
		used = neverUsed
	}
	for _, one := range []struct{ what, got, want string }{
		{"name", key.Handle.Name, want.Name},
		{"created_at", moment(key.CreatedAt), sameMoment(want.CreatedAt)},
		{"last_used_at", used, sameMoment(want.LastUsedAt)},
		{"expires_at", moment(key.ExpiresAt), sameMoment(want.ExpiresAt)},
	} {
		if one.got != one.want {
			r.wrong("item %q: %s is %q, not %q", want.ID, one.what, one.got, one.want)
		}
	}
	saved := map[string]string{}
	for name, value := range key.Handle.Saved {
		saved[name] = fmt.Sprint(value)
	}
	if !maps.Equal(saved, want.Saved) {
		r.wrong("item %q: saved is %q, not %q", want.ID, saved, want.Saved)
	}
}

// moment is a time as exchanges write it; empty for none.
func moment(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339Nano)
}

// sameMoment is an exchange's time as moment writes it. What is no time stays as it is, and
// so equals none.
func sameMoment(text string) string {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return text
	}
	return moment(at)
}

func (r *replaying) alive(ctx context.Context, step *Step) error {
	want := providers.Unclear
	if step.Alive != nil {
		want = providers.Dead
		if *step.Alive {
			want = providers.Alive
		}
	}
	got, err := r.client.Probe(ctx, r.key.Secret)
	if err == nil && got != want {
		r.wrong("the key is taken for %v, not for %v", got, want)
	}
	return err
}

// rotated replaces the connection's credential and goes on with the new one.
func (r *replaying) rotated(ctx context.Context, step *Step) error {
	wanted, err := r.wanted(step)
	if err != nil {
		return err
	}
	candidate, err := r.client.Candidate()
	if err != nil {
		return err
	}
	rotation, err := r.client.Rotate(ctx, providers.RotateRequest{Name: wanted.Name, Candidate: candidate, ExpiresAt: wanted.ExpiresAt})
	if err != nil {
		return err
	}
	r.changes(step, rotation)
	if r.rotation, err = throughStorage(rotation); err != nil {
		return err
	}
	r.connection = maps.Clone(r.connection)
	maps.Copy(r.connection, r.rotation.Connection)
	r.client.Close()
	r.client, err = r.subject.client(r.connection)
	return err
}

// changes holds what a rotation has changed against what the exchange says.
func (r *replaying) changes(step *Step, rotation *providers.Rotation) {
	if len(rotation.Connection) != len(step.Connection) {
		r.wrong("%d connection fields change, not %d", len(rotation.Connection), len(step.Connection))
	}
	for _, name := range slices.Sorted(maps.Keys(step.Connection)) {
		if got, want := fmt.Sprint(rotation.Connection[name]), step.Connection[name]; got != want {
			r.wrong("connection.%s becomes %q, not %q", name, got, want)
		}
		if rotation.Previous[name] != r.connection[name] {
			r.wrong("the previous value of %s is not the connection's", name)
		}
	}
}

// throughStorage is a rotation as the engine would read it back.
func throughStorage(rotation *providers.Rotation) (*providers.Rotation, error) {
	text, err := json.Marshal(rotation)
	if err != nil {
		return nil, err
	}
	stored := &providers.Rotation{}
	return stored, json.Unmarshal(text, stored)
}

// strayed finds credentials by their name, and retires each.
func (r *replaying) strayed(ctx context.Context, step *Step) error {
	wanted, err := r.wanted(step)
	if err != nil {
		return err
	}
	found, err := r.client.FindOrphanCredentials(ctx, wanted.Name, wanted.Name)
	if err != nil {
		return err
	}
	if len(found.Found) != step.Strays {
		r.wrong("%d credentials have the name, not %d", len(found.Found), step.Strays)
	}
	for _, one := range found.Found {
		stored, err := throughStorage(&one)
		if err != nil {
			return err
		}
		if err := r.client.Retire(ctx, *stored); err != nil {
			return err
		}
	}
	return nil
}

// retired removes the credential that rotate replaced.
func (r *replaying) retired(ctx context.Context, step *Step) error {
	err := r.client.Retire(ctx, *r.rotation)
	byHand := errors.Is(err, providers.ErrRetireByHand)
	if byHand != step.ByHand {
		r.wrong("by hand is %t, not %t", byHand, step.ByHand)
	}
	if byHand {
		return nil
	}
	return err
}
