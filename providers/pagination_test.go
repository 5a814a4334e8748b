package providers

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// pagedBy is wholeDefinition with a list that goes on in one way.
func pagedBy(block string) string {
	return strings.NewReplacer(
		"    query = { after = page.after }\n    items = body.data\n", "    items = body.data\n",
		"    next = body.more ? { after = body.last } : null", block,
	).Replace(wholeDefinition)
}

// keyPages serves keys 1 to 5, two on a page, as a provider does that is asked in
// one way for the page that begins with a key.
func keyPages(w http.ResponseWriter, from int, more func(next int) object) {
	var data []object
	for n := from; n < min(from+2, 6); n++ {
		data = append(data, object{"id": n, "name": fmt.Sprint("k", n), "owner": "o"})
	}
	answer := object{"data": data}
	if data == nil {
		answer["data"] = []object{}
	}
	if more != nil {
		for name, value := range more(from + 2) {
			answer[name] = value
		}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func TestPagination(t *testing.T) {
	number := func(r *http.Request, name string, otherwise int) int {
		n, err := strconv.Atoi(r.URL.Query().Get(name))
		if err != nil {
			return otherwise
		}
		return n
	}
	const path = "/v1/projects/p1/keys"
	for name, test := range map[string]struct {
		block  string
		answer func(w http.ResponseWriter, r *http.Request)
		want   []string // requests, without "GET " and the path
	}{
		"pages until an empty one": {
			`pagination "page" {}`,
			func(w http.ResponseWriter, r *http.Request) { keyPages(w, number(r, "page", 0)*2-1, nil) },
			[]string{"?page=1", "?page=2", "?page=3", "?page=4"},
		},
		"pages from 0, of a size, as long as there are more": {
			`pagination "page" {
			  parameter      = "p"
			  first          = 0
			  size_parameter = "limit"
			  size           = 2
			  more           = page.number + 1 < body.pages
			}`,
			func(w http.ResponseWriter, r *http.Request) {
				keyPages(w, number(r, "p", 9)*2+1, func(int) object { return object{"pages": 3} })
			},
			[]string{"?limit=2&p=0", "?limit=2&p=1", "?limit=2&p=2"},
		},
		"offsets": {
			`pagination "offset" { parameter = "skip" }`,
			func(w http.ResponseWriter, r *http.Request) { keyPages(w, number(r, "skip", 9)+1, nil) },
			[]string{"?skip=0", "?skip=2", "?skip=4", "?skip=5"},
		},
		"offsets with a total": {
			`pagination "offset" { more = page.offset + length(items) < body.total }`,
			func(w http.ResponseWriter, r *http.Request) {
				keyPages(w, number(r, "offset", 9)+1, func(int) object { return object{"total": 5} })
			},
			[]string{"?offset=0", "?offset=2", "?offset=4"},
		},
		"cursors": {
			`pagination "cursor" {
			  parameter = "after"
			  next      = body.next
			}`,
			func(w http.ResponseWriter, r *http.Request) {
				keyPages(w, number(r, "after", 1), func(next int) object {
					if next > 5 {
						return nil // left out at the end
					}
					return object{"next": strconv.Itoa(next)}
				})
			},
			[]string{"", "?after=3", "?after=5"},
		},
		"cursors that are the last key, and empty at the end": {
			`pagination "cursor" {
			  parameter = "before"
			  next      = length(items) > 0 ? items[length(items) - 1].id : ""
			}`,
			func(w http.ResponseWriter, r *http.Request) { keyPages(w, number(r, "before", 0)+1, nil) },
			[]string{"", "?before=2", "?before=4", "?before=5"},
		},
		"Link headers": {
			`pagination "link" {
			  size_parameter = "per_page"
			  size           = 2
			}`,
			func(w http.ResponseWriter, r *http.Request) {
				from := number(r, "from", 1)
				if from+2 <= 5 {
					w.Header().Add("Link", `<https://elsewhere.example/first>; rel="first"`)
					w.Header().Add("Link", fmt.Sprintf(`</v1/projects/p1/keys?from=%d&token=a%%2Cb>; title="x, y"; rel="last next"`, from+2))
				}
				keyPages(w, from, nil)
			},
			[]string{"?per_page=2", "?from=3&token=a%2Cb", "?from=5&token=a%2Cb"},
		},
		"addresses at a name that the server has inside": {
			`pagination "url" { next = body.links.next }`,
			func(w http.ResponseWriter, r *http.Request) {
				keyPages(w, number(r, "from", 1), func(next int) object {
					if next > 5 {
						return object{"links": object{}}
					}
					return object{"links": object{"next": fmt.Sprint("http://inside.example:8080", path, "?from=", next)}}
				})
			},
			[]string{"", "?from=3", "?from=5"},
		},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			f := newFake(t)
			f.do("GET "+path, test.answer)
			c := f.client(t, pagedBy(test.block), nil)
			var ids []string
			for one, err := range c.List(t.Context(), ListingScope{Role: Values{"project": "p1"}}) {
				if err != nil {
					t.Fatal(err)
				}
				ids = append(ids, one.Handle.ID)
			}
			var asked []string
			for _, call := range f.seen() {
				asked = append(asked, strings.TrimPrefix(call, "GET "+path))
			}
			if !slices.Equal(ids, []string{"1", "2", "3", "4", "5"}) || !slices.Equal(asked, test.want) {
				t.Errorf("listed %v by %q", ids, asked)
			}
			found, err := c.Find(t.Context(), c.def.ListingScope(Values{"project": "p1"}, nil), Look{ID: "none"})
			if err != nil || !found.Absent() {
				t.Errorf("what is not there: %+v, %v", found, err)
			}
		}))
	}
}

// Lists whose end is not sure prove nothing.
func TestPaginationWithoutASureEnd(t *testing.T) {
	for name, test := range map[string]struct{ block, answer, want string }{
		"more is not told":              {`pagination "page" { more = body.more }`, `{"data":[{"id":1,"name":"a","owner":"o"}]}`, "more"},
		"more is told, and none shown":  {`pagination "offset" { more = body.more }`, `{"data":[],"more":true}`, "shows nothing"},
		"the parameter is not heeded":   {`pagination "page" {}`, `{"data":[{"id":1,"name":"a","owner":"o"}]}`, "repeats itself"},
		"the cursor stays":              {"pagination \"cursor\" {\n parameter = \"c\"\n next = body.next\n}", `{"data":[{"id":1,"name":"a","owner":"o"}],"next":"x"}`, "read before"},
		"the next address is no URL":    {`pagination "url" { next = body.next }`, `{"data":[{"id":1,"name":"a","owner":"o"}],"next":"http://[x"}`, "no URL"},
		"the next address is this one":  {`pagination "url" { next = body.next }`, `{"data":[{"id":1,"name":"a","owner":"o"}],"next":"/v1/projects/p1/keys?a=1"}`, "read before"},
		"the next page cannot be shown": {`pagination "cursor" {` + "\n parameter = \"c\"\n next = body.next.x[0]\n}", `{"data":"none"}`, "must be a list"},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			f := newFake(t)
			f.on("GET /v1/projects/p1/keys", 200, test.answer)
			c := f.client(t, pagedBy(test.block), nil)
			found, err := c.Find(t.Context(), c.def.ListingScope(Values{"project": "p1"}, nil), Look{ID: "none"})
			if found.Absent() || err == nil && found.Doubt == "" {
				t.Fatalf("it is believed: %+v", found)
			}
			if text := fmt.Sprint(found.Doubt, err); !strings.Contains(text, test.want) {
				t.Errorf("it says %s, not %q", text, test.want)
			}
		}))
	}
}

// A list that is asked for in the body of its request goes on there.
func TestPaginationInTheBody(t *testing.T) {
	inBubble(func(t *testing.T) {
		f := newFake(t)
		f.do("POST /v1/projects/p1/keys", func(w http.ResponseWriter, r *http.Request) {
			body, _ := f.last()
			var asked struct{ Page int }
			_ = json.Unmarshal([]byte(body), &asked)
			keyPages(w, asked.Page*2-1, nil)
		})
		src := strings.Replace(pagedBy(`pagination "page" {}`), "    get   = \"/projects/${role.project}/keys\"\n    items", "    post  = \"/projects/${role.project}/keys\"\n    json = { page = page.number }\n    items", 1)
		count := 0
		for _, err := range f.client(t, src, nil).List(t.Context(), ListingScope{Role: Values{"project": "p1"}}) {
			if err != nil {
				t.Fatal(err)
			}
			count++
		}
		if count != 5 {
			t.Errorf("%d keys", count)
		}
	})(t)
}

func TestPaginationMistakes(t *testing.T) {
	for block, want := range map[string]string{
		`pagination "pages" {}`:                                                   `did you mean "page"?`,
		`pagination {}`:                                                           "label expected",
		`pagination "cursor" { parameter = "c" }`:                                 "missing next",
		`pagination "cursor" { next = body.next }`:                                "missing parameter",
		`pagination "link" { next = body.next }`:                                  `no attribute "next"`,
		`pagination "page" { size = 5 }`:                                          "size_parameter and size belong together",
		`pagination "page" { first = -1 }`:                                        "bad pagination",
		`pagination "page" { more = body.more ? 1 : 2 }`:                          "true or false",
		"pagination \"page\" {}\n next = null":                                    "exclude each other",
		"pagination \"page\" {}\n pagination \"page\" {}":                         "stands once",
		"pagination \"page\" {}\n query = { page = page.number, x = page.n }":     "Neither next nor pagination",
		"pagination \"page\" { parameter = \"p\" }\n query = { p = page.number }": "page sent twice",
	} {
		if _, err := Parse("acme.hcl", []byte(pagedBy(block))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, not %q", block, err, want)
		}
	}
	filtered := strings.Replace(pagedBy(`pagination "page" {}`), "items = body.data\n    item = {", "items = [for one in body.data : one if one.live]\n    item = {", 1)
	if _, err := Parse("acme.hcl", []byte(filtered)); err == nil || !strings.Contains(err.Error(), "items are counted") {
		t.Errorf("filtered items are counted: %v", err)
	}
	posted := strings.Replace(pagedBy(`pagination "link" {}`), "get   = \"/projects/${role.project}/keys\"\n    items = body.data\n    item = {", "post = \"/projects/${role.project}/keys\"\n    items = body.data\n    item = {", 1)
	if _, err := Parse("acme.hcl", []byte(posted)); err == nil || !strings.Contains(err.Error(), "read by get") {
		t.Errorf("an address is followed by post: %v", err)
	}
}

func TestNextLink(t *testing.T) {
	for line, want := range map[string]string{
		`<https://a.example/?page=2>; rel="next"`:                              "https://a.example/?page=2",
		`<https://a.example/?a=1,2;b>; rel=next; x`:                            "https://a.example/?a=1,2;b",
		`</p>; rel="prev", </n>; rel="NEXT"`:                                   "/n",
		`</p>;title="a, <b>; rel=\"next\"";rel=last,</n>  ;  rel = "up next" `: "/n",
		`</n>; rel="previous"; rel="next"`:                                     "",
		`</n>; REL=next`:                                                       "/n",
		`</n>`:                                                                 "",
		`</n; rel="next"`:                                                      "",
		`/n; rel="next"`:                                                       "",
		`</n>; rel="next`:                                                      "",
		``:                                                                     "",
		`</a>; rel="first",,  </n>; rel="next"; results="true"`: "/n", // as Sentry writes it
	} {
		if got := nextLink(http.Header{"Link": {line}}); got != want {
			t.Errorf("%s: %q, not %q", line, got, want)
		}
	}
}

func FuzzNextLink(f *testing.F) {
	f.Add(`<https://a.example/?page=2>; rel="next"`)
	f.Add(`</p>;title="a, <b>; rel=\"next\"";rel=last,</n>;rel = "up next"`)
	f.Fuzz(func(t *testing.T, line string) {
		got := nextLink(http.Header{"Link": {line}})
		if got != "" && !strings.Contains(line, got) {
			t.Errorf("%q is not in %q", got, line)
		}
	})
}
