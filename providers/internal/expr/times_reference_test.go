package expr

import (
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/internal/testbed/page"
)

// TestReferenceHasEveryFormOfTime renders one moment in each form that is read, and
// wants it in the reference; and reads each form that is there.
func TestReferenceHasEveryFormOfTime(t *testing.T) {
	text := page.Section(t, page.Definitions, "## Times that are read")
	said := map[string]bool{}
	for _, one := range page.Ticked(text) {
		said[one] = true
	}
	moment := time.Date(2006, 1, 2, 15, 4, 5, 0, time.FixedZone("MST", -7*60*60))
	composed := func(form string) bool {
		for cut := range len(form) {
			if said[form[:cut]] && said[form[cut:]] {
				return true
			}
		}
		return said[form]
	}
	for _, layout := range timeLayouts {
		if form := moment.Format(layout); !composed(form) {
			t.Errorf("a time written %q is read, and is not in the reference", form)
		}
	}
	for _, word := range endless {
		if word != "" && !said[word] {
			t.Errorf("%q means no end, and is not in the reference", word)
		}
	}
	for _, zone := range knownZones {
		if !said[zone] {
			t.Errorf("the zone %s is known, and is not in the reference", zone)
		}
	}
	for form := range said {
		if !strings.Contains(form, "2006") && !strings.Contains(form, "-06 ") && !strings.Contains(form, "1136239445") {
			continue
		}
		form = strings.ReplaceAll(form, "MST", "UTC")
		if read := ReadTime(form); read.Year() != 2006 {
			t.Errorf("the reference has %q, which is read as %s", form, read)
		}
	}
}
