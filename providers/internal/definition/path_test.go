package definition

import "testing"

func TestClimbs(t *testing.T) {
	if !Climbs("..") || Climbs("a..b") || Climbs("...") {
		t.Error("only whole segments climb")
	}
}
