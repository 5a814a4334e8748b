package providers

import "testing"

func TestClimbs(t *testing.T) {
	if !climbs("..") || climbs("a..b") || climbs("...") {
		t.Error("only whole segments climb")
	}
}
