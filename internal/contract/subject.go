package contract

import (
	"fmt"
	"slices"
	"time"

	"github.com/zclconf/go-cty/cty"

	"vault-plugin-secrets-apikeys/providers"
)

// standIn is where a provider is served whose connections name their own
// base_url, when a file does not say where.
const standIn = "https://provider.example"

// engineFields are those of a connection that the engine knows, whatever the
// provider.
var engineFields = []string{"base_url"}

// subject is what is looked at: a definition, one connection and one role, and
// the way to the hosts that it names.
type subject struct {
	*providers.Definition
	connection, role providers.Values
	baseURL          string // the connection's own; empty where the definition has one
	way              *Internet
	now              func() time.Time // nil for the real time
	findings
}

// findings gathers what is not as it should be.
type findings struct{ list []string }

// wrong notes a thing once, however often it is found.
func (f *findings) wrong(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(f.list, text) {
		f.list = append(f.list, text)
	}
}

// newSubject reads the fields as an operator would have written them.
func newSubject(d *providers.Definition, connection, role cty.Value) (*subject, error) {
	s := &subject{Definition: d}
	raw, err := fields(connection)
	if err != nil {
		return nil, fmt.Errorf("connection: %w", err)
	}
	s.baseURL, _ = raw["base_url"].(string)
	if s.baseURL == "" && d.NeedsBaseURL() {
		s.baseURL = standIn
	}
	if s.connection, err = d.Connection.Merge(nil, raw, engineFields); err != nil {
		return nil, fmt.Errorf("connection: %w", err)
	}
	if raw, err = fields(role); err != nil {
		return nil, fmt.Errorf("role: %w", err)
	}
	if s.role, err = d.Role.Merge(nil, raw, nil); err != nil {
		return nil, fmt.Errorf("role: %w", err)
	}
	return s, nil
}

// client is a client of the definition with this connection.
func (s *subject) client(connection providers.Values) (*providers.Client, error) {
	settings := providers.Settings{
		Values: connection, BaseURL: s.baseURL, AllowHTTP: true, Timeout: 10 * time.Second, RequestsPerSecond: 1000,
		Dial: s.way.Dial, CACert: s.way.CACert, Seed: []byte("the seed of the tests"),
	}
	if s.now != nil {
		settings.Now = s.now
		settings.Nonce = func() string { return "nonce" }
	}
	return providers.NewClient(s.Definition, settings)
}

// credentials are the secrets that the provider knows its administrator by.
func (s *subject) credentials(connection providers.Values) []string {
	var credentials []string
	for _, field := range s.Connection {
		if value, ok := connection[field.Name].(string); ok && field.Sensitive {
			credentials = append(credentials, value)
		}
	}
	return credentials
}

func (s *subject) scope() providers.ListingScope { return s.ListingScope(s.role, s.connection) }

// fields turns an object written in a file into raw field values.
func fields(object cty.Value) (map[string]any, error) {
	if object == cty.NilVal || object.IsNull() {
		return map[string]any{}, nil
	}
	value, err := plain(object)
	if err != nil {
		return nil, err
	}
	fields, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("want an object, not %s", object.Type().FriendlyName())
	}
	return fields, nil
}
