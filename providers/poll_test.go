package providers

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
)

// A poll may wait for a status, and tells what has failed for good.
func TestPollStatuses(t *testing.T) {
	for name, test := range map[string]struct {
		poll     string
		statuses []int
		want     string // of the failure; "" for none
	}{
		"until it is there":                   {`until = [200]`, []int{404, 404, 200}, ""},
		"until it is gone":                    {`until = [404, 410]`, []int{200, 200, 410}, ""},
		"until it is done, by a condition":    {`until = status == 200 && body.state == "ready"`, []int{404, 202, 200}, ""},
		"until the key is taken":              {"until = [200]\n auth \"bearer\" { token = body.key }", []int{401, 403, 200}, ""},
		"the admin credential ends meanwhile": {`until = [200]`, []int{404, 401}, "status 401"},
		"a fault of the provider":             {`until = [200]`, []int{404, 501}, "status 501"},
		"what tells of no status":             {`until = body.state == "ready"`, []int{404}, "status 404"},
		"failed for good":                     {"until = [200]\n failed = body.state == \"broken\"", []int{404, 422}, "what the request started has failed: quota is used up"},
		"too late":                            {"until = [200]\n timeout = \"300ms\"", []int{404, 404, 404, 404, 404, 404, 404}, "not done in time"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asked := 0
				answer := func(w http.ResponseWriter, r *http.Request) {
					status := 200
					if r.Method == http.MethodGet {
						status = test.statuses[min(asked, len(test.statuses)-1)]
						asked++
					}
					w.WriteHeader(status)
					state := map[int]string{200: "ready", 422: "broken"}[status]
					fmt.Fprintf(w, `{"state":%q,"message":"quota is used up","id":"1","key":"sk-1234","owner":"o"}`, state)
				}
				src := strings.NewReplacer(
					"    id     = body.id\n", "    id = body.id\n    poll {\n get = \"/state\"\n every = \"100ms\"\n"+test.poll+"\n }\n",
					"limits { requests_per_second = 5 }", "", // that would be told instead of the time that is up
				).Replace(wholeDefinition)
				_, err := newFakeOf(t, answer).client(t, src, nil).Issue(t.Context(), KeyRequest{Name: "n", Role: Values{"project": "p"}})
				if test.want == "" {
					if err != nil || asked != len(test.statuses) {
						t.Errorf("after %d looks: %v", asked, err)
					}
					return
				}
				var failed *Error
				if !errors.As(err, &failed) || failed.Kind != Unknown || !strings.Contains(failed.Error(), test.want) {
					t.Errorf("after %d looks: %v, not %q", asked, err, test.want)
				}
			})
		})
	}
}

// A check may say which statuses a working credential gets.
func TestCheckByStatus(t *testing.T) {
	for name, test := range map[string]struct {
		ok     string
		status int
		want   Kind
		fine   bool
	}{
		"a refusal that only a working credential gets": {`[200, 404]`, 404, 0, true},
		"a success of the list":                         {`[200, 404]`, 200, 0, true},
		"a success beside the list":                     {`[404]`, 200, Unknown, false},
		"a refusal beside the list":                     {`[200, 404]`, 403, Refused, false},
		"no credential":                                 {`[200, 404]`, 401, Unauthorized, false},
		"a condition":                                   {`status == 404 && body.code == "no_such_org"`, 404, 0, true},
		"a condition that does not hold":                {`status == 404 && body.code == "other"`, 404, Refused, false},
		"a condition on what is absent":                 {`status == 404 && body.codes == null`, 404, Refused, false},
		"a condition on the body alone":                 {`body.code == "no_such_org"`, 404, Refused, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.on("GET /v1/me", test.status, `{"code":"no_such_org"}`)
			src := strings.Replace(wholeDefinition, `check { get = "/me" }`, "check {\n get = \"/me\"\n ok = "+test.ok+"\n}", 1)
			err := f.client(t, src, nil).Check(t.Context())
			if (err == nil) != test.fine || err != nil && KindOf(err) != test.want {
				t.Errorf("it says %v", err)
			}
		})
	}
}

// A refusal of the credential is one under any status.
func TestUnauthorizedUnderAnyStatus(t *testing.T) {
	inBubble(func(t *testing.T) {
		for status, want := range map[int]Kind{400: Unauthorized, 500: Unauthorized, 503: Unauthorized, 200: Unauthorized} {
			f := newFake(t)
			f.on("GET /v1/me", status, `{"error":"bad key"}`)
			src := strings.NewReplacer(
				"errors { message = body.error }", "errors {\n message = body.error\n unauthorized = body.error == \"bad key\"\n }",
				`check { get = "/me" }`, "check {\n get = \"/me\"\n ok = body.error == null\n}",
			).Replace(wholeDefinition)
			if err := f.client(t, src, nil).Check(t.Context()); KindOf(err) != want || err == nil {
				t.Errorf("status %d: %v", status, err)
			}
		}
	})(t)
}

func TestNearest(t *testing.T) {
	candidates := []string{"tomap", "tolist", "name", "length", "rfc3339", "requests_per_second"}
	for name, want := range map[string]string{
		"toomap": "tomap", "totp": "", "nmae": "name", "nam": "name", "mane": "", "lenght": "length", "leength": "length",
		"rfc3399": "rfc3339", "request_per_seconds": "requests_per_second", "x": "", "foo": "",
	} {
		if got := Nearest(name, candidates); got != want {
			t.Errorf("%s: %q, not %q", name, got, want)
		}
	}
}
