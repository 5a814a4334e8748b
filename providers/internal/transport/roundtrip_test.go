package transport

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
)

// until writes chunk so many times, or until the client is gone.
func until(w io.Writer, times int, chunk []byte) {
	for range times {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

func hugeBody(w http.ResponseWriter, _ *http.Request) { until(w, 50, make([]byte, 1<<20)) }

// bomb is a body that unpacks to a multiple of what is allowed.
var bomb = sync.OnceValue(func() []byte { return packed(make([]byte, 4*maxBody)) })

func packed(plain []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(plain)
	w.Close()
	return out.Bytes()
}

func gzipBomb(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Encoding", "gzip")
	w.Write(bomb())
}

// gzipOfNothing never ends and unpacks to no byte at all.
func gzipOfNothing(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Encoding", "gzip")
	until(w, 50, bytes.Repeat(packed(nil), 1<<20/len(packed(nil))))
}

func falseGzip(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Encoding", "gzip")
	io.WriteString(w, hidden+": this is not gzip at all")
}

func TestBodiesAreUnpacked(t *testing.T) {
	for _, c := range []struct {
		name     string
		encoding string
		sent     []byte
		want     string
	}{
		{"plain", "", []byte(`{"id":1}`), `{"id":1}`},
		{"gzip", "gzip", packed([]byte(`{"id":1}`)), `{"id":1}`},
		{"gzip, empty", "gzip", nil, ""},
		{"just at the bound", "gzip", packed(make([]byte, maxBody)), string(make([]byte, maxBody))},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr := inMemory(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
					if r.Header.Get("Accept-Encoding") != "gzip" || r.Header.Get("User-Agent") != userAgent {
						t.Errorf("the request's header is %v", r.Header)
					}
					if c.encoding != "" {
						w.Header().Set("Content-Encoding", c.encoding)
					}
					w.Write(c.sent)
				})
				a, err := tr.Do(t.Context(), callTo(t, "http://provider.test", Read))
				if err != nil {
					t.Fatal(err)
				}
				if string(a.Body) != c.want || a.Header.Get("Content-Encoding") != "" {
					t.Errorf("got %d bytes, header %v", len(a.Body), a.Header)
				}
			})
		})
	}
}
