package keyed

import "sync"

// Shared is a thing for each of many keys, such as a bound on what goes on at a time, that
// all who use it at a time share. The zero value has none.
type Shared[T any] struct {
	mu    sync.Mutex
	byKey map[string]*inUse[T]
}

type inUse[T any] struct {
	thing T
	users int
}

// Use is the thing of a key until done is called, which is once. Where there is none, it is
// made from nothing, and prepared by prepare where that is not nil.
func (s *Shared[T]) Use(key string, prepare func(*T)) (thing *T, done func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.byKey[key]
	if one == nil {
		if s.byKey == nil {
			s.byKey = map[string]*inUse[T]{}
		}
		one = &inUse[T]{}
		if prepare != nil {
			prepare(&one.thing)
		}
		s.byKey[key] = one
	}
	one.users++
	return &one.thing, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		one.users--
	}
}

// Sweep drops what nobody uses. It is for now and then: to make a thing anew for each use
// would cost more than to keep it for a while.
func (s *Shared[T]) Sweep() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, one := range s.byKey {
		if one.users == 0 {
			delete(s.byKey, key)
		}
	}
}

// Len is how many things there are.
func (s *Shared[T]) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.byKey)
}
