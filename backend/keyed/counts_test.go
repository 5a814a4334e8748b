package keyed

import "testing"

func TestCounts(t *testing.T) {
	var counts Counts
	if counts.Has("a") {
		t.Error("something is under way before anything began")
	}
	first, second, other := counts.Begin("a"), counts.Begin("a"), counts.Begin("b")
	first()
	if !counts.Has("a") || !counts.Has("b") {
		t.Error("the end of one of two is the end of both, or of another key's")
	}
	second()
	if counts.Has("a") || !counts.Has("b") {
		t.Error("a key is under way after all of it ended, or another no more")
	}
	other()
	if len(counts.byKey) > 0 {
		t.Errorf("%d keys are counted of which nothing is under way", len(counts.byKey))
	}
}
