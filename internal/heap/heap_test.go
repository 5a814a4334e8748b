package heap

import (
	"runtime"
	"testing"
)

func TestPercentFor(t *testing.T) {
	for name, c := range map[string]struct {
		live uint64
		want int
	}{
		"before the first collection": {0, 400},
		"nearly empty":                {1 << 20, 400},
		"a plugin under load":         {16 << 20, 200},
		"as much as may lie about":    {32 << 20, 100},
		"a million keys":              {64 << 20, 50},
		"far more":                    {1 << 40, 50},
	} {
		t.Run(name, func(t *testing.T) {
			if got := percentFor(c.live); got != c.want {
				t.Errorf("%d%% for %d bytes, want %d%%", got, c.live, c.want)
			}
		})
	}
}

// TestAfterEachCollection: not only the first collection is heard of.
func TestAfterEachCollection(t *testing.T) {
	heard := make(chan struct{}, 1)
	afterCollection(func() {
		select {
		case heard <- struct{}{}:
		default: // the test is over
		}
	})
	for range 3 {
		await(heard)
	}
}

// TestWhatLivesIsKnown: the runtime's own figure is there under its name.
func TestWhatLivesIsKnown(t *testing.T) {
	held := make([]byte, 8<<20)
	runtime.GC()
	if live() < uint64(len(held)) {
		t.Errorf("%d bytes live, with %d held", live(), len(held))
	}
	runtime.KeepAlive(held)
}

// await collects until act was called: what is made during a collection outlives it.
func await(heard <-chan struct{}) {
	for {
		runtime.GC()
		select {
		case <-heard:
			return
		default:
			runtime.Gosched()
		}
	}
}
