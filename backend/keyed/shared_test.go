package keyed

import "testing"

func TestShared(t *testing.T) {
	var shared Shared[int]
	prepared := 0
	use := func(key string) (*int, func()) {
		return shared.Use(key, func(thing *int) { prepared++; *thing = 7 })
	}
	first, firstDone := use("a")
	second, secondDone := use("a")
	other, otherDone := use("b")
	if first != second || first == other || *first != 7 || prepared != 2 {
		t.Errorf("two users of one key have %p and %p, one of another %p; %d were prepared", first, second, other, prepared)
	}
	firstDone()
	otherDone()
	shared.Sweep()
	if again, done := use("a"); again != first || shared.Len() != 1 {
		t.Errorf("what somebody uses was dropped, or what nobody uses was not: %d are left", shared.Len())
	} else {
		done()
	}
	secondDone()
	shared.Sweep()
	if shared.Len() != 0 {
		t.Errorf("%d are left that nobody uses", shared.Len())
	}
}
