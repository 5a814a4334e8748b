package providers

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"

	"vault-plugin-secrets-apikeys/providers/internal/expr"
	"vault-plugin-secrets-apikeys/providers/internal/field"
)

// costly is a definition with one expression to be computed when a key is made,
// and one when keys are listed.
const costly = `provider "costly" {
  connection "admin_key" {
    type      = string
    required  = true
    sensitive = true
  }
  role "text" { type = string }
  role "count" { type = number }
  auth "bearer" { token = connection.admin_key }
  issue {
    post   = "/keys"
    json   = { name = key.name, text = role.text, count = role.count, x = %s }
    id     = body.id
    secret = { api_key = body.key }
  }
  revoke { delete = "/keys/${key.id}" }
  list {
    get   = "/keys"
    items = %s
    item  = { id = item.id, name = item.name }
  }
}`

func costlyDefinition(issue, items string) string {
	return fmt.Sprintf(costly, issue, items)
}

// grown is what result makes of a text t that is ten times as long as the one
// before it, n times over.
func grown(n int, start, result string) string {
	text := result
	for range n {
		text = `[for t in ["${t}${t}${t}${t}${t}${t}${t}${t}${t}${t}"] : ` + text + `][0]`
	}
	return `[for t in [` + start + `] : ` + text + `][0]`
}

// overBudget are expressions that take minutes or gigabytes.
var overBudget = map[string]string{
	"loops in loops":           `length([for a in range(1000) : length([for b in range(1000) : length([for c in range(1000) : c])])])`,
	"loops in the condition":   `length([for a in range(1000) : a if length([for b in range(1000) : b if length([for c in range(1000) : c]) > 0]) > 0])`,
	"loops in a key":           `length({ for a in range(1000) : join("", [for b in range(1000) : join("", [for c in range(1000) : ""])]) => a... })`,
	"loops in a text":          `length("%{ for a in range(1000) }%{ for b in range(1000) }%{ for c in range(1000) }x%{ endfor }%{ endfor }%{ endfor }")`,
	"loops under try":          `try(length([for a in range(1000) : length([for b in range(1000) : try(length([for c in range(1000) : c]), 1)])]), 1)`,
	"loops under can":          `[for a in range(1000) : can([for b in range(1000) : can([for c in range(1000) : c])])]`,
	"splats":                   `length(range(1000)[*].x[*].y[*].z[*].w) + length([for a in range(1000) : range(1000)[*]])`,
	"padding":                  `length(format("%400000000s", "a"))`,
	"padding with zeroes":      `length(format("%0400000000d", 1))`,
	"precision":                `length(format("%.400000000f", 1))`,
	"padding in pieces":        `length([for a in range(1000) : [for b in range(1000) : format("%1000s%1000s%1000s", "a", "b", "c")]])`,
	"one argument many times":  grown(5, `"0"`, `length(format("`+strings.Repeat("%[1]s", 200)+`", t))`),
	"growing a text":           grown(40, `"0"`, `length(t)`),
	"doubling a list":          nestedLists(50),
	"joining with a long text": grown(5, `"0"`, `length(join(t, range(1000)))`),
	"replacing everything":     grown(4, `"0"`, `length(replace(t, "0", t))`),
	"replacing by expression":  grown(4, `"0"`, `length(regex_replace(t, "", t))`),
	"a large expression":       grown(5, `"0"`, `length(regexall("((((a{10}){10}b?){10}))*c", t))`),
	"expressions in loops":     `length([for a in range(1000) : [for b in range(1000) : can(regex("(a{100}){10}", "aaaaaaaaaaaaaaaaaaaaaa"))]])`,
	"splitting all":            `length([for a in range(1000) : split("", ` + grown(4, `"0"`, `t`) + `)])`,
	"comparing all":            `length([for a in range(1000) : distinct([for b in range(1000) : "${a}-${b}"])])`,
	"sorting over and over":    `length([for a in range(1000) : sort([for b in range(1000) : "${a}-${b}"])])`,
	"one type of many":         `length([for a in range(1000) : tolist([for b in range(1000) : b > 500 ? "x" : "y"])])`,
	"keys in loops":            `[for a in range(1000) : [for b in range(1000) : try(public_key_sha256("x"), "")]]`,
	"json of a doubled list":   `length(jsonencode(` + nestedLists(40) + `))`,
	"try in try":               strings.Repeat(`try(`, 50) + `1` + strings.Repeat(`)`, 50),
	"growing numbers":          `[for a in [1e300 * 1e300] : [for b in [a * a] : "${b * b}"]]`,
	"errors in loops":          `try([for a in range(1000) : [for b in range(1000) : a.nothing]], 1)`,
}

// nestedLists is a list that holds the list before it twice, n times over: small
// in memory, and endless to look through.
func nestedLists(n int) string {
	text := "t"
	for range n {
		text = fmt.Sprintf(`[for t in [[t, t]] : %s][0]`, text)
	}
	return fmt.Sprintf(`[for t in [[1]] : %s][0]`, text)
}

// someOf are the cases, each of which spends a whole budget or fills the longest
// definition; with -short a third of them, which differ little. make test has all.
func someOf(cases map[string]string) map[string]string {
	if !testing.Short() {
		return cases
	}
	some := map[string]string{}
	for i, name := range slices.Sorted(maps.Keys(cases)) {
		if i%3 == 0 {
			some[name] = cases[name]
		}
	}
	return some
}

// allocatesLittle runs do and makes sure that it allocates no more than it may.
func allocatesLittle(t *testing.T, do func()) {
	t.Helper()
	const most = 2 << 30 // in all, over time: what is alive at once is a part of it
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	if made := after.TotalAlloc - before.TotalAlloc; made > most {
		t.Errorf("%d MB were made", made>>20)
	}
}

// What is written out is computed when a definition is checked.
func TestCheckEndsWhateverIsWritten(t *testing.T) {
	for name, expr := range someOf(overBudget) {
		t.Run(name, func(t *testing.T) {
			allocatesLittle(t, func() {
				_, err := Parse("costly.hcl", []byte(costlyDefinition(expr, "body.data")))
				if err == nil {
					t.Fatal("it was accepted")
				}
				if text := err.Error(); !strings.Contains(text, "too much to compute") && !strings.Contains(text, "number beyond all bounds") || len(text) > 20_000 {
					t.Errorf("the error is %s", text)
				}
			})
		})
	}
}

// What depends on an answer is computed when that comes.
func TestListEndsWhateverIsComputed(t *testing.T) {
	for name, expr := range someOf(map[string]string{
		"loops in loops":       `[for a in body.data : a if length([for b in body.data : b if length([for c in body.data : c]) > 0]) > 0]`,
		"equal to the whole":   `[for a in body.data : a if body == body]`,
		"the whole as a text":  `[for a in body.data : a if jsonencode(body) != ""]`,
		"among the whole":      `[for a in body.data : a if !contains(body.data, "x")]`,
		"each once":            `distinct(body.data)`,
		"of one type":          `tolist(body.data)`,
		"the first of kinds":   `coalesce(body.data, [1])`,
		"whole in whole":       `[for a in body.data : a if contains(body.data, body.data)]`,
		"whole with whole":     `[for a in body.data : a if body.data == body.data]`,
		"a choice of each":     `[for a in body.data : a if length(a.id == "1" ? body.data : [body]) > 0]`,
		"grown":                grown(5, `join("", body.data[*].name)`, `[{ id = t, name = "n" }]`),
		"digits as a number":   `[for a in body.data : a if body.digits > 1]`,
		"digits as an index":   `[body.data[body.digits]]`,
		"digits negated":       `[for a in body.data : a if -body.digits < 0]`,
		"digits read":          `[for a in body.data : a if tonumber(body.digits) > 0]`,
		"digits in a function": `[for a in body.data : a if max(body.digits, 1) > 0]`,
		"digits formatted":     `[for a in body.data : a if format("%d", body.digits) != ""]`,
		"json in json":         `[for a in body.data : a if length(jsondecode(body.json)) > 0]`,
	}) {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.do("GET /v1/keys", func(w http.ResponseWriter, _ *http.Request) {
				var items []string
				for i := range 3_000 {
					items = append(items, fmt.Sprintf(`{"id":"%d","name":"n%d"}`, i, i))
				}
				digits, json := "9", "[0]"
				if strings.Contains(name, "digits") {
					digits = strings.Repeat("9", 1<<20)
				}
				if strings.Contains(name, "json") {
					json = "[" + strings.Repeat("0,", 1<<16) + "0]"
				}
				fmt.Fprintf(w, `{"data":[%s],"digits":"%s","json":"%s"}`, strings.Join(items, ","), digits, json)
			})
			c := f.client(t, costlyDefinition("1", expr), nil)
			allocatesLittle(t, func() {
				for _, err := range c.List(t.Context(), ListingScope{}) {
					if err == nil {
						t.Fatal("it was computed")
					}
					checkError(t, err)
					if !strings.Contains(err.Error(), "line") {
						t.Errorf("the error does not say where: %v", err)
					}
				}
			})
		})
	}
}

// A large answer is no mistake: all of it can be read, in the ways that
// definitions read lists.
func TestLargeAnswersAreRead(t *testing.T) {
	for name, expr := range map[string]string{
		"as it is":  `body.data`,
		"filtered":  `[for k in body.data : k if startswith(k.name, "n") && !endswith(k.name, "x")]`,
		"chosen":    `length(body.data) == 0 ? [] : body.data`,
		"by values": `values({ for k in body.data : k.id => k })`,
		"joined":    `concat(body.data, [for k in body.data : k if false])`,
		"as texts":  `[for id in sort(compact(split(",", join(",", body.data[*].id)))) : { id = id, name = "n" }]`,
		"of kinds":  `join(",", flatten([for i, k in body.data : [i, k.id]])) == "" ? [] : body.data`,
		"contained": `[for k in body.data : k if contains(k.scopes, "read")]`,
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.do("GET /v1/keys", func(w http.ResponseWriter, _ *http.Request) {
				var items []string
				for i := range 8_000 {
					items = append(items, fmt.Sprintf(`{"id":"%d","name":"n%d","created":"2026-01-01T00:00:00Z","scopes":["read","write"],"note":"%s"}`, i, i, strings.Repeat("x", 80)))
				}
				fmt.Fprintf(w, `{"data":[%s]}`, strings.Join(items, ","))
			})
			c, count := f.client(t, costlyDefinition("1", expr), nil), 0
			for _, err := range c.List(t.Context(), ListingScope{}) {
				if err != nil {
					t.Fatal(err)
				}
				count++
			}
			if count != 8_000 {
				t.Errorf("%d keys were read", count)
			}
		})
	}
}

// What depends on something secret works like anything else, and stays secret.
func TestSecretsMayDecide(t *testing.T) {
	answer := `{"data":[{"id":"1","name":"n"},{"id":"2","name":"` + adminKey + `"}],"more":true}`
	for name, change := range map[string][2]string{
		"items, filtered":  {`items = %s`, `items = [for k in body.data : k if k.name != connection.admin_key]`},
		"items, chosen":    {`items = %s`, `items = startswith(connection.admin_key, "x") ? [] : body.data`},
		"items, listed":    {`items = %s`, `items = [{ id = connection.admin_key, name = "n" }]`},
		"items, by splat":  {`items = %s`, `items = startswith(connection.admin_key, "x") ? [] : body.data[*]`},
		"items, a map":     {`items = %s`, `items = values({ for k in body.data : "${k.id}-${connection.admin_key}" => k })`},
		"items, no list":   {`items = %s`, `items = startswith(connection.admin_key, "x") ? [] : null`},
		"item":             {`item  = {`, `item  = { created_at = connection.admin_key, secret = startswith(connection.admin_key, "x") ? null : { api_key = item.id },`},
		"item.id":          {`id = item.id, name`, `id = startswith(connection.admin_key, "a") ? item.id : "", name`},
		"next":             {`get   = "/keys"`, "get   = \"/keys\"\n query = { after = page.x }\n next = body.more && page.x == null ? { x = sha256(connection.admin_key) } : null"},
		"next, as a whole": {`get   = "/keys"`, "get   = \"/keys\"\n query = { after = page.x }\n next = startswith(connection.admin_key, \"x\") || page.x != null ? null : { x = 2 }"},
		"query":            {`get   = "/keys"`, "get   = \"/keys\"\n query = startswith(connection.admin_key, \"x\") ? {} : { after = 1 }"},
		"headers":          {`get   = "/keys"`, "get   = \"/keys\"\n headers = { for name in [\"x-a\"] : name => connection.admin_key }"},
		"path":             {`get   = "/keys"`, `get   = "/keys/${connection.admin_key}"`},
		"path, chosen":     {`get   = "/keys"`, `get   = startswith(connection.admin_key, "x") ? "/none" : "/keys"`},
		"ok":               {`get   = "/keys"`, "get   = \"/keys\"\n ok = connection.admin_key != \"x\""},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			for _, path := range []string{"/v1/keys", "/v1/keys/" + adminKey} {
				f.on("GET "+path, 200, answer)
			}
			src := strings.Replace(costlyDefinition("1", "body.data"), strings.Replace(change[0], "%s", "body.data", 1), change[1], 1)
			if !strings.Contains(src, change[1]) {
				t.Fatal("nothing was changed")
			}
			for one, err := range f.client(t, src, nil).List(t.Context(), ListingScope{}) {
				if err != nil {
					t.Fatal(err)
				}
				if one.Handle.ID == "" {
					t.Errorf("listed %+v", one)
				}
			}
		})
	}
}

// A caller that gives up is not computed for.
func TestEvaluationEndsWithItsContext(t *testing.T) {
	d := mustParse(t, costlyDefinition(`role.count == null ? null : [for a in range(role.count) : [for b in range(role.count) : a]]`, "body.data"))
	role, err := field.FieldsValue(d.Role, Values{"count": "1000"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := expr.Scope{}.With("role", role).With("key", expr.Key{Name: "n"}.Value()).Metered(ctx, 0)
	if _, err := s.Evaluate(d.Issue.Calls[0].Body); err == nil || !strings.Contains(err.Error(), "given up") {
		t.Errorf("the error is %v", err)
	}
}

// Source that would take the parser's stack, or the square of its length.
func TestParseEndsWhateverTheSource(t *testing.T) {
	fill := func(begin, repeated, end string) string {
		return begin + strings.Repeat(repeated, (LongestDefinition-len(begin)-len(end)-1000)/len(repeated)) + end
	}
	for name, expr := range someOf(map[string]string{
		"negations":            fill("", "!\n", "true"),
		"negations in a line":  fill("", "!", "true"),
		"minus":                fill("(", "-\n", "1)"),
		"conditions":           fill("(", "true\n?\n1\n:\n", "2)"),
		"sums":                 fill("1", "+1", ""),
		"ands":                 fill("true", "&&true", ""),
		"indices":              fill("role.text", "[role.count]", ""),
		"attributes":           fill("role.text", ".a", ""),
		"splats":               fill("role.text", "[*]", ""),
		"parentheses":          fill("(", "(", "1"),
		"lists":                fill("[", "[", "1"),
		"objects":              fill("{", "{a=", "1"),
		"templates":            fill(`"`, `${"`, ``),
		"one long text":        fill(`"`, `x`, `"`),
		"one long template":    fill(`"`, `${role.text}`, `"`),
		"many elements":        fill("true ? [", `"a",1,`, "] : tolist([])"),
		"many objects":         fill("role.text == null ? [", `{a=1},{b=1},`, "] : []"),
		"many arguments":       fill("concat(", "[1],", "[])"),
		"many names":           fill("[", "role.txt,", "1]"),
		"many functions":       fill("[", "tostrin(1),", "1]"),
		"many unknown members": fill("[", "nothing,", "1]"),
		"heredocs":             fill("", "<<A\n", ""),
		"heredoc in heredoc":   fill("", "<<A\n${<<B\n", ""),
	}) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse("costly.hcl", []byte(costlyDefinition(expr, "body.data")))
			if err != nil && len(err.Error()) > 20_000 {
				t.Errorf("the error has %d characters", len(err.Error()))
			}
		})
	}
}

// A panic is an error of the call that met it.
func TestPanicIsAnErrorOfItsCall(t *testing.T) {
	f := newFake(t)
	c := f.client(t, costlyDefinition("1", "body.data"), nil)
	c.base = nil // as by a mistake of the engine's own
	for op, call := range map[string]func() error{
		"check":  func() error { c.def.Check = c.def.List.Call; return c.Check(t.Context()) },
		"issue":  func() error { _, err := c.Issue(t.Context(), KeyRequest{Name: "n"}); return err },
		"revoke": func() error { return c.Revoke(t.Context(), Handle{ID: "i", Name: "n"}) },
		"lookup": func() error { _, err := c.Find(t.Context(), ListingScope{}, Look{Name: "n"}); return err },
		"list": func() (last error) {
			for _, err := range c.List(t.Context(), ListingScope{}) {
				last = err
			}
			return last
		},
	} {
		t.Run(op, func(t *testing.T) {
			err := call()
			if err == nil || !strings.Contains(err.Error(), ".go line ") {
				t.Errorf("the error is %v", err)
			}
			if e, ok := err.(*Error); ok && e.Kind != Unknown {
				t.Errorf("the outcome is %v", e.Kind)
			}
		})
	}
	defer func() {
		if recover() == nil {
			t.Error("what the reader of a list panics with is its own")
		}
	}()
	for range f.client(t, costlyDefinition("1", "body.data"), nil).List(t.Context(), ListingScope{}) {
		panic("by the caller")
	}
}
