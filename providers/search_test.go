package providers

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// pagedDefinition lists by page number and lets the test choose what ends it.
const pagedDefinition = `provider "paged" {
  connection "admin_key" {
    type      = string
    required  = true
    sensitive = true
  }
  auth "bearer" { token = connection.admin_key }
  issue {
    post   = "/keys"
    json   = { name = key.name }
    id     = body.id
    secret = { api_key = body.key }
  }
  revoke {
    delete = "/keys/${key.id}"
    gone   = [404]
  }
  list {
    get   = "/keys"
    query = { page = page.number }
    items = body.data
    item  = { id = item.id, name = item.name }
    next  = body.next != null ? { number = body.next } : null
    gone  = [404]
  }
}
`

// listing answers with pages of keys; each request sees the pages anew.
type listing struct {
	mu    sync.Mutex
	pages map[string]string // by page.number, "" for the first
	asked []string
	after func(asked int, l *listing) // what happens between two requests
}

func (l *listing) serve(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	number := r.URL.Query().Get("page")
	l.asked = append(l.asked, number)
	page, known := l.pages[number]
	if !known {
		page = `{"data":[],"next":null}`
	}
	if status, err := strconv.Atoi(page); err == nil {
		w.WriteHeader(status)
		page = `{}`
	}
	fmt.Fprint(w, page)
	if l.after != nil {
		l.after(len(l.asked), l)
	}
}

// pageOf is a page with keys of these names, whose ids are "id-" and the name.
func pageOf(next any, names ...string) string {
	items := []object{}
	for _, name := range names {
		items = append(items, object{"id": "id-" + name, "name": name})
	}
	text, err := json.Marshal(object{"data": items, "next": next})
	if err != nil {
		panic(err)
	}
	return string(text)
}

func names(keys []Listed) []string {
	all := []string{}
	for _, key := range keys {
		all = append(all, key.Handle.Name)
	}
	return all
}

func TestSearch(t *testing.T) {
	const foreign = `{"id":"f1","note":"made by hand"}`
	set := func(number, page string) func(int, *listing) {
		return func(asked int, l *listing) {
			if asked == 1 {
				l.pages[number] = page
			}
		}
	}
	for name, c := range map[string]struct {
		pages  map[string]string
		after  func(int, *listing)
		look   Look
		want   []string
		steady bool
		doubt  string
		asked  int // 0 for any number
		// nameless says that nothing with a name is shown.
		nameless bool
	}{
		"one answer holds all": {
			pages: map[string]string{"": pageOf(nil, "a", "b")},
			look:  Look{Name: "c"}, steady: true, asked: 1,
		},
		"several pages are read twice": {
			pages: map[string]string{"": pageOf("2", "a"), "2": pageOf(nil, "b")},
			look:  Look{Name: "c"}, steady: true, asked: 4,
		},
		"a look by name stops at the name": {
			pages: map[string]string{"": pageOf("2", "a"), "2": pageOf("3", "b"), "3": pageOf(nil, "c")},
			look:  Look{Name: "b"}, want: []string{"b"}, asked: 2,
		},
		"a look by id stops at the id": {
			pages: map[string]string{"": pageOf("2", "a"), "2": pageOf("3", "b"), "3": pageOf(nil, "c")},
			look:  Look{ID: "id-a"}, want: []string{"a"}, asked: 1,
		},
		"all of a name": {
			pages: map[string]string{"": `{"data":[{"id":"1","name":"a"}],"next":"2"}`, "2": `{"data":[{"id":"2","name":"a"}],"next":null}`},
			look:  Look{Name: "a", All: true}, want: []string{"a", "a"}, steady: true, asked: 4,
		},
		"all that carry a text": {
			pages: map[string]string{"": pageOf("2", "x-tag1", "b"), "2": pageOf(nil, "y-tag1", "z-tag2")},
			look:  Look{Containing: "tag1"}, want: []string{"x-tag1", "y-tag1"}, steady: true,
		},
		"a key that shifts over while the list is read": {
			// "a" is deleted after the first page, so that "c" moves to it unseen.
			pages: map[string]string{"": pageOf("2", "a", "b"), "2": pageOf(nil, "c", "d")},
			after: func(asked int, l *listing) {
				if asked == 1 {
					l.pages = map[string]string{"": pageOf("2", "b", "c"), "2": pageOf(nil, "d")}
				}
			},
			look: Look{Name: "c"}, want: []string{"c"},
		},
		"a list that ends early once": {
			pages: map[string]string{"": pageOf(nil, "a"), "2": pageOf(nil, "b")},
			after: set("", pageOf("2", "a")),
			look:  Look{Name: "b"}, steady: true, asked: 1, // one answer without a next is all there is
		},
		"a page that falls short once": {
			pages: map[string]string{"": pageOf("2", "a"), "2": pageOf(nil)},
			after: func(asked int, l *listing) {
				if asked == 2 {
					l.pages["2"] = pageOf(nil, "b")
				}
			},
			look: Look{Name: "b"}, want: []string{"b"},
		},
		"an empty page in the middle": {
			pages: map[string]string{"": pageOf("2", "a"), "2": pageOf("3"), "3": pageOf(nil, "b")},
			look:  Look{Name: "b"}, want: []string{"b"},
		},
		"a list that never holds still": {
			pages: map[string]string{"": pageOf("2", "a"), "2": pageOf(nil, "b")},
			after: func(asked int, l *listing) { l.pages["2"] = pageOf(nil, fmt.Sprint("n", asked)) },
			look:  Look{Name: "c"}, doubt: "changes while it is read",
		},
		"a page names itself as the next": {
			pages: map[string]string{"": pageOf("2", "a"), "2": pageOf("2", "b")},
			look:  Look{Name: "c"}, doubt: "was read before", asked: 2,
		},
		"pages go round": {
			pages: map[string]string{"": pageOf("2", "a"), "2": pageOf("3", "b"), "3": pageOf("2", "d")},
			look:  Look{Name: "c"}, doubt: "was read before", asked: 3,
		},
		"pages go round, and the key is on the way": {
			pages: map[string]string{"": pageOf("2", "a"), "2": pageOf("3", "b"), "3": pageOf("2", "c")},
			look:  Look{Name: "c"}, want: []string{"c"}, asked: 3,
		},
		"every page is the first": {
			pages: map[string]string{"": pageOf("2", "a"), "2": pageOf("3", "a"), "3": pageOf("4", "a"), "4": pageOf("5", "a"), "5": pageOf("6", "a")},
			look:  Look{Name: "c"}, doubt: "repeats itself", asked: 4,
		},
		"an item that is not ours cannot be read": {
			pages: map[string]string{"": `{"next":null,"data":[` + foreign + `,{"name":"no id"},{"id":"id-a","name":"a"},17,null,"text",[1]]}`},
			look:  Look{Name: "c"}, steady: true,
		},
		"an item that is not ours cannot be read, and ours can": {
			pages: map[string]string{"": `{"data":[{"name":"no id"},{"id":"id-a","name":"a"}],"next":null}`},
			look:  Look{Name: "a"}, want: []string{"a"},
		},
		"nothing that is listed can be read": {
			pages: map[string]string{"": `{"data":[17,null,"text",[1],{}],"next":null}`},
			look:  Look{Name: "c"}, doubt: "nothing that is listed can be read", asked: 1,
		},
		"nothing on a further page can be read": {
			pages: map[string]string{"": pageOf("2", "a"), "2": `{"data":[1],"next":null}`},
			look:  Look{Name: "c"}, doubt: "nothing that is listed can be read", asked: 2,
		},
		"somebody else's has no name": {
			pages: map[string]string{"": `{"data":[{"id":"f1"}],"next":null}`},
			look:  Look{Name: "c"}, steady: true, asked: 1, nameless: true,
		},
		"somebody else's has no id": {
			pages: map[string]string{"": `{"data":[{"name":"no id"}],"next":null}`},
			look:  Look{Name: "c"}, steady: true, asked: 1,
		},
		"the place is gone": {
			pages: map[string]string{"": "404"},
			look:  Look{Name: "c"}, steady: true, nameless: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			l := &listing{pages: c.pages, after: c.after}
			f.do("GET /v1/keys", l.serve)
			found, err := f.client(t, pagedDefinition, nil).Find(t.Context(), ListingScope{}, c.look)
			if err != nil {
				t.Fatal(err)
			}
			if got := names(found.Keys); len(got) != len(c.want) || len(got) > 0 && !reflect.DeepEqual(got, c.want) {
				t.Errorf("found %q, want %q", got, c.want)
			}
			if found.Steady != c.steady || !strings.Contains(found.Doubt, c.doubt) || c.doubt == "" && found.Doubt != "" {
				t.Errorf("steady %v, doubt %q; want %v, %q", found.Steady, found.Doubt, c.steady, c.doubt)
			}
			if found.Steady && found.Named == c.nameless {
				t.Errorf("named is %v", found.Named)
			}
			if c.asked != 0 && len(l.asked) != c.asked {
				t.Errorf("%d requests: %q", len(l.asked), l.asked)
			}
		})
	}
}

// An item of ours that cannot be read is told, and leaves the others alone.
func TestSearchTellsWhatItCannotRead(t *testing.T) {
	f := newFake(t)
	f.on("GET /v1/keys", 200, `{"data":[{"name":"x-tag1"},{"id":"1","name":"y-tag1"},{"label":"z-tag1 by hand"}],"next":null}`)
	found, err := f.client(t, pagedDefinition, nil).Find(t.Context(), ListingScope{}, Look{Containing: "tag1"})
	if err != nil || !reflect.DeepEqual(names(found.Keys), []string{"y-tag1"}) {
		t.Fatalf("%+v, %v", found, err)
	}
	if len(found.Unreadable) != 1 || found.Steady || found.Absent() || !strings.Contains(found.Doubt, "item.id") {
		t.Errorf("unreadable are %v, steady %v, doubt %q", found.Unreadable, found.Steady, found.Doubt)
	}
}

// A search that its caller left is taken up where it stopped.
func TestSearchGoesOn(t *testing.T) {
	f := newFake(t)
	ctx, cancel := context.WithCancel(t.Context())
	l := &listing{pages: map[string]string{"": pageOf("2", "a"), "2": pageOf("3", "b"), "3": pageOf(nil, "c")}}
	l.after = func(asked int, _ *listing) {
		if asked == 2 {
			cancel()
		}
	}
	f.do("GET /v1/keys", l.serve)
	search := f.client(t, pagedDefinition, nil).Search(ListingScope{}, Look{Name: "c"})
	if _, err := search.Run(ctx); err == nil || NothingMade(err) {
		t.Fatalf("a search whose time ended says %v", err)
	}
	found, err := search.Run(t.Context())
	if err != nil || len(found.Keys) != 1 {
		t.Fatalf("%+v, %v", found, err)
	}
	if want := []string{"", "2", "3"}; !reflect.DeepEqual(l.asked[len(l.asked)-1:], want[2:]) || len(l.asked) > 4 {
		t.Errorf("it asked %q", l.asked)
	}
}

// A page that is no longer to be had makes the reading begin anew.
func TestSearchBeginsAnew(t *testing.T) {
	f := newFake(t)
	l := &listing{pages: map[string]string{"": pageOf("2", "a"), "2": "410"}}
	f.do("GET /v1/keys", l.serve)
	search := f.client(t, pagedDefinition, nil).Search(ListingScope{}, Look{Name: "b"})
	if _, err := search.Run(t.Context()); KindOf(err) != Refused {
		t.Fatalf("%v", err)
	}
	l.mu.Lock()
	l.pages["2"] = pageOf(nil, "b")
	l.mu.Unlock()
	if found, err := search.Run(t.Context()); err != nil || len(found.Keys) != 1 {
		t.Errorf("%+v, %v", found, err)
	}
	if want := []string{"", "2", "", "2"}; !reflect.DeepEqual(l.asked, want) {
		t.Errorf("it asked %q", l.asked)
	}
}

// However many search at once, the list is read a few times.
func TestSearchesShareTheReading(t *testing.T) {
	f := newFake(t)
	l := &listing{pages: map[string]string{"": pageOf("2", "a"), "2": pageOf("3", "b"), "3": pageOf(nil, "k7")}}
	f.do("GET /v1/keys", l.serve)
	c := f.client(t, pagedDefinition, nil)
	var all sync.WaitGroup
	for i := range 100 {
		search := c.Search(ListingScope{}, Look{Name: fmt.Sprint("k", i)})
		all.Go(func() {
			found, err := search.Run(t.Context())
			if err != nil || len(found.Keys) > 0 != (i == 7) || found.Steady != (i != 7) {
				t.Errorf("k%d: %+v, %v", i, found, err)
			}
		})
	}
	all.Wait()
	// Each by itself would ask for six; one that comes late takes part in the next reading.
	if len(l.asked) > 150 {
		t.Errorf("%d requests for 100 searches in a list of 3 pages", len(l.asked))
	}
}
