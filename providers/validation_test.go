package providers

import (
	"encoding/json"
	"strings"
	"testing"
)

// validating is wholeDefinition with a validation.
func validating(block string) string {
	return strings.Replace(wholeDefinition, "  key_name {", "  validation {\n"+block+"\n  }\n  key_name {", 1)
}

func TestValidations(t *testing.T) {
	limited := "condition = role.limit == null || role.limit < 10 && connection.org == \"main\"\nerror_message = \"limit must be below 10\""
	for name, test := range map[string]struct {
		block            string
		connection, role Values
		refused          string // "" where it is accepted
	}{
		"it holds":                       {limited, nil, Values{"limit": json.Number("9")}, ""},
		"nothing is set":                 {limited, nil, nil, ""},
		"it does not hold":               {limited, nil, Values{"limit": json.Number("10")}, "limit must be below 10"},
		"nor for this connection":        {limited, Values{"org": "other"}, Values{"limit": json.Number("1")}, "limit must be below 10"},
		"it cannot be computed":          {"condition = role.scopes[0] == \"a\"\nerror_message = \"give scopes\"", nil, nil, "give scopes"},
		"one of two":                     {"exactly_one_of = [role.limit, role.scopes]", nil, Values{"limit": json.Number("1")}, ""},
		"none of two":                    {"exactly_one_of = [role.limit, role.scopes]", nil, nil, "give exactly one of limit, scopes"},
		"both of two":                    {"exactly_one_of = [role.limit, role.scopes]", nil, Values{"limit": json.Number("1"), "scopes": []any{"a"}}, "give exactly one of limit, scopes"},
		"both of two, in its own words":  {"exactly_one_of = [role.limit, role.scopes]\nerror_message = \"not both\"", nil, nil, "not both"},
		"what is about connections only": {"condition = connection.org == \"other\"\nerror_message = \"no\"", nil, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := mustParse(t, validating(test.block)).ValidateRole(test.connection, test.role)
			if (err == nil) != (test.refused == "") || err != nil && err.Error() != test.refused {
				t.Errorf("it says %v, not %q", err, test.refused)
			}
		})
	}
	of := mustParse(t, validating("condition = connection.org != \"other\"\nerror_message = \"not that one\""))
	if err := of.ValidateConnection(Values{"org": "other"}); err == nil || err.Error() != "not that one" {
		t.Errorf("a connection: %v", err)
	}
	if err := of.ValidateConnection(nil); err != nil { // by its default
		t.Errorf("a connection: %v", err)
	}
}

func TestValidationMistakes(t *testing.T) {
	for block, want := range map[string]string{
		``:                            "Write condition with error_message",
		`condition = role.limit == 1`: "missing error_message",
		"condition = role.limit\nerror_message = \"x\"":                           "true or false",
		"condition = 1 == 1\nerror_message = \"x\"":                               "validation of nothing",
		"condition = role.limits == 1\nerror_message = \"x\"":                     `did you mean "limit"?`,
		"condition = key.name == \"a\"\nerror_message = \"x\"":                    "key means nothing here",
		`exactly_one_of = [role.limit]`:                                           "bad exactly_one_of",
		`exactly_one_of = ["limit", "scopes"]`:                                    "bad exactly_one_of",
		`exactly_one_of = [role.limit, role.scope]`:                               `did you mean "scopes"?`,
		"exactly_one_of = [role.limit, role.scopes]\ncondition = role.limit == 1": "Write condition with error_message",
	} {
		if _, err := Parse("acme.hcl", []byte(validating(block))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, not %q", block, err, want)
		}
	}
}
