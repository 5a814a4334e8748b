package main

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

// TestCheckCostsWhatTheFileIsLong counts what checking a definition allocates, which no
// other work on the machine disturbs: twice the text costs twice as much. An editor asks
// at every keystroke; BenchmarkCheck tells the time.
func TestCheckCostsWhatTheFileIsLong(t *testing.T) {
	short, long := checks(t, 50), checks(t, 200)
	if long > 5*short {
		t.Errorf("four times the text takes %.0f allocations, and once %.0f", long, short)
	}
	const perField = 1000
	if short > 50*perField {
		t.Errorf("a definition of 50 role fields takes %.0f allocations to check", short)
	}
}

func checks(t *testing.T, fields int) float64 {
	name := file(t, longDefinition(fields))
	return testing.AllocsPerRun(3, func() {
		if status := run(t.Context(), []string{"check", name}, io.Discard, io.Discard); status != 0 {
			t.Fatalf("exit status %d", status)
		}
	})
}

// BenchmarkCheck is a definition longer than any of the catalog.
func BenchmarkCheck(b *testing.B) {
	name := file(b, longDefinition(200))
	b.ReportAllocs()
	for b.Loop() {
		if status := run(b.Context(), []string{"check", name}, io.Discard, io.Discard); status != 0 {
			b.Fatalf("exit status %d", status)
		}
	}
}

// longDefinition has so many role fields, all of which its requests read.
func longDefinition(fields int) string {
	var roles, members strings.Builder
	for n := range fields {
		fmt.Fprintf(&roles, "  role \"field_%d\" {\n    type = string\n    help = \"Field %d.\"\n  }\n", n, n)
		fmt.Fprintf(&members, "      field_%d = role.field_%d == null ? null : upper(role.field_%d)\n", n, n, n)
	}
	return `provider "acme" {
  title    = "Acme"
  base_url = "https://api.acme.example"
  connection "admin_key" {
    type      = string
    required  = true
    sensitive = true
    help      = "Admin key."
  }
` + roles.String() + `
  auth "bearer" { token = connection.admin_key }
  issue {
    post = "/keys"
    json = {
      name = key.name
` + members.String() + `    }
    id     = body.id
    secret = { api_key = body.key }
  }
  revoke {
    delete = "/keys/${key.id}"
    gone   = [404]
  }
  list {
    get   = "/keys"
    items = body.data
    item  = { id = item.id, name = item.name }
  }
}
`
}
