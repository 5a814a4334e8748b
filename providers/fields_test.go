package providers

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

const fieldsDefinition = `provider "fields" {
  connection "token" {
    type      = string
    required  = true
    sensitive = true
    pattern   = "t-[a-z]+"
  }
  role "name" {
    type = string
    min  = 2
    max  = 5
  }
  role "count" {
    type    = number
    default = 3
    min     = 1
    max     = 10
  }
  role "on" { type = bool }
  role "scopes" {
    type = list(string)
    enum = ["read", "write"]
    max  = 2
  }
  role "labels" { type = map(string) }
  role "access" {
    type = map(string)
    enum = ["read", "write"]
  }
  role "budget" { type = object({ amount = number, period = optional(string, "day") }) }
  role "policy" { type = any }
  role "level" {
    type = number
    enum = [1, 2]
  }
  issue {
    post   = "/"
    json   = { name = key.name, x = [role.name, role.count, role.on, role.scopes, role.labels, role.access, role.budget, role.policy, role.level] }
    id     = body.id
    secret = { key = body.key }
  }
  revoke { delete = "/${key.id}" }
}
`

func TestMerge(t *testing.T) {
	d := mustParse(t, fieldsDefinition)
	n := func(s string) json.Number { return json.Number(s) }
	tests := []struct {
		name   string
		stored Values
		raw    map[string]any
		want   Values
		err    string
	}{
		{"defaults", nil, nil, Values{"count": n("3")}, ""},
		{"CLI number", nil, map[string]any{"count": "5"}, Values{"count": n("5")}, ""},
		{"JSON number", nil, map[string]any{"count": 5}, Values{"count": n("5")}, ""},
		{"no number", nil, map[string]any{"count": "many"}, nil, `"count" must be a number`},
		{"below the minimum", nil, map[string]any{"count": 0}, nil, `"count" must be at least 1`},
		{"above the maximum", nil, map[string]any{"count": "11"}, nil, `"count" must be at most 10`},
		{"CLI bool", nil, map[string]any{"on": "true"}, Values{"count": n("3"), "on": true}, ""},
		{"no bool", nil, map[string]any{"on": "perhaps"}, nil, `"on" must be true or false`},
		{"CLI list", nil, map[string]any{"scopes": "read, write"}, Values{"count": n("3"), "scopes": []any{"read", "write"}}, ""},
		{"JSON text list", nil, map[string]any{"scopes": `["read"]`}, Values{"count": n("3"), "scopes": []any{"read"}}, ""},
		{"Go list", nil, map[string]any{"scopes": []string{"read"}}, Values{"count": n("3"), "scopes": []any{"read"}}, ""},
		{"enum of a list", nil, map[string]any{"scopes": "read,admin"}, nil, `"scopes" must be one of "read", "write"`},
		{"list too long", nil, map[string]any{"scopes": "read,read,read"}, nil, "at most 2 elements long"},
		{"CLI map", nil, map[string]any{"labels": "a=b, c=d=e"}, Values{"count": n("3"), "labels": map[string]any{"a": "b", "c": "d=e"}}, ""},
		{"map list", nil, map[string]any{"labels": []any{"a=b"}}, Values{"count": n("3"), "labels": map[string]any{"a": "b"}}, ""},
		{"object", nil, map[string]any{"budget": `{"amount": "7"}`}, Values{"count": n("3"), "budget": map[string]any{"amount": n("7"), "period": "day"}}, ""},
		{"object with a stranger", nil, map[string]any{"budget": map[string]any{"amout": 7}}, nil, `"budget" has no attribute "amout": did you mean "amount"?`},
		{"null where an object needs something", nil, map[string]any{"budget": map[string]any{"amount": nil}}, nil, `"budget" must be a JSON value of type object(`},
		{"null where it does not", nil, map[string]any{"budget": `{"amount": 7, "period": null}`}, Values{"count": n("3"), "budget": map[string]any{"amount": n("7"), "period": "day"}}, ""},
		{"any JSON", nil, map[string]any{"policy": `[{"a": 1.50, "b": null}]`}, Values{"count": n("3"), "policy": []any{map[string]any{"a": n("1.5")}}}, ""},
		{"any text", nil, map[string]any{"policy": "plain"}, Values{"count": n("3"), "policy": "plain"}, ""},
		{"number enum", nil, map[string]any{"level": "2.0"}, Values{"count": n("3"), "level": n("2")}, ""},
		{"short string", nil, map[string]any{"name": "x"}, nil, `"name" must be at least 2 characters long`},
		{"long string counts letters", nil, map[string]any{"name": "ééééé"}, Values{"count": n("3"), "name": "ééééé"}, ""},
		{"stored stays", Values{"name": "abc"}, map[string]any{"on": true}, Values{"count": n("3"), "name": "abc", "on": true}, ""},
		{"null removes", Values{"name": "abc"}, map[string]any{"name": nil}, Values{"count": n("3")}, ""},
		{"null restores the default", Values{"count": n("9")}, map[string]any{"count": nil}, Values{"count": n("3")}, ""},
		{"empty removes what is no string", Values{"on": true}, map[string]any{"on": ""}, Values{"count": n("3")}, ""},
		{"dropped from the definition", Values{"old": "x"}, nil, Values{"count": n("3")}, ""},
		{"unknown", nil, map[string]any{"cuont": 1}, nil, `unknown field "cuont": did you mean "count"?`},
		{"near a reserved one", nil, map[string]any{"max_tll": 1}, nil, `did you mean "max_ttl"?`},
		{"a long text", nil, map[string]any{"policy": strings.Repeat("x", 65537)}, nil, `"policy" must be at most 65536 bytes long`},
		{"a long list", nil, map[string]any{"policy": make([]int, 1001)}, nil, `"policy" must hold at most 1000 elements in all`},
		{"a deep list", nil, map[string]any{"policy": [][]int{make([]int, 600), make([]int, 600)}}, nil, `"policy" must hold at most 1000 elements in all`},
		{"digits without end", nil, map[string]any{"count": strings.Repeat("9", 60000)}, nil, `"count" must be a number`},
		{"digits without end, inside", nil, map[string]any{"budget": map[string]any{"amount": strings.Repeat("9", 60000)}}, nil, `"budget" must be`},
		{"a number beyond all bounds", nil, map[string]any{"count": "1e1000000000"}, nil, `"count" must be a number`},
		{"enum of a map", nil, map[string]any{"access": "a=read,b=write"}, Values{"count": n("3"), "access": map[string]any{"a": "read", "b": "write"}}, ""},
		{"not in the enum of a map", nil, map[string]any{"access": "a=read,b=admin"}, nil, `"access" must be one of "read", "write"`},
		{"reserved", nil, map[string]any{"max_ttl": 1}, Values{"count": n("3")}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := d.Role.Merge(test.stored, test.raw, []string{"max_ttl", "connection"})
			switch {
			case test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)):
				t.Fatalf("the error is %v, not %s", err, test.err)
			case test.err == "" && err != nil:
				t.Fatal(err)
			case test.err == "" && !reflect.DeepEqual(got, test.want):
				t.Fatalf("merged to %#v, not %#v", got, test.want)
			}
		})
	}
}

func TestMergeHidesSecrets(t *testing.T) {
	d := mustParse(t, fieldsDefinition)
	for _, raw := range []any{"hush-hush", []any{"hush-hush"}, map[string]any{"hush-hush": 1}} {
		_, err := d.Connection.Merge(nil, map[string]any{"token": raw}, nil)
		if err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%T: %v", raw, err)
		}
	}
	if _, err := d.Connection.Merge(nil, nil, nil); err == nil || !strings.Contains(err.Error(), `"token" is required`) {
		t.Errorf("a required field is not asked for: %v", err)
	}
	if _, err := d.Connection.Merge(Values{"token": "t-a"}, map[string]any{"token": ""}, nil); err == nil {
		t.Error("a required string may be empty")
	}
}
