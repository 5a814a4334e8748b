package backend

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// TestProof is the table of what proves that a key is gone.
func TestProof(t *testing.T) {
	t.Parallel()
	later := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	another := []string{"base_url changed"}
	for name, test := range map[string]struct {
		evidence evidence
		// want is a part of what is lacking; empty where nothing is.
		want string
	}{
		"nothing was learned":              {evidence{}, "did not say"},
		"deleted":                          {evidence{deleted: true}, ""},
		"deleted, young":                   {evidence{deleted: true, youngUntil: later}, ""},
		"deleted by another definition":    {evidence{deleted: true, doubts: another}, ""},
		"seen dead, and missing elsewhere": {evidence{confirmedDead: true, missing: true, doubts: another}, ""},
		"missing, young, and seen dead: it may not work yet":         {evidence{missing: true, confirmedDead: true, youngUntil: later}, "2030-01-02T03:04:05Z"},
		"refused, young, and seen dead: it may not work yet":         {evidence{refused: 404, confirmedDead: true, youngUntil: later}, "2030-01-02T03:04:05Z"},
		"missing, young, seen dead, and not in the ledger":           {evidence{missing: true, confirmedDead: true, unrecorded: true, youngUntil: later}, "2030-01-02T03:04:05Z"},
		"missing, young, and seen dead after it was deleted":         {evidence{missing: true, confirmedDead: true, deletedBefore: true, youngUntil: later}, ""},
		"missing, young, after it was deleted, and not asked":        {evidence{missing: true, deletedBefore: true, youngUntil: later}, "2030-01-02T03:04:05Z"},
		"refused, and seen dead":                                     {evidence{refused: 404, confirmedDead: true}, ""},
		"missing":                                                    {evidence{missing: true}, ""},
		"missing, young":                                             {evidence{missing: true, youngUntil: later}, "2030-01-02T03:04:05Z"},
		"missing, young, and not listed":                             {evidence{missing: true, youngUntil: later, notListed: true}, "2030-01-02T03:04:05Z"},
		"missing for another":                                        {evidence{missing: true, doubts: another}, "since base_url changed"},
		"missing for another, not listed among its siblings":         {evidence{missing: true, doubts: another, notListed: true}, ""},
		"missing for another, past its end":                          {evidence{missing: true, doubts: another, ended: true}, ""},
		"refused":                                                    {evidence{refused: 403}, "status 403"},
		"refused, and not listed: who may not see it is told so too": {evidence{refused: 403, notListed: true}, "status 403"},
		"refused for the credential, and not listed":                 {evidence{refused: 401, notListed: true}, "status 401"},
		"refused as unknown":                                         {evidence{refused: 404}, "status 404"},
		"refused as unknown, not listed among its siblings":          {evidence{refused: 404, notListed: true}, ""},
		"refused as a bad request, not listed among its siblings":    {evidence{refused: 400, notListed: true}, ""},
		"refused as a bad request, not listed, young":                {evidence{refused: 400, notListed: true, youngUntil: later}, "status 400"},
		"refused, past its end":                                      {evidence{refused: 400, ended: true}, ""},
		"refused as forbidden, past its end":                         {evidence{refused: 403, ended: true}, ""},
		"missing for another, and not in the ledger":                 {evidence{missing: true, unrecorded: true, doubts: another}, ""},
		"missing, not in the ledger, young":                          {evidence{missing: true, unrecorded: true, youngUntil: later}, "2030-01-02T03:04:05Z"},
		"refused, and not in the ledger":                             {evidence{refused: 403, unrecorded: true}, ""},
		"refused, not in the ledger, and listed":                     {evidence{refused: 403, unrecorded: true, listed: true}, "still lists"},
		"no answer, and not in the ledger":                           {evidence{unrecorded: true}, "did not say"},
		"past its end, and nobody answered":                          {evidence{ended: true}, "did not say"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := test.evidence.gone()
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("it lacks %v, want %q", err, test.want)
			}
			var u *unproven
			if errors.As(err, &u) && u.until.IsZero() == strings.Contains(test.want, "2030") {
				t.Errorf("it is asked again at %s", u.until)
			}
		})
	}
}
