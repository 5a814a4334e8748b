package providers

import (
	"fmt"
	"net/http"
	"time"
)

// tellingDifference is from where on two clocks differ so much that a provider
// may refuse a credential, or a signature, for it.
const tellingDifference = 10 * time.Second

// clockDifference is a part of a sentence that tells by how much the provider's
// clock, as its answer's Date shows it, differs from ours; "" where it does not.
func clockDifference(h http.Header, now time.Time) string {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil || h.Get("Age") != "" { // a cache's answer is of another time
		return ""
	}
	ahead := date.Sub(now).Round(time.Second)
	switch {
	case ahead > tellingDifference:
		return fmt.Sprintf(" (the provider's clock is %s ahead of this one)", ahead)
	case ahead < -tellingDifference:
		return fmt.Sprintf(" (the provider's clock is %s behind this one)", -ahead)
	}
	return ""
}
