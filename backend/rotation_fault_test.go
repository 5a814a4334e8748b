package backend

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

// TestFaultInARotation: one that panics is tried again, and takes nobody else's with it.
func TestFaultInARotation(t *testing.T) {
	inBubble(func(t *testing.T) {
		w := newWorld(t)
		faulty := &panickingStorage{Storage: w.storage, at: staticRolePrefix + "odd"}
		w.storage = faulty
		w.start(fault{})
		w.makeStatic("odd", time.Hour)
		w.makeStatic("even", time.Hour)
		odd, even := w.current("odd").RecordID, w.current("even").RecordID
		faulty.on.Store(true)
		w.run(26*time.Hour, time.Hour)
		faulty.on.Store(false)
		if w.current("odd").RecordID != odd || w.current("even").RecordID == even {
			t.Error("the one that panics was rotated, or the other one was not")
		}
		if !strings.Contains(w.logs.String(), "a fault in the engine") {
			t.Error("nothing of it is told")
		}
		w.run(26*time.Hour, time.Hour)
		if w.current("odd").RecordID == odd {
			t.Error("it is not rotated when the fault is gone")
		}
	})(t)
}

// panickingStorage panics where one entry is read.
type panickingStorage struct {
	logical.Storage
	at string
	on atomic.Bool
}

func (s *panickingStorage) Get(ctx context.Context, path string) (*logical.StorageEntry, error) {
	if s.on.Load() && strings.HasSuffix(path, s.at) {
		panic("a fault of the test")
	}
	return s.Storage.Get(ctx, path)
}
