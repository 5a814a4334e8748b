package providers

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// FuzzDefinition changes a built-in definition in one place, and where the
// result is accepted, uses all of it at a server that answers with anything.
// Nothing panics, nothing costs more than it may, and no error quotes a secret.
func FuzzDefinition(f *testing.F) {
	for i, name := range BuiltIn() {
		for at, piece := range []string{"null", `""`, "[]", "{}", "connection", "body", "item", "!", "[*]", "...", `"${key.name}"`, "[for x in body : x]", "range(1000)", "for_each = body.data\n", "each.value"} {
			f.Add(uint(i), uint(at*97+i*31), uint(at%7), piece, `{"id":"i","name":"n","key":"k","data":[{"id":"i","name":"n"}]}`)
		}
		f.Add(uint(i), uint(0), uint(0), "", fmt.Sprintf(`{"name":%q,"data":null}`, name))
	}
	f.Fuzz(func(t *testing.T, which, at, length uint, piece, body string) {
		if len(piece) > 200 || len(body) > 4096 {
			return
		}
		name := BuiltIn()[which%uint(len(BuiltIn()))]
		src, err := catalog.ReadFile("catalog/" + name + ".hcl")
		if err != nil {
			t.Fatal(err)
		}
		tokens := strings.SplitAfter(string(src), " ")
		begin := int(at % uint(len(tokens)))
		end := min(len(tokens), begin+int(length%8))
		mutant := strings.Join(tokens[:begin], "") + piece + " " + strings.Join(tokens[end:], "")
		d, err := Parse("mutant.hcl", []byte(mutant))
		if err != nil {
			if len(err.Error()) > 50_000 {
				t.Fatalf("the error has %d characters", len(err.Error()))
			}
			return
		}
		// In virtual time, since a definition may say how long to wait.
		synctest.Test(t, func(t *testing.T) { use(t, d, body) })
	})
}

// use makes every request of a definition once, at a provider that gives one answer.
func use(t *testing.T, d *Definition, answer string) {
	t.Helper()
	provider := newFakeOf(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, answer) })
	values := Values{}
	for _, field := range d.Connection {
		if field.Required && field.Default == nil {
			values[field.Name] = sample(field)
		}
	}
	client, err := NewClient(d, Settings{BaseURL: provider.URL, Values: values, Timeout: 2 * time.Second, Dial: network.Dial})
	if err != nil {
		return // a sample need not be what the field takes
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	role := Values{}
	for _, field := range d.Role {
		if field.Required && field.Default == nil {
			role[field.Name] = sample(field)
		}
	}
	secret := Values{}
	for _, name := range d.SecretFields() {
		secret[name] = "the-secret"
	}
	handle := Handle{Name: "n", ID: "i", Role: role, Saved: Values{}, Secret: secret}
	_, err = client.Issue(ctx, KeyRequest{Name: "n", Role: role, ExpiresAt: time.Now().Add(time.Hour), TTL: time.Hour})
	checkError(t, err)
	checkError(t, client.Revoke(ctx, handle))
	checkError(t, client.Check(ctx))
	_, err = client.Extend(ctx, handle, time.Now().Add(time.Hour), time.Hour)
	checkError(t, err)
	_, err = client.Probe(ctx, secret)
	checkError(t, err)
	for _, err := range client.List(ctx, d.ListingScope(role, values)) {
		checkError(t, err)
	}
	if d.Capabilities.RotateRoot {
		candidate, _ := client.Candidate()
		_, err = client.Rotate(ctx, RotateRequest{Name: "n", Candidate: candidate})
		checkError(t, err)
	}
}

// sample is a value for a field, of its enum or its kind.
func sample(field *Field) any {
	if len(field.Enum) > 0 {
		return field.Enum[0]
	}
	for _, one := range []any{"the-admin-key", "7", "true", "a=b", map[string]any{}} {
		if value, err := field.Accept(one); err == nil {
			return value
		}
	}
	return nil
}
