package backend

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"vault-plugin-secrets-apikeys/providers"
)

// longCabinet lists its keys by pages.
var longCabinet = strings.Replace(cabinetDefinition, `    get   = "/drawers/${role.drawer}"
    items = body.data
    item = {
      id   = item.id
      name = item.name
    }`, `    get   = "/drawers/${role.drawer}"
    query = { page = coalesce(page.number, 1) }
    next  = length(items) > 0 ? { number = coalesce(page.number, 1) + 1 } : null
    items = body.data
    item = {
      id   = item.id
      name = item.name
    }`, 1)

// TestLongList reconciles an account of 30,000 keys in 1,000 pages at 5 requests a
// second, of which two are this mount's: one that is held, and one that nobody holds.
// The list is read no oftener than it has to be, and what it holds of others is not
// kept. Time is virtual, and the bounds are counts.
func TestLongList(t *testing.T) {
	const (
		pages, inPage = 1000, 30
		perSecond     = 5
		// mostEach bounds what reading a key of somebody else allocates, and mostKept
		// what is kept of all of them.
		mostEach, mostKept = 16 << 10, 4 << 20
	)
	// Not beside other tests, whose allocations would count.
	synctest.Test(t, func(t *testing.T) {
		w, c := cabinetWorld(t)
		var asked atomic.Int64
		front := w.serve(w.gated(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			number, err := strconv.Atoi(r.URL.Query().Get("page"))
			if err != nil {
				c.ServeHTTP(rw, r)
				return
			}
			asked.Add(1)
			items := []any{}
			for n := range inPage {
				items = append(items, map[string]any{"id": fmt.Sprintf("other-%d-%d", number, n), "name": fmt.Sprintf("somebody-else-%d-%d", number, n)})
			}
			if number >= pages { // ours come last
				items = items[:0]
				for _, key := range c.all() {
					items = append(items, key)
				}
			}
			if number > pages {
				items = items[:0]
			}
			rw.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(rw).Encode(map[string]any{"data": items})
		})))
		w.uploadCabinet(longCabinet)
		w.configure("cabinet", "one", "main", func(conn *Connection, r *Role) {
			conn.BaseURL, conn.RequestTimeout, conn.RequestsPerSecond = front.URL, time.Second, perSecond
			conn.Fields = providers.Values{"admin_key": cabinetAdmin}
			r.Fields = providers.Values{"drawer": "main"}
		})
		held, lost := w.mustMint("main"), w.mustMint("main")
		w.dropRecordOf(lost)
		w.forget(lost)

		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		began := time.Now()
		report, err := w.process.Reconcile(context.Background(), w.process.storage, "one", ReconcileOptions{Delete: true})
		w.must(err)
		took := time.Since(began)
		allocated := func() uint64 { runtime.ReadMemStats(&after); return after.TotalAlloc - before.TotalAlloc }()
		runtime.GC()
		runtime.ReadMemStats(&after)

		if left := c.ids(); len(left) != 1 || left[0] != idOf(held) || len(report.Orphans) != 1 || report.Listed != 2 {
			t.Errorf("at the provider are %v, want %s; the report is %+v", left, idOf(held), report)
		}
		passes := (asked.Load() + pages - 1) / pages
		if passes > 3 {
			t.Errorf("%d pages were asked for, of %d", asked.Load(), pages)
		}
		if most := time.Duration(asked.Load()+10) * time.Second / perSecond; took > most+time.Minute {
			t.Errorf("it took %s, want %s for %d requests", took, most, asked.Load())
		}
		each := allocated / uint64(asked.Load()*inPage)
		kept := int64(after.HeapAlloc) - int64(before.HeapAlloc)
		if each > mostEach || kept > mostKept {
			t.Errorf("%d bytes are allocated for each key of somebody else, and %d kept", each, kept)
		}
		t.Logf("%d pages in %s; %d bytes allocated for each key, %d kept of all", asked.Load(), took, each, kept)
	})
}

// all is everything that lies in the main drawer.
func (c *cabinet) all() []*cabinetKey {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*cabinetKey(nil), c.drawers["main"]...)
}
