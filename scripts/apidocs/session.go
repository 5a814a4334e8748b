package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend"
	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/internal/sandbox"
	"vault-plugin-secrets-apikeys/paths"
)

// at is when all of it happens.
var at = time.Date(2026, time.January, 31, 12, 0, 0, 0, time.UTC)

// exchange is a sample request as it was sent, and its answer; "" for no body.
type exchange struct{ path, body, answer string }

// session is a mount beside a provider, at which the document's samples are sent.
type session struct {
	mount    logical.Backend
	storage  *logical.InmemStorage
	provider *sandbox.Server
	document *framework.OASDocument
	samples  map[string]exchange // by method and path
	lease    *logical.Secret     // of the key that was minted last
	running  atomic.Int64        // nanoseconds since the mount was started, by the clock that the engine reads
	ids      map[string]string   // what stands for {id}, by the endpoint's first word
	// stands is what a sample shows in place of what is new in each session, and means
	// what it stands for now.
	stands, means map[string]string
}

// step is one request, after what it takes for it to have something to answer.
type step struct {
	method, path string
	before       func(*session, context.Context) error
}

// story is every operation once, in an order in which each has its effect.
var story = []step{
	{http.MethodPost, "/definitions/{name}", nil},
	{http.MethodGet, "/definitions/{name}", nil},
	{http.MethodGet, "/definitions/", nil},
	{http.MethodGet, "/providers/", nil},
	{http.MethodGet, "/providers/{name}", nil},
	{http.MethodPost, "/config/{name}", nil},
	{http.MethodPatch, "/config/{name}", nil},
	{http.MethodGet, "/config/{name}", nil},
	{http.MethodGet, "/config/", nil},
	{http.MethodPost, "/check/{name}", nil},
	{http.MethodPost, "/reset/{name}", nil},
	{http.MethodPost, "/roles/{name}", nil},
	{http.MethodPatch, "/roles/{name}", nil},
	{http.MethodGet, "/roles/{name}", nil},
	{http.MethodGet, "/roles/", nil},
	{http.MethodGet, "/creds/{name}", nil},
	{http.MethodGet, "/keys/", (*session).knowKey},
	{http.MethodGet, "/keys/{id}", nil},
	{http.MethodPost, "/lookup-key", nil},
	{http.MethodPost, "/revoke-key", nil},
	{http.MethodPost, "/creds/{name}", nil},
	{http.MethodGet, "/queue/", (*session).failToRevoke},
	{http.MethodGet, "/queue/{id}", nil},
	{http.MethodPost, "/queue/{id}/retry", nil},
	{http.MethodPost, "/queue/{id}/give-up", (*session).mintAndFailToRevoke},
	{http.MethodGet, "/queue/{id}/candidates", (*session).loseNameless},
	{http.MethodPost, "/queue/{id}/revoke", nil},
	{http.MethodPost, "/reconcile/{name}", (*session).forgetNameless},
	{http.MethodPost, "/static-roles/{name}", nil},
	{http.MethodPatch, "/static-roles/{name}", nil},
	{http.MethodGet, "/static-roles/{name}", nil},
	{http.MethodGet, "/static-roles/", nil},
	{http.MethodPost, "/rotate-role/{name}", nil},
	{http.MethodGet, "/static-creds/{name}", nil},
	{http.MethodPost, "/rotate-root/{name}", nil},
	{http.MethodGet, "/info", nil},
	{http.MethodGet, "/metrics", nil},
	{http.MethodPost, "/ownership", nil},
	{http.MethodPatch, "/ownership", nil},
	{http.MethodPost, "/ownership/yield", nil},
	{http.MethodGet, "/ownership", nil},
	{http.MethodPost, "/ownership/claim", nil},
	{http.MethodPost, "/keys/{id}/give-up", (*session).damageKey},
	{http.MethodDelete, "/static-roles/{name}", nil},
	{http.MethodDelete, "/roles/{name}", nil},
	{http.MethodDelete, "/config/{name}", nil},
	{http.MethodDelete, "/definitions/{name}", nil},
}

// play sends the whole story, and holds each answer against what the document tells of it.
func play(ctx context.Context, document *framework.OASDocument) (map[string]exchange, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	s := &session{
		storage: &logical.InmemStorage{}, document: document, samples: map[string]exchange{},
		ids: map[string]string{}, stands: map[string]string{}, means: map[string]string{},
		provider: sandbox.New(sandbox.Options{AdminKey: "sbxadmin_of_a_test", Now: func() time.Time { return at }}),
	}
	defer s.provider.Close()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", at.Format(http.TimeFormat))
		s.provider.ServeHTTP(w, r)
	}))
	defer web.Close()
	s.stand("https://sandbox.example.com", web.URL)
	s.stand("sbxadmin_1f2e3d", s.provider.AdminKey())
	var err error
	s.mount, err = mountAt(ctx, s.storage, paths.FactoryWith(backend.Options{
		Now:     func() time.Time { return at },
		Elapsed: func() time.Duration { return time.Duration(s.running.Load()) },
		Jitter:  func(string, int) float64 { return 1 }, // so that nothing is tried again before it is asked for
	}))
	if err != nil {
		return nil, err
	}
	defer s.mount.Cleanup(ctx)
	if err := s.mount.Initialize(ctx, &logical.InitializationRequest{Storage: s.storage}); err != nil {
		return nil, err
	}
	for _, one := range story {
		if one.before != nil {
			if err := one.before(s, ctx); err != nil {
				return nil, fmt.Errorf("before %s %s: %w", one.method, one.path, err)
			}
		}
		if err := s.do(ctx, one); err != nil {
			return nil, fmt.Errorf("%s %s: %w", one.method, one.path, err)
		}
	}
	return s.samples, nil
}

// mountAt makes a mount as Vault would.
func mountAt(ctx context.Context, storage logical.Storage, factory logical.Factory) (logical.Backend, error) {
	return factory(ctx, &logical.BackendConfig{
		StorageView: storage, Logger: hclog.NewNullLogger(), BackendUUID: "docs",
		System: &logical.StaticSystemView{
			PluginEnvironment: &logical.PluginEnvironment{}, DefaultLeaseTTLVal: 768 * time.Hour, MaxLeaseTTLVal: 768 * time.Hour,
		},
	})
}

// do sends a sample, and keeps it with its answer.
func (s *session) do(ctx context.Context, one step) error {
	item := s.document.Paths[one.path]
	does := operationOf(item, one.method)
	if does == nil {
		return errors.New("there is no such operation")
	}
	request, err := s.request(item, one, does)
	if err != nil {
		return err
	}
	sent := maps.Clone(request.Data)
	resp, err := s.send(ctx, request)
	if err != nil {
		return err
	}
	if resp != nil && resp.Secret != nil {
		s.lease = resp.Secret
	}
	s.learn(resp)
	answer, err := s.answer(does, resp)
	if err != nil {
		return err
	}
	sample := exchange{path: s.shown(s.pathAndQuery(one, does)), answer: answer}
	if does.RequestBody != nil && len(sent) > 0 {
		sample.body = s.shown(asJSON(sent))
	}
	s.samples[one.method+" "+one.path] = sample
	return nil
}

// send is a request as it comes from Vault: a write creates or updates.
func (s *session) send(ctx context.Context, request *logical.Request) (*logical.Response, error) {
	if request.Operation == logical.UpdateOperation {
		checked, exists, err := s.mount.HandleExistenceCheck(ctx, request)
		if err != nil {
			return nil, err
		}
		if checked && !exists {
			request.Operation = logical.CreateOperation
		}
	}
	resp, err := s.mount.HandleRequest(ctx, request)
	if err == nil && resp.IsError() {
		err = resp.Error()
	}
	return resp, err
}

var operationsOf = map[string]logical.Operation{
	http.MethodGet: logical.ReadOperation, http.MethodPost: logical.UpdateOperation,
	http.MethodPatch: logical.PatchOperation, http.MethodDelete: logical.DeleteOperation,
}

// request is what the document has for a sample, with what it stands for put in.
func (s *session) request(item *framework.OASPathItem, one step, does *framework.OASOperation) (*logical.Request, error) {
	operation := operationsOf[one.method]
	if operation == logical.ReadOperation && strings.HasSuffix(one.path, "/") {
		operation = logical.ListOperation
	}
	data := map[string]any{}
	for _, p := range does.Parameters {
		if value := valueIn(p.Schema); value != nil {
			data[p.Name] = value
		}
	}
	if does.RequestBody != nil {
		if schema := resolve(s.document, does.RequestBody.Content); schema.Example != nil {
			sample, is := schema.Example.(map[string]any)
			if !is {
				return nil, fmt.Errorf("the sample is a %T", schema.Example)
			}
			maps.Copy(data, sample)
		}
	}
	text := asJSON(data)
	for stand, real := range s.means {
		text = strings.ReplaceAll(text, stand, real)
	}
	data = map[string]any{}
	if err := json.Unmarshal([]byte(text), &data); err != nil {
		return nil, err
	}
	path := strings.Trim(one.path, "/")
	for _, p := range item.Parameters {
		path = strings.ReplaceAll(path, "{"+p.Name+"}", s.valueOf(path, p))
	}
	return &logical.Request{
		Operation: operation, Path: path, Data: data, Storage: s.storage, ID: "b1fe2a5c-0d5e-7f3a-9c41-6a70f2d8e913",
		DisplayName: "token", EntityID: "7d2e3179-f69b-450c-7179-ac8ee8bd8ca9", Connection: &logical.Connection{RemoteAddr: "10.1.2.3"},
	}, nil
}

// valueOf is what a part of the path is: an id of this session, or what its field says.
func (s *session) valueOf(path string, p framework.OASParameter) string {
	if p.Name == "id" {
		endpoint, _, _ := strings.Cut(path, "/")
		return s.ids[endpoint]
	}
	return fmt.Sprint(valueIn(p.Schema))
}

// valueIn is the sample that a field has of itself; nil for none.
func valueIn(schema *framework.OASSchema) any {
	if schema.DisplayAttrs == nil {
		return nil
	}
	return schema.DisplayAttrs.Value
}

// pathAndQuery is what is asked for, from Vault's root.
func (s *session) pathAndQuery(one step, does *framework.OASOperation) string {
	path := "/v1/apikeys" + one.path
	for _, p := range s.document.Paths[one.path].Parameters {
		path = strings.ReplaceAll(path, "{"+p.Name+"}", s.valueOf(strings.Trim(one.path, "/"), p))
	}
	var query []string
	for _, p := range does.Parameters {
		switch {
		case p.Name == "list":
			path = strings.TrimSuffix(path, "/")
			query = append(query, "list=true")
		case valueIn(p.Schema) != nil:
			query = append(query, fmt.Sprintf("%s=%v", p.Name, valueIn(p.Schema)))
		}
	}
	if len(query) > 0 {
		path += "?" + strings.Join(query, "&")
	}
	return path
}

// learn gives what is new in each session something that stands for it.
func (s *session) learn(resp *logical.Response) {
	if resp == nil {
		return
	}
	for name, value := range resp.Data {
		text, is := value.(string)
		switch {
		case is && name == "api_key":
			s.means[stoodForKey] = text
		case is && name == "epoch":
			s.stand("5Hw2kVtq", text)
		}
	}
}

func (s *session) stand(stand, real string) { s.stands[real], s.means[stand] = stand, real }

// stoodForKey stands for the key that was minted last, in samples.
const stoodForKey = "sbx_1f2e3d"

// alike is what is another in each session, and what is shown of it.
var alike = []struct {
	pattern *regexp.Regexp
	shown   string
}{
	{regexp.MustCompile(`\b((?:reader|shared|vault-root)-(?:[a-z]+-)?)[0-9a-z]{22,23}\b`), "${1}vr3k8q0x7u2m5w9b4n1t6z"}, // the name of a key
	{regexp.MustCompile(`\b[0-9a-f]{32}\b`), "4f1c9a7be2d8035669b0c4d2f1a7e835"},                                         // an id in the ledger
	{regexp.MustCompile(`\bkey_[0-9a-z]{16}\b`), "key_w2x8n4p6q1r7s3t9"},                                                 // one at the provider
	{regexp.MustCompile(`\bsbx_[0-9A-Z]{52}\b`), stoodForKey},
}

// shown is a text as the reference has it, the same in every session.
func (s *session) shown(text string) string {
	for _, real := range slices.Sorted(maps.Keys(s.stands)) {
		text = strings.ReplaceAll(text, real, s.stands[real])
	}
	for _, one := range alike {
		text = one.pattern.ReplaceAllString(text, one.shown)
	}
	return text
}

// answer is what Vault shows of a response, once it is held against the document.
func (s *session) answer(does *framework.OASOperation, resp *logical.Response) (string, error) {
	documented := does.Responses[http.StatusOK]
	switch {
	case resp == nil || resp.Data == nil && len(resp.Warnings) == 0:
		if does.Responses[http.StatusNoContent] == nil {
			return "", errors.New("it answers nothing, and the document has an answer")
		}
		return "", nil
	case resp.Data[logical.HTTPRawBody] != nil:
		return inShort(fmt.Sprintf("%s", resp.Data[logical.HTTPRawBody])), nil
	case resp.Data == nil: // with warnings
	case documented == nil:
		return "", fmt.Errorf("it answers %v, and the document has no answer", resp.Data)
	}
	told := map[string]any{}
	if resp.Data != nil {
		data := map[string]any{}
		if err := json.Unmarshal([]byte(asJSON(resp.Data)), &data); err != nil {
			return "", err
		}
		if err := fits(resolve(s.document, documented.Content), data); err != nil {
			return "", err
		}
		told["data"] = shorten(data)
	}
	if resp.Secret != nil {
		told["lease_duration"], told["renewable"] = int(resp.Secret.TTL.Seconds()), resp.Secret.Renewable
	}
	if len(resp.Warnings) > 0 {
		told["warnings"] = resp.Warnings
	}
	return s.shown(asJSON(told)), nil
}

// fits holds an answer's fields against their types in the document. Fields that it does
// not have are the provider's.
func fits(schema *framework.OASSchema, data map[string]any) error {
	if schema == nil {
		return fmt.Errorf("the document does not tell of %v", data)
	}
	for name, value := range data {
		told := schema.Properties[name]
		if told != nil && !isA(told, value) {
			return fmt.Errorf("%s is answered as %v, and told as %s", name, value, told.Type)
		}
	}
	return nil
}

func isA(told *framework.OASSchema, value any) bool {
	switch value := value.(type) {
	case string:
		_, err := time.Parse(time.RFC3339, value)
		return told.Type == "string" && (told.Format != "date-time" || err == nil)
	case bool:
		return told.Type == "boolean"
	case float64:
		return told.Type == "number" || told.Type == "integer" && value == float64(int64(value))
	case []any:
		return told.Type == "array"
	case map[string]any:
		return told.Type == "object"
	}
	return false
}

// shorten leaves out of long lists what says nothing new.
func shorten(data map[string]any) map[string]any {
	const long, enough = 12, 2
	for name, value := range data {
		if list, is := value.([]any); is && len(list) > long {
			data[name] = append(list[:enough:enough], "…")
		}
		if info, is := value.(map[string]any); is && len(info) > long && name == "key_info" {
			for _, key := range slices.Sorted(maps.Keys(info))[enough:] {
				delete(info, key)
			}
		}
	}
	return data
}

// inShort are the lines of a text that are about mints.
func inShort(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if strings.Contains(line, "apikeys_mints_total") {
			lines = append(lines, line)
		}
	}
	return strings.TrimSpace(strings.Join(lines, "")) + "\n…"
}

// knowKey has the session know the only key that is alive.
func (s *session) knowKey(ctx context.Context) error {
	for r, err := range ledger.All(ctx, s.storage) {
		if err != nil {
			return err
		}
		s.ids["keys"] = r.ID
	}
	return nil
}

// failToRevoke leaves the key that was minted last on the queue, which has tried it once.
func (s *session) failToRevoke(ctx context.Context) error {
	refuses := sandbox.Fault{Kind: sandbox.Status, Status: http.StatusForbidden, Count: new(int), Match: sandbox.Match{Method: http.MethodDelete}}
	if err := s.provider.AddFault(refuses); err != nil {
		return err
	}
	defer s.provider.ClearFaults()
	_, err := s.send(ctx, &logical.Request{Operation: logical.RevokeOperation, Storage: s.storage, Secret: s.lease})
	if err == nil {
		return errors.New("a revocation that the provider refuses succeeds")
	}
	resp, err := s.send(ctx, &logical.Request{Operation: logical.ListOperation, Path: "queue/", Storage: s.storage})
	if err != nil {
		return err
	}
	waiting, _ := resp.Data["keys"].([]string)
	if len(waiting) != 1 {
		return fmt.Errorf("%v wait", waiting)
	}
	s.ids["queue"] = waiting[0]
	return s.await(ctx, func(entry *logical.Response) bool { return entry != nil && entry.Data["next_try"] != nil })
}

// await asks for the entry of the queue until it is as wanted; nil when there is none.
func (s *session) await(ctx context.Context, wanted func(*logical.Response) bool) error {
	for {
		entry, err := s.send(ctx, &logical.Request{Operation: logical.ReadOperation, Path: "queue/" + s.ids["queue"], Storage: s.storage})
		if err != nil || wanted(entry) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
}

// mintAndFailToRevoke does that with another key, once the first one waits no more.
func (s *session) mintAndFailToRevoke(ctx context.Context) error {
	if err := s.await(ctx, func(entry *logical.Response) bool { return entry == nil }); err != nil {
		return err
	}
	resp, err := s.send(ctx, &logical.Request{Operation: logical.ReadOperation, Path: "creds/reader", Storage: s.storage})
	if err != nil {
		return err
	}
	s.lease = resp.Secret
	return s.failToRevoke(ctx)
}

// namelessDefinition is one of the same provider as of one whose keys have no names.
const namelessDefinition = `provider "nameless" {
  connection "admin_key" {
    required  = true
    sensitive = true
  }
  auth "bearer" { token = connection.admin_key }
  issue {
    post   = "/v1/keys"
    json   = { name = "all-alike" }
    id     = body.id
    secret = { api_key = body.key }
  }
  revoke {
    delete = "/v1/keys/${key.id}"
    gone   = [404]
  }
  list {
    unnamed = true
    get     = "/v1/keys"
    items   = body.data
    item    = { id = item.id, created_at = item.created_at }
  }
}
`

// nameless are what a connection to that provider takes, in the order of writing.
func (s *session) nameless() []logical.Request {
	return []logical.Request{
		{Path: "definitions/nameless", Data: map[string]any{"definition": namelessDefinition}},
		{Path: "config/nameless", Data: map[string]any{
			"provider": "nameless", "base_url": s.means["https://sandbox.example.com"], "admin_key": s.means["sbxadmin_1f2e3d"], "allowed_roles": "*",
		}},
		{Path: "roles/nameless", Data: map[string]any{"connection": "nameless"}},
	}
}

// loseNameless makes a key without a name, of whose making nothing is heard.
func (s *session) loseNameless(ctx context.Context) error {
	for _, one := range s.nameless() {
		one.Operation, one.Storage = logical.UpdateOperation, s.storage
		if _, err := s.send(ctx, &one); err != nil {
			return fmt.Errorf("%s: %w", one.Path, err)
		}
	}
	if err := s.provider.AddFault(sandbox.Fault{Kind: sandbox.CommitThen500, Match: sandbox.Match{Method: http.MethodPost}}); err != nil {
		return err
	}
	if _, err := s.send(ctx, &logical.Request{Operation: logical.ReadOperation, Path: "creds/nameless", Storage: s.storage}); err == nil {
		return errors.New("a mint without an answer succeeds")
	}
	for _, key := range s.provider.LiveKeys() {
		if key.Name == "all-alike" {
			s.stand("key_w2x8n4p6q1r7s3t9", key.ID)
		}
	}
	resp, err := s.send(ctx, &logical.Request{Operation: logical.ListOperation, Path: "queue/", Storage: s.storage})
	if err != nil {
		return err
	}
	for _, id := range resp.Data["keys"].([]string) {
		s.ids["queue"] = id
		s.stand("vr3k8q0x7u2m5w9b4n1t6z", id)
	}
	s.running.Store(int64(time.Hour)) // a mount that has just started revokes none
	return nil
}

// forgetNameless takes it all away again.
func (s *session) forgetNameless(ctx context.Context) error {
	give := &logical.Request{Operation: logical.UpdateOperation, Path: "queue/" + s.ids["queue"] + "/give-up", Storage: s.storage}
	if _, err := s.send(ctx, give); err != nil {
		return err
	}
	for _, one := range slices.Backward(s.nameless()) {
		one.Operation, one.Storage, one.Data = logical.DeleteOperation, s.storage, nil
		if _, err := s.send(ctx, &one); err != nil {
			return fmt.Errorf("%s: %w", one.Path, err)
		}
	}
	s.running.Store(0)
	return nil
}

// damageKey spoils a key's record.
func (s *session) damageKey(ctx context.Context) error {
	if _, err := s.send(ctx, &logical.Request{Operation: logical.ReadOperation, Path: "creds/reader", Storage: s.storage}); err != nil {
		return err
	}
	for r, err := range ledger.All(ctx, s.storage) {
		if err != nil {
			return err
		}
		if r.StaticRole == "" {
			s.ids["keys"] = r.ID
			return s.storage.Put(ctx, &logical.StorageEntry{Key: r.Path(), Value: []byte("{")})
		}
	}
	return errors.New("there is no key to damage")
}

func asJSON(value any) string {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		panic("apidocs: a sample cannot be written: " + err.Error())
	}
	return string(text)
}
