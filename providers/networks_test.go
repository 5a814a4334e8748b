package providers

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"vault-plugin-secrets-apikeys/providers/internal/expr"
)

func TestNetworks(t *testing.T) {
	single, two := Networks{Single: true}, Networks{MaxItems: 2}
	for _, test := range []struct {
		name  string
		bound Networks
		cidrs []string
		want  string // a part of the refusal; "" for none
	}{
		{"no bound", Networks{}, []string{"10.0.0.0/8", "2001:db8::/32"}, ""},
		{"none", Networks{Single: true, IPv4Only: true, MaxItems: 1}, nil, ""},
		{"an address", single, []string{"10.1.2.3/32", "2001:db8::1/128"}, ""},
		{"a network", single, []string{"10.1.2.3/32", "10.0.0.0/24"}, "10.0.0.0/24 is a network: give each address, such as 10.0.0.0/32"},
		{"a network of IPv6", single, []string{"2001:db8::/127"}, "such as 2001:db8::/128"},
		{"IPv6", Networks{IPv4Only: true}, []string{"::1/128"}, "::1/128 is IPv6"},
		{"as many as may be", two, []string{"10.0.0.0/8", "10.1.2.3/32"}, ""},
		{"one too many", two, []string{"10.0.0.1/32", "10.0.0.2/32", "10.0.0.3/32"}, "at most 2 networks, and these are 3"},
		{"no network", Networks{}, []string{"10.0.0.1"}, "write a network"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := test.bound.Check(test.cidrs)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("it says %v, not %q", err, test.want)
			}
		})
	}
}

func TestReadNetworks(t *testing.T) {
	bound := func(text string) string {
		return strings.NewReplacer("scopes  = role.scopes", "scopes  = role.scopes\n      ips = key.ips", "key_name {", "cidrs {\n"+text+"\n}\n  key_name {").Replace(wholeDefinition)
	}
	d := mustParse(t, bound("max_items = 3\nsingle = true\nipv6 = false"))
	if d.Networks != (Networks{MaxItems: 3, Single: true, IPv4Only: true}) || !d.Capabilities.IPBinding {
		t.Errorf("it is read as %+v", d.Networks)
	}
	if d := mustParse(t, bound("ipv6 = true")); d.Networks != (Networks{}) {
		t.Errorf("it is read as %+v", d.Networks)
	}
	if _, err := Parse("acme.hcl", []byte(bound("max_items = -1"))); err == nil {
		t.Error("a negative bound is taken")
	}
	if _, err := Parse("acme.hcl", []byte(strings.Replace(bound("max_items = 1"), "ips = key.ips", "", 1))); err == nil || !strings.Contains(err.Error(), "cidrs without use") {
		t.Errorf("a bound on what is never sent is taken: %v", err)
	}

	f := newFake(t)
	f.on("POST /v1/projects/p/keys", http.StatusOK, object{"id": "1", "key": "k", "owner": "o"})
	if _, err := f.client(t, bound(""), nil).Issue(t.Context(), KeyRequest{
		Name: "n", Role: Values{"project": "p"}, CIDRs: []string{"10.1.2.3/32", "10.0.0.0/8", "2001:db8::1/128"},
	}); err != nil {
		t.Fatal(err)
	}
	body, _ := f.last()
	sent, _ := expr.DecodeJSON([]byte(body))
	if got := sent.(object)["ips"].([]any); !slices.Equal(got, []any{"10.1.2.3", "10.0.0.0/8", "2001:db8::1"}) {
		t.Errorf("sent were %v", got)
	}
}
