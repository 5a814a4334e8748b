package providers

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestList(t *testing.T) {
	f := newFake(t)
	f.do("GET /v1/projects/p1/keys", func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.RawQuery == "":
			fmt.Fprint(w, `{"data":[{"id":1,"name":"a","owner":"o"},{"id":2,"name":"b","owner":null}],"more":true,"last":2}`)
		case r.URL.Query().Get("after") == "2":
			fmt.Fprint(w, `{"data":[{"id":3,"name":null,"owner":"o"}],"more":false}`)
		default:
			http.Error(w, "{}", 400)
		}
	})
	c := f.client(t, wholeDefinition, nil)
	scope := c.def.ListingScope(Values{"project": "p1"}, nil)
	var got []Listed
	for one, err := range c.List(t.Context(), scope) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, one)
	}
	role := Values{"project": "p1"}
	want := []Listed{
		{Handle: Handle{Name: "a", ID: "1", Role: role, Saved: Values{"owner": "o"}}},
		{Handle: Handle{Name: "b", ID: "2", Role: role}},
		{Handle: Handle{ID: "3", Role: role, Saved: Values{"owner": "o"}}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("listed %+v", got)
	}
	for range c.List(t.Context(), scope) {
		break // a caller that has read enough asks for no further page
	}
	if n := len(f.seen()); n != 3 {
		t.Errorf("%d requests: %q", n, f.seen())
	}
}

// A date that a list's item has not got is unknown, and the key is one all the same.
func TestListWithoutDates(t *testing.T) {
	f := newFake(t)
	f.on("GET /v1/projects/p1/keys", 200, `{"data":[{"id":1,"name":"a","owner":"o"}],"more":false}`)
	src := strings.Replace(wholeDefinition, "      name  = item.name\n", "      name  = item.name\n      created_at = try(item.made, item.born)\n      last_used_at = try(item.used)\n", 1)
	c := f.client(t, src, nil)
	var got []string
	for one, err := range c.List(t.Context(), c.def.ListingScope(Values{"project": "p1"}, nil)) {
		if err != nil || !one.CreatedAt.IsZero() || !one.LastUsedAt.IsZero() {
			t.Errorf("%+v, %v", one, err)
		}
		got = append(got, one.Handle.Name)
	}
	if !slices.Equal(got, []string{"a"}) {
		t.Errorf("listed %v", got)
	}
}

// TestNeverUsedIsTold: that a key was never used is believed only where the answer says it.
func TestNeverUsedIsTold(t *testing.T) {
	const moment = "2030-11-22T10:05:00Z"
	for _, test := range []struct {
		read, item string
		at         string
		never      bool
	}{
		{"item.used", `"used":"2030-11-22T10:05:00Z"`, moment, false},
		{"item.used", `"used":1921572300`, moment, false},
		{"item.used", `"used":null`, "", true},
		{"item.used", `"used":""`, "", true},
		{"item.used", `"used":0`, "", true},
		{"item.used", `"used":"0001-01-01T00:00:00Z"`, "", true},
		{"item.used", `"used":"1970-01-01T00:00:00Z"`, "", true},
		{"item.used", `"used":"never"`, "", true},
		{"item.used", `"other":1`, "", false},
		{"item.used", `"used":"yesterday"`, "", false},
		{"item.used", `"used":{"at":"2030-11-22T10:05:00Z"}`, "", false},
		{"item.used.at", `"used":null`, "", false},
		{"item.used.at", `"used":{"at":null}`, "", true},
		{"item.used[0].at", `"used":[]`, "", false},
		{"try(item.used)", `"other":1`, "", false},
		{"try(item.used, null)", `"other":1`, "", true},
	} {
		f := newFake(t)
		f.on("GET /v1/projects/p1/keys", 200, `{"data":[{"id":1,"name":"a","owner":"o",`+test.item+`}],"more":false}`)
		src := strings.Replace(wholeDefinition, "      name  = item.name\n", "      name  = item.name\n      last_used_at = "+test.read+"\n", 1)
		c := f.client(t, src, nil)
		for one, err := range c.List(t.Context(), c.def.ListingScope(Values{"project": "p1"}, nil)) {
			at := ""
			if !one.LastUsedAt.IsZero() {
				at = one.LastUsedAt.Format(time.RFC3339)
			}
			if err != nil || at != test.at || one.NeverUsed != test.never || one.TellsUse() != (test.never || at != "") {
				t.Errorf("%s of %s is %q, never used %t, want %q, %t (%v)", test.read, test.item, at, one.NeverUsed, test.at, test.never, err)
			}
		}
	}
}

// TestListedEnds: a list tells when keys end by the provider's clock, and how far that is
// ahead; and keys that are looked for by their ids alone beside others.
func TestListedEnds(t *testing.T) {
	inBubble(func(t *testing.T) {
		f := newFake(t)
		f.do("GET /v1/projects/p1/keys", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
			fmt.Fprint(w, `{"data":[{"id":1,"name":"a","owner":"o","end":"2026-05-01T00:00:00Z"},{"id":2,"name":"b","owner":"o"},{"name":"c","owner":"o","note":"3"},{"id":4,"name":"d","owner":"o"}],"more":false}`)
		})
		src := strings.Replace(wholeDefinition, "      name  = item.name\n", "      name  = item.name\n      expires_at = try(item.end)\n", 1)
		c := f.client(t, src, nil)
		found, err := c.Find(t.Context(), c.def.ListingScope(Values{"project": "p1"}, nil), Look{Containing: "A", All: true, Beside: map[string]bool{"2": true, "3": true}})
		if err != nil || len(found.Keys) != 2 || len(found.Unreadable) > 0 {
			t.Fatalf("found %+v, %v", found, err)
		}
		if one := found.Keys[0]; !one.ExpiresAt.Equal(time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)) || one.ClockAhead < time.Hour || one.ClockAhead > time.Hour+5*time.Second {
			t.Errorf("the first: %+v", one)
		}
		if one := found.Keys[1]; one.Handle.ID != "2" || !one.ExpiresAt.IsZero() {
			t.Errorf("the other: %+v", one)
		}
	})(t)
}

func TestFind(t *testing.T) {
	f := newFake(t)
	f.on("GET /v1/projects/p1/keys", 200, `{"data":[{"id":1,"name":"a","owner":"o"},{"id":2,"name":"ab","owner":"o"}],"more":false}`)
	without := strings.Replace(wholeDefinition, wholeDefinition[strings.Index(wholeDefinition, "  lookup {"):strings.Index(wholeDefinition, "  extend {")], "", 1)
	for name, src := range map[string]string{"by lookup": wholeDefinition, "by list": without} {
		c := f.client(t, src, nil)
		scope := c.def.ListingScope(Values{"project": "p1"}, nil)
		found, err := c.Find(t.Context(), scope, Look{Name: "a"})
		if err != nil || len(found.Keys) != 1 || found.Keys[0].Handle.ID != "1" {
			t.Errorf("%s: %v, %v", name, found, err)
		}
		if found, err := c.Find(t.Context(), scope, Look{Name: "none"}); err != nil || !found.Absent() {
			t.Errorf("%s: %v, %v", name, found, err)
		}
	}
	if !slices.Contains(f.seen(), "GET /v1/projects/p1/keys?name=a") {
		t.Errorf("lookup asks %q", f.seen())
	}
}

// A key whose answer has no id is found by its name, once the list shows it, which may take
// as long as its definition says.
func TestIDByName(t *testing.T) {
	src := strings.Replace(wholeDefinition, "id     = body.id", "", 1)
	slow := strings.Replace(src, "provider \"acme\" {", "provider \"acme\" {\n  lag = \"5m\"", 1)
	listed := strings.Replace(src, wholeDefinition[strings.Index(wholeDefinition, "  lookup {"):strings.Index(wholeDefinition, "  extend {")], "", 1)
	quick := strings.Replace(src, "provider \"acme\" {", "provider \"acme\" {\n  lag = \"5s\"", 1)
	for name, test := range map[string]struct {
		src     string
		slow    time.Duration // each answer of the list
		name    string        // as the list tells it, where that is another
		shown   time.Duration // when the list shows the key; zero for at once
		refused bool          // the list is
		twice   bool          // a later page shows another one
		limit   time.Duration // for the whole of the mint
		takes   time.Duration // at least, and no longer than a pause more
		err     string
	}{
		"at once":                          {src: src},
		"a moment later":                   {src: src, shown: time.Second, takes: time.Second},
		"within the usual lag":             {src: src, shown: 59 * time.Second, takes: 59 * time.Second},
		"within the definition's lag":      {src: slow, shown: 4 * time.Minute, takes: 4 * time.Minute},
		"after the lag":                    {src: src, shown: 2 * time.Minute, takes: time.Minute, err: "not in the provider's list"},
		"after all the time that there is": {src: slow, shown: time.Minute, limit: 20 * time.Second, takes: 10 * time.Second, err: "not in the provider's list"},
		"under a longer name":              {src: src, name: "acct.N-Part1", takes: firstLookPause},
		"under a longer name, slowly":      {src: quick, name: "acct.N-Part1", slow: 6 * time.Second, takes: 24 * time.Second},
		"under a name of another's":        {src: src, name: "n-part2", takes: time.Minute, err: "not in the provider's list"},
		"on two pages":                     {src: listed, twice: true, err: "several keys"},
		"in a list that may not be read":   {src: slow, refused: true, takes: listRetryTime, err: "403"},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			f := newFake(t)
			var made time.Time
			f.do("POST /v1/projects/p1/keys", func(w http.ResponseWriter, _ *http.Request) {
				made = time.Now()
				fmt.Fprint(w, `{"key": "sk-value-1", "owner": "o1"}`)
			})
			f.do("GET /v1/projects/p1/keys", func(w http.ResponseWriter, r *http.Request) {
				time.Sleep(test.slow)
				switch {
				case test.refused:
					w.WriteHeader(http.StatusForbidden)
				case test.twice && r.URL.Query().Has("after"):
					fmt.Fprint(w, `{"data":[{"id":"k8","name":"n-part1","owner":"o1"}]}`)
				case r.URL.Query().Has("after"):
					fmt.Fprint(w, `{"data":[]}`)
				case time.Since(made) < test.shown:
					fmt.Fprint(w, `{"data":[]}`)
				default:
					fmt.Fprintf(w, `{"data":[{"id":"k7","name":%q,"owner":"o1"}],"more":%t,"last":7}`, cmp.Or(test.name, "n-part1"), !r.URL.Query().Has("name"))
				}
			})
			ctx, cancel := context.WithTimeout(t.Context(), cmp.Or(test.limit, time.Hour))
			defer cancel()
			key, err := f.client(t, test.src, nil).Issue(ctx, KeyRequest{Name: "n-part1", Part: "part1", Role: Values{"project": "p1"}})
			if took := time.Since(made); took < test.takes || took > test.takes+longestLookPause {
				t.Errorf("it took %s, want %s", took, test.takes)
			}
			switch {
			case test.err == "" && (err != nil || key.Handle.ID != "k7" || key.Handle.Saved["owner"] != "o1"):
				t.Errorf("%+v, %v", key, err)
			case test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err) || KindOf(err) != Unknown || NothingMade(err)):
				t.Errorf("%+v, %v", key, err)
			}
		}))
	}
}
