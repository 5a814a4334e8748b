package keyed

import "sync"

// Counts are the keys of which something is under way, each as often as it is.
// The zero value counts nothing.
type Counts struct {
	mu    sync.Mutex
	byKey map[string]int
}

// Begin counts a key until end is called, which is once.
func (c *Counts) Begin(key string) (end func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byKey == nil {
		c.byKey = map[string]int{}
	}
	c.byKey[key]++
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.byKey[key]--; c.byKey[key] == 0 {
			delete(c.byKey, key)
		}
	}
}

// Has reports whether anything of the key is under way.
func (c *Counts) Has(key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.byKey[key] > 0
}
