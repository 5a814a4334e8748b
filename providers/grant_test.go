package providers

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestGrantIsCompared: what the answer says that a key may do is held against what was
// asked for, and an odd answer loses no key.
func TestGrantIsCompared(t *testing.T) {
	for name, test := range map[string]struct {
		asked      Values
		answer     object
		reads      string
		more, less []string
	}{
		"as asked":                  {Values{"scopes": []any{"a", "b"}}, object{"scopes": []any{"b", "a"}}, "", nil, nil},
		"more":                      {Values{"scopes": []any{"a"}}, object{"scopes": []any{"a", "admin", "admin"}}, "", []string{"scopes admin"}, nil},
		"less":                      {Values{"scopes": []any{"a", "b"}}, object{"scopes": []any{"a"}}, "", nil, []string{"scopes b"}},
		"nothing":                   {Values{"scopes": []any{"a"}}, object{"scopes": []any{}}, "", nil, []string{"scopes a"}},
		"another one":               {Values{"scopes": []any{"a"}}, object{"scopes": []any{"b"}}, "", []string{"scopes b"}, []string{"scopes a"}},
		"asked for nothing":         {Values{"scopes": []any{}}, object{"scopes": []any{"b"}}, "", []string{"scopes b"}, nil},
		"left to the provider":      {nil, object{"scopes": []any{"b"}}, "", nil, nil},
		"not told":                  {Values{"scopes": []any{"a"}}, object{}, "", nil, nil},
		"told as null":              {Values{"scopes": []any{"a"}}, object{"scopes": nil}, "", nil, nil},
		"told in a way of its own":  {Values{"scopes": []any{"a"}}, object{"scopes": "everything"}, "scopes = [for one in body.scopes.all : one]", nil, nil},
		"one text for a list":       {Values{"scopes": []any{"a"}}, object{"scopes": "a"}, "", nil, nil},
		"in another case":           {Values{"scopes": []any{"Reader"}}, object{"scopes": []any{"READER"}}, "", nil, nil},
		"translated":                {Values{"scopes": []any{"a"}}, object{"scopes": []any{"A", "DEFAULT"}}, `scopes = [for one in body.scopes : lower(one) if one != "DEFAULT"]`, nil, nil},
		"a level":                   {Values{"level": "read"}, object{"level": "admin"}, "level = body.level", []string{"level admin"}, []string{"level read"}},
		"the same level":            {Values{"level": "read"}, object{"level": "read"}, "level = body.level", nil, nil},
		"a number as text":          {Values{"level": "7"}, object{"level": 7}, "level = body.level", nil, nil},
		"objects, in another order": {Values{"rules": map[string]any{"x": "read", "y": []any{"a", "b"}}}, object{"rules": object{"y": []any{"b", "a"}, "x": "read"}}, "rules = body.rules", nil, nil},
		"an object with more":       {Values{"rules": map[string]any{"x": "read"}}, object{"rules": object{"x": "read", "z": "write"}}, "rules = body.rules", []string{"rules z=write"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			reads := test.reads
			if reads == "" {
				reads = "scopes = body.scopes"
			}
			f := newFake(t)
			answer := object{"id": "i", "key": "sk-value-1"}
			for name, value := range test.answer {
				answer[name] = value
			}
			f.on("POST /v1/keys", 201, answer)
			c := f.client(t, strings.Replace(grantingDefinition, "granted = {}", "granted = { "+reads+" }", 1), nil)
			key, err := c.Issue(t.Context(), KeyRequest{Name: "n", Role: test.asked, ExpiresAt: time.Now().Add(time.Hour), TTL: time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(key.Granted.More, test.more) || !slices.Equal(key.Granted.Less, test.less) {
				t.Errorf("more %q, less %q; want %q and %q", key.Granted.More, key.Granted.Less, test.more, test.less)
			}
		})
	}
}

// TestGrantThatIsLong: it is compared, and neither kept nor told as a whole, and what is told
// of it is fit for a log.
func TestGrantThatIsLong(t *testing.T) {
	f := newFake(t)
	scopes := []any{"a", "b\x1b[31m\n" + strings.Repeat("x", 1000)}
	for i := range 200_000 {
		scopes = append(scopes, fmt.Sprint("scope ", i))
	}
	f.on("POST /v1/keys", 201, object{"id": "i", "key": "sk-value-1", "scopes": scopes})
	c := f.client(t, strings.Replace(grantingDefinition, "granted = {}", "granted = { scopes = body.scopes }", 1), nil)
	key, err := c.Issue(t.Context(), KeyRequest{Name: "n", Role: Values{"scopes": []any{"a"}}})
	if err != nil {
		t.Fatal(err)
	}
	if more := key.Granted.More; len(more) != mostBeyond || len(key.Granted.Less) > 0 || key.Granted.Told != nil {
		t.Errorf("%d more and %d less are told, and %v is kept", len(more), len(key.Granted.Less), key.Granted.Told != nil)
	}
	for _, text := range key.Granted.More {
		if len(text) > 400 || strings.ContainsAny(text, "\x1b\n") {
			t.Errorf("%q is told", text)
		}
	}
}

// TestGrantHoldsNoSecret: what is kept of it is kept in the open.
func TestGrantHoldsNoSecret(t *testing.T) {
	f := newFake(t)
	f.on("POST /v1/keys", 201, object{"id": "i", "key": "sk-value-1"})
	c := f.client(t, strings.Replace(grantingDefinition, "granted = {}", "granted = { scopes = [body.key] }", 1), nil)
	key, err := c.Issue(t.Context(), KeyRequest{Name: "n", Role: Values{"scopes": []any{"a"}}})
	if err != nil {
		t.Fatal(err)
	}
	if key.Granted.Told != nil || len(key.Granted.More) > 0 {
		t.Errorf("the key itself is told as what it may do: %+v", key.Granted)
	}
}

// TestGrantedNamesRoleFields: nothing else can be compared.
func TestGrantedNamesRoleFields(t *testing.T) {
	src := strings.Replace(grantingDefinition, "granted = {}", "granted = { scope = body.scopes }", 1)
	if _, err := Parse("x.hcl", []byte(src)); err == nil || !strings.Contains(err.Error(), `did you mean "scopes"?`) {
		t.Errorf("a name that is no role field is answered %v", err)
	}
}

const grantingDefinition = `
provider "acme" {
  connection "admin_key" {
    type      = string
    required  = true
    sensitive = true
  }
  role "scopes" { type = list(string) }
  role "level" { type = string }
  role "rules" { type = any }
  auth "bearer" { token = connection.admin_key }
  issue {
    post    = "/keys"
    json    = { name = key.name, scopes = role.scopes, level = role.level, rules = role.rules }
    id      = body.id
    secret  = { api_key = body.key }
    granted = {}
  }
  revoke {
    delete = "/keys/${key.id}"
    gone   = [404]
  }
}
`
