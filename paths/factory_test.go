package paths

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

var everyType = &framework.Path{
	Pattern: "thing/" + framework.GenericNameRegex("name"),
	Fields: map[string]*framework.FieldSchema{
		"name":   {Type: framework.TypeString, DisplayAttrs: &framework.DisplayAttributes{Identifier: true}},
		"text":   {Type: framework.TypeString},
		"flag":   {Type: framework.TypeBool},
		"ttl":    {Type: framework.TypeDurationSecond},
		"count":  {Type: framework.TypeInt},
		"rate":   {Type: framework.TypeFloat},
		"roles":  {Type: framework.TypeCommaStringSlice},
		"force":  {Type: framework.TypeBool, Query: true},
		"labels": {Type: framework.TypeKVPairs},
	},
}

func TestCheckInput(t *testing.T) {
	const write, read, list, remove = logical.UpdateOperation, logical.ReadOperation, logical.ListOperation, logical.DeleteOperation
	cases := map[string]struct {
		operation logical.Operation
		data      map[string]any
		want      string // the sentence; empty where the input is fine
	}{
		"right types": {write, map[string]any{
			"text": "a", "flag": true, "ttl": json.Number("60"), "count": json.Number("3"),
			"rate": json.Number("0.5"), "roles": []any{"a", "b"}, "labels": map[string]any{"a": "b"},
		}, ""},
		"as the command line writes them": {write, map[string]any{
			"flag": "true", "ttl": "1h30m", "count": "3", "rate": "0.5", "roles": "a,b", "labels": "a=b",
		}, ""},
		"null is a default": {write, map[string]any{
			"text": nil, "flag": nil, "ttl": nil, "count": nil, "rate": nil, "roles": nil,
		}, ""},
		"empty is a default": {write, map[string]any{
			"text": "", "flag": "", "ttl": "", "count": "", "rate": "", "roles": "",
		}, ""},
		"a number for a string": {write, map[string]any{"text": json.Number("7")}, ""},
		"days":                  {write, map[string]any{"ttl": "30d"}, ""},

		"unknown, with a near name":     {write, map[string]any{"tll": "1h"}, `unknown field "tll": did you mean "ttl"?`},
		"unknown, in capitals":          {write, map[string]any{"TTL": "1h"}, `unknown field "TTL": did you mean "ttl"?`},
		"unknown, near nothing":         {write, map[string]any{"password": "x"}, `unknown field "password": what can be written here is count, flag, force, labels, rate, roles, text, ttl`},
		"the first in order":            {write, map[string]any{"zzz": 1, "ttl": "x", "aaaaaa": 1}, `unknown field "aaaaaa": what can be written here is count, flag, force, labels, rate, roles, text, ttl`},
		"a list for a string":           {write, map[string]any{"text": []any{"a"}}, "text must be a string"},
		"an object for a string":        {write, map[string]any{"text": map[string]any{"a": "b"}}, "text must be a string"},
		"a bool for a string":           {write, map[string]any{"text": true}, "text must be a string"},
		"a word for a bool":             {write, map[string]any{"flag": "banana"}, "flag must be true or false"},
		"a list for a bool":             {write, map[string]any{"flag": []any{true}}, "flag must be true or false"},
		"a word for a duration":         {write, map[string]any{"ttl": "soon"}, `ttl must be a duration, such as "30m", "24h" or a number of seconds`},
		"an object for a duration":      {write, map[string]any{"ttl": map[string]any{}}, `ttl must be a duration, such as "30m", "24h" or a number of seconds`},
		"a negative duration":           {write, map[string]any{"ttl": "-1h"}, "ttl must not be negative"},
		"a negative number of seconds":  {write, map[string]any{"ttl": json.Number("-1")}, "ttl must not be negative"},
		"less than a second":            {write, map[string]any{"ttl": "500ms"}, "ttl must be whole seconds"},
		"seconds that would wrap":       {write, map[string]any{"ttl": json.Number("18446744075")}, "ttl must be at most 315360000 seconds (87600h0m0s)"},
		"text that would wrap":          {write, map[string]any{"ttl": "18446744075"}, "ttl must be at most 315360000 seconds (87600h0m0s)"},
		"seconds that would overflow":   {write, map[string]any{"ttl": json.Number("9223372036")}, "ttl must be at most 315360000 seconds (87600h0m0s)"},
		"hours that would overflow":     {write, map[string]any{"ttl": "2562047h"}, "ttl must be at most 315360000 seconds (87600h0m0s)"},
		"the longest duration":          {write, map[string]any{"ttl": "87600h"}, ""},
		"a text that never ends":        {write, map[string]any{"text": strings.Repeat("x", 262145)}, "text must be at most 262144 bytes long"},
		"a list that never ends":        {write, map[string]any{"roles": strings.Repeat("x,", 1000) + "x"}, "roles must hold at most 1000 elements"},
		"a fraction for a whole number": {write, map[string]any{"count": "1.5"}, "count must be a whole number"},
		"a word for a number":           {write, map[string]any{"rate": "fast"}, "rate must be a number"},
		"an object for a list":          {write, map[string]any{"roles": map[string]any{"a": map[string]any{}}}, "roles must be a list of strings, or one string with commas between"},

		"what only a delete takes, in a read": {read, map[string]any{"force": "true"}, `unknown field "force": there are none here; leave it out`},
		"what only a delete takes, in a list": {list, map[string]any{"force": "true"}, `unknown field "force": there are none here; leave it out`},
		"query fields in a delete":            {remove, map[string]any{"force": "true"}, ""},
		"wrong type in a delete":              {remove, map[string]any{"force": "maybe"}, "force must be true or false"},
		"a body's field in a delete":          {remove, map[string]any{"ttl": "1h"}, `unknown field "ttl": what can be written here is force`},
		"a body's field in a read":            {read, map[string]any{"text": "a"}, `unknown field "text": there are none here; leave it out`},
		"a body's field in a list":            {list, map[string]any{"text": "a"}, `unknown field "text": there are none here; leave it out`},
		"help has input of the server":        {logical.HelpOperation, map[string]any{"requestResponsePrefix": "x"}, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			err := checkInput(everyType, &logical.Request{Operation: c.operation, Data: c.data})
			switch {
			case err == nil && c.want != "":
				t.Errorf("accepted, want %q", c.want)
			case err != nil && err.Error() != c.want:
				t.Errorf("got %q, want %q", err, c.want)
			}
		})
	}
}

func TestCheckInputQuotesNoValue(t *testing.T) {
	const secret = "hunter2hunter2"
	for name, schema := range everyType.Fields {
		for _, raw := range []any{secret, []any{map[string]any{secret: secret}}, map[string]any{secret: []any{secret}}} {
			err := checkValue(name, schema, raw)
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("%s: the sentence quotes the value: %s", name, err)
			}
		}
	}
}

func TestCheckInputLeavesTheProvidersFields(t *testing.T) {
	path := *everyType
	path.TakesArbitraryInput = true
	req := &logical.Request{Operation: logical.CreateOperation, Data: map[string]any{"tll": "1h"}}
	if err := checkInput(&path, req); err != nil {
		t.Errorf("a write must leave fields it does not know to the definition, got %q", err)
	}
	req.Operation = logical.ReadOperation
	if err := checkInput(&path, req); err == nil {
		t.Error("a read has no fields of the provider's, and must refuse them")
	}
}
